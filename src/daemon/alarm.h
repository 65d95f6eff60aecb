/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A command that is run for every violation: never by a shell, one at a time, ended where it takes
 * too long. Those that come meanwhile wait, a bounded number of them.
 */
#ifndef GMEMTRACE_DAEMON_ALARM_H
#define GMEMTRACE_DAEMON_ALARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ALARM_WORDS_MAX 32 /* of the command line */
#define ALARM_QUEUE 64
#define ALARM_TIMEOUT_NS (30ULL * 1000000000)

/* A violation, as it travels from the process that judges: all text ends within its field. */
struct alarm_violation {
	char rule[32];
	char inode[24]; /* "g3"; "" where none is known */
	char pgoff[48]; /* "0x10-0x1f"; "" where not known */
	char comm[72]; /* of the VM, escaped */
	uint32_t vm; /* pid; 0: not known */
	uint64_t pages; /* that it hit */
	char words[768]; /* the sentences, escaped and perhaps cut */
};

struct alarm {
	char *text; /* what `words` point into */
	char *words[ALARM_WORDS_MAX + 1]; /* NULL behind the last */
	struct alarm_violation queue[ALARM_QUEUE]; /* a ring */
	size_t head, nr;
	uint64_t dropped; /* since the last one that was started */
	uint64_t timeout; /* ns */
	pid_t running; /* 0: none */
	uint64_t deadline; /* ns, CLOCK_MONOTONIC */
	bool late; /* it was killed for its time */
};

/*
 * Splits @command: words end at blanks, a backslash takes the next character as it is, and nothing
 * else is special. The first word is a path that begins with / and can be executed. 0, or -errno
 * with one line in @message.
 */
int alarm_open(struct alarm *alarm, const char *command, char *message, size_t size);
void alarm_close(struct alarm *alarm); /* what runs is ended, what waits is said */

/* One more; where too many wait it is dropped, and that is said with the next. */
void alarm_add(struct alarm *alarm, const struct alarm_violation *violation);

/*
 * Looks after what runs and starts what waits. When to call again, ms, where nothing happens
 * before; -1: not at all. SIGCHLD is to wake the caller.
 */
int alarm_poll(struct alarm *alarm, uint64_t now);

#endif
