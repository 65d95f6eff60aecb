// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "export/tracks.h"

static size_t track_hash(enum track_class class, __u32 id)
{
	return (size_t)((((__u64) class << 32 | id) * 0x9e3779b97f4a7c15ULL) >> 24);
}

static size_t slot_find(const struct tracks *tracks, enum track_class class, __u32 id)
{
	size_t slot = track_hash(class, id) & (tracks->slots_nr - 1);

	while (tracks->slots[slot]) {
		const struct track *track = &tracks->list[tracks->slots[slot] - 1];

		if (track->class == class && track->id == id)
			break;
		slot = (slot + 1) & (tracks->slots_nr - 1);
	}
	return slot;
}

static bool tracks_enlarge(struct tracks *tracks)
{
	size_t nr = tracks->slots_nr ? tracks->slots_nr * 2 : 64;
	struct track *list = realloc(tracks->list, nr * sizeof(*list));
	size_t *slots;

	if (!list)
		return false;
	tracks->list = list;
	slots = calloc(nr, sizeof(*slots));
	if (!slots)
		return false;
	free(tracks->slots);
	tracks->slots = slots;
	tracks->slots_nr = nr;
	for (size_t i = 0; i < tracks->nr; i++)
		slots[slot_find(tracks, list[i].class, list[i].id)] = i + 1;
	return true;
}

struct track *tracks_get(struct tracks *tracks, enum track_class class, __u32 id)
{
	size_t slot;

	if (tracks->nr * 2 >= tracks->slots_nr && !tracks_enlarge(tracks))
		return NULL;
	slot = slot_find(tracks, class, id);
	if (!tracks->slots[slot] && tracks->nr >= TRACKS_MAX) {
		id = TRACK_OTHERS;
		slot = slot_find(tracks, class, id);
	}
	if (!tracks->slots[slot]) {
		tracks->list[tracks->nr++] = (struct track){ .class = class, .id = id };
		tracks->slots[slot] = tracks->nr;
	}
	return &tracks->list[tracks->slots[slot] - 1];
}

int track_lane(struct track *track, __u64 begin, __u64 end, bool *fresh)
{
	__u64 *ends;

	*fresh = false;
	for (__u32 lane = 0; lane < track->lanes_nr; lane++) {
		if (track->ends[lane] > begin)
			continue;
		track->ends[lane] = end;
		return (int)lane;
	}
	if (track->lanes_nr == LANES_MAX)
		return -1;
	ends = realloc(track->ends, (track->lanes_nr + 1) * sizeof(*ends));
	if (!ends)
		return -2;
	track->ends = ends;
	track->ends[track->lanes_nr] = end;
	*fresh = true;
	return (int)track->lanes_nr++;
}

__u64 track_uuid(const struct track *track, int lane)
{
	return (__u64)track->class << 56 | (__u64)track->id << 8 | (__u64)(lane + 1);
}

void tracks_free(struct tracks *tracks)
{
	for (size_t i = 0; i < tracks->nr; i++)
		free(tracks->list[i].ends);
	free(tracks->list);
	free(tracks->slots);
}
