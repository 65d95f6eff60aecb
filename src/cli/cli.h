/* SPDX-License-Identifier: GPL-2.0 */
/* The subcommands, and what their command lines share. */
#ifndef GMEMTRACE_CLI_CLI_H
#define GMEMTRACE_CLI_CLI_H

#include <argp.h>
#include <stdbool.h>

#include "gmemtrace/run.h"

/*
 * Each takes argv with "gmemtrace NAME" in argv[0] and without what stands behind "--", which is
 * @command (NULL: there was no "--"), and returns an exit status.
 */
int subcommand_record(int argc, char **argv, char **command);
int subcommand_check(int argc, char **argv, char **command);
int subcommand_live(int argc, char **argv, char **command);
int subcommand_why(int argc, char **argv, char **command);
int subcommand_flame(int argc, char **argv, char **command);
int subcommand_latency(int argc, char **argv, char **command);
int subcommand_export(int argc, char **argv, char **command);
int subcommand_map(int argc, char **argv, char **command);
int subcommand_holders(int argc, char **argv, char **command);
int subcommand_features(int argc, char **argv, char **command);

/* What most subcommands take. The input of every parser below. */
struct options {
	struct run_options run;
	bool no_daemon;
	const char *live_option; /* the last that makes sense in a live run only, NULL: none */
	struct options_pages {
		bool given;
		uint64_t first, last; /* pgoff */
	} pages; /* --pgoff */
	bool pages_apply; /* set by a subcommand that knows what to do with them */
	const char *pages_mean; /* why else --pgoff is refused; NULL: it says nothing here */
	const char *inode_means; /* why --inode is refused; NULL: it is not */
	const char *out; /* a file that a report is written to; NULL: none */
	const char *print, *print_option; /* all that is asked for, and by what; NULL: a run */
};

/* --help, --usage, --version. Every subcommand has it as a child. */
extern const struct argp options_common;

/* The children of a subcommand that runs: -d, filters, --ring and so on, and options_common. */
extern const struct argp_child options_children[];
#define OPTIONS_CHILDREN 2

/* ARGP_KEY_INIT of a subcommand: its children take the same input. */
void options_init_children(struct argp_state *state, struct options *options, unsigned int nr);

/* ARGP_KEY_ARG of a subcommand that takes FILE. */
void options_take_file(struct argp_state *state, struct options *options, const char *text);

/* For an option that says something about a live run. */
void options_need_live(struct options *options, const char *name);

/* For an option that names a file to write a report to: it may not be one of the run's captures. */
void options_take_out(struct options *options, const char *path);
/* What is read beside options.run.file: it is not to be written over either. */
void options_take_input(const char *path);

/* For an option that asks for @text, which the program has, and for no run: options_parse() prints it and ends. */
void options_print(struct options *options, const char *name, const char *text);

/* Parses argv; never returns where it is wrong. @input begins with a struct options. */
void options_parse(const struct argp *argp, int argc, char **argv, void *input,
		   struct options *options, char **command);

/*
 * --pgoff of a report: what observes the run's model from now on is told of these pages alone. A verdict's
 * observers come before.
 */
void options_narrow(const struct options_pages *pages, struct run *run);

/* The same of a verdict: what is wrong with other pages is left out. */
struct verdict_options options_verdict(const struct options_pages *pages);

/* One line on stderr, exit status 64. */
__attribute__((format(printf, 2, 3))) _Noreturn void options_usage(const char *name,
								   const char *format, ...);

/* A time or number, or a usage error that names @option. */
uint64_t options_time(const struct argp_state *state, const char *option, const char *text);
uint64_t options_number(const struct argp_state *state, const char *option, const char *text,
			uint64_t min, uint64_t max);

/* "1/N" or "0": of how many one is taken. */
uint32_t options_rate(const struct argp_state *state, const char *option, const char *text);

#define OPTIONS_CHANGES_HELP                                                                       \
	"time changes of direct-map entries and handlers of flushes, too: dearer, a program more " \
	"each"
#define OPTIONS_SUMMARY_HELP                                                                       \
	"no record of an event: histograms kept in the kernel, of exposures alone (WHAT is "       \
	"exposure) or with how long flushes take (all, the default)"

#define OPTIONS_WHOLE_INODES                                                                       \
	"a capture has whole inodes, as a request and its flush are of more pages than one: give " \
	"it to what reads the capture"

#define OPTIONS_MAP_HELP                                                                           \
	"at the end walk the whole direct map, too, for absent pages that are nobody's"

/* --summary, exits where @text is not one of its words; NULL is the default. */
void options_take_summary(const struct argp_state *state, struct options *options,
			  const char *text);

#define OPTIONS_REDACT_HELP                                                                        \
	"fit for a bug report: other names for tasks, VMs, what CMD was called with, BPF "         \
	"programs and modules, and the same verdict"

/* What the capture that a run wrote holds; where writing failed, that was said already. */
void record_print(const char *path, const struct run_result *result);

/* Says so where --pgoff, from @first on, is of pages that no inode has. */
void pages_say_none(const struct model *model, uint64_t first);

/*
 * Runs @run to its end and says what it lost, a line a cause, with what to raise. 0 and @result, or an exit status: nothing was
 * traced, it was said.
 */
enum gmemtrace_status trace_run(struct run *run, struct verdict *verdict,
				struct run_result *result);

#endif
