/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an inode shows of itself: its provider, and where its declared state lives.
 */
#ifndef GMEMTRACE_BPF_INODE_H
#define GMEMTRACE_BPF_INODE_H

#include "common.h"

/* The series' private data; absent from the BTF of kernels without it. */
struct kvm_gmem_inode_private {
	unsigned long long flags;
	struct xarray direct_map_state;
	bool default_direct_map_state;
} __attribute__((preserve_access_index));

/* KVM's types are in its module's BTF; vmlinux.h may hold them cut or not at all. */
struct kvm;
struct kvm_create_guest_memfd;

struct kvm___gmem {
	int userspace_pid;
} __attribute__((preserve_access_index));

/*
 * 6.19: KVM's inodes are its own, with their flags beside them (e66438bb81c4, "KVM: guest_memfd: Add gmem_inode.flags
 * field instead of using i_private").
 */
struct gmem_inode___own {
	struct inode vfs_inode;
	__u64 flags;
} __attribute__((preserve_access_index));

/* GUEST_MEMFD_FLAG_MMAP (6.18) and _INIT_SHARED (6.18): neither is about the direct map. */
#define GMEM_FLAGS_KNOWN 3ULL
#define GMEM_FLAG_NO_DIRECT_MAP 4ULL /* GUEST_MEMFD_FLAG_NO_DIRECT_MAP, v8 to v12 */
#define GMEM_FLAGS_POSSIBLE 0xffffffffULL /* beyond: a pointer to another design's state */
#define RFC3_FLAGS_KNOWN (RECORD_RFC3_NO_DIRECT_MAP | RECORD_RFC3_DYNAMIC)

/* The flags that KVM_CREATE_GUEST_MEMFD was given, where no series says what they mean. */
static __always_inline __u64 gmem_create_flags(__u64 inode, __u64 private)
{
	__u64 flags = 0;

	if (!bpf_core_type_exists(struct gmem_inode___own))
		return private; /* until 6.18 i_private is the flags themselves */
	inode += bpf_core_field_offset(struct gmem_inode___own, flags) -
		 bpf_core_field_offset(struct gmem_inode___own, vfs_inode);
	bpf_probe_read_kernel(&flags, sizeof(flags), (void *)inode);
	return flags;
}

/*
 * By a later form of the series. It has a flag of the mapping (AS_NO_DIRECT_MAP, v7 to v12), which says
 * all there is to say: then flags of the inode that nobody has told us of are about something else, as
 * those are that the production series adds (1 << 3: write() fills it). Before it had that, one of the inode's.
 */
static __always_inline __u32 gmem_provider(const struct address_space *mapping, __u64 flags)
{
	bool told = bpf_core_enum_value_exists(enum mapping_flags___gmem, AS_NO_DIRECT_MAP___gmem);
	__u64 known = told ? GMEM_FLAGS_POSSIBLE : GMEM_FLAGS_KNOWN | GMEM_FLAG_NO_DIRECT_MAP;
	bool leaves = flags & GMEM_FLAG_NO_DIRECT_MAP;

	if (flags & ~known)
		return RECORD_PROVIDER_UNKNOWN;
	if (told)
		leaves = BPF_CORE_READ(mapping, flags) >>
				 bpf_core_enum_value(enum mapping_flags___gmem,
						     AS_NO_DIRECT_MAP___gmem) &
			 1;
	if (leaves)
		return sensor.gmem_marks_folios ? RECORD_PROVIDER_FOLIO_BIT
						: RECORD_PROVIDER_UNKNOWN;
	return flags & GMEM_FLAG_NO_DIRECT_MAP ? RECORD_PROVIDER_UNKNOWN
					       : RECORD_PROVIDER_GMEM_PLAIN;
}

