/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensor: changes of direct-map entries, at the exit of set_direct_map_*.
 *
 * There is no program at the entry: it would cost 60 instructions a
 * transition for a time that nothing is judged by; a zap counts from its exit.
 */
#ifndef GMEMTRACE_BPF_ZAP_BPF_H
#define GMEMTRACE_BPF_ZAP_BPF_H

#include "slot.h"

static __always_inline void zapped_update(__u64 pfn, __u32 nr, bool valid)
{
	__u32 index, last = (pfn + nr - 1) >> 6;
	__u64 *word;
	int i;

	/* A run is one PMD at most: 512 pages, in nine words where it is not aligned. */
	for (i = 0; i < 9; i++) {
		__u64 bits = ~0ULL;

		index = (pfn >> 6) + i;
		if (index > last)
			break;
		if (i == 0)
			bits <<= pfn & 63;
		if (index == last)
			bits &= ~0ULL >> (63 - ((pfn + nr - 1) & 63));
		word = bpf_map_lookup_elem(&zapped_pfns, &index);
		if (!word)
			break;
		if (valid)
			__sync_fetch_and_and(word, ~bits);
		else
			__sync_fetch_and_or(word, bits);
	}
}

/*
 * What a zap's first argument stands for: the struct page at *@page, its pfn
 * (read only where somebody asks for it) and its owner.
 */
static __always_inline void zap_page_read(__u64 *ctx, __u64 *page, __u64 *pfn, struct owner *owner)
{
	__u64 address;

	if (sensor.zap_by_address) {
		/* Until 6.12 the verifier refuses a plain load of a `const void *`. */
		bpf_get_func_arg(ctx, 0, &address);
		*pfn = (address - sensor.page_offset) >> PAGE_SHIFT;
		*page = page_address(*pfn);
		owner_read_address(*page, owner);
		return;
	}
	/* Volatile, as it must stay in this branch. */
	*page = *(volatile __u64 *)ctx;
	if (sensor.page_free)
		*pfn = page_argument_pfn((const void *)*page, ctx);
	owner_read((const void *)*page, owner);
}

static __always_inline int zap_exit(__u64 *ctx, __u32 nr, bool valid, __s32 result, __u16 routine)
{
	struct flush_part none = {};
	const struct task_struct___ids *task;
	struct begin_slot *slot;
	__u64 pfn = 0, page;
	struct owner owner;

	if (!armed())
		return 0;
	task = task_current();
	slot = slot_find(task);
	zap_page_read(ctx, &page, &pfn, &owner);
	if (sensor.page_free && !result)
		zapped_update(pfn, nr, valid);
	if (slot->pending)
		slot_emit(slot);
	slot->task = (__u64)task;
	slot->ids = (__u64)task->tgid << 32 | task->pid;
	slot->page = page;
	slot->inode = owner.inode;
	slot->i_ino = owner.i_ino;
	slot->pgoff = owner.pgoff;
	slot->nr = nr;
	slot->result = result;
	slot->zap_end = bpf_ktime_get_ns();
	/* A restore needs no flush: nothing to wait for. */
	if (valid)
		slot_write(slot, 1, routine, &none);
	else
		slot->pending = routine;
	return 0;
}

SEC("fexit/set_direct_map_invalid_noflush")
int BPF_PROG(zap_invalid_exit, const void *page, int result)
{
	return zap_exit(ctx, 1, false, result, RECORD_ZAP_INVALID);
}

SEC("fexit/set_direct_map_default_noflush")
int BPF_PROG(zap_default_exit, const void *page, int result)
{
	return zap_exit(ctx, 1, true, result, RECORD_ZAP_DEFAULT);
}

SEC("fexit/set_direct_map_valid_noflush")
int BPF_PROG(zap_valid_exit, const void *page, unsigned int nr, bool valid, int result)
{
	return zap_exit(ctx, nr, valid, result, RECORD_ZAP_VALID);
}

#endif
