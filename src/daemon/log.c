// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/log.h"
#include "report/escape.h"

/* Whether standard error is what systemd says that it gave us: it may have been turned elsewhere. */
static bool to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       !fstat(STDERR_FILENO, &status) && status.st_dev == device && status.st_ino == inode;
}

__attribute__((format(printf, 2, 0))) static void log_write(enum log_level level,
							    const char *format, va_list arguments)
{
	struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };
	char text[1024], line[1024] = "gmemtraced: ";
	size_t used = strlen(line);

	if (to_journal())
		used = (size_t)snprintf(line, sizeof(line), "<%d>", (int)level);
	vsnprintf(text, sizeof(text), format, arguments);
	used += escape_text(line + used, sizeof(line) - used - 1, text);
	line[used++] = '\n';
	/* A log that nobody reads must not keep us from ending. */
	if (poll(&ready, 1, 0) == 1 && write(STDERR_FILENO, line, used) < 0)
		return;
}

void daemon_log_at(enum log_level level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_write(level, format, arguments);
	va_end(arguments);
}

void daemon_log(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_write(LOG_LEVEL_INFO, format, arguments);
	va_end(arguments);
}

void service_notify(const char *state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;
	int descriptor;

	if (!length || length >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, length);
	if (*path == '@')
		address.sun_path[0] = '\0';
	descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return;
	if (sendto(descriptor, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
		   (const struct sockaddr *)&address,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		daemon_log_at(LOG_LEVEL_WARNING, "cannot notify %s: %s", path, strerror(errno));
	close(descriptor);
}

uint64_t service_watchdog(void)
{
	const char *time = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!time || (pid && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	/* Twice as often as is asked for, as sd_watchdog_enabled(3) says. */
	return strtoull(time, NULL, 10) * 1000 / 2;
}
