/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The page of each task's last zap that showed no owner yet, as a pointer. Where
 * bpf_rdonly_cast() makes one of an address (6.2) none of this is there; before,
 * reading its owner by the address took 886 instructions of a page that is made
 * absent and present again, in five probing reads, and takes 212 through a
 * pointer that a map has kept (6.1.0-56, record_full in tests/bench/).
 */
#ifndef GMEMTRACE_BPF_LATE_PAGE_H
#define GMEMTRACE_BPF_LATE_PAGE_H

#include "begin_slot.h"
#include "owner.h"

struct late_page {
	struct page __kptr *page; /* nobody's reference: what is read of it may be anything */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS_NR);
	__type(key, __u32);
	__type(value, struct late_page);
} late_pages SEC(".maps");

static __always_inline struct late_page *late_page_of(__u32 tid)
{
	__u32 key = slot_index(tid, 0);

	return bpf_map_lookup_elem(&late_pages, &key);
}

/* @page: an argument of a sensor's routine, which the task @tid has called. */
static __always_inline void late_page_keep(__u32 tid, const void *page)
{
	struct late_page *late = late_page_of(tid);

	if (late)
		late->page = (struct page *)page;
}

/* False where @tid's place has not the page at @address: another task's, or none. */
static __always_inline bool late_page_owner(__u32 tid, __u64 address, struct owner *owner)
{
	struct late_page *late = late_page_of(tid);
	const struct page *page = late ? late->page : NULL;
	__u64 kept = (__u64)page;

	barrier_var(kept); /* else @address, a number, takes the pointer's place */
	if (!page || kept != address)
		return false;
	owner_read((const struct folio *)page, owner);
	return true;
}

static __always_inline void late_owner_read(__u32 tid, __u64 address, struct owner *owner)
{
	if (sensor.have_rdonly_cast || !late_page_owner(tid, address, owner))
		owner_read_address(address, owner);
}

#endif