static __always_inline void inode_identify_gmem(struct identify_args *identity, __u64 private,
						const struct address_space *mapping)
{
	const struct kvm_gmem_inode_private *state = (const void *)private;

	identity->provider = RECORD_PROVIDER_UNKNOWN;
	identity->default_state = 1;
	/* Without its BTF all of KVM looks alike. */
	if (!sensor.gmem_described)
		return;
	if (!bpf_core_type_exists(struct kvm_gmem_inode_private)) {
		identity->flags = gmem_create_flags(identity->inode, private);
		identity->provider = gmem_provider(mapping, identity->flags);
		return;
	}
	/* A relative of the series that keeps other things there. */
	if (!bpf_core_field_exists(state->flags) ||
	    !bpf_core_field_exists(state->direct_map_state) ||
	    !bpf_core_field_exists(state->default_direct_map_state))
		return;
	/* The series gives one to each inode: this one is being torn down, what it was cannot be told. */
	if (!state)
		return;
	identity->flags = BPF_CORE_READ(state, flags);
	if (!identity->flags)
		identity->provider = RECORD_PROVIDER_GMEM_PLAIN;
	if (!identity->flags || identity->flags & ~RFC3_FLAGS_KNOWN)
		return;
	identity->provider = RECORD_PROVIDER_RFC3;
	identity->default_state = BPF_CORE_READ(state, default_direct_map_state);
	identity->xarray =
		private + bpf_core_field_offset(struct kvm_gmem_inode_private, direct_map_state);
}

/*
 * @identity->inode names the inode by address; everything else is filled in.
 * Only probing reads: the address may be stale, so a caller that knows i_ino
 * compares it. -ESRCH (as a positive provider UNKNOWN) is left to the caller.
 */
static __always_inline void inode_identify(struct identify_args *identity)
{
	struct inode *inode = (void *)identity->inode;
	__u64 operations, size, private, pages = 1, deviating = 0;
	struct address_space *mapping;

	/* The caller's memory may hold what another inode was. */
	identity->flags = 0;
	identity->xarray = 0;
	identity->pristine = 0;
	identity->strange = 0;
	identity->result = -EFAULT;
	if (bpf_core_read(&identity->i_ino, sizeof(identity->i_ino), &inode->i_ino) ||
	    bpf_core_read(&operations, sizeof(operations), &inode->i_op) ||
	    bpf_core_read(&size, sizeof(size), &inode->i_size) ||
	    bpf_core_read(&private, sizeof(private), &inode->i_private) ||
	    bpf_core_read(&mapping, sizeof(mapping), &inode->i_mapping))
		return;
	identity->pages = (size + (1ULL << PAGE_SHIFT) - 1) >> PAGE_SHIFT;
	identity->i_pages = (__u64)mapping + bpf_core_field_offset(struct address_space, i_pages);
	identity->result = 0;
	if (operations && operations == sensor.gmem_iops) {
		inode_identify_gmem(identity, private, mapping);
		/* The series' own whose state is gone is being torn down. */
		identity->strange =
			identity->provider == RECORD_PROVIDER_UNKNOWN &&
			(private || !bpf_core_type_exists(struct kvm_gmem_inode_private));
	} else if (operations && operations == sensor.secretmem_iops) {
		identity->provider = RECORD_PROVIDER_SECRETMEM;
		identity->default_state = 0;
	} else {
		identity->provider = RECORD_PROVIDER_UNKNOWN;
	}
	bpf_core_read(&pages, sizeof(pages), &mapping->nrpages);
	if (identity->xarray)
		bpf_probe_read_kernel(
			&deviating, sizeof(deviating),
			(void *)(identity->xarray + bpf_core_field_offset(struct xarray, xa_head)));
	identity->pristine = !pages && !deviating;
}

/* Inodes that have been written as a record_inode. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct inode_key);
	__type(value, __u64);
} announced SEC(".maps");

/* Who has an inode: the task that acts, or the one in whose files it was found. */
struct inode_holder {
	const struct task_struct *task; /* NULL: the current one */
	__u32 vm; /* tgid that the VM is known by, 0 unknown */
	bool bound; /* nobody has it but a VM's slot: `task` is of the VM, NULL: not known */
};

static __always_inline void holder_write(struct record_inode *record,
					 const struct inode_holder *holder)
{
	const struct task_struct *task = holder->task;

	record->bound = holder->bound;
	if (!task && holder->bound) {
		record->header.tid = 0;
		record->header.tgid = 0;
		return;
	}
	if (!task) {
		bpf_get_current_comm(record->comm, sizeof(record->comm));
		return;
	}
	record->header.tid = BPF_CORE_READ(task, pid);
	record->header.tgid = BPF_CORE_READ(task, tgid);
	BPF_CORE_READ_STR_INTO(&record->comm, task, comm);
}

