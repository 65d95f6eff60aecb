/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensor: guest_memfd's requests, begin and end, and folios joining and
 * leaving an inode. All of KVM's own routines, so this object part is loaded
 * when the kvm module is there.
 */
#ifndef GMEMTRACE_BPF_GMEM_BPF_H
#define GMEMTRACE_BPF_GMEM_BPF_H

#include "slot.h"
#include "inode.h"
#include "request.h"

#define VM_FAULT_LOCKED 0x200 /* include/linux/mm_types.h */

SEC("fentry/kvm_gmem_set_direct_map")
int BPF_PROG(set_range_enter, struct inode *inode, unsigned long start, unsigned long end,
	     bool state)
{
	if (!armed(PROGRAM_SET_RANGE_ENTER))
		return 0;
	return range_write(inode, start, end, state, RECORD_OPERATION_SET_RANGE,
			   RECORD_REQUEST_BEGIN, 0);
}

SEC("fexit/kvm_gmem_set_direct_map")
int BPF_PROG(set_range_exit, struct inode *inode, unsigned long start, unsigned long end,
	     bool state, int result)
{
	if (!armed(PROGRAM_SET_RANGE_EXIT))
		return 0;
	return range_write(inode, start, end, state, RECORD_OPERATION_SET_RANGE, RECORD_REQUEST_END,
			   result);
}

static __always_inline struct inode *folio_host(struct folio *folio)
{
	struct address_space *mapping = folio->mapping;

	return mapping ? mapping->host : NULL;
}

SEC("fentry/kvm_gmem_folio_set_direct_map")
int BPF_PROG(set_folio_enter, struct folio *folio, unsigned long start, unsigned long end,
	     bool state)
{
	if (!armed(PROGRAM_SET_FOLIO_ENTER))
		return 0;
	return range_write(folio_host(folio), start, end, state, RECORD_OPERATION_SET_FOLIO,
			   RECORD_REQUEST_BEGIN, 0);
}

SEC("fexit/kvm_gmem_folio_set_direct_map")
int BPF_PROG(set_folio_exit, struct folio *folio, unsigned long start, unsigned long end,
	     bool state, int result)
{
	if (!armed(PROGRAM_SET_FOLIO_EXIT))
		return 0;
	return range_write(folio_host(folio), start, end, state, RECORD_OPERATION_SET_FOLIO,
			   RECORD_REQUEST_END, result);
}

/* Of which inode the request around it tells: the private data does not lead there. */
SEC("fentry/__kvm_gmem_update_xarray")
int BPF_PROG(update_xarray_enter, struct kvm_gmem_inode_private *private, unsigned long start,
	     unsigned long end, bool state)
{
	if (!armed(PROGRAM_UPDATE_XARRAY_ENTER))
		return 0;
	return range_write(NULL, start, end, state, RECORD_OPERATION_UPDATE_XARRAY,
			   RECORD_REQUEST_BEGIN, 0);
}

SEC("fexit/__kvm_gmem_update_xarray")
int BPF_PROG(update_xarray_exit, struct kvm_gmem_inode_private *private, unsigned long start,
	     unsigned long end, bool state, int result)
{
	if (!armed(PROGRAM_UPDATE_XARRAY_EXIT))
		return 0;
	return range_write(NULL, start, end, state, RECORD_OPERATION_UPDATE_XARRAY,
			   RECORD_REQUEST_END, result);
}

static __always_inline int configure_write(struct folio *folio, __u16 kind, __s32 result)
{
	__u64 index = folio->index;

	return range_write(folio_host(folio), index, index + folio_pages(folio) - 1, false,
			   RECORD_OPERATION_CONFIGURE, kind, result);
}

SEC("fentry/kvm_gmem_folio_configure_direct_map")
int BPF_PROG(configure_enter, struct folio *folio)
{
	if (!armed(PROGRAM_CONFIGURE_ENTER))
		return 0;
	return configure_write(folio, RECORD_REQUEST_BEGIN, 0);
}

SEC("fexit/kvm_gmem_folio_configure_direct_map")
int BPF_PROG(configure_exit, struct folio *folio, int result)
{
	if (!armed(PROGRAM_CONFIGURE_EXIT))
		return 0;
	return configure_write(folio, RECORD_REQUEST_END, result);
}

/* Folios of one inode, in the order of their offsets, which the caller holds locked. */
static __always_inline int batch_write(__u64 folio, __u32 nr, __u16 kind, __s32 result)
{
	struct folio *first, *last;

	if (!nr || bpf_probe_read_kernel(&first, sizeof(first), (void *)folio) ||
	    bpf_probe_read_kernel(&last, sizeof(last), (void *)(folio + (nr - 1) * 8ULL))) {
		loss_count(0, 0, RECORD_LOSS_MISSED);
		return 0;
	}
	first = bpf_rdonly_cast(first, bpf_core_type_id_kernel(struct folio));
	last = bpf_rdonly_cast(last, bpf_core_type_id_kernel(struct folio));
	return range_write(folio_host(first), first->index, last->index + folio_pages(last) - 1,
			   false, RECORD_OPERATION_CONFIGURE_BATCH, kind, result);
}

