/* SPDX-License-Identifier: GPL-2.0 */
/* Builds streams of records by hand, and has them judged. */
#ifndef GMEMTRACE_TESTS_STREAM_H
#define GMEMTRACE_TESTS_STREAM_H

#include "gmemtrace/capture.h"
#include "gmemtrace/model.h"
#include "gmemtrace/rules.h"

#define MS 1000000ULL
#define SECOND 1000000000ULL
#define STREAM_ADDRESS 0x7f0000000000ULL /* where the VM has guest frame 0 */

/* Pages that are bound: what a read says that KVM has promised of them. */
struct stream_promise {
	__u64 pgoff, nr, gfn;
	bool private;
};

struct stream {
	__u8 *data;
	size_t used, room;
	__u64 now; /* ns: the next record's time; every record advances it */
	__u64 snapshot;
	struct record_snapshot reading; /* the newest */
	const struct stream_promise *promises; /* of every read from now on; NULL: none */
	size_t promises_nr;
	__u64 vm; /* of promises, told or read; 0: the first */
	__u64 groups; /* enum sensor_group: beside those that are always on */
	struct model *model;
	struct verdict *verdict;
};

void stream_init(struct stream *stream);
void stream_free(struct stream *stream);
/* Appends a copy of @record. */
void stream_add(struct stream *stream, const struct record_header *record);

void stream_inode(struct stream *stream, __u64 inode, enum record_provider provider, __u64 pages,
		  bool before_attach);
/* Of the VM @vm, 0 unknown. */
void stream_inode_of(struct stream *stream, __u64 inode, enum record_provider provider, __u64 pages,
		     __u32 vm);
void stream_inode_dead(struct stream *stream, __u64 inode);
void stream_request(struct stream *stream, __u16 kind, __u32 tid, __u64 inode,
		    enum record_operation operation, __u64 first, __u64 last, bool state,
		    __s64 result);
void stream_begin(struct stream *stream, __u32 tid, __u64 inode, enum record_operation operation,
		  __u64 first, __u64 last, bool state);
void stream_end(struct stream *stream, __u32 tid, __u64 inode, enum record_operation operation,
		__u64 first, __u64 last, bool state);
/* A zap alone. @inode 0: the page shows no owner. */
void stream_zap(struct stream *stream, __u32 tid, __u64 inode, __u64 pgoff, __u64 pfn, __u32 nr,
		bool valid, __s32 result);
/* A zap of one page merged with a flush of [first, last]. */
void stream_zap_flush(struct stream *stream, __u32 tid, __u64 inode, __u64 pgoff, __u64 pfn,
		      __u32 nr, __u64 first, __u64 last);
void stream_flush(struct stream *stream, __u32 tid, __u64 first, __u64 last, bool full);
/* All other CPUs are asked to run something that is no flush. */
void stream_call(struct stream *stream, __u32 tid);
/* Who does what is to follow; @names as record_caller has them. */
void stream_caller(struct stream *stream, __u32 tid, __u64 page, const char *names);
/* Of four CPUs, in masks, those that did not answer the flush from @begin until now, and not even were asked. */
void stream_unanswered(struct stream *stream, __u32 tid, __u64 begin, __u64 missing, __u64 unasked);
/* flush_tlb_all(), alone and merged with the zap before it: what a split of a large page ends in. */
void stream_flush_all(struct stream *stream, __u32 tid);
void stream_zap_flush_all(struct stream *stream, __u32 tid, __u64 inode, __u64 pgoff, __u64 pfn);
void stream_join(struct stream *stream, __u32 tid, __u64 inode, __u64 pgoff, __u64 pfn);
void stream_leave(struct stream *stream, __u32 tid, __u64 pfn);
void stream_page_free(struct stream *stream, __u32 tid, __u64 pfn, bool absent);
void stream_heartbeat(struct stream *stream);
void stream_loss(struct stream *stream, __u64 inode, enum record_loss_cause cause, __u64 since,
		 __u64 count);
void stream_fact(struct stream *stream, const char *key, const char *value);
/* Names all programs that rules rest on, as sensors do that know of them. */
void stream_programs(struct stream *stream);
void stream_finish(struct stream *stream);

struct stream_page {
	__u64 pgoff, pfn;
	__u32 nr, bits;
};

/* One read of [first, first + nr) that saw @pages. */
void stream_read(struct stream *stream, __u64 inode, enum record_provider provider,
		 bool default_state, enum record_snapshot_origin origin, __u32 pass, __u64 first,
		 __u64 nr, const struct stream_page *pages, size_t pages_nr);
/* The same in two, so that something happens before it ends. */
void stream_read_begin(struct stream *stream, __u64 inode, enum record_provider provider,
		       bool default_state, enum record_snapshot_origin origin, __u32 pass,
		       __u64 first, __u64 nr, const struct stream_page *pages, size_t pages_nr);
void stream_read_end(struct stream *stream);

/* Of VM 1, by task @tid: a conversion, or a slot. */
void stream_promise(struct stream *stream, __u32 tid, __u64 inode, enum record_promise_event event,
		    __u64 gfn, __u64 nr, __u64 pgoff, bool private, __s64 result);

/* Faults page @pgoff in, as a correct kernel does: joined, zapped, flushed, prepared. */
void stream_fault(struct stream *stream, __u32 tid, __u64 inode, __u64 pgoff, __u64 pfn);

/* To a model that is not the stream's own. */
void stream_feed(const struct stream *stream, struct model *model);
/* Feeds everything; the verdict stays until stream_free(). @options may be NULL. */
const struct verdict *stream_judge(struct stream *stream, const struct model_options *options);
const struct verdict *stream_judge_with(struct stream *stream, const struct model_options *options,
					const struct verdict_options *verdict);

/* The only violation, of @rule, at [first, last] of @inode; fails the test otherwise. */
const struct verdict_violation *stream_expect_one(struct stream *stream, enum rule_id rule,
						  __u64 inode, __u64 first, __u64 last);
void stream_expect(struct stream *stream, enum verdict_value value);
/* All that the model knows of a page, told by two ways; of one that is not resident there is less. */
void expect_same_page(const struct model_page *one, const struct model_page *other);

/* Nobody is accused, and nothing was read that could make it consistent. */
void stream_expect_unread(struct stream *stream);

#endif
