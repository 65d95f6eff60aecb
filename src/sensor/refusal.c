// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <bpf/libbpf.h>

#include "model/plural.h"
#include "sensor/refusal.h"

#define TRIED                                                                                      \
	"This gmemtrace was tried on Linux " REFUSAL_KERNELS                                       \
	": update it, or report this line with `gmemtrace features`"

#define ENOTSUPP_KERNEL 524 /* ENOTSUPP, which no libc names */

static struct refusal last;

static void detail_set(struct refusal *refusal, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The first cause counts: what follows is its consequence. */
static void detail_set(struct refusal *refusal, const char *format, ...)
{
	va_list arguments;

	if (refusal->detail[0])
		return;
	va_start(arguments, format);
	vsnprintf(refusal->detail, sizeof(refusal->detail), format, arguments);
	va_end(arguments);
}

/* Copies what stands between @open and @close in @line; false where it does not. */
static bool quoted(const char *line, const char *open, const char *close, char *text, size_t size)
{
	const char *begin = strstr(line, open), *end;

	if (!begin)
		return false;
	begin += strlen(open);
	end = strstr(begin, close);
	if (!end)
		return false;
	snprintf(text, size, "%.*s", (int)(end - begin), begin);
	return true;
}

/* "<byte_off> [67] struct page.index (0:1:0:1:0 @ offset 16)" */
static bool relocation_take(struct refusal *refusal, const char *line)
{
	const char *found = strstr(line, "failed to resolve CO-RE relocation <");
	const char *name;

	if (!found)
		return false;
	name = strstr(found, "] ");
	if (!name)
		return false;
	name += 2;
	detail_set(refusal, "this kernel has no %.*s", (int)strcspn(name, "(\n"), name);
	refusal->detail[strcspn(refusal->detail, "\n")] = '\0';
	while (refusal->detail[0] && refusal->detail[strlen(refusal->detail) - 1] == ' ')
		refusal->detail[strlen(refusal->detail) - 1] = '\0';
	return true;
}

/* Not a complaint, but what the verifier and libbpf add to one. */
static bool line_is_statistics(const char *line, size_t length)
{
	static const char *const starts[] = { "processed ",  "verification time",
					      "stack depth", "mark_precise",
					      "-- END",	     "libbpf:" };

	if (!length)
		return true;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		if (!strncmp(line, starts[i], strlen(starts[i])))
			return true;
	}
	return false;
}

/* The verifier's last line of the log is its verdict. */
static void verifier_take(struct refusal *refusal, const char *log)
{
	const char *verdict = NULL;
	size_t verdict_length = 0;

	for (const char *line = log; *line;) {
		size_t length = strcspn(line, "\n");

		if (!strncmp(line, "-- END PROG LOAD LOG", 20))
			break;
		if (relocation_take(refusal, line))
			return;
		if (!line_is_statistics(line, length)) {
			verdict = line;
			verdict_length = length;
		}
		line += length + !!line[length];
	}
	if (verdict)
		detail_set(refusal, "the verifier says: %.*s", (int)verdict_length, verdict);
}

void refusal_take(struct refusal *refusal, const char *message)
{
	const char *log = strstr(message, "-- BEGIN PROG LOAD LOG --\n");
	char name[64];

	if (quoted(message, "prog '", "'", name, sizeof(name)) && !strstr(message, "skipped"))
		snprintf(refusal->program, sizeof(refusal->program), "%s", name);
	if (log)
		verifier_take(refusal, strchr(log, '\n') + 1);
	else if (quoted(message, "failed to find kernel BTF type ID of '", "'", name, sizeof(name)))
		detail_set(refusal, "this kernel's BTF has no function %s", name);
	else if (quoted(message, "(func ksym) '", "': not found", name, sizeof(name)))
		detail_set(refusal, "this kernel has no function %s for BPF programs", name);
	else if (strstr(message, "failed to create") &&
		 quoted(message, "map '", "'", name, sizeof(name)))
		detail_set(refusal, "the map %s cannot be made", name);
	else
		relocation_take(refusal, message);
}

static int listen(enum libbpf_print_level level, const char *format, va_list arguments)
{
	va_list again;
	char *text;
	int length;

	va_copy(again, arguments);
	length = vasprintf(&text, format, arguments);
	if (length >= 0) {
		if (level == LIBBPF_WARN)
			refusal_take(&last, text);
		free(text);
	}
	length = getenv("GMEMTRACE_DEBUG") ? vfprintf(stderr, format, again) : 0;
	va_end(again);
	return length;
}

void refusal_listen(void)
{
	libbpf_set_print(listen);
}

void refusal_reset(void)
{
	memset(&last, 0, sizeof(last));
}

const struct refusal *refusal_last(void)
{
	return &last;
}

const char *refusal_error_text(int error)
{
	switch (error) {
	case ENOTSUPP_KERNEL:
		return "not supported by this kernel (error 524)";
	case E2BIG:
		return "the program is too large for this kernel's verifier";
	default:
		return strerror(error);
	}
}

void refusal_words(const struct refusal *refusal, const char *what, const char *target, int error,
		   char *text, size_t size)
{
	struct utsname name = { .release = "?" };
	bool named = refusal->program[0], why = refusal->detail[0];

	uname(&name);
	if (error == -EMFILE) {
		snprintf(text, size,
			 "too many open files for %s: raise the hard limit (ulimit -Hn)", what);
		return;
	}
	/* No fault of the kernel's either. */
	if (error == -ENOMEM) {
		snprintf(text, size,
			 "no memory for %s%s%s%s: raise the cgroup's memory.max, or take a smaller "
			 "--ring",
			 what, why ? " (" : "", refusal->detail, why ? ")" : "");
		return;
	}
	/* Such a kernel hides it from all programs, and why may not be seen (kernel_check_permissions()). */
	if (strstr(refusal->detail, "unknown func bpf_probe_read_kernel#") ||
	    strstr(refusal->detail, "cannot use helper bpf_probe_read_kernel#")) {
		snprintf(text, size,
			 "Linux %s does not let BPF read kernel memory: kernel lockdown is in "
			 "confidentiality mode; boot with lockdown=integrity or none",
			 name.release);
		return;
	}
	snprintf(text, size, "Linux %s refuses %s%s%s%s%s%s: %s%s%s. " TRIED, name.release, what,
		 named ? ", program " : "", refusal->program, target ? " (of " : "",
		 target ? target : "", target ? "())" : "", why ? refusal->detail : "",
		 why ? ": " : "", refusal_error_text(-error));
}

void refusal_hook_words(const char *target, unsigned int parameters, bool there, char *text,
			size_t size)
{
	struct utsname name = { .release = "?" };

	uname(&name);
	if (there)
		snprintf(text, size,
			 "Linux %s has %s(), but not with the %u parameter%s that %s read. " TRIED,
			 name.release, target, parameters, plural(parameters),
			 plural_of(parameters, "is", "are"));
	else
		snprintf(text, size, "Linux %s has no %s() in its BTF to trace. " TRIED,
			 name.release, target);
}
