// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "run/filter.h"
#include "run/player.h"
#include "run/replay.h"
#include "run/say.h"

struct player {
	struct run_options options;
	struct model_options model_options;
	player_attach attach;
	void *context;
	struct replay replay;
	struct filter filter;
	struct model *model;
	__u64 first, last; /* ns */
	bool ended;
};

/* A capture that was killed has no times in its header: its blocks have. */
static void times_find(struct player *player)
{
	struct capture_reader *reader = player->replay.reader;
	const struct capture_header *header = &capture_info(reader)->header;
	long blocks;

	player->first = header->time_first;
	player->last = header->time_last;
	if (player->last)
		return;
	blocks = capture_blocks(reader);
	for (long i = 0; i < blocks; i++) {
		const struct capture_block *block = &capture_place(reader, (size_t)i)->block;

		if (!player->first || block->time_first < player->first)
			player->first = block->time_first;
		if (block->time_last > player->last)
			player->last = block->time_last;
	}
}

static enum gmemtrace_status player_begin(struct player *player)
{
	enum gmemtrace_status status = replay_open(&player->replay, &player->options);

	if (status)
		return status;
	if (!player->last)
		times_find(player);
	player->model_options = player->options.model;
	player->model_options.vm = player->options.vm ? player->options.vm : player->replay.vm;
	if (!player->model_options.stuck_ns)
		player->model_options.stuck_ns = player->replay.stuck_ns;
	player->filter = (struct filter){ .vm = player->options.vm };
	player->model = model_create(&player->model_options);
	player->ended = false;
	if (player->model && player->attach(player->context, player->model))
		return 0;
	run_say(&player->options, "out of memory");
	return GMEMTRACE_ERROR;
}

static void player_end(struct player *player)
{
	model_free(player->model);
	player->model = NULL;
	filter_destroy(&player->filter);
	replay_close(&player->replay);
}

enum gmemtrace_status player_open(struct player **out, const struct run_options *options,
				  player_attach attach, void *context)
{
	struct player *player = calloc(1, sizeof(*player));
	enum gmemtrace_status status;

	*out = NULL;
	if (!player) {
		run_say(options, "out of memory");
		return GMEMTRACE_ERROR;
	}
	player->options = *options;
	player->attach = attach;
	player->context = context;
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
	player_end(player);
	free(player);
}

enum gmemtrace_status player_rewind(struct player *player)
{
	struct model *model = player->model;
	enum gmemtrace_status status;

	/* Whoever watches the old model lets go of it when he is given the new one. */
	player->model = NULL;
	player_end(player);
	status = player_begin(player);
	model_free(model);
	return status;
}

__u64 player_first(const struct player *player)
{
	return player->first;
}

__u64 player_last(const struct player *player)
{
	return player->last;
}

struct model *player_model(struct player *player)
{
	return player->model;
}

/* What is damaged or cut ends it, and was said when it was opened, or by check. */
static bool player_feed(struct player *player)
{
	const struct record_header *record;

	if (capture_next(player->replay.reader, &record) <= 0)
		return false;
	record = filter_apply(&player->filter, record);
	return !record || !model_feed(player->model, record);
}

bool player_play(struct player *player, __u64 time, __u64 records)
{
	struct model_counts counts;

	model_count(player->model, &counts);
	for (__u64 fed = 0; !player->ended && counts.now < time && (!records || fed < records);
	     fed++) {
		if (!player_feed(player)) {
			player->ended = true;
			model_finish(player->model);
		}
		/* The model's time goes on with heartbeats: no need to ask more often. */
		if (fed % 16 == 15 || player->ended)
			model_count(player->model, &counts);
	}
	return player->ended;
}
