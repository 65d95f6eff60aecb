/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GMEMTRACE_RUN_SAY_H
#define GMEMTRACE_RUN_SAY_H

#include "gmemtrace/run.h"

/* One line to whoever reads, escaped: what, where, what to do. */
__attribute__((format(printf, 2, 3))) void run_say(const struct run_options *options,
						   const char *format, ...);

#endif
