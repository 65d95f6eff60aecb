/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bpf/ and src/sensor agree on besides the records: the constants set
 * before a load, the arguments of the programs that user space runs itself,
 * and the counters that it reads.
 */
#ifndef GMEMTRACE_BPF_INTERFACE_H
#define GMEMTRACE_BPF_INTERFACE_H

#include "begin_slot.h"
#include "left_out.h"
#include "ring.h"
#include "x86.h"

/* Read once from the running kernel (bpf/facts.bpf.c), constant afterwards. */
struct sensor_config {
	__u64 page_offset; /* address of pfn 0 in the direct map */
	__u64 direct_map_end; /* first address behind it, with what memory may yet be plugged */
	__u64 vmemmap; /* address of pfn 0's struct page */
	__u64 init_pgd; /* address of the kernel's top-level page table */
	__u64 entry_mask; /* the physical address bits of a page-table entry */
	__u64 entry_checked; /* those, and its global bit where entries are global unless somebody changed them */
	__u64 flush_ceiling; /* bytes: a longer range is flushed as a whole */
	__u64 gmem_iops; /* address of kvm_gmem_iops, 0: kvm not loaded */
	__u64 flush_range_function; /* address of do_kernel_range_flush(), 0: not known */
	__u64 flush_all_function; /* the same of do_flush_tlb_all() */
	__u64 flush_user_function; /* and of flush_tlb_func(): of a process's mappings, not the kernel's */
	__u64 secretmem_iops; /* address of secretmem_iops, 0: none */
	__u64 leaves; /* address of direct_pages_count, by enum pg_level; 0: not known */
	__u64 online_mask; /* address of __cpu_online_mask; 0: not known */
	__u32 five_levels; /* 1: the CPU walks five levels */
	__u32 page_size; /* bytes of a struct page */
	__u32 have_rdonly_cast; /* 1: bpf_rdonly_cast exists (a035154da45d, 6.2) */
	__u32 page_free; /* 1: keep the bitmap that the page-free sensors read */
	__u32 release_chunks; /* chunks that hold anything: a release snapshot reads so many at most */
	__u32 own_tgid; /* the process that owns the sensors: its flushes are not recorded */
	__u32 gmem_described; /* 1: BTF has guest_memfd's routines, so also its types */
	__u32 zap_by_address; /* 1: set_direct_map_* take an address, not a struct page * */
	__u32 gmem_marks_folios; /* 1: guest_memfd has a bit in each folio (v7 to v12) */
	__u32 zap_times; /* 1: programs at the entry of set_direct_map_* and of handlers tell when it began */
	__u32 answers; /* enum sensor_answers */
	__u32 cpus; /* numbers that CPUs may have: the answer table is a square of it */
	__u32 stack_rate; /* of so many flushes one has its stack taken; 0: none */
	__u32 flushes; /* 1: those that say nothing of the direct map are recorded, too */
	__u32 csd_owners; /* places of the table of csds, a power of two */
	__u32 csd_entries; /* of the answers to them: so many that each csd finds one; a power of two */
	__u32 filtered; /* 1: user space may say which inodes are left out */
	__u32 counts_preemption; /* 1: preempt_disable() counts (CONFIG_PREEMPT_COUNT) */
	__u32 broadcasts; /* 1: this CPU can flush all others' TLBs and ask nobody (INVLPGB) */
	__u32 interrupt_bits; /* of the preemption count: what runs is an interrupt's, not the task's */
	__u32 encrypts; /* 1: memory may be a guest's that no read of ours may touch (SEV-SNP, TDX) */
};

/* What tells which CPU answers a flush. */
enum sensor_answers {
	SENSOR_ANSWERS_NONE = 0,
	SENSOR_ANSWERS_CSD = 1, /* tracepoints of the calls that ask */
	SENSOR_ANSWERS_HANDLER =
		2, /* the handler of a ranged flush: not when it was asked, nothing of full ones */
};

