// SPDX-License-Identifier: GPL-2.0
/* gmemtrace why: the story of a page. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/plural.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "gmemtrace/report.h"
#include "run/address.h"
#include "run/guest.h"

#define LIVE_DEFAULT 1000000000ULL /* ns: long enough to read what there is */

struct why {
	struct options options;
	const char *text; /* as it was asked for */
	struct story_subject subject;
	bool all, json;
};

enum why_key {
	KEY_ALL = 0x400,
	KEY_JSON,
};

static const struct argp_option why_table[] = {
	{ NULL, 0, NULL, 0, "What is told:", 1 },
	{ "all", KEY_ALL, NULL, 0, "every step, also of a long story", 1 },
	{ "json", KEY_JSON, NULL, 0, "one JSON object, with every step", 1 },
	{ 0 },
};

static void subject_take(const struct argp_state *state, struct why *why, const char *text)
{
	switch (story_parse(text, &why->subject)) {
	case 0:
		why->text = text;
		return;
	case -E2BIG:
		options_usage(state->name, "%s: a story is told of %d pages at most", text,
			      STORY_PAGES_MAX);
	default:
		options_usage(
			state->name,
			"%s: give INODE:PGOFF such as g6:0x104 or g6:0x100-0x107, pfn:0x6e5c, "
			"or PID:ADDRESS",
			text);
	}
}

