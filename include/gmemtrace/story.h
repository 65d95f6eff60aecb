/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The story of a page: what happened to one page of an inode, to a few, or to one page frame, as
 * the model makes it out of a stream of records. Pure: an observer of a model.
 *
 * All times are CLOCK_MONOTONIC nanoseconds, all page ranges inclusive.
 */
#ifndef GMEMTRACE_STORY_H
#define GMEMTRACE_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include "gmemtrace/api.h"
#include "gmemtrace/model.h"

GMEMTRACE_API_BEGIN

#define STORY_PAGES_MAX 4096 /* of one story */
#define STORY_STEPS_MAX 65536 /* told; what is beyond is counted */

enum story_about {
	STORY_PAGES = 1, /* INODE:PGOFF[-PGOFF] */
	STORY_FRAME = 2, /* pfn:N */
	STORY_ADDRESS = 3, /* PID:ADDRESS; not to be told before somebody has resolved it */
};

struct story_subject {
	enum story_about about;
	char letter; /* PAGES: 'g', 's' or 'i', as model_inode_name() has it; 0 any */
	__u64 inode; /* PAGES: its number; 0: by i_ino */
	__u64 i_ino; /* 0: by number */
	__u64 first, last; /* PAGES */
	__u64 pfn; /* FRAME */
	__u32 pid; /* ADDRESS */
	__u64 address; /* ADDRESS */
};

/* "g6:0x104", "s1:0-0x1f", "pfn:0x6e5c", "1234:0x7f0000000000". 0, -EINVAL, or -E2BIG: too many pages. */
int story_parse(const char *text, struct story_subject *subject);

enum story_kind {
	STORY_MET = 1, /* its inode is known from here on */
	STORY_JOINED = 2, /* a frame backs it */
	STORY_PREPARED = 3, /* the guest may have it */
	STORY_CHANGED = 4, /* its entry in the direct map was */
	STORY_FLUSHED = 5, /* a flush, by anyone, covered it: no longer exposed */
	STORY_UNFLUSHED = 6, /* who made it absent has ended, and no flush of its own covers it */
	STORY_REQUESTED = 7, /* a request on it ended that changed no entry of it, or failed */
	STORY_READ = 8, /* a snapshot read it */
	STORY_LEFT = 9, /* its frame left the inode */
	STORY_FREED = 10, /* its frame went back to the allocator */
	STORY_TAKEN = 11, /* and backs another page from here on */
	STORY_RELEASED = 12, /* its inode is gone */
	STORY_LOST = 13, /* what happened meanwhile may not be known */
};

/* The request that a step is a part of. */
struct story_request {
	__u64 id; /* 0: none */
	__u32 operation; /* enum record_operation */
	__u32 outer; /* of the thread's outermost request; the same where it is that */
	__u32 state; /* 1 present, 0 absent: what it asks for */
	__u32 mode; /* FALLOC_FL_* */
	__u64 first, last; /* pgoff */
	__u64 begin, end; /* ns; end 0: it has not ended */
	__s64 result;
};

struct story_step {
	enum story_kind kind;
	__u64 time; /* ns: of its end */
	__u32 cpu, tid, tgid; /* all 0: nobody's */
	__u64 inode; /* number; 0 none */
	__u64 pgoff, nr; /* the part of the subject that it is about */
	__u64 pfn; /* of the first page; 0 not known */
	struct story_request request;
	/* CHANGED */
	bool present;
	bool again; /* it had that state already, and where absent it was flushed */
	__s32 result; /* 0 or -errno */
	__u64 run; /* pages changed by the same call */
	/* FLUSHED, and UNFLUSHED but for `flush_*` */
	__u64 exposed; /* ns: since it was made absent */
	__u64 flush_begin; /* ns; 0 not known */
	__u64 flush_pages; /* 0: everything */
	bool own; /* by the task that made it absent */
	bool missed; /* UNFLUSHED: it did flush, but something else */
	bool otherwise; /* UNFLUSHED: all CPUs ran something for it, which may have been a flush */
	/* READ */
	__u32 bits; /* enum record_page_bits */
	__u32 differs, proven; /* enum model_difference */
	bool settled;
	enum model_state declared, applied, xarray, table;
	__u64 reads; /* so many one after the other that saw the same */
	/* LOST */
	__u64 since; /* ns */
	__u64 lost;
	__u32 cause; /* enum record_loss_cause; NONE: a call whose begin was not seen */
	/* FREED */
	bool absent; /* from the direct map */
	/* FLUSHED: of the flush, "outer;inner", the story's own; NULL: none was taken */
	const char *stack;
};

struct story;

/* Observes @model, which must outlive it. NULL where memory is short. */
struct story *story_create(struct model *model, const struct story_subject *subject);
void story_free(struct story *story);

const struct story_subject *story_subject(const struct story *story);
const struct model *story_model(const struct story *story);

/* In order of time. @index from 0; NULL behind the last. */
const struct story_step *story_step(const struct story *story, size_t index);
size_t story_steps(const struct story *story);
__u64 story_untold(const struct story *story); /* steps beyond STORY_STEPS_MAX */

/* The inode of PAGES; of a frame the one that it backs, or backed last. NULL: none known. */
const struct model_inode *story_inode(const struct story *story);
/* Where in it: of a frame the page that it backs or backed last. */
__u64 story_pgoff(const struct story *story);

/* Of the subject's only or first page. */
struct story_exposures {
	__u64 zapped; /* times it was made absent, not counting again */
	__u64 flushed; /* times that a flush ended its exposure */
	__u64 undone; /* times that it was present again, or gone, before any flush */
	__u64 least, median, most; /* ns; meaningful where flushed */
};

/* 0 or -ENOMEM. */
int story_exposures(const struct story *story, struct story_exposures *exposures);

GMEMTRACE_API_END

#endif
