/* SPDX-License-Identifier: GPL-2.0 */
/* A grid on a real terminal, and its keys: all of ncurses is in terminal.c. */
#ifndef GMEMTRACE_CLI_TERMINAL_H
#define GMEMTRACE_CLI_TERMINAL_H

#include <stdbool.h>

#include "view/grid.h"

/* Whether standard output and input are a terminal that cells can be shown on. */
bool terminal_suits(void);

/* Takes the terminal over. false: it cannot be used, and stays as it was. */
bool terminal_open(void);
/*
 * Asked, from a signal handler, while the terminal takes nothing of what is shown: whether that is not
 * to be waited for, as the end is. NULL: it is.
 */
void terminal_ends(bool (*ends)(void *context), void *context);
/* Gives it back as it was. */
void terminal_close(void);

/*
 * How it is set, for terminal_restore(), when somebody else's process has opened it meanwhile;
 * @lost: and has not closed it.
 */
void terminal_keep(void);
void terminal_restore(bool lost);

/* As it is now. 0 or -ENOMEM. */
int terminal_grid(struct grid *grid);
void terminal_show(const struct grid *grid);

/* The next key, as view_press() takes it; 0: none within @ms. -1: the terminal is lost. */
int terminal_key(int ms);

#endif
