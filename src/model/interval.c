// SPDX-License-Identifier: GPL-2.0
/* Intervals of time: a few, as overlapping ones are merged. */
#include "model/state.h"

void intervals_add(struct model *model, struct intervals *intervals, __u64 since, __u64 until)
{
	size_t kept = 0;

	if (!intervals->list)
		intervals->list = model_alloc(model, INTERVALS_MAX * sizeof(*intervals->list));
	if (!intervals->list)
		return;
	/* Overlapping ones are merged. */
	for (size_t i = 0; i < intervals->nr; i++) {
		struct interval *old = &intervals->list[i];

		if (old->since > until || old->until < since) {
			intervals->list[kept++] = *old;
			continue;
		}
		since = old->since < since ? old->since : since;
		until = old->until > until ? old->until : until;
	}
	/* No room: the newest two are merged, which only doubts more. */
	if (kept == INTERVALS_MAX) {
		kept--;
		since = intervals->list[kept].since < since ? intervals->list[kept].since : since;
		until = intervals->list[kept].until > until ? intervals->list[kept].until : until;
	}
	intervals->list[kept++] = (struct interval){ since, until };
	intervals->nr = kept;
}

void intervals_free(struct model *model, struct intervals *intervals)
{
	model_release(model, intervals->list, INTERVALS_MAX * sizeof(*intervals->list));
	*intervals = (struct intervals){ 0 };
}

bool intervals_meet(const struct intervals *intervals, __u64 since, __u64 until)
{
	for (size_t i = 0; i < intervals->nr; i++) {
		if (intervals->list[i].since <= until && since <= intervals->list[i].until)
			return true;
	}
	return false;
}
