/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A live run: the sensors armed, then CMD started, every record handed to a
 * capture and to the model as it comes, inodes read, and an orderly end.
 */
#ifndef GMEMTRACE_RUN_SESSION_H
#define GMEMTRACE_RUN_SESSION_H

#include <signal.h>

#include "gmemtrace/run.h"

/*
 * Runs until CMD has ended, the time is over, *@enough, or a signal. @model and the capture are
 * finished when it returns. 0, or an exit status: the sensors could not be armed, it was said.
 */
enum gmemtrace_status session_run(const struct run_options *options, struct model *model,
				  struct verdict *verdict, const volatile sig_atomic_t *enough,
				  struct run_result *result);

#endif
