// SPDX-License-Identifier: GPL-2.0
/* How long a page was exposed, each time. */
#include <errno.h>
#include <stdlib.h>
#include "gmemtrace/story.h"

static int compare(const void *one, const void *other)
{
	__u64 a = *(const __u64 *)one, b = *(const __u64 *)other;

	return a < b ? -1 : a > b;
}

static bool step_touches(const struct story_step *step, __u64 pgoff)
{
	return step->pgoff <= pgoff && pgoff < step->pgoff + step->nr;
}

/* What the step does to the exposure of the page at @pgoff. */
static void exposures_take(struct story_exposures *exposures, const struct story_step *step,
			   bool *open)
{
	switch (step->kind) {
	case STORY_CHANGED:
		if (step->result || (step->again && !step->present))
			return;
		exposures->undone += step->present && *open;
		exposures->zapped += !step->present;
		*open = !step->present;
		return;
	case STORY_FLUSHED:
		exposures->flushed++;
		*open = false;
		return;
	case STORY_LEFT:
		exposures->undone += *open;
		*open = false;
		return;
	default:
		return;
	}
}

int story_exposures(const struct story *story, struct story_exposures *exposures)
{
	size_t steps = story_steps(story), nr = 0;
	__u64 *times = calloc(steps + 1, sizeof(*times));
	bool frame = story_subject(story)->about == STORY_FRAME, open = false;

	*exposures = (struct story_exposures){ 0 };
	if (!times)
		return -ENOMEM;
	for (size_t i = 0; i < steps; i++) {
		const struct story_step *step = story_step(story, i);

		if (!frame && !step_touches(step, story_pgoff(story)))
			continue;
		exposures_take(exposures, step, &open);
		if (step->kind == STORY_FLUSHED)
			times[nr++] = step->exposed;
	}
	if (nr) {
		qsort(times, nr, sizeof(*times), compare);
		exposures->least = times[0];
		exposures->median = times[nr / 2];
		exposures->most = times[nr - 1];
	}
	free(times);
	return 0;
}
