// SPDX-License-Identifier: GPL-2.0
/*
 * The walk of the whole direct map, run by user space, a part of it a call. An object of its own:
 * it hooks nothing, and who has sensors armed already need not load them again.
 */
#include "map.h"

char LICENSE[] SEC("license") = "GPL";

const volatile struct map_config config SEC(".rodata") = {};

/* One walker has this object, and runs it from one thread. */
struct map_scratch walker = {};

/* A bit a pfn: absent from the direct map, and nobody's so far. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} wanted SEC(".maps");

/* Fields of struct page that only this object reads. 6.12: types are numbers in the upper byte. */
struct page___typed {
	unsigned int page_type;
	struct {
		int counter;
	} _refcount;
} __attribute__((preserve_access_index));

enum pagetype___numbers {
	PGTY_buddy___numbers,
	PGTY_offline___numbers,
	PGTY_table___numbers,
	PGTY_slab___numbers,
};

enum pageflags___slab {
	PG_slab___slab,
};

#define TYPE_BITS_BASE 0xf0000000U /* PAGE_TYPE_BASE, until 6.9; below it PG_buddy and so on */
#define TYPE_BUDDY 0x80U
#define TYPE_OFFLINE 0x100U
#define TYPE_TABLE 0x200U

/* A field of the struct page that was read, by its offset. */
#define PAGE_WORD(scratch, type, field)                                                            \
	(*(__u64 *)((char *)(scratch)->page + (bpf_core_field_offset(type, field) & 56)))
#define PAGE_HALF(scratch, type, field)                                                            \
	(*(__u32 *)((char *)(scratch)->page + (bpf_core_field_offset(type, field) & 60)))

