/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which track an interval goes on. Slices of a track must nest, and those of a CPU or a VM may
 * overlap: a track has lanes, which viewers draw as one as they have one name and one parent.
 */
#ifndef GMEMTRACE_EXPORT_TRACKS_H
#define GMEMTRACE_EXPORT_TRACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

enum track_class {
	TRACK_CPU = 1,
	TRACK_VM = 2,
	TRACK_LOSSES = 3,
};

#define TRACKS_MAX 16384 /* more of a class are one: */
#define TRACK_OTHERS 0xffffffffU /* its id */
#define LANES_MAX 64 /* of a track; what fits in none is told as a moment */

struct track {
	enum track_class class;
	__u32 id; /* CPU, or the VM's pid */
	__u32 lanes_nr;
	__u64 *ends; /* ns, by lane: where its last slice ended */
};

struct tracks {
	struct track *list;
	size_t nr, room;
	size_t *slots; /* index + 1 into list */
	size_t slots_nr; /* a power of two */
};

/* The track, a new one where there is none. NULL where memory is short. Valid until the next call. */
struct track *tracks_get(struct tracks *tracks, enum track_class class, __u32 id);

/*
 * The lane of [begin, end], in which everything before has ended; *fresh: it is new. -1: too many
 * overlap. -2: memory is short.
 */
int track_lane(struct track *track, __u64 begin, __u64 end, bool *fresh);

/* Never 0, and no other lane's. */
__u64 track_uuid(const struct track *track, int lane);

void tracks_free(struct tracks *tracks);

#endif
