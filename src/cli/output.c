// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/output.h"
#include "report/escape.h"

struct output {
	const char *path; /* the caller's */
	int descriptor;
	int error; /* -errno of the first write that failed: stdio forgets which it was */
	FILE *stream;
};

static void line_print(const char *name, const char *format, va_list arguments)
{
	char text[1024], escaped[1024];

	vsnprintf(text, sizeof(text), format, arguments);
	escape_text(escaped, sizeof(escaped), text);
	/* One write, so that the lines of a traced command do not come between. */
	fprintf(stderr, "%s: %s\n", name, escaped);
}

void output_line(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	line_print("gmemtrace", format, arguments);
	va_end(arguments);
}

void output_line_of(const char *name, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	line_print(name, format, arguments);
	va_end(arguments);
}

static ssize_t stream_write(void *cookie, const char *data, size_t size)
{
	struct output *output = cookie;
	size_t done = 0;

	/* Where a disk is full some is written first, and why not all only the next call says. */
	while (done < size) {
		ssize_t bytes = write(output->descriptor, data + done, size - done);

		if (bytes > 0)
			done += (size_t)bytes;
		else if (!bytes || errno != EINTR)
			break;
	}
	if (done < size && !output->error)
		output->error = -errno;
	return (ssize_t)done;
}

static bool output_standard(const struct output *output)
{
	return output->descriptor == STDOUT_FILENO;
}

static struct output *path_open(const char *path, int mode)
{
	struct output *output = calloc(1, sizeof(*output));
	bool standard = !strcmp(path, "-");

	if (!output) {
		output_line("out of memory");
		return NULL;
	}
	output->path = standard ? "standard output" : path;
	output->descriptor =
		standard ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | O_CLOEXEC | mode, 0666);
	if (output->descriptor >= 0)
		output->stream =
			fopencookie(output, "w", (cookie_io_functions_t){ .write = stream_write });
	if (output->stream)
		return output;
	output_line("%s: cannot write: %s", output->path, strerror(errno));
	if (output->descriptor >= 0 && !standard)
		close(output->descriptor);
	free(output);
	return NULL;
}

struct output *output_open(const char *path)
{
	return path_open(path, O_TRUNC);
}

struct output *output_append(const char *path)
{
	return path_open(path, O_APPEND);
}

FILE *output_stream(const struct output *output)
{
	return output->stream;
}

bool output_color(const struct output *output)
{
	const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");

	if (no_color && *no_color)
		return false;
	if (!terminal || !strcmp(terminal, "dumb"))
		return false;
	return isatty(output->descriptor);
}

enum gmemtrace_status output_close(struct output *output, int error)
{
	fclose(output->stream);
	if (output->error)
		error = output->error;
	if (!output_standard(output) && close(output->descriptor) && !error)
		error = -errno;
	if (error == -EPIPE && output_standard(output))
		error = 0;
	if (error)
		output_line("%s: cannot write all of it: %s", output->path, strerror(-error));
	free(output);
	return error ? GMEMTRACE_ERROR : GMEMTRACE_CONSISTENT;
}

enum gmemtrace_status output_print(const char *text)
{
	struct output *output = output_open("-");

	if (!output)
		return GMEMTRACE_ERROR;
	fputs(text, output_stream(output));
	return output_close(output, 0);
}