/* A pointer to pointers is a number to the verifier, and not to be had from the context. */
SEC("fentry/kvm_gmem_configure_direct_map_batch")
int BPF_PROG(configure_batch_enter, struct folio **folio, unsigned int nr)
{
	__u64 address = 0;

	if (!armed(PROGRAM_CONFIGURE_BATCH_ENTER))
		return 0;
	bpf_get_func_arg(ctx, 0, &address);
	return batch_write(address, nr, RECORD_REQUEST_BEGIN, 0);
}

SEC("fexit/kvm_gmem_configure_direct_map_batch")
int BPF_PROG(configure_batch_exit, struct folio **folio, unsigned int nr, int result)
{
	__u64 address = 0;

	if (!armed(PROGRAM_CONFIGURE_BATCH_EXIT))
		return 0;
	bpf_get_func_arg(ctx, 0, &address);
	return batch_write(address, nr, RECORD_REQUEST_END, result);
}

/* One folio leaves the direct map, if it has to: in v7 to v12 nothing else does it. */
static __always_inline int folio_zap_write(struct folio *folio, __u16 kind, __s32 result)
{
	__u64 index = folio->index;

	return range_write(folio_host(folio), index, index, false, RECORD_OPERATION_FOLIO_ZAP, kind,
			   result);
}

SEC("fentry/kvm_gmem_folio_zap_direct_map")
int BPF_PROG(folio_zap_enter, struct folio *folio)
{
	if (!armed(PROGRAM_FOLIO_ZAP_ENTER))
		return 0;
	return folio_zap_write(folio, RECORD_REQUEST_BEGIN, 0);
}

SEC("fexit/kvm_gmem_folio_zap_direct_map")
int BPF_PROG(folio_zap_exit, struct folio *folio, int result)
{
	if (!armed(PROGRAM_FOLIO_ZAP_EXIT))
		return 0;
	return folio_zap_write(folio, RECORD_REQUEST_END, result);
}

static __always_inline int fallocate_write(struct file *file, int mode, __u64 offset, __u64 length,
					   __u16 kind, __s64 result)
{
	struct request_call request = {
		.inode = file->f_inode,
		.pgoff_first = offset >> PAGE_SHIFT,
		.pgoff_last = ((offset + length) >> PAGE_SHIFT) - 1,
		.result = result,
		.operation = RECORD_OPERATION_FALLOCATE,
		.mode = mode,
	};

	return request_write(&request, kind);
}

SEC("fentry/kvm_gmem_fallocate")
int BPF_PROG(fallocate_enter, struct file *file, int mode, long long offset, long long length)
{
	if (!armed(PROGRAM_FALLOCATE_ENTER))
		return 0;
	return fallocate_write(file, mode, offset, length, RECORD_REQUEST_BEGIN, 0);
}

SEC("fexit/kvm_gmem_fallocate")
int BPF_PROG(fallocate_exit, struct file *file, int mode, long long offset, long long length,
	     long result)
{
	if (!armed(PROGRAM_FALLOCATE_EXIT))
		return 0;
	return fallocate_write(file, mode, offset, length, RECORD_REQUEST_END, result);
}

SEC("fexit/kvm_gmem_release")
int BPF_PROG(release_exit, struct inode *inode, struct file *file, int result)
{
	if (!armed(PROGRAM_RELEASE_EXIT))
		return 0;
	return release_end(inode, result);
}

static __always_inline int owner_write_with(__u16 kind, __u64 inode, __u64 i_ino,
					    struct folio *folio, __u64 address, __u32 bits)
{
	bool wanted = !inode || inode_wanted(inode, i_ino);
	struct record_owner *record;

	slot_settle();
	if (!wanted)
		return 0;
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		loss_count(inode, i_ino, RECORD_LOSS_RING_FULL);
		return 0;
	}
	header_fill(&record->header, kind, sizeof(*record));
	record->header.inode = inode;
	record->i_ino = i_ino;
	record->page = address;
	record->pgoff = folio->index;
	record->nr = folio_pages(folio);
	record->prepared = bits;
	if (flags_uptodate(folio_flags(folio)))
		record->prepared |= RECORD_OWNER_PREPARED;
	if (sensor.gmem_marks_folios && folio_marked(address) > 0)
		record->prepared |= RECORD_OWNER_DEVIATES;
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
	return 0;
}

static __always_inline int owner_write(__u16 kind, __u64 inode, __u64 i_ino, struct folio *folio,
				       __u64 address)
{
	return owner_write_with(kind, inode, i_ino, folio, address, 0);
}

