// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/escape.h"
#include "run/file.h"
#include "run/filter.h"
#include "run/lose.h"
#include "run/redact.h"
#include "run/replay.h"
#include "run/say.h"

#define FACTS_ROOM (1U << 20) /* bytes of facts that are looked at before the model is made */

static void facts_take(struct replay *replay, const struct record_fact *fact)
{
	const char *key = record_fact_key(fact);

	if (key && !strcmp(key, "option.stuck_ns"))
		replay->stuck_ns = strtoull(record_fact_value(fact), NULL, 10);
	else if (key && !strcmp(key, "option.vm"))
		replay->vm = (uint32_t)strtoul(record_fact_value(fact), NULL, 10);
}

static bool facts_keep(struct replay *replay, const struct record_header *record)
{
	char *grown = realloc(replay->facts, replay->facts_used + record->size);

	if (!grown)
		return false;
	memcpy(grown + replay->facts_used, record, record->size);
	replay->facts = grown;
	replay->facts_used += record->size;
	return true;
}

/*
 * The facts that a recorder writes first say what the model is to be like. They are kept for it, as
 * a pipe can be read once only; false: out of memory.
 */
static bool facts_read(struct replay *replay)
{
	while ((replay->read = capture_next(replay->reader, &replay->ahead)) == 1 &&
	       replay->ahead->kind == RECORD_FACT && replay->facts_used < FACTS_ROOM) {
		facts_take(replay, (const struct record_fact *)replay->ahead);
		if (!facts_keep(replay, replay->ahead))
			return false;
	}
	return true;
}

static int replay_reopen(struct replay *replay, const char *path, char *message,
			 size_t message_size)
{
	int error;

	capture_reader_close(replay->reader);
	error = capture_open(path, &replay->reader, message, message_size);
	if (error)
		replay->reader = NULL;
	return error;
}

/* Looks through it once; then it is opened anew. A pipe can be read once only: all of it is fed. */
static int replay_focus(struct replay *replay, const struct run_options *options, char *message,
			size_t message_size)
{
	int error = replay_reopen(replay, options->file, message, message_size);

	if (error)
		return error;
	snprintf(message, message_size, "out of memory");
	error = focus_learn(&replay->focus, replay->reader, options->subject);
	if (error)
		return error;
	focus_begin(&replay->focus);
	error = replay_reopen(replay, options->file, message, message_size);
	if (error)
		return error;
	replay->facts_used = 0;
	replay->read = focus_next(&replay->focus, replay->reader, &replay->ahead);
	return 0;
}

enum gmemtrace_status replay_open(struct replay *replay, const struct run_options *options)
{
	char message[512] = "out of memory";

	if (capture_open(options->file, &replay->reader, message, sizeof(message))) {
		replay->reader = NULL;
		goto failed;
	}
	if (!facts_read(replay))
		goto failed;
	if (options->subject && file_regular(options->file) &&
	    replay_focus(replay, options, message, sizeof(message)))
		goto failed;
	return 0;
failed:
	run_say(options, "%s", message);
	return GMEMTRACE_ERROR;
}

int replay_next(struct replay *replay, const struct record_header **record)
{
	if (replay->facts_told < replay->facts_used) {
		*record = (const void *)(replay->facts + replay->facts_told);
		replay->facts_told += (*record)->size;
		return 1;
	}
	if (replay->ahead_told)
		return focus_next(&replay->focus, replay->reader, record);
	replay->ahead_told = true;
	*record = replay->ahead;
	return replay->read;
}

const char *replay_incomplete(const struct replay *replay, int read)
{
	const struct capture_info *info = capture_info(replay->reader);

	if (read < 0)
		return REPLAY_DAMAGED;
	if (info->cut)
		return "the capture is cut: its end is missing";
	return info->incomplete ? "the capture was never finished" : NULL;
}

bool replay_fact_incomplete(const struct record_header *record, char *why, size_t size)
{
	const struct record_fact *fact = (const void *)record;
	const char *key = record->kind == RECORD_FACT ? record_fact_key(fact) : NULL;

	if (!key || strcmp(key, RUN_INCOMPLETE_FACT))
		return false;
	escape_text(why, size, record_fact_value(fact));
	return true;
}

/* Takes what a replay needs besides the model. */
struct feed {
	const struct run_options *options;
	struct model *model;
	struct verdict *verdict;
	struct run_result *result;
	struct filter filter;
	struct redact redact;
	struct capture_writer *writer; /* NULL: none is written, or that has failed */
	uint64_t simulate_loss; /* records that are still to be told of as lost */
};

/* @why is for the verdict; what there is to say was said. */
static void feed_incomplete(const struct feed *feed, const char *why)
{
	feed->result->whole = false;
	if (feed->verdict)
		verdict_mark_incomplete(feed->verdict, why);
}