#define TYPE_IS(type, name, bit)                                                                   \
	(bpf_core_enum_value_exists(enum pagetype___numbers, PGTY_##name##___numbers)              \
		 ? (type) >> 24 == (bpf_core_enum_value(enum pagetype___numbers,                   \
							PGTY_##name##___numbers) &                 \
				    0xff)                                                          \
		 : type_has_bit(type, bit))

/* Until 6.9 a type is a bit that is clear, among others that are set. In 6.10 and 6.11 none is told. */
static __always_inline bool type_has_bit(__u32 type, __u64 bit)
{
	return bit && (type & (TYPE_BITS_BASE | bit)) == TYPE_BITS_BASE;
}

static __always_inline bool page_is_slab(__u64 flags, __u32 type)
{
	if (bpf_core_enum_value_exists(enum pageflags___slab, PG_slab___slab))
		return flags >> bpf_core_enum_value(enum pageflags___slab, PG_slab___slab) & 1;
	return TYPE_IS(type, slab, 0);
}

static __always_inline __u64 page_flags_scratch(const struct map_scratch *scratch)
{
	if (bpf_core_field_exists(struct folio___memdesc, flags.f))
		return PAGE_WORD(scratch, struct folio___memdesc, flags.f);
	return PAGE_WORD(scratch, struct folio, flags);
}

/* By the inode behind page->mapping. An owner, and its number. */
static __always_inline __u64 mapping_owner(__u64 mapping, __u64 *i_ino)
{
	struct address_space *space = (void *)mapping;
	struct inode *inode = BPF_CORE_READ(space, host);
	__u64 operations;

	*i_ino = 0;
	if (!inode || BPF_CORE_READ(inode, i_mapping) != space)
		return RECORD_MAP_NOBODY;
	*i_ino = BPF_CORE_READ(inode, i_ino);
	operations = (__u64)BPF_CORE_READ(inode, i_op);
	if (operations && operations == sensor.secretmem_iops)
		return RECORD_MAP_SECRETMEM;
	if (operations && operations == sensor.gmem_iops)
		return RECORD_MAP_GMEM;
	return RECORD_MAP_FILE;
}

#define MAPPING_KIND 3ULL /* bits: anonymous, movable, both: not an address_space */
#define MAPPING_ANON 1ULL

static __always_inline __u64 owner_by_mapping(struct map_scratch *scratch)
{
	__u64 mapping = PAGE_WORD(scratch, struct folio, mapping);

	if (!mapping || mapping & MAPPING_KIND)
		return mapping & MAPPING_ANON ? RECORD_MAP_ANON : RECORD_MAP_NOBODY;
	if (scratch->mapping != mapping) {
		scratch->mapping_owner = mapping_owner(mapping, &scratch->mapping_i_ino);
		scratch->mapping = mapping;
	}
	scratch->i_ino = scratch->mapping_i_ino;
	return scratch->mapping_owner;
}

/* What the page says of itself where it is not of a kind that is absent. */
static __always_inline __u64 owner_by_type(struct map_scratch *scratch, __u64 flags)
{
	__u32 type = bpf_core_field_exists(struct page___typed, page_type)
			     ? PAGE_HALF(scratch, struct page___typed, page_type)
			     : ~0U;

	if (TYPE_IS(type, buddy, TYPE_BUDDY))
		return RECORD_MAP_FREE;
	if (TYPE_IS(type, offline, TYPE_OFFLINE))
		return RECORD_MAP_OFFLINE;
	if (TYPE_IS(type, table, TYPE_TABLE))
		return RECORD_MAP_PAGE_TABLE;
	if (page_is_slab(flags, type))
		return RECORD_MAP_SLAB;
	/* On a CPU's list of free pages, or within a free block: without a type of its own. */
	if (bpf_core_field_exists(struct page___typed, _refcount) &&
	    !PAGE_HALF(scratch, struct page___typed, _refcount))
		return RECORD_MAP_FREE;
	return owner_by_mapping(scratch);
}

static __always_inline long page_read(struct map_scratch *scratch, __u64 address)
{
	return bpf_probe_read_kernel(scratch->page, sizeof(scratch->page), (void *)address);
}

/* Of a large folio its first page says whose it is. */
static __always_inline bool head_read(struct map_scratch *scratch, __u64 address, __u64 *flags)
{
	__u64 head, word;

	if (bpf_core_field_exists(struct page___tail, compound_head))
		word = PAGE_WORD(scratch, struct page___tail, compound_head);
	else
		word = PAGE_WORD(scratch, struct page___info, compound_info);
	head = compound_first(address, word);
	if (head == address)
		return true;
	if (page_read(scratch, head))
		return false;
	*flags = page_flags_scratch(scratch);
	return true;
}

/* Apart, so that the verifier walks through it once. */
__noinline __u64 map_owner(struct map_scratch *scratch, __u64 pfn)
{
	__u64 flags, address = page_address(pfn);

	if (!scratch)
		return RECORD_MAP_UNREAD;
	scratch->i_ino = 0;
	if (page_read(scratch, address))
		return RECORD_MAP_HOLE;
	flags = page_flags_scratch(scratch);
	if (flags_poisoned(flags))
		return RECORD_MAP_POISONED;
	if (pfn - config.kfence_first < config.kfence_nr)
		return RECORD_MAP_KFENCE;
	if (flags >> bpf_core_enum_value(enum pageflags, PG_reserved) & 1)
		return RECORD_MAP_RESERVED;
	if (!head_read(scratch, address, &flags))
		return RECORD_MAP_NOBODY;
	return owner_by_type(scratch, flags);
}

/* Whether any of the pages is wanted: a word at a time. */
__noinline int map_wanted(struct map_scratch *scratch, __u64 pfn, __u64 nr)
{
	__u64 *word, found = 0, mask = nr == 1 ? 1ULL << (pfn & 63) : ~0ULL;

	if (!scratch || pfn >= config.wanted_nr)
		return 0;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < MAP_LARGE_PAGES / 64 && i * 64 < nr; i++) {
		__u32 key = (pfn >> 6) + i;

		word = bpf_map_lookup_elem(&wanted, &key);
		if (word)
			found |= *word & mask;
	}
	if (found)
		map_extend(scratch, pfn, nr, MAP_WHAT(RECORD_MAP_PRESENT, PAGE_SHIFT), 0);
	return 0;
}

static long map_step(__u32 i, void *unused)
{
	if (!map_goes_on(&walker))
		return 1;
	map_block(&walker);
	return 0;
}

static __always_inline void map_begin(const struct map_args *args)
{
	walker.next = args->next;
	walker.end = args->end;
	walker.space = args->space;
	walker.runs = 0;
	walker.run.nr = 0;
	walker.mapping = 0;
	walker.leaves[0] = walker.leaves[1] = walker.leaves[2] = 0;
}

SEC("syscall")
int map_walk(struct map_args *args)
{
	map_begin(args);
	bpf_loop(args->blocks, map_step, NULL, 0);
	map_flush(&walker);
	args->next = walker.next;
	args->runs = walker.runs;
	args->leaves[0] = walker.leaves[0];
	args->leaves[1] = walker.leaves[1];
	args->leaves[2] = walker.leaves[2];
	return 0;
}
