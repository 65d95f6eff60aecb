// SPDX-License-Identifier: GPL-2.0
/* gmemtrace check: the verdict, of a capture or of a live run. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/plural.h"
#include "cli/allow.h"
#include "cli/cli.h"
#include "cli/compare.h"
#include "cli/output.h"
#include "gmemtrace/report.h"
#include "report/escape.h"

enum check_key {
	KEY_REQUIRE = 0x100,
	KEY_MIN_PAGES,
	KEY_MIN_INODES,
	KEY_ALLOW_EMPTY,
	KEY_ALLOW,
	KEY_KNOWN_ISSUES,
	KEY_SCHEMA,
	KEY_MAP,
	KEY_BASE,
	KEY_PATCHED,
	KEY_FORMAT = 0x180, /* that of the first format; as many as there are */
};

#define FORMATS_MAX 32
#define PATH_TEXT_MAX 1024 /* bytes of a file name, as it is printed */

struct check {
	struct options options;
	const struct report_format *format; /* on standard output */
	bool format_given;
	const struct report_format *besides; /* into a file; NULL: none */
	const char *besides_path;
	struct verdict_options verdict;
	const char *base, *patched; /* two to compare; both NULL: a run */
};

static const struct argp_option check_table[] = {
	{ "schema", KEY_SCHEMA, "comparison", OPTION_ARG_OPTIONAL,
	  "nothing judged: the JSON Schema of what --json prints, alone or with --base", 1 },
	{ "output", 'o', "FILE", 0, "in a live run, also record a capture in FILE", 1 },
	{ "map", KEY_MAP, NULL, 0, OPTIONS_MAP_HELP, 5 },
	{ NULL, 0, NULL, 0,
	  "Two runs held against each other, captures or what --json printed; only what is new "
	  "fails:",
	  4 },
	{ "base", KEY_BASE, "A", 0, "without the change", 4 },
	{ "patched", KEY_PATCHED, "B", 0, "with it", 4 },
	{ NULL, 0, NULL, 0, "What is known, and shown, but does not count:", 3 },
	{ "allow", KEY_ALLOW, "RULE[:REASON]", 0, "violations of RULE; as often as you like", 3 },
	{ "known-issues", KEY_KNOWN_ISSUES, "LIST", 0,
	  "what the file LIST allows, a RULE[:REASON] a line", 3 },
	{ NULL, 0, NULL, 0, "What consistent takes (else: inconclusive):", 2 },
	{ "require", KEY_REQUIRE, "RULE,...", 0, "that these rules were judged throughout", 2 },
	{ "min-pages", KEY_MIN_PAGES, "N", 0, "that N pages were compared; default 1", 2 },
	{ "min-inodes", KEY_MIN_INODES, "N", 0, "that pages of N inodes were compared", 2 },
	{ "allow-empty", KEY_ALLOW_EMPTY, NULL, 0, "nothing: also where nothing was judged", 2 },
	{ 0 },
};
#define CHECK_OPTIONS (sizeof(check_table) / sizeof(check_table[0]) + 1)

/* @index: of the table's order. */
static const struct report_format *format_at(int index)
{
	const struct report_format *format = report_format_next(NULL);

	while (format && index--)
		format = report_format_next(format);
	return format;
}

static void format_set(const struct argp_state *state, struct check *check,
		       const struct report_format *format, char *path)
{
	const struct report_format **place = format->besides ? &check->besides : &check->format;
	bool given = format->besides ? check->besides != NULL : check->format_given;

	if (given && *place != format)
		options_usage(state->name, "--%s and --%s: give one of them", (*place)->name,
			      format->name);
	*place = format;
	if (!format->besides) {
		check->format_given = true;
		return;
	}
	if (!strcmp(path, "-"))
		options_usage(state->name,
			      "--%s -: standard output has the other report: give a file",
			      format->name);
	check->besides_path = path;
	options_take_out(&check->options, path);
}

/* "missed-page,stuck" */
static void require_parse(const struct argp_state *state, struct check *check, const char *text)
{
	char name[64], message[160];

	if (!*text)
		options_usage(state->name, "--require: it names no rule");
	while (*text) {
		size_t length = strcspn(text, ",");
		const struct rule *rule;

		snprintf(name, sizeof(name), "%.*s", (int)length, text);
		rule = allow_rule(name, message, sizeof(message));
		if (rule)
			check->verdict.require |= 1ULL << rule->id;
		else
			options_usage(state->name, "--require: %s", message);
		text += length;
		text += *text == ',';
	}
}

static void allow_parse(const struct argp_state *state, struct check *check, char *text)
{
	char message[256];

	if (allow_entry(&check->verdict, text, message, sizeof(message)))
		options_usage(state->name, "--allow: %s", message);
}

