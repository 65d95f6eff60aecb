// SPDX-License-Identifier: GPL-2.0
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "sensor/livepatch.h"
#include "sensor/load.h"

/* @function: "name,which of that name" (Documentation/ABI/testing/sysfs-kernel-livepatch). */
static bool function_traced(const char *function)
{
	size_t length = strcspn(function, ",");

	for (size_t i = 0; i < load_programs_nr; i++) {
		const char *target = load_programs[i].target;

		if (target && strlen(target) == length && !strncmp(target, function, length))
			return true;
	}
	return false;
}

/* Another patch may replace it once more. */
static bool name_noted(const char *names, const char *function)
{
	size_t length = strlen(function);

	for (const char *at = strstr(names, function); at; at = strstr(at + length, function)) {
		if ((at == names || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
			return true;
	}
	return false;
}

void livepatch_look(const char *directory, char *names, size_t size)
{
	char pattern[256];
	glob_t found = {};
	size_t used = strlen(names);

	/* PATCH/OBJECT/FUNCTION,NUMBER */
	snprintf(pattern, sizeof(pattern), "%s/*/*/*,*", directory);
	if (glob(pattern, 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char *function = strrchr(found.gl_pathv[i], '/') + 1;

		if (!function_traced(function))
			continue;
		function[strcspn(function, ",")] = '\0';
		if (name_noted(names, function))
			continue;
		if (used + strlen(function) + 2 <= size)
			used += (size_t)snprintf(names + used, size - used, "%s%s", used ? " " : "",
						 function);
	}
	globfree(&found);
}
