// SPDX-License-Identifier: GPL-2.0
/* gmemtrace flame: where flush time goes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "gmemtrace/report.h"

enum flame_key {
	KEY_FOLDED = 0x100,
	KEY_SVG,
	KEY_HTML,
	KEY_WEIGHT,
	KEY_BY,
	KEY_STACKS,
	KEY_DIFF,
};

struct flame {
	struct options options;
	const char *out;
	enum report_weight weight;
	enum report_by by;
	const char *form; /* the option that names it; NULL: none was given */
	bool svg, html;
	const char *graph_option; /* of one graph, given; NULL: none */
	bool diff;
	const char *second; /* with --diff: the capture that the first is held against */
};

struct choice {
	const char *name;
	int value;
};

static const struct choice weights[] = {
	{ "ns", REPORT_WEIGHT_NS },
	{ "count", REPORT_WEIGHT_COUNT },
	{ "exposure", REPORT_WEIGHT_EXPOSURE },
	{ "wait", REPORT_WEIGHT_WAIT },
	{ NULL, 0 },
};

static const struct choice bys[] = {
	{ "stack", REPORT_BY_STACK },
	{ "vm", REPORT_BY_VM },
	{ "cpu", REPORT_BY_CPU },
	{ "kind", REPORT_BY_KIND },
	{ "initiator", REPORT_BY_INITIATOR },
	{ NULL, 0 },
};

static const struct argp_option flame_table[] = {
	{ NULL, 0, NULL, 0, "The report:", 1 },
	{ "folded", KEY_FOLDED, NULL, 0, "folded lines, \"frame;frame count\" (default)", 1 },
	{ "svg", KEY_SVG, NULL, 0, "a flame graph, an SVG that needs nothing else", 1 },
	{ "html", KEY_HTML, NULL, 0,
	  "a page that needs nothing else: flame graph, latency, exposure, slowest flushes", 1 },
	{ "diff", KEY_DIFF, NULL, 0,
	  "of two captures: what changed a flush; red is more in the second, blue less", 1 },
	{ "output", 'o', "OUT", 0, "write to OUT; default standard output", 1 },
	{ "weight", KEY_WEIGHT, "WEIGHT", 0,
	  "what is counted: ns in flushes (default), count of flushes, wait (ns from the first CPU "
	  "asked to the last answer), exposure (ns from a zap to its flush, summed over pages)",
	  1 },
	{ "by", KEY_BY, "KEY", 0, "frames: stack (default), vm, cpu, kind or initiator", 1 },
	{ "stacks", KEY_STACKS, "RATE", 0,
	  "take the stack of one flush in N, by RATE 1/N; 0: of none; default 1/1", 1 },
	{ 0 },
};

static int choice_find(const struct argp_state *state, const struct choice *choices,
		       const char *option, const char *text)
{
	for (const struct choice *choice = choices; choice->name; choice++) {
		if (!strcmp(choice->name, text))
			return choice->value;
	}
	options_usage(state->name, "%s %s: no such choice", option, text);
}

static void form_set(const struct argp_state *state, struct flame *flame, const char *option)
{
	if (flame->form && strcmp(flame->form, option) != 0)
		options_usage(state->name, "%s and %s: give one of them", flame->form, option);
	flame->form = option;
}

