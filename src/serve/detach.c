// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <time.h>

#include "serve/detach.h"

#define TRIES 500 /* of STEP_NS each */
#define STEP_NS 10000000L

int detach_uses(void)
{
	FILE *file = fopen("/sys/module/kvm/refcnt", "re");
	int uses;

	if (!file)
		return -1;
	if (fscanf(file, "%d", &uses) != 1)
		uses = -1;
	fclose(file);
	return uses;
}

void detach_wait(int uses)
{
	static const struct timespec step = { .tv_nsec = STEP_NS };

	for (int i = 0; i < TRIES && detach_uses() > uses; i++)
		nanosleep(&step, NULL);
}