/* The programs, as captures number them (record_loss.program, fact sensor.program.N): append only. */
enum sensor_program {
	PROGRAM_ZAP_INVALID_EXIT = 0,
	PROGRAM_ZAP_DEFAULT_EXIT = 1,
	PROGRAM_ZAP_VALID_EXIT = 2,
	PROGRAM_FLUSH_RANGE_ENTER = 3,
	PROGRAM_FLUSH_RANGE_EXIT = 4,
	PROGRAM_FLUSH_ALL_ENTER = 5,
	PROGRAM_FLUSH_ALL_EXIT = 6,
	PROGRAM_PAGE_FREE = 7,
	PROGRAM_POSITION = 8,
	PROGRAM_SWEEP = 9,
	PROGRAM_WALK = 10,
	PROGRAM_IDENTIFY = 11,
	PROGRAM_SNAPSHOT_LIVE = 12,
	PROGRAM_DISCOVER_TASK_FILE = 13,
	PROGRAM_DISCOVER_TASK_VMA = 14,
	PROGRAM_SECRETMEM_RELEASE_ENTER = 15,
	PROGRAM_SECRETMEM_RELEASE_EXIT = 16,
	PROGRAM_GMEM_RELEASE_ENTER = 17,
	PROGRAM_RELEASE_EXIT = 18,
	PROGRAM_SET_RANGE_ENTER = 19,
	PROGRAM_SET_RANGE_EXIT = 20,
	PROGRAM_SET_FOLIO_ENTER = 21,
	PROGRAM_SET_FOLIO_EXIT = 22,
	PROGRAM_CONFIGURE_ENTER = 23,
	PROGRAM_CONFIGURE_EXIT = 24,
	PROGRAM_FALLOCATE_ENTER = 25,
	PROGRAM_FALLOCATE_EXIT = 26,
	PROGRAM_GET_FOLIO_EXIT = 27,
	PROGRAM_FREE_FOLIO_EXIT = 28,
	PROGRAM_CREATE_EXIT = 29,
	PROGRAM_SECRETMEM_MMAP_ENTER = 30,
	PROGRAM_MARK_PREPARED_EXIT = 31,
	PROGRAM_MEMORY_FAILURE_ENTER = 32,
	PROGRAM_SECRETMEM_MMAP_PREPARE_ENTER = 33,
	PROGRAM_USER_FAULT_EXIT = 34,
	PROGRAM_TAKE_LOSSES = 35,
	PROGRAM_TOUCH_BEGIN = 36,
	PROGRAM_MODULE_LOAD = 37,
	PROGRAM_TEXT_READ = 38,
	PROGRAM_FOLIO_ZAP_ENTER = 39,
	PROGRAM_FOLIO_ZAP_EXIT = 40,
	PROGRAM_UPDATE_XARRAY_ENTER = 41,
	PROGRAM_UPDATE_XARRAY_EXIT = 42,
	PROGRAM_TIMED_RANGE_ENTER = 43,
	PROGRAM_TIMED_RANGE_EXIT = 44,
	PROGRAM_TIMED_ALL_ENTER = 45,
	PROGRAM_TIMED_ALL_EXIT = 46,
	PROGRAM_CSD_QUEUED = 47,
	PROGRAM_CSD_ENTERED = 48,
	PROGRAM_CSD_LEFT = 49,
	PROGRAM_ZAP_INVALID_ENTER = 50,
	PROGRAM_ZAP_DEFAULT_ENTER = 51,
	PROGRAM_ZAP_VALID_ENTER = 52,
	PROGRAM_CONVERSION_BEGIN_ENTER = 53,
	PROGRAM_CONVERSION_EXIT = 54,
	PROGRAM_CONVERSION_END_EXIT = 55,
	PROGRAM_BIND_EXIT = 56,
	PROGRAM_BIND_CONVERT_ENTER = 57,
	PROGRAM_BIND_CONVERT_EXIT = 58,
	PROGRAM_UNBIND_ENTER = 59,
	PROGRAM_ADD_FOLIO_EXIT = 60,
	PROGRAM_CONFIGURE_BATCH_ENTER = 61,
	PROGRAM_CONFIGURE_BATCH_EXIT = 62,
	PROGRAM_SUMMARY_INVALID_EXIT = 63,
	PROGRAM_SUMMARY_VALID_EXIT = 64,
	PROGRAM_HANDLER_ENTER = 65,
	PROGRAM_HANDLER_EXIT = 66,
	PROGRAM_SCHEDULE_BUG_ENTER = 67,
	PROGRAM_WITNESS_RANGE_ENTER = 68,
	PROGRAM_WITNESS_RANGE_EXIT = 69,
	PROGRAM_WITNESS_ALL_ENTER = 70,
	PROGRAM_WITNESS_ALL_EXIT = 71,
	PROGRAM_WITNESS_ASKED = 72,
	PROGRAM_WITNESS_ANSWERED = 73,
	PROGRAM_WITNESS_STEP = 74,
	PROGRAM_STALE_READ = 75,
	PROGRAM_GUEST_MAP_EXIT = 76,
	PROGRAM_GUEST_UNMAP_EXIT = 77,
	PROGRAM_SLEEP_SAID = 78,
	PROGRAM_DISCOVER_BOUND = 79,
};

#define PROGRAMS_MAX 128

/*
 * What an open flush has beside its begin (begin_slot.h), by tid: a stack, CPUs
 * that it asked. No verdict rests on it: a stranger's is counted as not timed.
 */
#define TIMED_SLOTS_NR 8192U /* a power of two */
#define TIMED_STALE_NS 10000000000ULL /* its end was missed */

