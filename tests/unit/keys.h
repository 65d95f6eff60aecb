/* SPDX-License-Identifier: GPL-2.0 */
/* JSON that a test has made, for tests/cli/keys.t, which holds its keys to a list: behind others' in file $JSON_OUT. */
#ifndef GMEMTRACE_TESTS_KEYS_H
#define GMEMTRACE_TESTS_KEYS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static inline void keys_said(const char *json)
{
	const char *path = getenv("JSON_OUT");
	FILE *out = path ? fopen(path, "ae") : NULL;

	if (!out)
		return;
	fputs(json, out);
	fclose(out);
}

/* Nothing else is run then. @pattern: as cmocka_set_test_filter() has it. */
static inline void keys_only(const char *pattern)
{
	if (getenv("JSON_OUT"))
		cmocka_set_test_filter(pattern);
}

#endif