/* A folio already prepared was recorded when it joined: a fault on it says nothing new. */
SEC("fexit/kvm_gmem_get_folio")
int BPF_PROG(get_folio_exit, struct inode *inode, unsigned long index, struct folio *folio)
{
	__u64 address = ctx[2];

	if (!armed(PROGRAM_GET_FOLIO_EXIT))
		return 0;
	if (address >= (__u64)-4095)
		return 0;
	if (flags_uptodate(folio_flags(folio)))
		return 0;
	return owner_write(RECORD_JOIN, (__u64)inode, inode->i_ino, folio, address);
}

/* A fault makes pages around it join that nobody has asked for. */
SEC("fexit/kvm_gmem_add_folio")
int BPF_PROG(add_folio_exit, struct inode *inode, struct folio *folio, unsigned long index,
	     int result)
{
	if (!armed(PROGRAM_ADD_FOLIO_EXIT))
		return 0;
	if (result)
		return 0;
	return owner_write(RECORD_JOIN, (__u64)inode, inode->i_ino, folio, ctx[1]);
}

/*
 * 6.18: user space may map a guest_memfd, and its faults make pages join. Where
 * kvm_gmem_get_folio() can be hooked this says the same again.
 */
SEC("fexit/kvm_gmem_fault_user_mapping")
int BPF_PROG(user_fault_exit, struct vm_fault *fault, unsigned int result)
{
	__u64 address;
	struct owner owner;

	if (!armed(PROGRAM_USER_FAULT_EXIT))
		return 0;
	/* Read as a number: the verifier forbids arithmetic on what it knows for a pointer. */
	if (!(result & VM_FAULT_LOCKED) || bpf_core_read(&address, 8, &fault->page) || !address)
		return 0;
	address = page_head(address);
	owner_read_address(address, &owner);
	if (!owner.inode)
		return 0;
	return owner_write_with(
		RECORD_JOIN, owner.inode, owner.i_ino,
		bpf_rdonly_cast((void *)address, bpf_core_type_id_kernel(struct folio)), address,
		RECORD_OWNER_GIVEN);
}

/* fallocate() prepares folios in batches, without a fault to configure each: a second join tells. */
SEC("fexit/kvm_gmem_mark_prepared")
int BPF_PROG(mark_prepared_exit, struct folio *folio)
{
	struct inode *inode = folio_host(folio);

	if (!armed(PROGRAM_MARK_PREPARED_EXIT))
		return 0;
	return inode ? owner_write(RECORD_JOIN, (__u64)inode, inode->i_ino, folio, ctx[0]) : 0;
}

#define CONTENT_PAGES 512U /* of a folio, looked at */

/* Whether it has any, as far as its first bytes tell. Of a page that is absent nothing can be read. */
static __always_inline bool page_content(__u64 pfn)
{
	__u64 word = 0;

	bpf_probe_read_kernel(&word, sizeof(word),
			      (void *)(sensor.page_offset + (pfn << PAGE_SHIFT)));
	return word;
}

struct content_loop {
	__u64 pfn; /* of the folio's first page */
	__u32 bits;
};

static long content_page(__u32 i, struct content_loop *loop)
{
	if (!page_content(loop->pfn + i))
		return 0;
	loop->bits = RECORD_OWNER_CONTENT | i << RECORD_OWNER_CONTENT_SHIFT;
	return 1;
}

/* Of the first page that has any. */
static __always_inline __u32 folio_content(const struct folio *folio, __u64 address)
{
	struct content_loop loop = { .pfn = page_pfn(address) };
	__u32 nr = folio_pages(folio);

	if (nr == 1)
		return page_content(loop.pfn) ? RECORD_OWNER_CONTENT : 0;
	bpf_loop(nr < CONTENT_PAGES ? nr : CONTENT_PAGES, content_page, &loop, 0);
	return loop.bits;
}

/* page->mapping is gone by now (page_cache_delete); folio->index is not. */
SEC("fexit/kvm_gmem_free_folio")
int BPF_PROG(free_folio_exit, struct folio *folio)
{
	__u64 address = 0;

	if (!armed(PROGRAM_FREE_FOLIO_EXIT))
		return 0;
	/* As a number: with what it knows for a pointer the verifier forbids to calculate. */
	bpf_get_func_arg(ctx, 0, &address);
	return owner_write_with(RECORD_LEAVE, 0, 0, folio, address, folio_content(folio, address));
}

/*
 * Where an inode is made, and its VM known: nothing of it happened before.
 * Another thread of the process may have put something else behind the
 * descriptor meanwhile; identifying it tells.
 */
SEC("fexit/kvm_gmem_create")
int BPF_PROG(create_exit, struct kvm *kvm, struct kvm_create_guest_memfd *args, int result)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct file **files, *file;
	struct inode *inode;

	if (!armed(PROGRAM_CREATE_EXIT))
		return 0;
	if (result < 0)
		return 0;
	files = BPF_CORE_READ(task, files, fdt, fd);
	if (bpf_probe_read_kernel(&file, sizeof(file), files + result) || !file)
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	inode_announce_new((__u64)inode, BPF_CORE_READ(inode, i_ino),
			   BPF_CORE_READ((struct kvm___gmem *)kvm, userspace_pid));
	return 0;
}

#endif
