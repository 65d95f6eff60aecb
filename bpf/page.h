/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct page and struct folio, in every layout since 6.1. Fields are read
 * through struct folio, which names them the longest; the flavours are in
 * vmlinux.h.
 */
#ifndef GMEMTRACE_BPF_PAGE_H
#define GMEMTRACE_BPF_PAGE_H

#include "base.h"
#include "compound.h"

extern void *bpf_rdonly_cast(const void *object, __u32 type) __ksym __weak;

/* A division only where the size is no power of two that we know: 10 instructions otherwise. */
static __always_inline __u64 page_offset_pfn(__u64 offset)
{
	__u32 size = bpf_core_type_size(struct page);

	return size == 64 ? offset >> 6 : offset / size;
}

static __always_inline __u64 page_pfn(__u64 address)
{
	return page_offset_pfn(address - sensor.vmemmap);
}

static __always_inline __u64 page_address(__u64 pfn)
{
	return sensor.vmemmap + pfn * bpf_core_type_size(struct page);
}

/*
 * The pfn of the struct page that is argument 0 of @ctx. The verifier forbids
 * arithmetic on an argument, except the difference of two pointers.
 */
static __always_inline __u64 page_argument_pfn(const void *page, const void *ctx)
{
	__u64 offset = 0;

	if (sensor.have_rdonly_cast) {
		const struct page *base = bpf_rdonly_cast((void *)sensor.vmemmap,
							  bpf_core_type_id_kernel(struct page));

		asm volatile("%0 = %1; %0 -= %2" : "=&r"(offset) : "r"(page), "r"(base));
	} else {
		bpf_probe_read_kernel(&offset, sizeof(offset), ctx);
		offset -= sensor.vmemmap;
	}
	return page_offset_pfn(offset);
}

/* Typed loads from here on: the verifier makes each a single instruction that cannot fault. */
static __always_inline const struct folio *page_cast(__u64 address)
{
	return bpf_rdonly_cast((void *)address, bpf_core_type_id_kernel(struct page));
}

static __always_inline __u64 folio_flags(const struct folio *folio)
{
	if (bpf_core_field_exists(struct folio___memdesc, flags.f))
		return ((const struct folio___memdesc *)folio)->flags.f;
	return folio->flags;
}

/* The flags of the page at @address; false where they cannot be read. */
static __always_inline bool page_flags_read(__u64 address, __u64 *flags)
{
	__u64 probed; /* apart, as walk_entry_read()'s */
	long error;

	if (sensor.have_rdonly_cast) {
		*flags = folio_flags(page_cast(address));
		return true;
	}
	if (bpf_core_field_exists(struct folio___memdesc, flags.f))
		error = bpf_core_read(&probed, 8, &((struct folio___memdesc *)address)->flags.f);
	else
		error = bpf_core_read(&probed, 8, &((struct folio *)address)->flags);
	*flags = probed;
	return !error;
}

#define FOLIO_NO_DIRECT_MAP 1ULL /* KVM_GMEM_FOLIO_NO_DIRECT_MAP, in folio->private */

/* Whether the folio at @address says that it is absent. Negative: it cannot be read. */
static __always_inline int folio_marked(__u64 address)
{
	__u64 private;

	if (bpf_core_read(&private, sizeof(private), &((struct folio___marked *)address)->private))
		return -EFAULT;
	return private & FOLIO_NO_DIRECT_MAP;
}

static __always_inline __u64 flags_uptodate(__u64 flags)
{
	return flags >> bpf_core_enum_value(enum pageflags, PG_uptodate) & 1;
}

static __always_inline bool flags_locked(__u64 flags)
{
	return flags >> bpf_core_enum_value(enum pageflags, PG_locked) & 1;
}

static __always_inline __u64 flags_poisoned(__u64 flags)
{
	if (!bpf_core_enum_value_exists(enum pageflags___poison, PG_hwpoison___poison))
		return 0;
	return flags >> bpf_core_enum_value(enum pageflags___poison, PG_hwpoison___poison) & 1;
}

/* The pages of a folio, from its first page's compound flag and order. */
static __always_inline __u32 folio_pages(const struct folio *folio)
{
	if (!(folio_flags(folio) >> bpf_core_enum_value(enum pageflags, PG_head) & 1))
		return 1;
	return 1U << (folio->_flags_1 & 0xff);
}

/*
 * References to the folio beyond those of the page cache and of maps of a small one; large ones of a
 * file that nobody maps have none. 0 where they cannot be read.
 */
static __always_inline __s64 folio_references_more(__u64 address, __u64 flags)
{
	__s32 counts[2]; /* _mapcount and _refcount, which are neighbours: one read has both */
	__s64 cached = 1;

	if (bpf_probe_read_kernel(
		    &counts, sizeof(counts),
		    (void *)(address + bpf_core_field_offset(struct folio___counted, _mapcount))))
		return 0;
	if (flags >> bpf_core_enum_value(enum pageflags, PG_head) & 1) {
		if (!sensor.have_rdonly_cast)
			return 0;
		cached = folio_pages(
			bpf_rdonly_cast((void *)address, bpf_core_type_id_kernel(struct folio)));
	}
	return (__s64)counts[1] - cached - (counts[0] + 1);
}

/* The first page of the folio that the page at @address is in. */
static __always_inline __u64 page_head(__u64 address)
{
	__u64 word;

	if (bpf_core_field_exists(struct page___tail, compound_head))
		word = BPF_CORE_READ((struct page___tail *)address, compound_head);
	else
		word = BPF_CORE_READ((struct page___info *)address, compound_info);
	return compound_first(address, word);
}

#endif
