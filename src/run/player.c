// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>

#include "run/file.h"
#include "run/filter.h"
#include "run/player.h"
#include "run/replay.h"
#include "run/say.h"

struct player {
	struct run_options options;
	struct model_options model_options;
	struct replay replay;
	struct filter filter;
	struct model *model;
	struct verdict *verdict; /* NULL: nobody judges */
	const struct record_header *held; /* read, and not fed yet; NULL: none */
	__u64 last; /* ns */
	int read; /* what was said of the last record, or of the end */
	bool ended;
	bool memory_short; /* of the model: a part was not played */
};

/* A capture that was killed has no times in its header: its blocks have. */
static void times_find(struct player *player)
{
	struct capture_reader *reader;
	long blocks;

	if (capture_open(player->options.file, &reader, NULL, 0))
		return;
	blocks = capture_blocks(reader);
	for (long i = 0; i < blocks; i++) {
		const struct capture_block *block = &capture_place(reader, (size_t)i)->block;

		if (block->time_last > player->last)
			player->last = block->time_last;
	}
	capture_reader_close(reader);
}

static enum gmemtrace_status player_begin(struct player *player)
{
	enum gmemtrace_status status = replay_open(&player->replay, &player->options);
	const struct capture_header *header;

	if (status)
		return status;
	if (!file_regular(player->options.file)) {
		run_say(&player->options,
			"%s: what can be read once only cannot be played: --batch prints lines",
			player->options.file);
		return GMEMTRACE_ERROR;
	}
	header = &capture_info(player->replay.reader)->header;
	player->last = header->time_last;
	if (!player->last)
		times_find(player);
	player->model_options = player->options.model;
	player->model_options.vm = filter_vm(&player->options);
	if (!player->model_options.vm)
		player->model_options.vm = player->replay.vm;
	if (!player->model_options.stuck_ns)
		player->model_options.stuck_ns = player->replay.stuck_ns;
	filter_init(&player->filter, &player->options);
	player->model = model_create(&player->model_options);
	if (player->model)
		return 0;
	run_say(&player->options, "out of memory");
	return GMEMTRACE_ERROR;
}

enum gmemtrace_status player_open(struct player **out, const struct run_options *options)
{
	struct player *player = calloc(1, sizeof(*player));
	enum gmemtrace_status status;

	*out = NULL;
	if (!player) {
		run_say(options, "out of memory");
		return GMEMTRACE_ERROR;
	}
	player->options = *options;
	status = player_begin(player);
	if (status) {
		player_close(player);
		return status;
	}
	*out = player;
	return 0;
}

void player_close(struct player *player)
{
	if (!player)
		return;
	model_free(player->model);
	filter_destroy(&player->filter);
	replay_close(&player->replay);
	free(player);
}

__u64 player_last(const struct player *player)
{
	return player->last;
}

__u64 player_records(const struct player *player)
{
	return capture_info(player->replay.reader)->header.records;
}

struct model *player_model(struct player *player)
{
	return player->model;
}

/* The last block that begins with no later record than the @read-th; its number, or -1. */
static long block_of(struct capture_reader *reader, __u64 read)
{
	long low = 0, high = capture_blocks(reader) - 1;

	while (low < high) {
		long middle = high - (high - low) / 2;

		if (capture_place(reader, (size_t)middle)->block.before <= read)
			low = middle;
		else
			high = middle - 1;
	}
	return high;
}

int player_reopen(struct player *player)
{
	__u64 read = capture_info(player->replay.reader)->records, before = 0;
	const struct record_header *record;
	struct capture_reader *reader;
	int error = capture_open(player->options.file, &reader, NULL, 0);
	long block;

	if (error)
		return error;
	/* Who reads ahead has threads, and they were not forked: the old one is left alone. */
	player->replay.reader = reader;
	block = block_of(reader, read);
	if (block > 0) {
		before = capture_place(reader, (size_t)block)->block.before;
		error = capture_seek(reader, (size_t)block);
	}
	while (!error && before + capture_info(reader)->records < read)
		error = capture_next(reader, &record) > 0 ? 0 : -ESTALE;
	return error;
}

void player_judge(struct player *player, struct verdict *verdict)
{
	player->verdict = verdict;
}

enum player_wrong player_wrong(const struct player *player, const char **message)
{
	*message =
		player->memory_short ? REPLAY_MEMORY_SHORT : capture_message(player->replay.reader);
	if (player->memory_short)
		return PLAYER_IN_PART;
	if (player->read < 0)
		return PLAYER_DAMAGED;
	return replay_incomplete(&player->replay, player->read) ? PLAYER_CUT : PLAYER_WHOLE;
}

static void player_incomplete(const struct player *player, const char *why)
{
	if (player->verdict && why)
		verdict_mark_incomplete(player->verdict, why);
}

void player_mark_damaged(struct player *player)
{
	player_incomplete(player, REPLAY_DAMAGED);
}

/* What is damaged or cut ends it. */
static const struct record_header *player_next(struct player *player)
{
	const struct record_header *record = player->held;
	char why[256];

	player->held = NULL;
	if (record)
		return record;
	player->read = replay_next(&player->replay, &record);
	if (player->read <= 0) {
		player_incomplete(player, replay_incomplete(&player->replay, player->read));
		return NULL;
	}
	if (replay_fact_incomplete(record, why, sizeof(why)))
		player_incomplete(player, why);
	return record;
}

static __u64 player_time(const struct player *player)
{
	struct model_counts counts;

	model_count(player->model, &counts);
	return counts.now;
}

/* Behind its last record, or where the model gets no memory for the next. */
static void player_end(struct player *player, bool memory_short)
{
	player->ended = true;
	player->memory_short = model_finish(player->model) || memory_short;
	if (player->memory_short)
		player_incomplete(player, REPLAY_MEMORY_SHORT);
}

/* The model's time, after the next record; heartbeats alone move it on. */
static __u64 player_feed(struct player *player, __u64 now, __u64 most)
{
	const struct record_header *record = player_next(player), *passed;
	bool beat = record && record->kind == RECORD_HEARTBEAT;

	if (beat && ((const struct record_heartbeat *)record)->watermark > most) {
		player->held = record;
		return now;
	}
	passed = record ? filter_apply(&player->filter, record) : NULL;
	if (!record || (passed && model_feed(player->model, passed)))
		player_end(player, record);
	return beat || player->ended ? player_time(player) : now;
}

bool player_play(struct player *player, __u64 time, __u64 records)
{
	__u64 now = player_time(player);

	/* No moment is behind the last that there can be: until then is to the end. */
	for (__u64 fed = 0;
	     !player->ended && (now < time || time == ~0ULL) && (!records || fed < records); fed++)
		now = player_feed(player, now, ~0ULL);
	return player->ended;
}

bool player_play_before(struct player *player, __u64 time)
{
	__u64 now = player_time(player);

	do {
		now = player_feed(player, now, time);
	} while (!player->ended && !player->held);
	return player->ended;
}