static error_t flame_parse(int key, char *text, struct argp_state *state)
{
	struct flame *flame = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		options_init_children(state, &flame->options, OPTIONS_CHILDREN);
		return 0;
	case KEY_FOLDED:
		form_set(state, flame, "--folded");
		return 0;
	case KEY_SVG:
		form_set(state, flame, "--svg");
		flame->svg = true;
		return 0;
	case KEY_HTML:
		form_set(state, flame, "--html");
		flame->html = true;
		return 0;
	case 'o':
		flame->out = text;
		options_take_out(&flame->options, text);
		return 0;
	case KEY_WEIGHT:
		flame->graph_option = "--weight";
		flame->weight = (enum report_weight)choice_find(state, weights, "--weight", text);
		return 0;
	case KEY_BY:
		flame->graph_option = "--by";
		flame->by = (enum report_by)choice_find(state, bys, "--by", text);
		return 0;
	case KEY_STACKS:
		flame->options.run.stack_rate = options_rate(state, "--stacks", text);
		options_need_live(&flame->options, "--stacks");
		return 0;
	case KEY_DIFF:
		flame->diff = true;
		return 0;
	case ARGP_KEY_END:
		if (flame->diff && !flame->second)
			options_usage(state->name, "--diff is for two captures: give FILE FILE");
		if (flame->html && flame->graph_option)
			options_usage(state->name,
				      "%s has no meaning with --html, which has them all",
				      flame->graph_option);
		return 0;
	case ARGP_KEY_ARG:
		if (flame->diff && flame->options.run.file && !flame->second)
			options_take_input(flame->second = text);
		else
			options_take_file(state, &flame->options, text);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp flame_argp = {
	flame_table,
	flame_parse,
	"[FILE | -- CMD...]\n--diff FILE FILE",
	"Sums up where flush time goes: in the capture FILE, or live while CMD runs, or until ^C.\v"
	"Folded lines are what flamegraph.pl, speedscope and others read. Exit status: 0 done, 2 "
	"an "
	"error or CMD failed, 4 cannot run here, 64 usage error.",
	options_children,
	NULL,
	NULL,
};

static enum gmemtrace_status flame_write(const struct flame *flame, struct report_folded *folded)
{
	struct output *output = output_open(flame->out);
	int error;

	if (!output)
		return GMEMTRACE_ERROR;
	error = (flame->svg ? report_folded_svg : report_folded_write)(
		output_stream(output), folded, flame->weight, flame->by);
	if (error != -EOPNOTSUPP)
		return output_close(output, error);
	output_line("--weight wait: no acknowledgements are in it: record --flushes has them");
	return run_status_worse(GMEMTRACE_ERROR, output_close(output, 0));
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* What the report is of. */
static const char *flame_title(const struct flame *flame, struct run *run)
{
	const char *command = model_fact_find(run_model(run), "command");
	const char *file = flame->options.run.file;

	if (!file)
		return command ? command : "this host";
	return file_name(file);
}

static enum gmemtrace_status page_close(struct output *output, int error)
{
	if (error != -EOPNOTSUPP)
		return output_close(output, error);
	output_line(
		"--html: this build has no page, as npm was missing: there are --folded and --svg");
	return run_status_worse(GMEMTRACE_ERROR, output_close(output, 0));
}

static enum gmemtrace_status page_write(const struct flame *flame, struct run *run,
					struct report_page *page)
{
	struct output *output = output_open(flame->out);
	int error;

	if (!output)
		return GMEMTRACE_ERROR;
	error = report_page_write(output_stream(output), page, flame_title(flame, run));
	return page_close(output, error);
}

/* A capture is judged as well, which takes little; a live run has sensors for figures. */
static enum gmemtrace_status page_run(const struct flame *flame, struct run *run)
{
	const struct verdict_options options = options_verdict(&flame->options.pages);
	const bool judged = flame->options.run.file;
	struct verdict *verdict = judged ? verdict_create(run_model(run), &options) : NULL;
	enum gmemtrace_status status = GMEMTRACE_ERROR;
	struct report_page *page;
	struct run_result result;

	options_narrow(&flame->options.pages, run);
	page = report_page_create(run_model(run));
	if (!page || (judged && !verdict)) {
		output_line("out of memory");
		goto cleanup;
	}
	status = trace_run(run, verdict, &result);
	if (status)
		goto cleanup;
	if (verdict)
		report_page_verdict(page, verdict_value(verdict));
	status = run_status_worse(run_status(&result, NULL), page_write(flame, run, page));
cleanup:
	verdict_free(verdict);
	report_page_free(page);
	return status;
}

static enum gmemtrace_status flame_run(const struct flame *flame, struct run *run)
{
	enum gmemtrace_status status;
	struct report_folded *folded;
	struct run_result result;

	options_narrow(&flame->options.pages, run);
	folded = report_folded_create(run_model(run));
	if (!folded) {
		output_line("out of memory");
		return GMEMTRACE_ERROR;
	}
	status = trace_run(run, NULL, &result);
	if (!status)
		status = run_status_worse(run_status(&result, NULL), flame_write(flame, folded));
	report_folded_free(folded);
	return status;
}

/* What is kept of the capture @file. NULL and @status: it was said. */
static struct report_profile *profile_read(const struct flame *flame, const char *file,
					   enum gmemtrace_status *status)
{
	struct run_options source = flame->options.run;
	struct report_profile *profile = NULL;
	struct report_folded *folded;
	struct run_result result;
	struct run *run;

	source.file = file;
	*status = run_open(&run, &source);
	if (*status)
		return NULL;
	options_narrow(&flame->options.pages, run);
	folded = report_folded_create(run_model(run));
	if (folded) {
		*status = trace_run(run, NULL, &result);
		if (!*status) {
			*status = run_status(&result, NULL);
			profile = report_profile_create(run_model(run), folded, flame->by);
		}
	}
	if (!profile && !*status) {
		output_line("out of memory");
		*status = GMEMTRACE_ERROR;
	}
	report_folded_free(folded);
	run_close(run);
	return profile;
}

static enum gmemtrace_status diff_write(const struct flame *flame,
					const struct report_profile *before,
					const struct report_profile *after)
{
	const char *reason = report_diff_refusal(before, after, flame->weight);
	struct output *output;
	char title[512];
	int error;

	if (reason) {
		output_line("%s, %s: not to be compared: %s", flame->options.run.file,
			    flame->second, reason);
		return GMEMTRACE_ERROR;
	}
	output = output_open(flame->out);
	if (!output)
		return GMEMTRACE_ERROR;
	snprintf(title, sizeof(title), "%s, then %s", file_name(flame->options.run.file),
		 file_name(flame->second));
	if (flame->html)
		error = report_diff_page(output_stream(output), before, after, title);
	else
		error = (flame->svg ? report_diff_svg : report_diff_folded)(
			output_stream(output), before, after, flame->weight);
	return page_close(output, error);
}

static enum gmemtrace_status diff_run(const struct flame *flame)
{
	enum gmemtrace_status first, second = 0;
	struct report_profile *before = profile_read(flame, flame->options.run.file, &first);
	struct report_profile *after = before ? profile_read(flame, flame->second, &second) : NULL;
	enum gmemtrace_status status = run_status_worse(first, second);

	if (after)
		status = run_status_worse(status, diff_write(flame, before, after));
	report_profile_free(before);
	report_profile_free(after);
	return status;
}

int subcommand_flame(int argc, char **argv, char **command)
{
	struct flame flame = { .out = "-",
			       .weight = REPORT_WEIGHT_NS,
			       .by = REPORT_BY_STACK,
			       .options.run = { .flushes = true, .stack_rate = 1 },
			       .options.pages_apply = true };
	enum gmemtrace_status status;
	struct run *run;

	options_parse(&flame_argp, argc, argv, &flame, &flame.options, command);
	flame.options.run.command_aside = !strcmp(flame.out, "-");
	if (flame.diff)
		return diff_run(&flame);
	status = run_open(&run, &flame.options.run);
	if (status)
		return status;
	status = flame.html ? page_run(&flame, run) : flame_run(&flame, run);
	run_close(run);
	return status;
}