static void known_issues_read(const struct argp_state *state, struct check *check, const char *path)
{
	char message[512];

	options_take_input(path);
	if (allow_file(&check->verdict, path, message, sizeof(message)))
		options_usage(state->name, "--known-issues: %s", message);
}

/* What is not to count cannot be required. */
static void check_contradictions(const struct argp_state *state, const struct check *check)
{
	const struct rule *rule = NULL;

	while ((rule = rule_next(rule))) {
		if (check->verdict.require & 1ULL << rule->id && check->verdict.allow[rule->id])
			options_usage(state->name, "%s is both required and allowed", rule->name);
	}
}

static void schema_print(const struct argp_state *state, struct check *check, const char *of)
{
	if (of && strcmp(of, "comparison") != 0)
		options_usage(state->name, "--schema=%s: give comparison, or nothing", of);
	options_print(&check->options, "--schema",
		      of ? report_comparison_schema() : report_format_find("json")->schema);
}

/* Two are compared, or one is judged. */
static void sides_check(const struct argp_state *state, struct check *check)
{
	if (!check->base && !check->patched)
		return;
	if (!check->base || !check->patched)
		options_usage(state->name, "--base and --patched: give both");
	if (check->options.run.file)
		options_usage(state->name, "--base and --patched are all that is judged: no FILE");
	if (!check->format->compare || (check->besides && !check->besides->compare))
		options_usage(state->name, "--%s has no words for --base", check->format->name);
	/* No run of a kernel: what makes sense there alone is refused. */
	check->options.run.file = check->patched;
}

static error_t check_parse(int key, char *text, struct argp_state *state)
{
	struct check *check = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		options_init_children(state, &check->options, OPTIONS_CHILDREN);
		return 0;
	case KEY_REQUIRE:
		require_parse(state, check, text);
		return 0;
	case KEY_MIN_PAGES:
		check->verdict.pages_min =
			options_number(state, "--min-pages", text, 0, UINT64_MAX);
		return 0;
	case KEY_MIN_INODES:
		check->verdict.inodes_min =
			options_number(state, "--min-inodes", text, 0, UINT64_MAX);
		return 0;
	case KEY_ALLOW_EMPTY:
		check->verdict.allow_empty = true;
		return 0;
	case KEY_ALLOW:
		allow_parse(state, check, text);
		return 0;
	case KEY_MAP:
		check->options.run.map = true;
		options_need_live(&check->options, "--map");
		return 0;
	case KEY_SCHEMA:
		schema_print(state, check, text);
		return 0;
	case KEY_BASE:
		check->base = text;
		options_take_input(text);
		return 0;
	case KEY_PATCHED:
		check->patched = text;
		return 0;
	case KEY_KNOWN_ISSUES:
		known_issues_read(state, check, text);
		return 0;
	case ARGP_KEY_END:
		check_contradictions(state, check);
		sides_check(state, check);
		return 0;
	case 'o':
		check->options.run.capture = text;
		options_need_live(&check->options, "-o");
		return 0;
	case ARGP_KEY_ARG:
		options_take_file(state, &check->options, text);
		return 0;
	default:
		if (key < KEY_FORMAT || key >= KEY_FORMAT + FORMATS_MAX)
			return ARGP_ERR_UNKNOWN;
		format_set(state, check, format_at(key - KEY_FORMAT), text);
		return 0;
	}
}

/* An option a format, before those of the table. */
static const struct argp_option *check_options(void)
{
	static struct argp_option table[FORMATS_MAX + CHECK_OPTIONS] = {
		{ NULL, 0, NULL, 0,
		  "The verdict, on standard output, as text unless told otherwise:", 1 },
	};
	const struct report_format *format = NULL;
	size_t nr = 1;

	for (int i = 0; i < FORMATS_MAX && (format = report_format_next(format)); i++)
		table[nr++] = (struct argp_option){
			.name = format->name,
			.key = KEY_FORMAT + i,
			.arg = format->besides ? "FILE" : NULL,
			.doc = format->help,
			.group = 1,
		};
	memcpy(&table[nr], check_table, sizeof(check_table));
	return table;
}

static const char check_words[] =
	"Judges whether the direct map was what it was asked to be: in the capture FILE, which "
	"needs no privilege, or live while CMD runs, or until ^C.\v"
	"Exit status: 0 consistent, 1 violated, 5 inconclusive (also: nothing was judged), 2 "
	"another error (also: consistent, but CMD failed), 4 cannot run here, 64 usage error. "
	"Where several hold: 1 before 5 before 2.";

static int verdict_write(const struct output *output, const struct verdict *verdict,
			 const struct report_format *format)
{
	return report_verdict(output_stream(output), verdict, format, output_color(output));
}

