// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "run/focus.h"

/* What tells of a page without naming its inode stands near what does. */
static void wanted_mark(struct focus *focus, size_t block)
{
	focus->wanted[block] = 1;
	if (block)
		focus->wanted[block - 1] = 1;
	if (block + 1 < focus->blocks)
		focus->wanted[block + 1] = 1;
}

/* Where records were lost, each one of them may say so: then all blocks are read. */
static bool index_suffices(const struct capture_info *info, const struct story_subject *subject)
{
	return subject->about == STORY_PAGES && subject->inode && !info->incomplete &&
	       !info->header.lost && !info->header.missed;
}

/*
 * Whether all that the header counts is in the blocks that can be found. Else they are read one after
 * the other, up to where something is missing.
 */
static bool blocks_whole(const struct capture_reader *reader, size_t blocks)
{
	const struct capture_header *header = &capture_info(reader)->header;
	const struct capture_place *last = capture_place(reader, blocks - 1);

	return last->offset + last->block.size == header->index &&
	       last->block.before + last->block.records == header->records;
}

static int wanted_choose(struct focus *focus, struct capture_reader *reader,
			 const struct story_subject *subject)
{
	long blocks;

	if (!index_suffices(capture_info(reader), subject))
		return 0;
	blocks = capture_blocks(reader);
	if (blocks <= 0)
		return blocks == -ENOMEM ? -ENOMEM : 0;
	if (!blocks_whole(reader, (size_t)blocks))
		return 0;
	focus->blocks = (size_t)blocks;
	focus->wanted = calloc(focus->blocks, 1);
	if (!focus->wanted)
		return -ENOMEM;
	focus->wanted[0] = focus->wanted[focus->blocks - 1] = 1;
	for (size_t i = 0; i < focus->blocks; i++) {
		const struct capture_place *place = capture_place(reader, i);

		if (!place->block.inodes || capture_place_has(place, (__u32)subject->inode))
			wanted_mark(focus, i);
	}
	return 0;
}

void focus_begin(struct focus *focus)
{
	focus->block = 0;
	focus->left = 0;
}

/* 1: a block is at hand; 0: none is left; or -errno. */
static int block_next(struct focus *focus, struct capture_reader *reader)
{
	size_t next = focus->block;
	int error = 0;

	while (next < focus->blocks && !focus->wanted[next])
		next++;
	if (next == focus->blocks)
		return 0;
	if (!next || next != focus->block)
		error = capture_seek(reader, next);
	if (error)
		return error;
	focus->left = capture_place(reader, next)->block.records;
	focus->block = next + 1;
	return 1;
}

/* A record of a kind that this version does not know was passed over with the next one. */
static void block_count(struct focus *focus, const struct capture_reader *reader, __u64 read)
{
	while (read > focus->left && focus->block < focus->blocks) {
		read -= focus->left;
		focus->left = capture_place(reader, focus->block)->block.records;
		focus->block++;
	}
	focus->left -= read < focus->left ? (__u32)read : focus->left;
}

static int record_next(struct focus *focus, struct capture_reader *reader,
		       const struct record_header **record)
{
	const struct capture_info *info = capture_info(reader);
	__u64 before = info->records;
	int got;

	if (!focus->wanted)
		return capture_next(reader, record);
	while (!focus->left) {
		got = block_next(focus, reader);
		/* The last block was read: it has to end there. */
		if (!got)
			return capture_next(reader, record);
		if (got < 0)
			return got;
	}
	got = capture_next(reader, record);
	if (got > 0)
		block_count(focus, reader, info->records - before);
	return got;
}

int focus_choose(struct focus *focus, struct capture_reader *reader,
		 const struct record_header **record)
{
	int got;

	while ((got = record_next(focus, reader, record)) > 0) {
		*record = story_filter_apply(&focus->filter, *record);
		if (*record)
			return 1;
	}
	return got;
}

int focus_learn(struct focus *focus, struct capture_reader *reader,
		const struct story_subject *subject)
{
	const struct record_header *record;
	int got;

	story_filter_init(&focus->filter, subject);
	got = wanted_choose(focus, reader, subject);
	if (got)
		return got;
	focus_begin(focus);
	while (record_next(focus, reader, &record) > 0) {
		if (story_filter_learn(&focus->filter, record))
			return -ENOMEM;
	}
	/* What is damaged is met again, and told of, when it is fed. */
	focus->on = true;
	return 0;
}

void focus_free(struct focus *focus)
{
	story_filter_free(&focus->filter);
	free(focus->wanted);
	*focus = (struct focus){ .on = false };
}
