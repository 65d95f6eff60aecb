/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who owns a page, as the page itself shows it: page->mapping->host.
 */
#ifndef GMEMTRACE_BPF_OWNER_H
#define GMEMTRACE_BPF_OWNER_H

#include "page.h"

struct owner {
	__u64 inode;
	__u64 i_ino;
	__u64 pgoff;
};

static __always_inline void owner_read(const struct folio *folio, struct owner *owner)
{
	struct address_space *mapping = folio->mapping;
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
	owner->pgoff = folio->index;
}

/* The same where only the address of the page is at hand. */
static __always_inline void owner_read_address(__u64 address, struct owner *owner)
{
	const struct folio *folio = (const void *)address;
	struct address_space *mapping;
	struct inode *inode;

	if (sensor.have_rdonly_cast) {
		owner_read(page_cast(address), owner);
		return;
	}
	mapping = BPF_CORE_READ(folio, mapping);
	inode = mapping ? BPF_CORE_READ(mapping, host) : NULL;
	if (inode && BPF_CORE_READ(inode, i_mapping) != mapping)
		inode = NULL;
	owner->inode = (__u64)inode;
	owner->i_ino = inode ? BPF_CORE_READ(inode, i_ino) : 0;
	owner->pgoff = inode ? BPF_CORE_READ(folio, index) : 0;
}

#endif
