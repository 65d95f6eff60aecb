/* SPDX-License-Identifier: GPL-2.0 */
/* The subcommands, and what their command lines share. */
#ifndef GMEMTRACE_CLI_CLI_H
#define GMEMTRACE_CLI_CLI_H

#include <argp.h>
#include <stdbool.h>

#include "run/session.h"

/*
 * Each takes argv with "gmemtrace NAME" in argv[0] and without what stands behind "--", which is
 * @command (NULL: there was no "--"), and returns an exit status.
 */
int subcommand_record(int argc, char **argv, char **command);
int subcommand_check(int argc, char **argv, char **command);
int subcommand_live(int argc, char **argv, char **command);
int subcommand_flame(int argc, char **argv, char **command);
int subcommand_features(int argc, char **argv, char **command);

/* What most subcommands take. The input of every parser below. */
struct options {
	struct session_options session;
	const char *file; /* FILE, a capture to replay; NULL: live */
	const char *capture; /* -o of record and check */
	bool page_free; /* default of the subcommand, then --page-free or --no-page-free */
	bool no_daemon;
	const char *live_option; /* the last that makes sense in a live run only, NULL: none */
};

/* --help, --usage, --version. Every subcommand has it as a child. */
extern const struct argp options_common;
/* -d, --vm, --settle, --ring and so on. */
extern const struct argp options_session;

/* ARGP_KEY_INIT of a subcommand: its children take the same input. */
void options_init_children(struct argp_state *state, struct options *options, unsigned int nr);

/* ARGP_KEY_ARG of a subcommand that takes FILE. */
void options_take_file(struct argp_state *state, struct options *options, const char *text);

/* For an option that says something about a live run. */
void options_need_live(struct options *options, const char *name);

/* Parses argv; never returns where it is wrong. @input begins with a struct options. */
void options_parse(const struct argp *argp, int argc, char **argv, void *input,
		   struct options *options, char **command);

/* One line on stderr, exit status 64. */
__attribute__((format(printf, 2, 3))) _Noreturn void options_usage(const char *name,
								   const char *format, ...);

/* A time, size or number, or a usage error that names @option. */
uint64_t options_time(const struct argp_state *state, const char *option, const char *text);
uint64_t options_size(const struct argp_state *state, const char *option, const char *text);
uint64_t options_number(const struct argp_state *state, const char *option, const char *text,
			uint64_t min, uint64_t max);

#endif
