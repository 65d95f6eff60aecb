/* SPDX-License-Identifier: GPL-2.0 */
/* Standard error, and systemd: its journal's priorities, and what it waits for. */
#ifndef GMEMTRACE_DAEMON_LOG_H
#define GMEMTRACE_DAEMON_LOG_H

#include <stdint.h>

/* As syslog(3) numbers them. */
enum log_level {
	LOG_LEVEL_CRITICAL = 2,
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
};

/*
 * A line on standard error: to the journal with its priority (sd-daemon(3)), else with the
 * program's name. Never waits for a reader.
 */
__attribute__((format(printf, 2, 3))) void daemon_log_at(enum log_level level, const char *format,
							 ...);
__attribute__((format(printf, 1, 2))) void daemon_log(const char *format, ...);

/* systemd's, where it waits for that (sd_notify(3)); nobody else does. */
void service_notify(const char *state);

/* ns between two signs of life that systemd expects of this process; 0: none. */
uint64_t service_watchdog(void);

#endif
