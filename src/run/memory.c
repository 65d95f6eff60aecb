// SPDX-License-Identifier: GPL-2.0
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/memory.h"

#define GROUPS "/sys/fs/cgroup"

static uint64_t lesser(uint64_t limit, uint64_t other)
{
	return !limit || (other && other < limit) ? other : limit;
}

/* Bytes; 0 where it says "max", or nothing. */
static uint64_t limit_read(const char *directory, const char *name)
{
	char path[PATH_MAX + 32], text[32] = "", *end = text;
	unsigned long long limit;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (!fgets(text, sizeof(text), file))
		*text = '\0';
	fclose(file);
	limit = strtoull(text, &end, 10);
	return end == text ? 0 : limit;
}

/* Of @group below @base and of all groups that it is in. */
static uint64_t limit_least(const char *base, const char *group, const char *name)
{
	char directory[PATH_MAX];
	size_t keep = strlen(base);
	uint64_t limit = 0;
	char *last;

	if ((size_t)snprintf(directory, sizeof(directory), "%s%s", base, group) >=
	    sizeof(directory))
		return 0;
	for (;;) {
		limit = lesser(limit, limit_read(directory, name));
		last = strrchr(directory, '/');
		if (!last || (size_t)(last - directory) < keep)
			return limit;
		*last = '\0';
	}
}

/* A line of /proc/self/cgroup: "0::/group" of version 2, "7:memory:/group" of version 1. */
static uint64_t line_limit(const char *root, char *line)
{
	char base[PATH_MAX], *controllers = strchr(line, ':');
	char *group = controllers ? strchr(controllers + 1, ':') : NULL;

	if (!group)
		return 0;
	*group++ = '\0';
	group[strcspn(group, "\n")] = '\0';
	if (!strcmp(controllers, ":")) {
		snprintf(base, sizeof(base), "%s" GROUPS, root);
		return limit_least(base, group, "memory.max");
	}
	if (strcmp(controllers, ":memory") != 0)
		return 0;
	snprintf(base, sizeof(base), "%s" GROUPS "/memory", root);
	return limit_least(base, group, "memory.limit_in_bytes");
}

uint64_t memory_group_limit(const char *root)
{
	char path[PATH_MAX], *line = NULL;
	uint64_t limit = 0;
	size_t room = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (getline(&line, &room, file) > 0)
		limit = lesser(limit, line_limit(root, line));
	free(line);
	fclose(file);
	return limit;
}

uint64_t memory_half(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	uint64_t machine = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;

	return lesser(machine, memory_group_limit("")) / 2;
}
