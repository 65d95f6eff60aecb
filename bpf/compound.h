/* SPDX-License-Identifier: GPL-2.0 */
/* A struct page's compound word, in both of its meanings. Plain C: tested without a kernel. */
#ifndef GMEMTRACE_BPF_COMPOUND_H
#define GMEMTRACE_BPF_COMPOUND_H

/* No vmemmap reaches so high; a mask for folios of up to 2^25 pages does. */
#define COMPOUND_MASK_FIRST 0xffffffff00000000ULL

/*
 * The first page of the folio that the page at @address is in, by its @word. Bit 0 of a
 * tail's word tells it; the rest is its head's address or, from 7.1 on where vmemmap
 * is optimised, a mask that makes the head's address of the tail's.
 */
static __always_inline __u64 compound_first(__u64 address, __u64 word)
{
	if (!(word & 1))
		return address;
	return word >= COMPOUND_MASK_FIRST ? address & word : word - 1;
}

#endif