/* A step's summary is a file that GitHub names, to be added to; elsewhere there is none. */
static enum gmemtrace_status summary_add(const struct check *check, const struct verdict *verdict)
{
	const char *path = getenv("GITHUB_STEP_SUMMARY");
	struct output *output;

	if (strcmp(check->format->name, "github") != 0 || !path || !*path)
		return GMEMTRACE_CONSISTENT;
	output = output_append(path);
	if (!output)
		return GMEMTRACE_ERROR;
	return output_close(output, verdict_write(output, verdict, report_format_find("markdown")));
}

/* For people, where there is something to look into: what to look at, and with what. */
static void next_write(const struct output *output, const struct check *check,
		       const struct verdict *verdict)
{
	const struct verdict_violation *first = verdict_violation(verdict, 0);
	const char *capture =
		check->options.run.file ? check->options.run.file : check->options.run.capture;
	char name[MODEL_INODE_NAME_MAX], clean[PATH_TEXT_MAX], besides[PATH_TEXT_MAX];

	if ((strcmp(check->format->name, "text") != 0 &&
	     strcmp(check->format->name, "verbose") != 0) ||
	    !first || !capture)
		return;
	escape_text(clean, sizeof(clean), capture);
	if (check->besides_path) {
		escape_text(besides, sizeof(besides), check->besides_path);
		fprintf(output_stream(output), "files      %s   %s\n", clean, besides);
	}
	fprintf(output_stream(output), "next       ");
	model_inode_name(first->inode, name, sizeof(name));
	if (first->inode && first->pgoff_known)
		fprintf(output_stream(output), "gmemtrace why %s:0x%" PRIx64 " %s      ", name,
			(uint64_t)first->pgoff_first, clean);
	fprintf(output_stream(output), "gmemtrace check --json %s   (no root needed)\n", clean);
}

/* Takes @besides, which may be NULL. */
static enum gmemtrace_status check_report(const struct check *check, const struct verdict *verdict,
					  struct output *besides)
{
	struct output *output = output_open("-");
	enum gmemtrace_status status = GMEMTRACE_ERROR;
	int error;

	if (output) {
		error = verdict_write(output, verdict, check->format);
		next_write(output, check, verdict);
		status = output_close(output, error);
	}
	status = run_status_worse(status, summary_add(check, verdict));
	if (!besides)
		return status;
	return run_status_worse(
		status, output_close(besides, verdict_write(besides, verdict, check->besides)));
}

/* Takes @besides. */
static enum gmemtrace_status check_run(const struct check *check, struct run *run,
				       struct output *besides)
{
	struct verdict *verdict = verdict_create(run_model(run), &check->verdict);
	const struct run_options *options = &check->options.run;
	enum gmemtrace_status status = GMEMTRACE_ERROR;
	struct run_result result;

	if (!verdict) {
		output_line("out of memory");
		goto cleanup;
	}
	if (!options->file && !options->command && !options->duration && isatty(STDERR_FILENO))
		output_line("tracing until ^C");
	status = trace_run(run, verdict, &result);
	if (status)
		goto cleanup;
	if (check->options.pages.given)
		pages_say_none(run_model(run), check->options.pages.first);
	status = run_status_worse(run_status(&result, verdict),
				  check_report(check, verdict, besides));
	besides = NULL;
cleanup:
	if (besides)
		output_close(besides, 0);
	verdict_free(verdict);
	return status;
}

static enum gmemtrace_status check_compare(const struct check *check)
{
	const struct compare compare = {
		.base = check->base,
		.patched = check->patched,
		.run = &check->options.run,
		.verdict = &check->verdict,
		.format = check->format,
		.besides = check->besides,
		.besides_path = check->besides_path,
	};

	return compare_run(&compare);
}

int subcommand_check(int argc, char **argv, char **command)
{
	struct check check = {
		.options.run.page_free = true,
		.options.run.witness = true,
		.options.run.guest = true,
		.options.pages_apply = true,
		.format = report_format_find("text"),
	};
	const struct argp argp = {
		.options = check_options(),
		.parser = check_parse,
		.args_doc = "[FILE | -- CMD...]",
		.doc = check_words,
		.children = options_children,
	};
	enum gmemtrace_status status;
	struct output *besides = NULL;
	struct run *run;

	options_parse(&argp, argc, argv, &check, &check.options, command);
	check.verdict.pages_only = check.options.pages.given;
	check.verdict.pgoff_first = check.options.pages.first;
	check.verdict.pgoff_last = check.options.pages.last;
	check.options.run.command_aside = check.format->machine;
	if (check.base)
		return check_compare(&check);
	status = run_open(&run, &check.options.run);
	if (status)
		return status;
	if (check.besides)
		besides = output_open(check.besides_path);
	if (besides || !check.besides)
		status = check_run(&check, run, besides);
	else
		status = GMEMTRACE_ERROR;
	run_close(run);
	return status;
}
