/* SPDX-License-Identifier: GPL-2.0 */
/* check --base --patched: two verdicts held against each other. */
#ifndef GMEMTRACE_CLI_COMPARE_H
#define GMEMTRACE_CLI_COMPARE_H

#include "cli/cli.h"
#include "gmemtrace/report.h"

struct compare {
	const char *base, *patched; /* captures, or what check --json printed */
	const struct run_options *run; /* for the captures */
	const struct verdict_options *verdict; /* the same */
	const struct report_format *format; /* on standard output */
	const struct report_format *besides; /* NULL: none */
	const char *besides_path;
};

enum gmemtrace_status compare_run(const struct compare *compare);

#endif
