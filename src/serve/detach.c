// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <stdio.h>
#include <time.h>

#include "serve/detach.h"

#define TRIES 3000 /* of STEP_NS each: under emulation it has taken five seconds */
#define STEP_NS 10000000L
#define PATH_LENGTH 256

/* Modules that need it hold it as long as they are there, and go before it. */
static int dependents_of(const char *directory)
{
	char path[PATH_LENGTH];
	const struct dirent *entry;
	DIR *holders;
	int nr = 0;

	snprintf(path, sizeof(path), "%s/holders", directory);
	holders = opendir(path);
	if (!holders)
		return 0;
	while ((entry = readdir(holders)))
		nr += entry->d_name[0] != '.';
	closedir(holders);
	return nr;
}

int detach_uses_of(const char *directory)
{
	char path[PATH_LENGTH];
	FILE *file;
	int uses;

	snprintf(path, sizeof(path), "%s/refcnt", directory);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%d", &uses) != 1)
		uses = 0;
	fclose(file);
	uses -= dependents_of(directory);
	return uses > 0 ? uses : 0;
}

int detach_uses(void)
{
	return detach_uses_of("/sys/module/kvm");
}

void detach_wait(int uses)
{
	static const struct timespec step = { .tv_nsec = STEP_NS };

	for (int i = 0; i < TRIES && detach_uses() > uses; i++)
		nanosleep(&step, NULL);
}
