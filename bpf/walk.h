/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's page tables, as the CPU walks them: four or five levels, a leaf
 * of 4K, 2M or 1G, an entry absent at any level. A read that fails is unknown,
 * never absent.
 */
#ifndef GMEMTRACE_BPF_WALK_H
#define GMEMTRACE_BPF_WALK_H

#include "page.h"
#include "x86.h"

/* What stands above a run of 512 pages. */
struct walk_table {
	__u64 table; /* address of the last-level table; 0: `state` holds for all 512 */
	enum walk_state state;
};

/* asm/pgtable_types.h: one word of the size of an entry, and a type with a name. */
struct pgprot___entry {
	unsigned long pgprot;
} __attribute__((preserve_access_index));

/*
 * A typed load takes 8 instructions where a probing read takes 60, but reads 0
 * where it faults: 0 is read again in the way that tells.
 */
static __always_inline long walk_entry_read(__u64 address, __u64 *entry)
{
	__u64 probed; /* apart: *@entry is never in memory where the typed load did it */
	long error;

	if (sensor.have_rdonly_cast) {
		const struct pgprot___entry *word = bpf_rdonly_cast(
			(void *)address, bpf_core_type_id_kernel(struct pgprot___entry));

		*entry = word->pgprot;
		if (*entry)
			return 0;
	}
	error = bpf_probe_read_kernel(&probed, sizeof(probed), (void *)address);
	*entry = probed;
	return error;
}

static __always_inline __u64 walk_next(__u64 entry)
{
	return (entry & sensor.entry_mask) + sensor.page_offset;
}

/* Returns 1 to go on down with *@table, 0 when @walk is complete. */
static __always_inline int walk_level(__u64 *table, __u64 address, __u32 shift,
				      struct walk_table *walk)
{
	__u64 entry;

	if (walk_entry_read(*table + (address >> shift & 511) * 8, &entry)) {
		walk->state = WALK_UNKNOWN;
		return 0;
	}
	if (!(entry & ENTRY_PRESENT)) {
		walk->state = WALK_ABSENT;
		return 0;
	}
	if (shift <= 30 && entry & ENTRY_LEAF) {
		walk->state = WALK_PRESENT;
		return 0;
	}
	*table = walk_next(entry);
	return 1;
}

/*
 * Goes down as far as the walk to @address leads. Returns the shift of the level where it ends, and
 * that level's table in *@table; where that is not the last level, walk->state says why.
 */
static __always_inline __u32 walk_down(__u64 address, __u64 *table, struct walk_table *walk)
{
	*table = sensor.init_pgd;
	if (sensor.five_levels && !walk_level(table, address, 48, walk))
		return 48;
	if (!walk_level(table, address, 39, walk))
		return 39;
	if (!walk_level(table, address, 30, walk))
		return 30;
	if (!walk_level(table, address, 21, walk))
		return 21;
	return PAGE_SHIFT;
}

static __always_inline void walk_find_table(__u64 pfn, struct walk_table *walk)
{
	__u64 table;

	walk->table = 0;
	if (walk_down(sensor.page_offset + (pfn << PAGE_SHIFT), &table, walk) == PAGE_SHIFT)
		walk->table = table;
}

static __always_inline enum walk_state walk_pfn(__u64 pfn)
{
	struct walk_table walk;
	__u64 entry;

	walk_find_table(pfn, &walk);
	if (!walk.table)
		return walk.state;
	if (walk_entry_read(walk.table + (pfn & 511) * 8, &entry))
		return WALK_UNKNOWN;
	return entry & ENTRY_PRESENT ? WALK_PRESENT : WALK_ABSENT;
}

#endif
