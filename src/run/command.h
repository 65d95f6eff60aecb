/* SPDX-License-Identifier: GPL-2.0 */
/* CMD, the command that is traced: its start, its end, and the signals in between. */
#ifndef GMEMTRACE_RUN_COMMAND_H
#define GMEMTRACE_RUN_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What a shell says of a command that it cannot run. */
#define COMMAND_NOT_EXECUTABLE 126
#define COMMAND_NOT_FOUND 127

struct command {
	pid_t pid; /* 0: none was started */
	bool running;
	int64_t status; /* exit status, 128 + signal; -1: none yet */
};

/*
 * Starts @argv with our streams, looked up in PATH; with @aside its standard output goes where its
 * standard error goes, as ours is for a machine. Where that fails the command
 * counts as ended, with a shell's status for it. 0 or -errno.
 */
int command_start(struct command *command, char *const *argv, bool aside);

/* Looks whether it has ended; does not wait. */
void command_poll(struct command *command);

/* Nothing where it does not run. */
void command_signal(const struct command *command, int number);

/* Nobody waits for it any longer: it counts as killed. */
void command_give_up(struct command *command);

/* SIGINT, SIGTERM and SIGHUP, from here to signals_restore(), only count. */
void signals_catch(void);
void signals_restore(void);

/*
 * SIGPIPE and SIGXFSZ are ignored: errors of writing are seen where they happen. CMD gets them as
 * they were. From signals_catch() to signals_restore() they are, too.
 */
void signals_ignore(void);

/*
 * The number of a signal that has come and was not taken yet, or 0.
 * @everybody: it came from the terminal, so that CMD has got it already.
 */
int signals_take(bool *everybody);

/* Whether one has come and was not taken yet. */
bool signals_pending(void);

#endif