struct timed_slot {
	__u64 task; /* struct task_struct * of the one that has it, 0: free */
	__u64 begin; /* ns: the flush's */
	__u64 asked; /* ns: the first CPU was asked, 0: none was */
	__u32 asked_nr;
	__u32 initiator;
	__u32 stack;
	__u32 weight;
	__u32 stack_state; /* enum record_stack_state */
	__u32 handled; /* 1: who answers is told by the handlers (SENSOR_ANSWERS_HANDLER) */
	__u64 zap_task; /* of the task that changes an entry just now */
	__u64 zap_begin; /* ns */
};

/* Of the map `announced`. */
struct inode_key {
	__u64 inode; /* address */
	__u64 i_ino;
};

/* Of a value of it; the rest is the VM's tgid. */
#define ANNOUNCED_LEFT_OUT (1ULL << 63)

/*
 * Histograms without records (bpf/summary.h): what a task has changed and not
 * flushed yet, by tid. A stranger's change is counted as not summed up.
 */
#define SUMMARY_SLOTS_NR 2048U /* a power of two */
#define SUMMARY_ZAPS 8U /* runs; more are joined to the last */
#define SUMMARY_STALE_NS 1000000000ULL /* no flush is coming */

struct summary_zap {
	__u64 first, last; /* addresses of pages, both inclusive */
	__u64 end; /* ns; of several runs that were joined, of the first */
	__u32 nr; /* pages */
	__u32 cell; /* RECORD_SUMMARY_EXPOSURE; _AT_MOST where runs were joined */
};

struct summary_slot {
	__u64 task; /* struct task_struct * of the one that has it, 0: free */
	__u64 flush_begin; /* ns; before `since`: none is open */
	__u64 since; /* ns: its last change, or when it began its flush */
	__u64 held; /* how many of zaps[]; above SUMMARY_ZAPS: one page, its address, changed until `since` */
	struct summary_zap zaps[SUMMARY_ZAPS];
};

struct summary_histogram {
	__u64 sum; /* ns */
	__u64 max; /* ns */
	__u64 least; /* ~ns, so that 0 is none */
	__u64 shift; /* of the last time but few (summary_bucket_like()) */
	__u64 buckets[RECORD_SUMMARY_BUCKETS];
};

/*
 * How a CPU answered an initiator last. Written by its handler alone, and never taken back: what is older than
 * the moment at which it was asked is no answer to it. A power of two.
 */
struct answer_entry {
	__u64 csd; /* address: of the call that asks; 0: free */
	__u64 left; /* ns: the handler had ended */
	__u64 entered; /* ns: it began, where that is looked at */
	__u64 task; /* struct task_struct * of what ran there */
	__u32 tid;
	__u32 seen; /* as answer_bits() takes it */
	__u32 stack;
	__u32 stack_state; /* enum record_stack_state */
	__u32 initiator;
	__u32 reserved[3];
};

#define ANSWER_SEEN_GUEST 1U /* PF_VCPU of the task's flags */
#define ANSWER_SEEN_SOFTIRQ 0xff00U /* SOFTIRQ_MASK of its preemption count */

/* What the handler interrupted, as enum record_answer_bits, of what was kept of it: that costs the handler less. */
static inline __u16 answer_bits(__u32 seen, __u32 tid)
{
	__u16 bits = tid ? 0 : RECORD_ANSWER_IDLE;

	if (seen & ANSWER_SEEN_GUEST)
		bits |= RECORD_ANSWER_GUEST;
	if (seen & ANSWER_SEEN_SOFTIRQ)
		bits |= RECORD_ANSWER_SOFTIRQ;
	return bits;
}

#define ANSWER_CPUS_MAX (64U * RECORD_CPU_WORDS)

/* By the initiator's CPU: what it asked others for last. */
struct answer_initiator {
	__u64 task; /* struct task_struct * of the flush */
	__u64 begin; /* ns: the flush's; 0: it is not looked at */
	__u64 asked; /* ns */
	__u64 csds; /* where its csds are, of which places[] are told; 0: not yet */
	__u64 targets[RECORD_CPU_WORDS]; /* a bit each */
	__u32 places[ANSWER_CPUS_MAX]; /* of each target's entry, and 1 more; 0: it has none */
};

#define CSD_OWNERS_MAX (1U << 20) /* 16 MB */

/* What a csd works for, where a look at one place tells: fewer instructions than a hash table's. */
struct csd_owner {
	__u64 csd; /* address; 0: free */
	__u32 index; /* of the flush's witness_slot, and 1 more; 0: nobody looks at it */
	__u32 reserved;
};

/*
 * Which CPUs were online when a flush began, and which of them were asked and have answered (a bit each); by
 * tid. A stranger's flush is counted as not looked at.
 */
