/* SPDX-License-Identifier: GPL-2.0 */
/* gmemtrace live on a terminal, live and in replay. */
#ifndef GMEMTRACE_CLI_SCREEN_H
#define GMEMTRACE_CLI_SCREEN_H

#include "cli/cli.h"

struct screen_options {
	uint64_t interval; /* ns, of rates */
	uint64_t count; /* ticks; 0: no limit */
	const struct options_pages *pages; /* --pgoff */
	uint64_t at; /* ns since the capture's begin: where a replay begins; 0: its begin */
	/* A screen as text instead of a terminal: */
	int columns, rows; /* 0: a terminal */
	const char *keys; /* pressed before it is shown; NULL none */
};

/* What the sensors tell, until q or what ends a live run. An exit status. */
enum gmemtrace_status screen_live(const struct run_options *given,
				  const struct screen_options *wanted);

/* The capture given->file, played. An exit status. */
enum gmemtrace_status screen_replay(const struct run_options *given,
				    const struct screen_options *wanted);

#endif
