// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "run/names.h"

#define ARGUMENTS_MAX 16384

/* "guest=NAME,debug-threads=on" or "NAME,...": QEMU's, in which a comma of the name is doubled. */
static bool qemu_name(const char *value, char name[NAMES_NAME_MAX])
{
	size_t used = 0;

	if (!strncmp(value, "guest=", 6))
		value += 6;
	while (*value && used + 1 < NAMES_NAME_MAX) {
		if (*value == ',' && *++value != ',')
			break;
		name[used++] = *value++;
	}
	name[used] = '\0';
	return used;
}

static bool plain_name(const char *value, char name[NAMES_NAME_MAX])
{
	snprintf(name, NAMES_NAME_MAX, "%s", value);
	return *name;
}

bool names_parse(const char *arguments, size_t size, char name[NAMES_NAME_MAX])
{
	const char *end = arguments + size;

	*name = '\0';
	for (const char *at = arguments, *next; at < end; at = next) {
		next = at + strnlen(at, (size_t)(end - at)) + 1;
		if (next > end)
			return false;
		if (!strncmp(at, "--id=", 5))
			return plain_name(at + 5, name);
		if (next == end || !memchr(next, '\0', (size_t)(end - next)))
			continue;
		if (!strcmp(at, "-name") || !strcmp(at, "--name"))
			return qemu_name(next, name);
		if (!strcmp(at, "--id"))
			return plain_name(next, name);
	}
	return false;
}

static void name_read(uint32_t pid, char name[NAMES_NAME_MAX])
{
	char path[32], arguments[ARGUMENTS_MAX];
	size_t size;
	FILE *file;

	*name = '\0';
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/cmdline", pid);
	file = fopen(path, "re");
	if (!file)
		return;
	size = fread(arguments, 1, sizeof(arguments), file);
	fclose(file);
	names_parse(arguments, size, name);
}

const char *names_find(struct names *names, uint32_t pid)
{
	size_t i = 0;

	while (i < names->nr && names->list[i].pid != pid)
		i++;
	if (i == NAMES_MAX)
		return NULL;
	if (i == names->nr) {
		names->list[names->nr++].pid = pid;
		name_read(pid, names->list[i].name);
	}
	return *names->list[i].name ? names->list[i].name : NULL;
}
