// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/output.h"

int exit_status_worse(int one, int other)
{
	static const int order[] = { GMEMTRACE_VIOLATED, GMEMTRACE_INCONCLUSIVE, GMEMTRACE_ERROR,
				     GMEMTRACE_CANNOT_RUN, GMEMTRACE_USAGE };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (one == order[i] || other == order[i])
			return order[i];
	}
	return one ? one : other;
}

static void output_line(const char *format, va_list arguments)
{
	char text[1024];

	/* One write, so that the lines of a traced command do not come between. */
	vsnprintf(text, sizeof(text), format, arguments);
	fprintf(stderr, "gmemtrace: %s\n", text);
}

void output_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	output_line(format, arguments);
	va_end(arguments);
}

void output_notice(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	output_line(format, arguments);
	va_end(arguments);
}

bool output_color(FILE *out)
{
	const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");

	if (no_color && *no_color)
		return false;
	if (!terminal || !strcmp(terminal, "dumb"))
		return false;
	return isatty(fileno(out));
}

FILE *output_open(const char *path)
{
	FILE *out;

	if (!strcmp(path, "-"))
		return stdout;
	out = fopen(path, "we");
	if (!out)
		output_error("%s: cannot write: %s", path, strerror(errno));
	return out;
}

int output_close(FILE *out, const char *path, int error)
{
	errno = 0;
	if ((fflush(out) || ferror(out)) && !error)
		error = errno ? -errno : -EIO;
	if (out != stdout && fclose(out) && !error)
		error = -errno;
	if (error)
		output_error("%s: cannot write all of it: %s",
			     out == stdout ? "standard output" : path, strerror(-error));
	return error;
}

const char *output_size(char *text, size_t size, unsigned long long bytes)
{
	static const char *const units[] = { "b", "kb", "mb", "gb", "tb" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	snprintf(text, size, unit ? "%.1f%s" : "%.0f%s", value, units[unit]);
	return text;
}
