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
	__u64 pgoff, pfn, nr;
	__u32 bits;
};

/* Pages that are bound, with the same attributes. */
struct promise_run {
	__u64 vm, pgoff, nr, gfn, attributes;
};

/* A chunk's read, put together from its records. */
struct bundle {
	struct bundle *next;
	struct record_snapshot begin;
	__u64 end; /* ns */
	__s64 result;
	struct read_run *runs;
	size_t runs_nr, runs_room;
	struct promise_run *promises; /* in order of pgoff */
	size_t promises_nr, promises_room;
};

/* What a read saw of a chunk: one run of it, or its pages each by itself. */
struct chunk_seen {
	struct read_run run; /* of all of it that was read; bits 0: nothing there */
	bool spread; /* see pages */
	struct read_page pages[CHUNK_PAGES];
};

/* What a page is, and was read as, that was settled, as it must be, and taught nothing new. */
struct judged {
	bool valid;
	__u32 bits; /* enum record_page_bits */
	__u32 flags; /* enum page_flags */
	enum model_state declared;
};

struct judging {
	struct model *model;
	struct inode *inode;
	const struct bundle *bundle;
	__u64 begin, end; /* ns */
	bool release; /* no request can run unseen */
	struct chunk *chunk; /* the one at hand */
	__u64 start; /* its first pgoff */
	bool calm; /* no request on the whole chunk ended since the read began */
	bool suspected; /* the chunk has suspects */
	bool left; /* pages that want another read */
	__u64 contradicted; /* pages that are as they must be, by an event that nobody told of */
	struct judged like; /* the page before; judging one like it comes to the same */
	__u64 like_word; /* of which 64 pages, counted from 1, `likes` is; 0: none */
	__u64 likes; /* those of them that may be like it, as far as bitmaps tell */
	__u64 covered[CHUNK_WORDS]; /* by requests that are open */
	struct model_read run; /* like pages not told of yet; nr 0: none */
};

/* snapshot.c */
bool snapshot_begin(struct model *model, const struct record_snapshot *record);
void snapshot_page(struct model *model, const struct record_snapshot_page *record);
void snapshot_promise(struct model *model, const struct record_promise_read *record);
void snapshot_end(struct model *model, const struct record_snapshot *record);
void snapshot_recycle(struct model *model, struct bundle *bundle);
void snapshot_free_all(struct model *model);

/* seen.c */
/* What was seen of the chunks of [first, last]; the next call overwrites it. NULL: no memory. */
struct chunk_seen *chunks_seen(struct model *model, const struct bundle *bundle, __u64 first,
			       __u64 last);
/* Gives the pages a place each; [first, last] of the chunk were read. */
void chunk_seen_spread(struct chunk_seen *seen, __u64 first, __u64 last);

/* compare.c */
enum model_state read_xarray(const struct judging *judging, __u32 bits);
enum model_state read_table(__u32 bits);
/* Whether each source that this provider has could be read. */
bool read_known(const struct judging *judging, const struct model_read *read);
/* Sets @read->differs. @page: what is known of it, or NULL. */
void read_compare(const struct judging *judging, struct model_read *read, const struct page *page);
/* Which of the differences were seen before, untouched since; marks the new ones. */
__u32 suspects_prove(struct judging *judging, __u32 bit, __u32 differs);
/* Bits of what is read of a page that only a release tells, and that are to be 0 there. */
#define READ_LEFT (RECORD_PAGE_LOCKED | RECORD_PAGE_REFERENCES)
__u32 left_prove(struct judging *judging, __u32 bit, __u32 bits);
bool read_non_global(const struct model_read *read, const struct page *page);
/* Those of @differs that were not proven and reported before. */
__u32 differs_fresh(const struct judging *judging, __u32 bit, __u32 differs);
/* Observers are told of runs: @read is kept until one comes that does not go on with it. */
void read_add(struct judging *judging, const struct model_read *read);
void read_tell(struct judging *judging);

/* promised.c */
/* A run of pages that were read alike, against what KVM had promised of them, which is something. */
void promised_judge(const struct judging *judging, const struct model_read *read);
/* What the read tells of where pages are bound. */
void promised_learn(const struct judging *judging);

/* learn.c */
bool learn_declares(const struct judging *judging);
void learn_page(struct judging *judging, const struct model_read *read, __u32 bit);
void learn_alike(struct judging *judging, struct chunk_slot *slot, const struct model_read *read);

/* judge.c */
void judge_bundle(struct model *model, const struct bundle *bundle);

#endif
