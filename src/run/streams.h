/* SPDX-License-Identifier: GPL-2.0 */
/* Standard input, output and error. */
#ifndef GMEMTRACE_RUN_STREAMS_H
#define GMEMTRACE_RUN_STREAMS_H

/*
 * First of all that a program does: one that is closed stays so, but its number goes to no file,
 * socket or map that is opened later and would be taken for it.
 */
void streams_hold(void);

#endif