#define WITNESS_WORDS RECORD_CPU_WORDS
#define WITNESS_SLOTS_NR 1024U /* a power of two */

struct witness_slot {
	__u64 task; /* struct task_struct * of the one that has it, 0: free */
	__u64 begin; /* ns */
	__u64 steps; /* of CPUs up or down that had begun before */
	__u64 function; /* no flush: this is what CPUs are asked to run */
	__u64 page; /* struct page *: of those that the task has just made absent, one that it flushes; 0: none */
	__u64 online[WITNESS_WORDS], asked[WITNESS_WORDS], answered[WITNESS_WORDS];
};

#define STACK_FRAMES_MAX 48
#define STACKS_NR 16384

/* Addresses from kallsyms, read by the facts program. 0: not there. */
struct facts_args {
	__u64 page_offset_base;
	__u64 vmemmap_base;
	__u64 pgdir_shift;
	__u64 sme_me_mask;
	__u64 flush_ceiling;
	__u64 init_mm;
	__u64 max_pfn;
	__u64 secretmem_users;
	__u64 kfence_pool;
	__u64 debug_pagealloc;
	__u64 vmalloc_base;
	__u64 pte_mask;
	/* Results: the values behind them. */
	__u64 page_offset;
	__u64 vmemmap;
	__u64 pgdir_shift_value;
	__u64 sme_mask;
	__u64 flush_ceiling_pages;
	__u64 init_pgd;
	__u64 max_pfn_value;
	__u64 secretmem_users_value;
	__u64 kfence_pool_value;
	__u64 debug_pagealloc_value;
	__u64 vmalloc_base_value;
	__u64 pte_mask_value;
	__s64 result;
};

/* Reads chunks of one inode into the ring. */
struct snapshot_args {
	__u64 inode; /* struct inode * */
	__u64 i_ino; /* of the inode meant: another one at the address is -ESTALE */
	__u64 pgoff_first;
	__u64 pgoff_nr; /* pages, at most RECORD_SNAPSHOT_CHUNK */
	__u64 snapshot;
	__u32 pass;
	__u32 provider; /* of the inode meant: one being torn down reads as another */
	__s64 result; /* 0 or -errno */
};

/* What an inode shows of itself. */
struct identify_args {
	__u64 inode; /* struct inode * */
	__u64 i_ino;
	__u64 pages;
	__u64 flags;
	__u64 xarray; /* address of direct_map_state, 0: none */
	__u64 i_pages; /* address of the page cache's xarray */
	__u32 provider;
	__u32 default_state;
	__u32 pristine; /* 1: no page has joined yet, and nothing deviates */
	__s32 result; /* 0 or -errno */
	__u32 strange; /* 1: a guest_memfd of a design that is not known */
	__u32 reserved;
};

#define GMEM_STRANGE_SEEN (1ULL << 63) /* beside the flags of one that is strange */

/* Looks for guest_memfds that only VMs' slots lead to. */
struct bound_args {
	__u64 vms; /* address of KVM's list of them */
	__u32 result; /* enum bound_result */
	__u32 reserved;
};

#define BOUND_VMS_MAX 4096U

enum bound_result {
	BOUND_ALL = 0,
	BOUND_CHANGED = 1, /* while it was read: something may have been missed */
	BOUND_MANY = 2, /* more VMs, or slots, than are looked at */
	BOUND_UNDESCRIBED = 3, /* the types are others */
};

/* What stands at the begin of a routine. */
struct text_args {
	__u64 address;
	__u8 bytes[16];
	__s64 result; /* 0 or -errno */
};

struct walk_args {
	__u64 pfn;
	__s64 state; /* enum walk_state */
};

enum walk_state {
	WALK_ABSENT = 0,
	WALK_PRESENT = 1,
	WALK_UNKNOWN = 2,
};

/* Writes the zaps that wait longer than this for a flush. */
struct sweep_args {
	__u64 age; /* ns */
};

#define LOSS_CAUSES 32 /* enum record_loss_cause fits in; a power of two */
#define LOSSES_NR 1024
#define LOSS_USERS_NR 256
#define LOSS_IDLE_MAX 20 /* heartbeats: longer than any program may be preempted */

/* Who lost records. Key of the maps `losses` and `losses_users` (inode 0). */
struct loss_key {
	__u64 inode; /* struct inode * */
	__u64 i_ino;
	__u32 cause; /* enum record_loss_cause */
	__u32 uid; /* of the task that acted */
};

struct loss_count {
	__u64 count; /* since it was taken */
	__u64 idle; /* times that there was nothing to take */
};

/* Exchanged out of the maps by the program take_losses. */
struct loss_taken {
	struct loss_key key;
	__u64 count;
};

struct losses_args {
	__u32 nr; /* filled in `losses_taken` */
	__u32 reserved;
};

#endif