static __always_inline void inode_write(const struct identify_args *identity,
					const struct inode_holder *holder)
{
	struct record_inode *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record) {
		loss_count(identity->inode, identity->i_ino, RECORD_LOSS_RING_FULL);
		return;
	}
	__builtin_memset(record, 0, sizeof(*record));
	header_fill(&record->header, RECORD_INODE, sizeof(*record));
	record->header.inode = identity->inode;
	record->i_ino = identity->i_ino;
	record->pages = identity->pages;
	record->flags = identity->flags;
	record->provider = identity->provider;
	record->default_state = identity->default_state;
	record->before_attach = !identity->pristine;
	record->vm = holder->vm;
	holder_write(record, holder);
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
}

/* Of the newest guest_memfd whose design is not known: nothing of it is announced, so this says that there was one. */
__u64 gmem_strange = 0;

static __always_inline void inode_announce_as(__u64 inode, __u64 i_ino,
					      const struct inode_holder *holder, bool made_now)
{
	struct inode_key key = { .inode = inode, .i_ino = i_ino };
	struct identify_args identity = { .inode = inode };
	__u64 value = holder->vm;

	inode_identify(&identity);
	if (identity.result || identity.i_ino != i_ino)
		return;
	if (identity.strange)
		gmem_strange = GMEM_STRANGE_SEEN | identity.flags;
	if (identity.provider == RECORD_PROVIDER_UNKNOWN)
		return;
	/* The series keeps reserved nodes in an empty xarray: how it looks says less. */
	if (made_now)
		identity.pristine = 1;
	bpf_map_update_elem(&announced, &key, &value, BPF_ANY);
	inode_write(&identity, holder);
}

/*
 * Says what @inode is, once, and before the first record that names it: read
 * later, by user space, it may be gone. Whether it is left out.
 */
static __always_inline bool inode_announce_of(__u64 inode, __u64 i_ino,
					      const struct inode_holder *holder)
{
	struct inode_key key = { .inode = inode, .i_ino = i_ino };
	const __u64 *value = bpf_map_lookup_elem(&announced, &key);

	if (value)
		return sensor.filtered && *value & ANNOUNCED_LEFT_OUT;
	inode_announce_as(inode, i_ino, holder, false);
	return false;
}

/* The same, by what the current task does. */
static __always_inline bool inode_announce(__u64 inode, __u64 i_ino)
{
	struct inode_holder holder = {};

	return inode_announce_of(inode, i_ino, &holder);
}

/*
 * Whether its pages are to be told of: it is one of ours, and not left out. Those of a design that
 * nobody knows are nobody's, and no record of theirs is missed.
 */
static __always_inline bool inode_wanted(__u64 inode, __u64 i_ino)
{
	struct inode_key key = { .inode = inode, .i_ino = i_ino };
	const __u64 *value = bpf_map_lookup_elem(&announced, &key);
	struct inode_holder holder = {};

	if (!value) {
		inode_announce_as(inode, i_ino, &holder, false);
		value = bpf_map_lookup_elem(&announced, &key);
	}
	return value && !(sensor.filtered && *value & ANNOUNCED_LEFT_OUT);
}

/* Announces what is an inode of ours; false for any other. */
static __always_inline bool inode_is_ours(__u64 inode, __u64 i_ino)
{
	struct inode_key key = { .inode = inode, .i_ino = i_ino };

	inode_announce(inode, i_ino);
	return bpf_map_lookup_elem(&announced, &key);
}

static __always_inline void inode_announce_new(__u64 inode, __u64 i_ino, __u32 vm)
{
	struct inode_holder holder = { .vm = vm };

	inode_announce_as(inode, i_ino, &holder, true);
}

static __always_inline void inode_forget(__u64 inode, __u64 i_ino)
{
	struct inode_key key = { .inode = inode, .i_ino = i_ino };

	bpf_map_delete_elem(&announced, &key);
}

#endif
