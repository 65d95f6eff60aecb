/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why the kernel did not take a program, in words: what libbpf prints while it
 * loads names the program, the field or the function that did not fit.
 */
#ifndef GMEMTRACE_SENSOR_REFUSAL_H
#define GMEMTRACE_SENSOR_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>

/* The kernels that this version was tried on; README has the matrix. */
#define REFUSAL_KERNELS "6.1 to 7.3"

#define REFUSAL_DETAIL 200

struct refusal {
	char program[64]; /* of the BPF object; "": none was named */
	char detail[REFUSAL_DETAIL]; /* what did not fit; "": libbpf did not say */
};

/* From here on what libbpf says is kept and not printed, but where GMEMTRACE_DEBUG is set. */
void refusal_listen(void);

/* Forgets what was said so far: before each load. */
void refusal_reset(void);

/* What the last load came to grief over. */
const struct refusal *refusal_last(void);

/* Takes one message of libbpf's, as the listener does. */
void refusal_take(struct refusal *refusal, const char *message);

/* strerror(), and the errors that only BPF returns; a positive errno. */
const char *refusal_error_text(int error);

/*
 * One line: who refused @what with -errno @error, over what, and what to do.
 * @target: the function that the named program hooks, NULL where there is none.
 */
void refusal_words(const struct refusal *refusal, const char *what, const char *target, int error,
		   char *text, size_t size);

/*
 * The same where a routine that all tracing needs is not to be had, before anything is loaded.
 * @there: it is, with another number of parameters than @parameters.
 */
void refusal_hook_words(const char *target, unsigned int parameters, bool there, char *text,
			size_t size);

#endif
