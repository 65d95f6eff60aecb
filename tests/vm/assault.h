/* SPDX-License-Identifier: GPL-2.0 */
/* What programs that attack the kernel have in common. All of it ends them where the kernel refuses. */
#ifndef TEST_ASSAULT_H
#define TEST_ASSAULT_H

#include <stdbool.h>
#include <stddef.h>

struct assault {
	const char *name;
	unsigned int (*run)(void); /* returns how many things it did */
};

/*
 * usage: PROGRAM NAME SECONDS   prints "NAME: ok N", N things done; SIGALRM ends it where something takes a minute
 * longer than it was asked to
 */
int assault_run(const struct assault *assaults, size_t nr, int argc, char **argv);
bool assault_time_is_left(void);

/* Until the program is killed. */
void assault_goes_on(void);

void write_text(const char *name, const char *text);

/* Makes the memcg @name, below /sys/fs/cgroup, with that many bytes. */
void limit_create(const char *name, const char *bytes);
void limit_set(const char *name, const char *bytes);

/* The caller and what it forks are below the limit from here on. */
void limit_enter(const char *name);

/* Waits for what caches of CPUs hold of a charge after the last page is gone; ends the program where more is left. */
void limit_wait_for_uncharge(const char *name);

#endif
