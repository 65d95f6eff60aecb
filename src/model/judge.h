/* SPDX-License-Identifier: GPL-2.0 */
/* What is compared: reads are put together, settled or not, and held against what is. */
#ifndef GMEMTRACE_MODEL_JUDGE_H
#define GMEMTRACE_MODEL_JUDGE_H

#include "model/state.h"

struct read_page {
	__u64 pfn;
	__u32 bits; /* enum record_page_bits */
};

struct read_run {
	__u64 pgoff, pfn;
	__u32 nr, bits;
};

/* A chunk's read, put together from its records. */
struct bundle {
	struct bundle *next;
	struct record_snapshot begin;
	__u64 end; /* ns */
	__s64 result;
	struct read_run *runs;
	size_t runs_nr, runs_room;
};

bool snapshot_begin(struct model *model, const struct record_snapshot *record);
void snapshot_page(struct model *model, const struct record_snapshot_page *record);
void snapshot_end(struct model *model, const struct record_snapshot *record);
void snapshot_recycle(struct model *model, struct bundle *bundle);
void snapshot_free_all(struct model *model);
void judge_bundle(struct model *model, const struct bundle *bundle);

#endif