static error_t why_parse(int key, char *text, struct argp_state *state)
{
	struct why *why = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		options_init_children(state, &why->options, OPTIONS_CHILDREN);
		return 0;
	case KEY_ALL:
		why->all = true;
		return 0;
	case KEY_JSON:
		why->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (!why->text)
			subject_take(state, why, text);
		else
			options_take_file(state, &why->options, text);
		return 0;
	case ARGP_KEY_END:
		if (!why->text)
			options_usage(state->name, "which page? Give INODE:PGOFF, pfn:N or "
						   "PID:ADDRESS");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp why_argp = {
	why_table,
	why_parse,
	"INODE:PGOFF[-PGOFF] | pfn:N | PID:ADDRESS [FILE | -- CMD...]",
	"Tells the story of a page: who changed it, when, from where, and what each source says of "
	"it at the end. From the capture FILE, which needs no privilege; live while CMD runs; or "
	"of "
	"what is there now, read for a second.\v"
	"Exit status: 0 told, 2 there is no such page, or another error, 4 cannot run here, 64 "
	"usage "
	"error.",
	options_children,
	NULL,
	NULL,
};

static void why_no_mapping(const struct why *why, int error)
{
	if (error == -ENOENT && why->subject.address >= ADDRESS_KERNEL)
		output_line("%s: that is an address of the kernel's: give pfn:N or INODE:PGOFF",
			    why->text);
	else if (error == -ENOENT)
		output_line("%s: nothing is mapped there", why->text);
	else if (error == -EACCES || error == -EPERM)
		output_line("%s: cannot read its mappings: %s: that needs CAP_SYS_PTRACE, or to be "
			    "its user",
			    why->text, strerror(-error));
	else
		output_line("%s: cannot read its mappings: %s", why->text, strerror(-error));
}

/* Neither mapped from one of our files, nor behind a memory slot. */
static void why_not_ours(const struct why *why, const struct address_page *page, size_t files)
{
	const char *name = *page->name ? page->name : "anonymous memory";

	if (why->options.run.file)
		output_line("%s: no VM of that process has a memory slot with guest_memfd there in "
			    "this capture: give INODE:PGOFF or pfn:N",
			    why->text);
	else if (files)
		output_line("%s: that is %s; this process has %zu guest_memfd%s, and no memory "
			    "slot that could be read has one of them there: give INODE:PGOFF, as "
			    "gmemtrace live names it",
			    why->text, name, files, plural(files));
	else
		output_line("%s: that is %s, neither guest_memfd nor memfd_secret memory",
			    why->text, name);
}

static const char *guest_page_words(const struct guest_page *page)
{
	if (page->is_private)
		return "private";
	if (page->mappable)
		return "shared now: of a guest_memfd that can be mapped the guest may have this "
		       "page all the same";
	return "shared now: what is there is the process's own memory, and this is the page that "
	       "it has while private";
}

/* What is private to a VM is mapped by nobody: its slots say which page belongs there. */
static enum gmemtrace_status why_resolve_guest(struct why *why, const struct address_page *mapped,
					       size_t files)
{
	const struct run_options *options = &why->options.run;
	struct guest_page page = { .pid = why->subject.pid, .address = why->subject.address };
	enum gmemtrace_status status = guest_find(options, &page);

	if (status)
		return status;
	if (!page.found) {
		why_not_ours(why, mapped, files);
		return GMEMTRACE_ERROR;
	}
	output_line("%s: guest frame 0x%" PRIx64 " of its VM, %s", why->text, page.gfn,
		    guest_page_words(&page));
	/* A capture's numbers are the same in each run of it, others are not. */
	why->subject = (struct story_subject){ .about = STORY_PAGES,
					       .inode = options->file ? page.inode : 0,
					       .i_ino = options->file ? 0 : page.i_ino,
					       .first = page.pgoff,
					       .last = page.pgoff };
	return 0;
}

/* An address becomes a page of an inode that is known by its number in its file system. */
static enum gmemtrace_status why_resolve(struct why *why)
{
	struct address_page page = { .i_ino = 0 };
	size_t files;
	int error;

	if (why->options.run.file)
		return why_resolve_guest(why, &page, 0);
	error = address_resolve(why->subject.pid, why->subject.address, &page);
	if (!error && page.i_ino && page.ours) {
		why->subject = (struct story_subject){ .about = STORY_PAGES,
						       .i_ino = page.i_ino,
						       .first = page.pgoff,
						       .last = page.pgoff };
		return 0;
	}
	files = address_guest_files(why->subject.pid);
	if (files && (!error || error == -ENOENT))
		return why_resolve_guest(why, &page, files);
	if (error)
		why_no_mapping(why, error);
	else
		why_not_ours(why, &page, 0);
	return GMEMTRACE_ERROR;
}

/* "g1 to g6", or the only one. */
static void inodes_words(const struct model *model, char *words, size_t size)
{
	char first[MODEL_INODE_NAME_MAX], last[MODEL_INODE_NAME_MAX];
	const struct model_inode *inode = NULL, *end = NULL;
	size_t nr = 0;

	while ((inode = model_inode_next(model, inode))) {
		if (!nr++)
			model_inode_name(inode, first, sizeof(first));
		end = inode;
	}
	model_inode_name(end, last, sizeof(last));
	if (!nr)
		snprintf(words, size, "there is no inode at all");
	else if (nr == 1)
		snprintf(words, size, "there is %s alone", first);
	else
		snprintf(words, size, "there are %zu, %s to %s", nr, first, last);
}

static enum gmemtrace_status why_no_inode(const struct why *why, const struct model *model)
{
	bool filtered = why->options.run.vm || why->options.run.comm;
	char words[96];

	/* That nothing passes has been said. */
	if (filtered && !model_inode_next(model, NULL))
		return GMEMTRACE_ERROR;
	inodes_words(model, words, sizeof(words));
	output_line("%s: no such inode %s%s: %s", why->text,
		    why->options.run.file ? "in this capture" : "here",
		    filtered ? " that passes the filter" : "", words);
	return GMEMTRACE_ERROR;
}

/* What was asked for is a page, and of the kind that was named. */
static enum gmemtrace_status why_check(const struct why *why, const struct story *story)
{
	const struct model_inode *inode = story_inode(story);
	char name[MODEL_INODE_NAME_MAX];

	if (why->subject.about == STORY_FRAME) {
		if (story_steps(story))
			return 0;
		output_line("%s: no inode is known to have had it", why->text);
		return GMEMTRACE_ERROR;
	}
	if (!inode)
		return why_no_inode(why, story_model(story));
	model_inode_name(inode, name, sizeof(name));
	if (why->subject.letter && why->subject.letter != *name) {
		output_line("%s: that inode is %s here (%s): is it another capture's number?",
			    why->text, name, model_provider_name(inode->provider));
		return GMEMTRACE_ERROR;
	}
	if (inode->pages && why->subject.last >= inode->pages) {
		output_line("%s: outside: %s has %" PRIu64 " page%s, 0 to 0x%" PRIx64, why->text,
			    name, (uint64_t)inode->pages, plural(inode->pages),
			    (uint64_t)inode->pages - 1);
		return GMEMTRACE_ERROR;
	}
	return 0;
}

static enum gmemtrace_status why_report(const struct why *why, const struct story *story,
					const struct verdict *verdict)
{
	enum gmemtrace_status status = why_check(why, story);
	struct output *output;
	int error;

	if (status)
		return status;
	output = output_open("-");
	if (!output)
		return GMEMTRACE_ERROR;
	if (why->json)
		error = report_story_json(output_stream(output), story, verdict);
	else
		error = report_story_text(output_stream(output), story, verdict, why->all);
	return output_close(output, error);
}

static enum gmemtrace_status why_run(const struct why *why, struct run *run)
{
	struct verdict *verdict = verdict_create(run_model(run), NULL);
	struct story *story = story_create(run_model(run), &why->subject);
	enum gmemtrace_status status = GMEMTRACE_ERROR;
	struct run_result result;

	if (!verdict || !story) {
		output_line("out of memory");
		goto cleanup;
	}
	status = trace_run(run, verdict, &result);
	if (!status)
		status = run_status_worse(run_status(&result, NULL),
					  why_report(why, story, verdict));
cleanup:
	story_free(story);
	verdict_free(verdict);
	return status;
}

/* All that gmemtraced remembers, where it does; else what can be read in a moment. */
static void why_past(struct run_options *options)
{
	if (!options->since)
		options->since = ~0ULL;
	if (!options->since_asked)
		options->duration = LIVE_DEFAULT;
}

int subcommand_why(int argc, char **argv, char **command)
{
	struct why why = { .options = { .inode_means = "the page says whose it is: INODE:PGOFF",
					.pages_mean = "the page says which: INODE:PGOFF-PGOFF" } };
	struct run_options *options = &why.options.run;
	enum gmemtrace_status status = 0;
	struct run *run;

	options_parse(&why_argp, argc, argv, &why, &why.options, command);
	if (why.subject.about == STORY_ADDRESS)
		status = why_resolve(&why);
	if (status)
		return status;
	options->command_aside = true;
	options->subject = &why.subject;
	if (!options->file && !options->command && !options->duration)
		why_past(options);
	status = run_open(&run, options);
	if (status)
		return status;
	status = why_run(&why, run);
	run_close(run);
	return status;
}
