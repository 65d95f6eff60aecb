// SPDX-License-Identifier: GPL-2.0
/*
 * Requests that ran at the same time on one inode, and so may have left each other's state behind.
 *
 * Each one that ends is written down once, while others are open; who ends reads what was written
 * since it began. The last of them are told apart, those before are taken together by pairs, again
 * and again: what is not told apart only makes more legal.
 */
#include "model/state.h"

static void ended_join(struct ended *ended, const struct ended *next)
{
	ended->number = next->number;
	ended->first = next->first < ended->first ? next->first : ended->first;
	ended->last = next->last > ended->last ? next->last : ended->last;
	ended->task = next->task == ended->task ? ended->task : NULL;
	ended->present |= next->present;
	ended->absent |= next->absent;
	ended->failed |= next->failed;
}

/* Makes room: of all but the last ENDED_APART every two become one. */
static void ended_pair(struct inode *inode)
{
	size_t pairs = (inode->ended_nr - ENDED_APART) / 2;
	struct ended *list = inode->ended;

	for (size_t i = 0; i < pairs; i++) {
		list[i] = list[2 * i];
		ended_join(&list[i], &list[2 * i + 1]);
	}
	inode->ended_nr -= pairs;
	memmove(list + pairs, list + 2 * pairs, (inode->ended_nr - pairs) * sizeof(*list));
}

void conflict_ended(struct model *model, const struct request *request)
{
	const struct model_request *base = &request->base;
	struct inode *inode = request->inode;

	inode->ended_count++;
	if (!inode->open)
		return;
	if (inode->ended_nr == ENDED_MAX)
		ended_pair(inode);
	if (!model_grow(model, &inode->ended, inode->ended_nr, &inode->ended_room,
			sizeof(*inode->ended)))
		return;
	inode->ended[inode->ended_nr++] = (struct ended){
		.number = inode->ended_count,
		.first = base->pgoff_first,
		.last = base->pgoff_last,
		.task = request->task,
		.present = base->state,
		.absent = !base->state,
		.failed = base->result < 0,
	};
}

void conflicts_forget(struct model *model, struct inode *inode)
{
	model_release(model, inode->ended, inode->ended_room * sizeof(*inode->ended));
	inode->ended = NULL;
	inode->ended_nr = inode->ended_room = 0;
}

static bool conflict_add(struct model *model, struct request *request,
			 const struct conflict *conflict)
{
	struct conflict *last;

	if (request->conflicts_nr == CONFLICTS_MAX) {
		last = &request->conflicts[CONFLICTS_MAX - 1];
		last->first = last->first < conflict->first ? last->first : conflict->first;
		last->last = last->last > conflict->last ? last->last : conflict->last;
		last->opposite |= conflict->opposite;
		return true;
	}
	if (!model_grow(model, &request->conflicts, request->conflicts_nr, &request->conflicts_room,
			sizeof(*request->conflicts)))
		return false;
	request->conflicts[request->conflicts_nr++] = *conflict;
	return true;
}

void conflicts_gather(struct model *model, struct request *request)
{
	const struct inode *inode = request->inode;
	size_t i = inode->ended_nr;

	if (!request_declares(request))
		return;
	while (i && inode->ended[i - 1].number > request->ended_before)
		i--;
	for (; i < inode->ended_nr; i++) {
		const struct ended *ended = &inode->ended[i];
		const struct conflict conflict = {
			.first = ended->first,
			.last = ended->last,
			.opposite = ended->failed ||
				    (request->base.state ? ended->absent : ended->present),
		};

		if (ended->task != request->task &&
		    request_overlaps(request, ended->first, ended->last) &&
		    !conflict_add(model, request, &conflict))
			return;
	}
}

bool model_request_conflicts(const struct model_request *base, __u64 pgoff)
{
	const struct request *request = (const struct request *)base;
	const struct request *other;

	for (size_t i = 0; i < request->conflicts_nr; i++) {
		const struct conflict *conflict = &request->conflicts[i];

		if (conflict->opposite && conflict->first <= pgoff && pgoff <= conflict->last)
			return true;
	}
	for (other = request->inode ? request->inode->open : NULL; other;
	     other = other->next_open) {
		if (other->task != request->task && request_declares(other) &&
		    other->base.state != base->state && request_overlaps(other, pgoff, pgoff))
			return true;
	}
	return false;
}
