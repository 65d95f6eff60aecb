// SPDX-License-Identifier: GPL-2.0
#include "assault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"

#define GROUPS "/sys/fs/cgroup"
#define NS 1000000000ULL

static uint64_t deadline;

bool assault_time_is_left(void)
{
	return clock_read(CLOCK_MONOTONIC) < deadline;
}

void assault_goes_on(void)
{
	deadline = UINT64_MAX;
}

static int usage(const struct assault *assaults, size_t nr)
{
	fprintf(stderr, "usage: %s ", program_invocation_short_name);
	for (size_t i = 0; i < nr; i++)
		fprintf(stderr, "%s%s", i ? "|" : "", assaults[i].name);
	fprintf(stderr, " SECONDS\n");
	return 64;
}

int assault_run(const struct assault *assaults, size_t nr, int argc, char **argv)
{
	long seconds = argc == 3 ? strtol(argv[2], NULL, 10) : 0;

	for (size_t i = 0; seconds > 0 && i < nr; i++) {
		if (strcmp(assaults[i].name, argv[1]))
			continue;
		deadline = clock_read(CLOCK_MONOTONIC) + (uint64_t)seconds * NS;
		alarm((unsigned int)seconds + 60);
		printf("%s: ok %u\n", argv[1], assaults[i].run());
		return 0;
	}
	return usage(assaults, nr);
}

void write_text(const char *name, const char *text)
{
	int file = open(name, O_WRONLY | O_CLOEXEC);

	if (file < 0 || write(file, text, strlen(text)) < 0)
		bench_die(name);
	close(file);
}

static void write_member(const char *group, const char *member, const char *text)
{
	char name[128];

	snprintf(name, sizeof(name), GROUPS "/%s/%s", group, member);
	write_text(name, text);
}

void limit_create(const char *name, const char *bytes)
{
	char directory[128];

	mkdir(GROUPS, 0755);
	if (mount("cgroup2", GROUPS, "cgroup2", 0, NULL) && errno != EBUSY)
		bench_die("mounting cgroup2");
	write_text(GROUPS "/cgroup.subtree_control", "+memory");
	snprintf(directory, sizeof(directory), GROUPS "/%s", name);
	if (mkdir(directory, 0755) && errno != EEXIST)
		bench_die(directory);
	limit_set(name, bytes);
}

void limit_set(const char *name, const char *bytes)
{
	write_member(name, "memory.max", bytes);
}

void limit_enter(const char *name)
{
	write_member(name, "cgroup.procs", "0");
}

static unsigned long long charge_of(const char *group)
{
	unsigned long long bytes = 0;
	char name[128];
	FILE *file;

	snprintf(name, sizeof(name), GROUPS "/%s/memory.current", group);
	file = fopen(name, "r");
	if (!file || fscanf(file, "%llu", &bytes) != 1)
		bench_die(name);
	fclose(file);
	return bytes;
}

void limit_wait_for_uncharge(const char *name)
{
	for (int i = 0; i < 100; i++) {
		if (charge_of(name) < 1 << 20)
			return;
		write_member(name, "memory.reclaim", "1M");
		usleep(100000);
	}
	fprintf(stderr, "%s: %llu bytes are still charged\n", name, charge_of(name));
	exit(1);
}
