// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "model/plural.h"
#include "serve/server_inner.h"

#define LOG_BURST 32 /* lines; one more each LOG_NS */
#define LOG_NS (500 * MS)

uint64_t server_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
}

void server_log(struct server *server, const char *format, ...)
{
	uint64_t time = server_now();
	char line[768];
	va_list arguments;
	int used = 0;

	if (server->report < 0)
		return;
	if (server->log_time > time + LOG_BURST * LOG_NS) {
		server->log_left_out++;
		return;
	}
	server->log_time = (server->log_time > time ? server->log_time : time) + LOG_NS;
	if (server->log_left_out)
		used = snprintf(line, sizeof(line), "(%llu line%s left out)\n",
				(unsigned long long)server->log_left_out,
				plural(server->log_left_out));
	server->log_left_out = 0;
	va_start(arguments, format);
	used += vsnprintf(line + used, sizeof(line) - (size_t)used - 1, format, arguments);
	va_end(arguments);
	if (used > (int)sizeof(line) - 2)
		used = (int)sizeof(line) - 2;
	line[used++] = '\n';
	/* Never blocks; who does not read it loses it. */
	if (write(server->report, line, (size_t)used) < 0)
		server->log_left_out++;
}

void server_hello_fill(struct server_hello *hello, uint32_t groups,
		       const struct sensor_failure *failure)
{
	memset(hello, 0, sizeof(*hello));
	hello->magic = SERVER_MAGIC;
	hello->version = SERVER_VERSION;
	hello->groups = groups;
	snprintf(hello->message, sizeof(hello->message), "gmemtrace %s", GMEMTRACE_VERSION);
	if (!failure)
		return;
	hello->status = failure->status;
	memcpy(hello->message, failure->message, sizeof(hello->message));
}
