/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who does what nobody should: a stack, taken at the deed alone, so that what is in order does not
 * pay for it. Of pages that no inode has nothing else says whose they were.
 */
#ifndef GMEMTRACE_BPF_CALLER_H
#define GMEMTRACE_BPF_CALLER_H

#include "slot.h"

/* Without room nobody is accused less: who it was is not told then. */
static __noinline int caller_write(void *ctx, __u64 page)
{
	struct record_caller_frames *record;

	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record)
		return 0;
	header_fill(&record->header, RECORD_CALLER_FRAMES, sizeof(*record));
	record->header.inode = 0;
	record->page = page;
	record->reserved = 0;
	/* What it leaves is zeroed, also where it fails. */
	bpf_get_stack(ctx, record->frames, sizeof(record->frames), 0);
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
	return 0;
}

/*
 * The zap that waits in @slot is written, as its task puts a page back by @routine: no flush is
 * between. memfd_secret does so where its page cannot join, else nobody may.
 */
static __noinline int caller_restores(void *ctx, struct begin_slot *slot, __u16 routine)
{
	__u64 page, inode, stamp;

	if (!slot)
		return 0;
	page = slot->zap.page;
	inode = slot->zap.inode;
	stamp = slot_take(slot);
	if (!stamp)
		return 0;
	zap_write_alone(&slot->zap, ids_current(), stamp);
	if (!inode && routine == RECORD_ZAP_DEFAULT &&
	    slot_stamp_routine(stamp) == RECORD_ZAP_INVALID)
		caller_write(ctx, page);
	return 0;
}

#endif