static void feed_fail(const struct feed *feed, const char *why)
{
	feed->result->failure = GMEMTRACE_ERROR;
	feed_incomplete(feed, why);
}

/* What the live run knew and the stream alone does not show. */
static void feed_fact(const struct feed *feed, const struct record_header *record)
{
	char why[256];

	if (replay_fact_incomplete(record, why, sizeof(why)))
		feed_incomplete(feed, why);
}

static void feed_memory_short(const struct feed *feed)
{
	run_say(feed->options, "out of memory for the model: the rest of %s is not judged",
		feed->options->file);
	feed_fail(feed, REPLAY_MEMORY_SHORT);
}

/* What was kept is valid; the rest is judged. */
static void copy_fail(struct feed *feed)
{
	const char *line = capture_take_error(feed->writer);

	if (line)
		run_say(feed->options, "%s", line);
	feed->result->capture_failed = true;
	feed->result->failure = GMEMTRACE_ERROR;
}

static void copy_record(struct feed *feed, const struct record_header *record)
{
	if (feed->writer && !feed->result->capture_failed && capture_append(feed->writer, record))
		copy_fail(feed);
}

/* Where the capture at hand is not whole, its copy is not either. */
static void copy_end(struct feed *feed)
{
	struct run_result *result = feed->result;

	if (!feed->writer)
		return;
	if (result->whole && !result->failure && capture_finish(feed->writer))
		copy_fail(feed);
	capture_written(feed->writer, &result->captured);
	capture_close(feed->writer);
	feed->writer = NULL;
}

/* false: it ends here. */
static bool feed_record(struct feed *feed, const struct record_header *record)
{
	record = filter_apply(&feed->filter, record);
	if (!record)
		return true;
	feed_fact(feed, record);
	record = redact_apply(&feed->redact, record);
	if (!record) {
		feed_memory_short(feed);
		return false;
	}
	copy_record(feed, record);
	if (!model_feed(feed->model, record) &&
	    (!feed->simulate_loss || !lose_after(feed->model, record, &feed->simulate_loss)))
		return true;
	feed_memory_short(feed);
	return false;
}

/* A capture whose writer was killed, that lost its end on the way here, or is damaged. */
static void feed_end(const struct feed *feed, const struct replay *replay, int read)
{
	const char *message = capture_message(replay->reader);
	const char *why = replay_incomplete(replay, read);

	if (!why)
		return;
	if (*message)
		run_say(feed->options, "%s", message);
	if (read < 0)
		feed_fail(feed, why);
	else
		feed_incomplete(feed, why);
}

static void feed_all(struct feed *feed, struct replay *replay, const volatile sig_atomic_t *enough)
{
	const struct record_header *record;
	int read = 0;

	while (!*enough && (read = replay_next(replay, &record)) > 0) {
		if (!feed_record(feed, record))
			return;
	}
	if (!*enough)
		feed_end(feed, replay, read);
}

/* 0, or an exit status: it was said. */
static enum gmemtrace_status feed_begin(struct feed *feed)
{
	const struct run_options *options = feed->options;
	char message[512] = "out of memory";

	filter_init(&feed->filter, options);
	if (!(options->redact && redact_init(&feed->redact)) &&
	    !(options->capture &&
	      capture_create(options->capture, &feed->writer, message, sizeof(message))))
		return 0;
	run_say(options, "%s", message);
	redact_destroy(&feed->redact);
	filter_destroy(&feed->filter);
	return GMEMTRACE_ERROR;
}

enum gmemtrace_status replay_run(struct replay *replay, const struct run_options *options,
				 struct model *model, struct verdict *verdict,
				 const volatile sig_atomic_t *enough, struct run_result *result)
{
	struct feed feed = {
		.options = options,
		.model = model,
		.verdict = verdict,
		.result = result,
		.simulate_loss = options->simulate_loss,
	};
	enum gmemtrace_status status = feed_begin(&feed);
	struct model_counts counts;
	bool memory_short;

	if (status)
		return status;
	result->whole = true;
	feed_all(&feed, replay, enough);
	memory_short = model_failed(model);
	/* Also where memory is short already: what was proved before is said. */
	if (model_finish(model) && !memory_short)
		feed_memory_short(&feed);
	model_count(model, &counts);
	result->begin = counts.started;
	result->end = counts.now;
	result->command_status = *enough ? -1 : counts.command_status;
	result->inodes = feed.filter.inodes;
	result->elsewhere = feed.filter.elsewhere;
	copy_end(&feed);
	redact_destroy(&feed.redact);
	filter_destroy(&feed.filter);
	return 0;
}

void replay_close(struct replay *replay)
{
	focus_free(&replay->focus);
	capture_reader_close(replay->reader);
	replay->reader = NULL;
	free(replay->facts);
	replay->facts = NULL;
}
