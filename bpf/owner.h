/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who owns a page, as the page itself shows it: page->mapping->host.
 */
#ifndef GMEMTRACE_BPF_OWNER_H
#define GMEMTRACE_BPF_OWNER_H

#include "common.h"

extern void *bpf_rdonly_cast(const void *object, __u32 type) __ksym __weak;

/* A division only where the size is no power of two that we know: 10 instructions otherwise. */
static __always_inline __u64 page_offset_pfn(__u64 offset)
{
	__u32 size = bpf_core_type_size(struct page);

	return size == 64 ? offset >> 6 : offset / size;
}

/*
 * The pfn of the struct page that is argument 0 of @ctx. The verifier forbids
 * arithmetic on an argument, except the difference of two pointers.
 */
static __always_inline __u64 page_argument_pfn(const struct page *page, const void *ctx)
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

struct owner {
	__u64 inode;
	__u64 i_ino;
	__u64 pgoff;
};

/* Typed loads: the verifier makes each a single instruction that cannot fault. */
static __always_inline void owner_read(const struct page *page, struct owner *owner)
{
	struct address_space *mapping = page->mapping;
	struct inode *inode;

	owner->inode = 0;
	owner->i_ino = 0;
	owner->pgoff = 0;
	if (!mapping)
		return;
	inode = mapping->host;
	/* A tail page of a large folio keeps something else there, which no inode points back to. */
	if (inode->i_mapping != mapping)
		return;
	owner->inode = (__u64)inode;
	owner->i_ino = inode->i_ino;
	owner->pgoff = page->index;
}

/* The same where only the address of the page is at hand. */
static __always_inline void owner_read_address(__u64 address, struct owner *owner)
{
	struct address_space *mapping;
	const struct page *page;
	struct inode *inode;

	if (sensor.have_rdonly_cast) {
		page = bpf_rdonly_cast((void *)address, bpf_core_type_id_kernel(struct page));
		owner_read(page, owner);
		return;
	}
	page = (const void *)address;
	mapping = BPF_CORE_READ(page, mapping);
	inode = mapping ? BPF_CORE_READ(mapping, host) : NULL;
	if (inode && BPF_CORE_READ(inode, i_mapping) != mapping)
		inode = NULL;
	owner->inode = (__u64)inode;
	owner->i_ino = inode ? BPF_CORE_READ(inode, i_ino) : 0;
	owner->pgoff = inode ? BPF_CORE_READ(page, index) : 0;
}

#endif
