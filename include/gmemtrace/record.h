/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The records: what a sensor says, what a capture stores, what the model reads.
 *
 * Shared by bpf/, captures and user space. The same structures travel through
 * three places, and two fields change their meaning on the way, once:
 *
 *   ring      as a BPF program wrote it: `inode` and `page` are kernel
 *             pointers, flush bounds are kernel addresses;
 *   sealed    as src/sensor hands it on, and as every capture stores it:
 *             `inode` is a capture-local number, `page` is a pfn, flush
 *             bounds are pfns. No kernel address leaves src/sensor.
 *
 * Enum values are explicit and append-only; a retired value leaves a hole.
 * A record may grow at its end: a reader zero-extends a shorter record and
 * ignores the tail of a longer one (record_header.size tells).
 *
 * Times are CLOCK_MONOTONIC nanoseconds (bpf_ktime_get_ns). A BPF program
 * takes `time` after it has reserved its place in the ring, so a record that
 * stands behind another in the ring was reserved later and ended later than
 * the other was reserved; a ring seen empty at T holds nothing older than T
 * afterwards (record_heartbeat.watermark).
 */
#ifndef GMEMTRACE_RECORD_H
#define GMEMTRACE_RECORD_H

#ifndef __bpf__
#include <stddef.h>
#include <linux/types.h>
#endif

/*
 * Every kind of record, once: X(KIND, id, structure, bytes, name, form, model).
 * Identifiers, sizes, names, and which kinds a switch may leave out come from
 * here; the other cases do not compile without a new kind (-Wswitch).
 *
 * form   RAW      a BPF program writes it, src/sensor/seal.c seals it, it is stored
 *        SEALED   user space makes it, as it is stored
 *        RING     a BPF program writes it; what is stored is of another kind
 * model  QUEUED   waits in the model's queue until its time has come
 *        AT_ONCE  taken when it is fed
 *        BOTH     looked at when it is fed, and queued where that says so
 *        NONE     never fed
 *
 * A new kind: its structure and its line here, its cases in seal.c (RAW) and
 * in src/model/model.c, its paragraph in man/gmemtrace-capture.5.
 */
/* clang-format off */
#define RECORD_KINDS(X)                                                                     \
	X(REQUEST_BEGIN,   1, request,        88, "request-begin",  RAW,    QUEUED)         \
	X(REQUEST_END,     2, request,        88, "request-end",    RAW,    QUEUED)         \
	/* a run of pages changed; may carry its flush */                                   \
	X(ZAP,             3, zap,           112, "zap",            RAW,    QUEUED)         \
	/* a flush that could not be merged with a zap */                                   \
	X(FLUSH,           4, flush,          64, "flush",          RAW,    QUEUED)         \
	X(JOIN,            5, owner,          64, "join",           RAW,    QUEUED)         \
	X(LEAVE,           6, owner,          64, "leave",          RAW,    QUEUED)         \
	X(SNAPSHOT_BEGIN,  7, snapshot,      104, "snapshot-begin", RAW,    BOTH)           \
	/* a run of like pages */                                                           \
	X(SNAPSHOT_PAGE,   8, snapshot_page,  64, "snapshot-page",  SEALED, AT_ONCE)        \
	X(SNAPSHOT_END,    9, snapshot,      104, "snapshot-end",   RAW,    AT_ONCE)        \
	X(HEARTBEAT,      10, heartbeat,      72, "heartbeat",      SEALED, AT_ONCE)        \
	X(LOSS,           11, loss,           56, "loss",           SEALED, BOTH)           \
	X(INODE,          12, inode,         112, "inode",          RAW,    BOTH)           \
	X(PAGE_FREE,      13, page_free,      64, "page-free",      RAW,    QUEUED)         \
	/* 64 pages, sealed to runs */                                                      \
	X(SNAPSHOT_BLOCK, 14, snapshot_block, 64 + 8 * RECORD_SNAPSHOT_BLOCK_PAGES,         \
	  "snapshot-block", RING, NONE)                                                     \
	/* a key and a value, text */                                                       \
	X(FACT,           15, fact,           40, "fact",           SEALED, AT_ONCE)        \
	/* the sensors are off: the last record of a stream */                              \
	X(END,            16, end,            48, "end",            SEALED, AT_ONCE)        \
	/* blocks that go on alike, sealed to a run */                                      \
	X(SNAPSHOT_RUN,   17, snapshot_run,   72, "snapshot-run",   RING,   NONE)           \
	/* any flush of kernel mappings: for figures, never for a verdict */                \
	X(FLUSH_TIMED,    20, flush_timed,   184, "flush-timed",    RAW,    QUEUED)         \
	/* who answered it */                                                               \
	X(ANSWERS,        21, answers,       240, "answers",        RAW,    QUEUED)         \
	/* a stack's names */                                                               \
	X(STACK,          22, stack,          40, "stack",          SEALED, AT_ONCE)        \
	/* a histogram of flushes, or of exposures, without a record of each */             \
	X(SUMMARY,        23, summary,        88, "summary",        SEALED, AT_ONCE)        \
	/* how the direct map is mapped when flush_tlb_all() has ended */                   \
	X(LEAVES,         24, leaves,         64, "leaves",         RAW,    QUEUED)         \
	/* KVM is told what a VM's memory is to be */                                       \
	X(PROMISE,        30, promise,        88, "promise",        RAW,    QUEUED)         \
	/* what KVM has promised of a run of like pages */                                  \
	X(PROMISE_READ,   31, promise_read,   96, "promise-read",   RAW,    AT_ONCE)        \
	/* a walk of the whole direct map, or of what was in doubt after one */             \
	X(MAP_BEGIN,      70, map_begin,      56, "map-begin",      SEALED, AT_ONCE)        \
	/* how much of it is absent for one owner */                                        \
	X(MAP_OWNER,      71, map_owner,      72, "map-owner",      SEALED, AT_ONCE)        \
	/* a run of absent pages that are nobody's who is known */                          \
	X(MAP_RUN,        72, map_run,        72, "map-run",        SEALED, AT_ONCE)        \
	X(MAP_END,        73, map_end,       104, "map-end",        SEALED, AT_ONCE)        \
	/* a task went to sleep where it must not */                                        \
	X(SLEEP,          75, sleep,          48, "sleep",          RAW,    QUEUED)         \
	/* a flush that a CPU did not take part in */                                       \
	X(UNANSWERED,     76, unanswered,     48 + 3 * 8 * RECORD_CPU_WORDS,                \
	  "unanswered", RAW, QUEUED)                                                        \
	/* what may have been a flush by other means */                                     \
	X(CALL,           77, call,           48, "call",           RAW,    QUEUED)         \
	/* a CPU could still read a page after its part in the flush */                     \
	X(STALE,          78, stale,          56, "stale",          RAW,    QUEUED)         \
	/* a stack of who does what nobody should, sealed to its names */                   \
	X(CALLER_FRAMES,  80, caller_frames, 48 + 8 * RECORD_CALLER_FRAMES_NR,              \
	  "caller-frames", RING, NONE)                                                      \
	X(CALLER,         81, caller,         48, "caller",         SEALED, QUEUED)         \
	/* a guest can reach memory from now on, and cannot any more */                     \
	X(GUEST_MAPPED,   85, guest,          72, "guest-mapped",   RAW,    QUEUED)         \
	X(GUEST_UNMAPPED, 86, guest,          72, "guest-unmapped", RAW,    QUEUED)
/* clang-format on */

enum record_kind {
	RECORD_NONE = 0,
#define RECORD_ENUM(kind, id, ...) RECORD_##kind = (id),
	RECORD_KINDS(RECORD_ENUM)
#undef RECORD_ENUM
};

/* Who stands behind an inode; tells where its declared state lives. */
enum record_provider {
	RECORD_PROVIDER_UNKNOWN = 0,
	RECORD_PROVIDER_RFC3 = 1, /* guest_memfd with the series' xarray */
	RECORD_PROVIDER_SECRETMEM = 2, /* every resident page is absent */
	RECORD_PROVIDER_GMEM_PLAIN = 3, /* guest_memfd without a direct-map flag */
	RECORD_PROVIDER_FOLIO_BIT = 4, /* guest_memfd with a bit in each folio (v7 to v12) */
	RECORD_PROVIDER_ANYBODY = 5, /* no inode's: who else changes entries, in the tables only */
};

/* RFC3: what kvm_gmem_inode_private.flags can say; one of them. */
enum record_rfc3_flags {
	RECORD_RFC3_NO_DIRECT_MAP = 1 << 0, /* absent by default */
	RECORD_RFC3_DYNAMIC = 1 << 1, /* present by default */
};

/* The routine that a request is a call of. */
enum record_operation {
	RECORD_OPERATION_NONE = 0,
	RECORD_OPERATION_SET_RANGE = 1, /* kvm_gmem_set_direct_map */
	RECORD_OPERATION_SET_FOLIO = 2, /* kvm_gmem_folio_set_direct_map */
	RECORD_OPERATION_CONFIGURE = 3, /* kvm_gmem_folio_configure_direct_map */
	RECORD_OPERATION_FALLOCATE = 4, /* kvm_gmem_fallocate */
	RECORD_OPERATION_RELEASE = 5, /* kvm_gmem_release, secretmem_release */
	RECORD_OPERATION_UPDATE_XARRAY = 6, /* __kvm_gmem_update_xarray */
	/* memory_failure() hits a page: begins and ends at its entry, before the page is poisoned. */
	RECORD_OPERATION_ERROR_FOLIO = 7,
	RECORD_OPERATION_FOLIO_ZAP = 20, /* kvm_gmem_folio_zap_direct_map */
	/* kvm_gmem_configure_direct_map_batch: from the first of its folios to the last */
	RECORD_OPERATION_CONFIGURE_BATCH = 30,
	/* secretmem_fault: no record has it, it is what a flush with a zap of memfd_secret is told to be of. */
	RECORD_OPERATION_SECRETMEM_FAULT = 40,
};

enum record_zap_routine {
	RECORD_ZAP_INVALID = 1, /* set_direct_map_invalid_noflush */
	RECORD_ZAP_DEFAULT = 2, /* set_direct_map_default_noflush */
	RECORD_ZAP_VALID = 3, /* set_direct_map_valid_noflush */
};

enum record_flush_routine {
	RECORD_FLUSH_NONE = 0,
	RECORD_FLUSH_RANGE = 1, /* flush_tlb_kernel_range */
	RECORD_FLUSH_ALL = 2, /* flush_tlb_all */
};

/*
 * Every cause of a loss, once: X(CAUSE, id, name, damage). What is damaged:
 * HISTORY (events are missing), SNAPSHOT (a read was lost, history stands),
 * FREES (page frees were not looked at, everything else stands), FIGURES (times
 * of flushes are missing, every verdict stands), ANSWERS (which CPUs answered a flush is not
 * known, everything else stands).
 */
/* clang-format off */
#define RECORD_LOSSES(X)                                                                    \
	/* a reserve failed */                                                              \
	X(RING_FULL,           1, "ring-full",          HISTORY)                            \
	/* a program did not run: recursion miss */                                         \
	X(MISSED,              2, "missed",             HISTORY)                            \
	/* two tasks, one begin-state slot */                                               \
	X(SLOT_COLLISION,      3, "slot-collision",     HISTORY)                            \
	/* loss could not be charged to its inode */                                        \
	X(INODE_TABLE_FULL,    4, "inode-table-full",   HISTORY)                            \
	/* no scratch page for a snapshot */                                                \
	X(SCRATCH_BUSY,        5, "scratch-busy",       SNAPSHOT)                           \
	/* release snapshot cut at its limit */                                             \
	X(SNAPSHOT_TOO_LARGE,  6, "snapshot-too-large", SNAPSHOT)                           \
	/* the daemon dropped records for this client */                                    \
	X(CLIENT_SLOW,         7, "client-slow",        HISTORY)                            \
	/* a record older than the watermark */                                             \
	X(DISORDER,            8, "disorder",           HISTORY)                            \
	/* a page free was not looked at, as the program was interrupted at its work */     \
	X(MISSED_FREE,         9, "missed-free",        FREES)                              \
	/* the hooks may have been off: ftrace was disabled, or the text changed */         \
	X(BLIND,              10, "blind",              HISTORY)                            \
	/* the provider's routines were there and not yet hooked */                         \
	X(UNHOOKED,           11, "unhooked",           HISTORY)                            \
	/* a flush was not timed: no place for its begin, or none in the ring */            \
	X(UNTIMED,            12, "untimed",            FIGURES)                            \
	/* a program that times flushes did not run */                                      \
	X(MISSED_TIMES,       13, "missed-times",       FIGURES)                            \
	/* a task's change or flush found no place: it is in no histogram */                \
	X(UNSUMMED,           14, "unsummed",           FIGURES)                            \
	/* whether all CPUs answered a flush was not looked at */                           \
	X(UNWITNESSED,        17, "unwitnessed",        ANSWERS)
/* clang-format on */
#define RECORD_LOSS_IDS_MAX 32

enum record_loss_cause {
	RECORD_LOSS_NONE = 0,
#define RECORD_ENUM(cause, id, ...) RECORD_LOSS_##cause = (id),
	RECORD_LOSSES(RECORD_ENUM)
#undef RECORD_ENUM
};

enum record_loss_damage {
	RECORD_DAMAGE_HISTORY = 1,
	RECORD_DAMAGE_SNAPSHOT = 2,
	RECORD_DAMAGE_FREES = 3,
	RECORD_DAMAGE_FIGURES = 4,
	RECORD_DAMAGE_ANSWERS = 5,
};

#define RECORD_COMM_LEN 16

/* Every record begins so. 32 bytes. */
struct record_header {
	__u16 kind; /* enum record_kind */
	__u16 size; /* bytes of the whole record, a multiple of 8 */
	__u32 cpu;
	__u32 tid; /* the acting thread, as the initial pid namespace numbers it */
	__u32 tgid;
	__u64 time; /* ns: when what the record tells had ended */
	__u64 inode; /* ring: struct inode *; sealed: capture-local number; 0: none */
};

/* Of a request's `mode`: FALLOC_FL_PUNCH_HOLE. */
#define RECORD_MODE_PUNCH_HOLE 2

/*
 * A call of a routine: BEGIN from fentry, END from fexit. END repeats the
 * arguments, so that it can be used when its BEGIN was lost. Requests of one
 * thread nest like calls. 88 bytes; 80 where a capture is older than `held`.
 */
struct record_request {
	struct record_header header;
	__u64 i_ino;
	__u64 pgoff_first; /* pages, inclusive */
	__u64 pgoff_last; /* pages, inclusive, as the caller passed it */
	__s64 result; /* END: the routine's return value */
	__u32 operation; /* enum record_operation */
	__u32 state; /* 1 present, 0 absent: what the request asks for */
	__u32 mode; /* FALLOCATE: FALLOC_FL_*; else 0 */
	__u32 preempt_count; /* of the task, preemption and soft interrupts; see RECORD_HELD_COUNTED */
	__u32 held; /* enum record_held_bits */
	__u32 reserved;
};

/* What the task of a request holds when it begins, and when it ends. */
enum record_held_bits {
	RECORD_HELD_COUNTED = 1 << 0, /* preempt_count was read, and this kernel counts */
	RECORD_HELD_LOOKED = 1 << 1, /* the owner of the inode's invalidate_lock was read */
	RECORD_HELD_INVALIDATE_LOCK = 1 << 2, /* it is the task, for writing */
	/* So were those of the inode's i_rwsem and the task's mmap_lock; not of steps and faults. */
	RECORD_HELD_LOOKED_MORE = 1 << 3,
	RECORD_HELD_I_RWSEM = 1 << 4, /* the same */
	RECORD_HELD_MMAP_LOCK = 1 << 5,
};

/*
 * One call of a set_direct_map_* routine, for a run of physically contiguous
 * pages; with its flush, where the flush was the same task's very next event.
 * header.time is the flush's end where a flush is merged (flush_routine !=
 * NONE), else the moment of writing: at or after zap_end, as a zap waits for a
 * flush to merge with until its task's next event. header.inode, i_ino and pgoff are the owner that the first
 * page itself showed (page->mapping, page->index), all 0 where it showed none.
 * 112 bytes.
 */
struct record_zap {
	struct record_header header;
	__u64 i_ino;
	__u64 pgoff; /* of the first page; meaningful only with an owner */
	__u64 page; /* ring: struct page *; sealed: pfn of the first page */
	__u32 nr; /* pages */
	__s32 result; /* 0 or -errno */
	__u64 zap_begin; /* ns; 0 where no program stands at the entry */
	__u64 zap_end; /* ns */
	__u64 flush_begin; /* ns; 0: no flush merged */
	__u64 flush_first; /* ring: start address; sealed: first pfn */
	__u64 flush_last; /* ring: end address (exclusive); sealed: last pfn, inclusive */
	__u16 valid; /* 1: made present (restore), 0: made absent (zap) */
	__u16 routine; /* enum record_zap_routine */
	__u16 flush_routine; /* enum record_flush_routine */
	__u16 flush_full; /* sealed: 1 where the flush in effect covers everything */
};

/*
 * A flush alone. Flushes in effect full (flush_tlb_all, or more pages than
 * tlb_single_page_flush_ceiling, arch/x86/mm/tlb.c) have full = 1 and cover
 * every pfn. A narrower flush outside the direct map is not recorded. 64 bytes.
 */
struct record_flush {
	struct record_header header; /* time: the flush's end */
	__u64 begin; /* ns */
	__u64 first; /* ring: start address; sealed: first pfn */
	__u64 last; /* ring: end address (exclusive); sealed: last pfn, inclusive */
	__u32 routine; /* enum record_flush_routine */
	__u32 full;
};

/*
 * JOIN: a folio is in the inode's page cache; said again, with prepared = 1,
 * when it has become uptodate. LEAVE: it has left (inode may be 0). 64 bytes.
 */
struct record_owner {
	struct record_header header; /* time: end of the routine */
	__u64 i_ino;
	__u64 page; /* ring: struct page *; sealed: pfn of the first page */
	__u64 pgoff; /* of the first page */
	__u32 nr; /* pages of the folio */
	__u32 prepared; /* bits of enum record_owner_bits */
};

enum record_owner_bits {
	RECORD_OWNER_PREPARED = 1 << 0, /* the folio was uptodate */
	RECORD_OWNER_DEVIATES = 1 << 1, /* FOLIO_BIT: its bit was set */
	/* LEAVE: of one of its first 512 pages the first 8 bytes are not zero: of the first such, below. */
	RECORD_OWNER_CONTENT = 1 << 2,
};

#define RECORD_OWNER_CONTENT_SHIFT 16 /* the page's place in the folio; 0 where no CONTENT */

enum record_snapshot_origin {
	RECORD_SNAPSHOT_LIVE = 1, /* asked for by user space */
	RECORD_SNAPSHOT_RELEASE = 2, /* read at the entry of the release routine */
};

/*
 * One chunk of a snapshot. BEGIN stands before the first page was read, END
 * after the last. header.time is the time of each. 104 bytes.
 */
struct record_snapshot {
	struct record_header header;
	__u64 i_ino;
	__u64 pgoff_first; /* pages, inclusive */
	/* pages in this chunk: at most RECORD_SNAPSHOT_CHUNK, or RECORD_SNAPSHOT_EMPTY where it holds nothing */
	__u64 pgoff_nr;
	__u64 inode_pages; /* the inode's size, in pages, at this moment */
	__u64 inode_flags; /* RFC3: kvm_gmem_inode_private.flags; GMEM_PLAIN: KVM's own; else 0 */
	__u32 origin; /* enum record_snapshot_origin */
	__u32 pass; /* 0, 1, ...: which read of the same chunk this is */
	__u32 provider; /* enum record_provider */
	__u32 default_state; /* 1 present, 0 absent: where nothing deviates */
	__u64 snapshot; /* chunks of one snapshot share this number */
	__s64 result; /* END: 0, or -errno: the whole chunk is unknown */
};

#define RECORD_SNAPSHOT_CHUNK 4096
#define RECORD_SNAPSHOT_EMPTY (1 << 18)
#define RECORD_SNAPSHOT_BLOCK_PAGES 64
#define RECORD_SNAPSHOT_PFN_SHIFT 16 /* of a word in record_snapshot_block */

/* What a snapshot saw of a page. Bits, append-only. */
enum record_page_bits {
	RECORD_PAGE_DEVIATES =
		1 << 0, /* the xarray has an entry for the index, or the folio its bit */
	RECORD_PAGE_DECLARED_UNKNOWN = 1 << 1, /* reading the xarray, or the bit, failed */
	RECORD_PAGE_RESIDENT = 1 << 2,
	RECORD_PAGE_RESIDENT_UNKNOWN = 1 << 3,
	RECORD_PAGE_PREPARED = 1 << 4, /* the folio is uptodate */
	RECORD_PAGE_POISONED = 1 << 5, /* HWPoison: its entry is not judged */
	RECORD_PAGE_PRESENT = 1 << 6, /* the direct map's entry is present */
	RECORD_PAGE_APPLIED_UNKNOWN = 1 << 7, /* reading the page tables failed */
	RECORD_PAGE_LOCKED = 1 << 8, /* at a release: the folio is locked */
	/*
	 * At a release: references to the folio beyond those of the page cache and of maps, from 2 on;
	 * 15 is as many or more. One alone is that of a list on which a CPU collects folios.
	 */
	RECORD_PAGE_REFERENCES = 0xf << 12,
};

#define RECORD_PAGE_REFERENCES_SHIFT 12

/* Ring form: one word a page, pfn in the upper 48 bits, enum record_page_bits below. */
struct record_snapshot_block {
	struct record_header header;
	__u64 i_ino;
	__u64 pgoff; /* of pages[0] */
	__u64 nr; /* words used */
	__u64 snapshot; /* as in the enclosing record_snapshot */
	__u64 pages[RECORD_SNAPSHOT_BLOCK_PAGES];
};

/* Ring form of blocks that go on alike: words ascend by a pfn a page, or stay where none is resident. */
struct record_snapshot_run {
	struct record_header header;
	__u64 i_ino;
	__u64 pgoff; /* of the first page */
	__u64 word; /* of the first page, as in record_snapshot_block.pages */
	__u64 nr; /* pages */
	__u64 snapshot; /* as in the enclosing record_snapshot */
};

/*
 * Sealed form: a run of pages alike, their pfns ascending by one (or none
 * resident). Pages neither resident nor deviating are not listed. 64 bytes.
 */
struct record_snapshot_page {
	struct record_header header;
	__u64 pgoff;
	__u64 pfn; /* of the first page; 0 where not resident */
	__u32 nr; /* pages */
	__u32 bits; /* enum record_page_bits */
	__u64 snapshot; /* as in the enclosing record_snapshot */
};

enum record_promise_event {
	/* slots_lock is held; what happens up to the END by the same task is KVM's doing. */
	RECORD_PROMISE_CONVERT_BEGIN = 1, /* memory of gfns is to become private, or shared */
	RECORD_PROMISE_CONVERTED =
		2, /* `result`: of the changes of all inodes bound there; no VM is said */
	RECORD_PROMISE_CONVERT_END = 3, /* no VM is said */
	RECORD_PROMISE_BIND = 4, /* gfns are backed by the inode from now on */
	RECORD_PROMISE_BIND_BEGIN =
		5, /* what is private of them already is about to become absent */
	RECORD_PROMISE_BIND_END = 6, /* and has */
	RECORD_PROMISE_UNBIND = 7, /* they are about to be no longer */
};

/* A conversion, or a slot that is bound to an inode. 88 bytes. */
struct record_promise {
	struct record_header header; /* inode: BIND, BIND_BEGIN, UNBIND; else 0 */
	__u64 i_ino;
	__u64 vm; /* ring: struct kvm *; sealed: a number, of VMs only; 0: not said */
	__u64 gfn_first;
	__u64 gfn_nr; /* guest page frames */
	__u64 pgoff; /* BIND, BIND_BEGIN, UNBIND: of the first */
	__s64 result;
	__u32 event; /* enum record_promise_event */
	__u32 is_private; /* CONVERT_BEGIN: 1 private, 0 shared */
};

#define RECORD_ATTRIBUTE_PRIVATE 8 /* KVM_MEMORY_ATTRIBUTE_PRIVATE */

/*
 * A run of pages within a snapshot's chunk that are bound, their gfns ascending by one, with the
 * same attributes. What is not bound, or could not be read, is not listed. 96 bytes.
 */
struct record_promise_read {
	struct record_header header;
	__u64 i_ino;
	__u64 vm; /* ring: struct kvm *; sealed: as in record_promise */
	__u64 pgoff;
	__u64 nr; /* pages */
	__u64 gfn; /* of the first page */
	__u64 attributes; /* KVM's bits: RECORD_ATTRIBUTE_PRIVATE */
	__u64 snapshot; /* as in the enclosing record_snapshot */
	/* Where the VM's process has what the guest shares of the first page; 0: not told. */
	__u64 address;
};

/*
 * A task called the scheduler where it is not preemptible, and the kernel said so: "scheduling while
 * atomic". From then on the task's preempt_count means nothing: the kernel sets it anew. Or it called what may
 * sleep there, and did not: "sleeping function called from invalid context" (CONFIG_DEBUG_ATOMIC_SLEEP). 48 bytes.
 */
struct record_sleep {
	struct record_header header; /* inode: 0 */
	__u32 preempt_count; /* of the task, without what the scheduler, or telling of it, adds */
	__u32 might; /* 1: it did not sleep, and the count is what it was */
	__u64 reserved2;
};

#define RECORD_CPU_WORDS 16 /* a bit for each of 1024 CPUs */

/*
 * A flush of kernel mappings that has returned, and that not every CPU took part in which was online all
 * the while: it has no bit in `answered`. What the initiator did on its own CPU counts as well. Stands
 * behind the flush's begin; nothing is recorded of those that all took part in. 432 bytes.
 */
struct record_unanswered {
	struct record_header header; /* the task that flushed; inode: 0 */
	__u64 begin, end; /* ns: around the flush */
	__u64 online[RECORD_CPU_WORDS]; /* from before its begin until behind its end */
	__u64 asked[RECORD_CPU_WORDS]; /* to run the kernel's handler of such a flush */
	__u64 answered[RECORD_CPU_WORDS]; /* whose handler has run */
};

/*
 * While a change of its own waited for a flush, a task asked all other CPUs that were online to run a
 * function that is none of the kernel's handlers of a flush. What it does is not known. 48 bytes.
 */
struct record_call {
	struct record_header header; /* inode: 0 */
	__u64 begin; /* ns: the first CPU was asked */
	__u64 reserved;
};

/*
 * A CPU's handler of a flush had run, and a read of a page that the flush covers still worked there, through a
 * translation that is not in the page table any more: the table said absent before the read and after it.
 * header.cpu: that CPU; header.tid: what the handler had interrupted. 56 bytes.
 */
struct record_stale {
	struct record_header header; /* inode: 0 */
	__u64 begin; /* ns: of the flush */
	__u64 page; /* ring: struct page *; sealed: pfn */
	__u32 flusher; /* tid: whose flush it is */
	__u32 reserved;
};

#define RECORD_CALLER_FRAMES_NR 16
#define RECORD_CALLER_TEXT_MAX 256 /* bytes with the terminating zero; farther out is cut off */

/* In the ring alone, 48 bytes and the frames. */
struct record_caller_frames {
	struct record_header header; /* inode: 0 */
	__u64 page; /* struct page * */
	__u64 reserved;
	__u64 frames[RECORD_CALLER_FRAMES_NR]; /* return addresses, the innermost first; then 0 */
};

/*
 * Who puts a page of no inode back that its task had taken out and has not flushed, or frees one
 * that is absent: before that change, or that free, by the same task. Names as in record_stack.
 * Zero-padded to a multiple of 8.
 */
struct record_caller {
	struct record_header header; /* inode: 0 */
	__u64 page; /* pfn */
	__u32 length; /* bytes with the terminating zero */
	__u32 reserved;
	char text[];
};

/*
 * What backs guest frames by an inode was entered into a guest's page table as private (MAPPED), or all of
 * the range was taken out of it (UNMAPPED). Both are written under the VM's mmu_lock, which orders them. Where the
 * inode is being released its slots do not lead there any more: UNMAPPED has inode 0 then, and is of the release that
 * its task is at. 72 bytes.
 */
struct record_guest {
	struct record_header header;
	__u64 i_ino;
	__u64 gfn;
	__u64 pgoff; /* of the first page */
	__u64 nr; /* pages */
	__u64 reserved;
};

/* Which sensors are on. Bits, append-only. */
enum sensor_group {
	SENSOR_GROUP_VERDICT = 1 << 0, /* zaps, flushes, requests, owners, snapshots */
	SENSOR_GROUP_PAGE_FREE = 1 << 1,
	SENSOR_GROUP_ACKNOWLEDGE = 1 << 2, /* each CPU's acknowledgement of a flush */
	SENSOR_GROUP_STACK = 1 << 3,
	SENSOR_GROUP_FLUSHES = 1 << 4, /* every flush of kernel mappings, timed */
	SENSOR_GROUP_CHANGES = 1 << 5, /* when changes of entries and handlers of flushes began */
	SENSOR_GROUP_EXPOSURES = 1 << 6, /* histograms of exposures alone, kept in the kernel */
	SENSOR_GROUP_DURATIONS = 1 << 7, /* histograms of flushes' durations, as well */
	SENSOR_GROUP_WITNESS = 1 << 8, /* whether each CPU takes part in a flush, for the verdict */
	SENSOR_GROUP_GUEST = 1 << 9, /* what guests can reach as private */
};

/*
 * Written at least every 100 ms, at the start and at the end. Everything that
 * comes later in the stream has header.time >= watermark. 72 bytes.
 */
struct record_heartbeat {
	struct record_header header;
	__u64 watermark; /* ns */
	__u64 records; /* drained from the ring since the sensors were armed */
	__u64 ring_bytes; /* drained, with the ring's own headers */
	__u64 produced_bytes; /* as the ring counts them; equal when nothing is pending */
	__u64 groups; /* bits of enum sensor_group: which sensors are on */
};

/* Something was lost between `since` and header.time. inode 0: it cannot be said whose. 56 bytes. */
struct record_loss {
	struct record_header header;
	__u64 since; /* ns */
	__u64 count; /* records or calls lost in this interval */
	__u32 cause; /* enum record_loss_cause */
	__u32 program; /* MISSED: index of the program, as RECORD_FACT names them; else 0 */
};

/*
 * An inode is met for the first time; header.inode is its number from now on.
 * May come again for the same number: the later one knows more (vm, comm). 112 bytes.
 */
struct record_inode {
	struct record_header header; /* tid, tgid: the task that acted, or holds the file */
	__u64 i_ino;
	__u64 pages; /* size, in pages */
	__u64 flags; /* RFC3: kvm_gmem_inode_private.flags; GMEM_PLAIN: KVM's own */
	__u32 provider; /* enum record_provider */
	__u32 default_state; /* 1 present, 0 absent */
	__u32 before_attach; /* 1: existed before the sensors were armed */
	__u32 dead; /* 1: the inode is gone, its number retired */
	__u32 vm; /* tgid that the inode's VM is known by; 0 unknown */
	__u32 reserved;
	char comm[RECORD_COMM_LEN];
	__u64 reserved2[2];
};

/* A page that had been zapped went back to the allocator. 64 bytes. */
struct record_page_free {
	struct record_header header;
	__u64 page; /* ring: struct page *; sealed: pfn of the first page */
	__u64 absent; /* bit n: page n is absent from the direct map; order 6 at most */
	__u64 unknown; /* bit n: page n's entry could not be read */
	__u32 order; /* 2^order pages were freed together */
	__u32 reserved;
};

/* A fact of the run as text: "key\0value\0", zero-padded to a multiple of 8. */
struct record_fact {
	struct record_header header;
	__u32 key_length; /* bytes with the terminating zero */
	__u32 value_length;
	char text[];
};

enum record_flush_bits {
	RECORD_FLUSH_OURS = 1 << 0, /* of the process that owns the sensors */
	RECORD_FLUSH_FULL = 1 << 1, /* sealed: in effect everything was flushed */
	RECORD_FLUSH_DIRECT = 1 << 2, /* sealed: it touches the direct map */
	RECORD_FLUSH_UNANSWERED = 1 << 3, /* nobody watches for answers to it on this kernel */
	RECORD_FLUSH_UNASKED =
		1 << 4, /* when CPUs were asked is not known: answers count from its begin */
};

/* What ran on a CPU when it was asked to flush. Bits, append-only. */
enum record_answer_bits {
	RECORD_ANSWER_IDLE = 1 << 0,
	RECORD_ANSWER_GUEST = 1 << 1, /* a vCPU, in its guest */
	RECORD_ANSWER_SOFTIRQ = 1 << 2, /* in a soft interrupt, or those were off */
};

/* What became of a stack. */
enum record_stack_state {
	RECORD_STACK_NONE = 0, /* not asked for: none was due, or stacks are off */
	RECORD_STACK_TAKEN = 1,
	RECORD_STACK_COLLIDED = 2, /* another one has its place */
	RECORD_STACK_LOST = 3, /* the kernel could not unwind it */
};

/*
 * One call of flush_tlb_kernel_range() or flush_tlb_all() by anybody, of the
 * direct map or not. Where acknowledgements are watched, with the CPU that
 * answered last. header.time: when it was written. 184 bytes.
 */
struct record_flush_timed {
	struct record_header header;
	__u64 begin, end; /* ns */
	__u64 first; /* ring: start address; sealed: first pfn of the direct map, FULL: 0 */
	__u64 last; /* ring: end address (exclusive); sealed: last pfn, inclusive; < first: none */
	__u64 pages; /* asked for; 0: everything */
	__u64 asked; /* ns: the first CPU was asked; 0: none was */
	__u64 late_asked; /* ns: when the CPU that answered last was; or as `asked`, before it */
	__u64 late_entered; /* ns: its handler began; late_left: only its end was looked at; 0: nobody answered */
	__u64 late_left; /* ns: its handler had ended */
	__u32 stack; /* ring: as bpf_get_stackid() numbers it; sealed: record_stack.id, 0: none */
	__u32 weight; /* flushes that its stack stands for; 0: no stack was due */
	__u32 late_stack; /* of what the last CPU's handler had interrupted, where it was slow; as `stack` */
	__u16 stack_state; /* enum record_stack_state */
	__u16 routine; /* enum record_flush_routine */
	__u32 bits; /* enum record_flush_bits */
	__u32 initiator; /* the CPU that asked */
	__u32 asked_nr; /* other CPUs asked */
	__u32 answered_nr; /* of these, seen to have answered */
	__u32 late_cpu;
	__u32 late_tid; /* of the task there; 0: idle */
	__u32 late_bits; /* enum record_answer_bits */
	__u16 late_stack_state; /* enum record_stack_state */
	__u16 reserved;
	char comm[RECORD_COMM_LEN]; /* of the task that flushed */
	char late_comm[RECORD_COMM_LEN]; /* empty where the task has gone */
};

/* Times are nanoseconds since the flush began, 0xffffffff: later than that can say. */
struct record_answer {
	__u32 cpu;
	__u32 tid; /* of the task there; 0: idle */
	__u32 asked; /* or the flush's first CPU was */
	__u32 entered; /* its handler began; as `left`: only its end was looked at; 0: no answer was seen */
	__u32 left;
	__u16 bits; /* enum record_answer_bits */
	__u16 reserved;
};

#define RECORD_ANSWERS_NR 8

/* Stands before the RECORD_FLUSH_TIMED of the same thread and begin. 240 bytes. */
struct record_answers {
	struct record_header header;
	__u64 begin; /* ns: the flush's */
	__u32 nr; /* of answers[] */
	__u32 reserved;
	struct record_answer answers[RECORD_ANSWERS_NR];
};

/*
 * Leaves of the direct map, as the kernel counts them. Stands before the
 * RECORD_FLUSH_TIMED of the same thread and begin, a flush_tlb_all(): a split
 * ends in one, under a lock that keeps others from splitting. 64 bytes.
 */
struct record_leaves {
	struct record_header header;
	__u64 begin; /* ns: the flush's */
	__u64 nr[3]; /* of 4K, 2M, 1G */
};

#define RECORD_FACT_UNCOUNTED "kernel.uncounted" /* why RECORD_HELD_COUNTED is never set */
#define RECORD_FACT_UNWITNESSED "kernel.unwitnessed" /* why SENSOR_GROUP_WITNESS is not on */
/* That VMs can be here whose memory architecture code prepares, and takes back, by gfn; in words */
#define RECORD_FACT_BY_GFN "kernel.prepares_by_gfn"
#define RECORD_FACT_CONFIG "kernel.config" /* "KVM=m KFENCE=y": options of its configuration */
#define RECORD_FACT_LEAVES "kernel.direct_map_leaves" /* "4K 2M 1G", when the sensors were armed */

/*
 * A stack is met for the first time: its names as text, the outermost first,
 * "do_syscall_64;vfree;flush_tlb_kernel_range", a module's as "name_[module]".
 * Zero-padded to a multiple of 8.
 */
struct record_stack {
	struct record_header header;
	__u32 id; /* from 1 */
	__u32 length; /* bytes with the terminating zero */
	char text[];
};

/* What a histogram kept in the kernel is of. Append-only. */
enum record_summary_cell {
	RECORD_SUMMARY_ELSEWHERE_ONE = 0, /* flushes of one page that is not the direct map's */
	RECORD_SUMMARY_ELSEWHERE_FEW = 1, /* of up to the ceiling, the same */
	RECORD_SUMMARY_ONE = 2, /* of one page of the direct map */
	RECORD_SUMMARY_FEW = 3, /* of up to the ceiling, the same */
	RECORD_SUMMARY_CEILING = 4, /* of a range over the ceiling: of everything */
	RECORD_SUMMARY_ALL = 5, /* flush_tlb_all() */
	RECORD_SUMMARY_OURS = 6, /* any of the process that owns the sensors */
	RECORD_SUMMARY_EXPOSURE = 7, /* pages, from their zap to the end of their task's flush */
	/* The same of more runs than a task's slot holds: from the zap of the first. */
	RECORD_SUMMARY_EXPOSURE_AT_MOST = 8,
	RECORD_SUMMARY_CELLS, /* one more than the last */
};

#define RECORD_SUMMARY_BUCKETS (64 + 58 * 32) /* as flush_bucket() numbers them */
#define RECORD_SUMMARY_NS                                                                          \
	1000000000ULL /* sums are told as often, before a heartbeat, or with an end */

struct record_summary_bucket {
	__u32 bucket; /* below RECORD_SUMMARY_BUCKETS */
	__u32 nr;
};

/*
 * What has come to a histogram between `since` and header.time; add all of a
 * cell. Buckets may come more than once. 88 bytes and the buckets.
 */
struct record_summary {
	struct record_header header;
	__u64 since; /* ns */
	__u64 sum; /* ns */
	__u64 min, max; /* ns: of all since the sensors were armed */
	__u32 cell; /* enum record_summary_cell */
	__u32 cpus; /* online meanwhile */
	__u32 nr; /* of buckets[] */
	__u32 reserved;
	__u64 reserved2;
	struct record_summary_bucket buckets[];
};

/* Whose a page is that the direct map lacks. Append-only. */
enum record_map_whose {
	RECORD_MAP_PRESENT = 0, /* the direct map has it */
	RECORD_MAP_UNREAD = 1, /* its page table could not be read */
	RECORD_MAP_HOLE = 2, /* nobody's: no memory is there, or none that has a struct page */
	RECORD_MAP_RESERVED =
		3, /* PG_reserved: the firmware's or the boot's, never the allocator's */
	RECORD_MAP_POISONED = 4, /* PG_hwpoison */
	RECORD_MAP_SECRETMEM = 5,
	RECORD_MAP_GMEM = 6,
	RECORD_MAP_KFENCE = 7, /* in kfence's pool */
	RECORD_MAP_VMALLOC = 8, /* mapped in the vmalloc area */
	RECORD_MAP_MODULE = 9, /* mapped where modules and the kernel's text are */
	RECORD_MAP_OFFLINE = 10, /* PGTY_offline: a balloon's, or given back to a hypervisor */
	/* From here on nobody is known who could want it absent; what is known instead: */
	RECORD_MAP_NOBODY = 32, /* nothing: it is in use, by the kernel perhaps */
	RECORD_MAP_FREE = 33, /* the page allocator has it */
	RECORD_MAP_SLAB = 34,
	RECORD_MAP_PAGE_TABLE = 35,
	RECORD_MAP_FILE = 36, /* in the page cache of a file of another kind */
	RECORD_MAP_ANON = 37, /* anonymous memory of a process */
};

enum record_map_bits {
	/* Free pages are absent by design: debug_pagealloc, or an allocator that unmaps. */
	RECORD_MAP_ALLOCATOR_UNMAPS = 1 << 0,
	/* More runs of nobody's pages than were kept (RECORD_MAP_RUNS_MAX): END. */
	RECORD_MAP_CUT = 1 << 1,
};

#define RECORD_MAP_RUNS_MAX 65536 /* of one walk */

/*
 * One pass over the direct map: MAP_BEGIN, then what it met, then MAP_END. Pass 0 walks all of it,
 * each one behind it those runs alone that the one before called nobody's. header.inode is 0 in
 * all of them: an owner is named by its i_ino. 56 bytes.
 */
struct record_map_begin {
	struct record_header header; /* time: before the first page table was read */
	__u64 pfn_first; /* the direct map's */
	__u64 pfn_nr;
	__u32 pass; /* from 0 */
	__u32 bits; /* enum record_map_bits */
};

/* The sum of one owner's absent pages in a pass. 72 bytes. */
struct record_map_owner {
	struct record_header header;
	__u64 i_ino; /* SECRETMEM, GMEM, FILE; else 0 */
	__u64 pages;
	__u64 runs; /* of pages that lie side by side */
	__u64 pfn; /* of the first page */
	__u32 pass;
	__u32 owner; /* enum record_map_whose */
};

/* A run of absent pages, RECORD_MAP_NOBODY or behind it. 72 bytes. */
struct record_map_run {
	struct record_header header;
	__u64 pfn;
	__u64 nr; /* pages */
	__u64 i_ino; /* FILE; else 0 */
	__u32 pass;
	__u32 owner; /* enum record_map_whose */
	__u32 shift; /* of the level where the entry is absent: 12, 21, 30, 39, 48 */
	__u32 reserved;
};

/* 104 bytes. */
struct record_map_end {
	struct record_header header; /* time: after the last page table was read */
	__u64 leaves[3]; /* present entries, of 4K, 2M, 1G */
	__u64 absent; /* pages, holes left out */
	__u64 unread; /* pages whose page table could not be read */
	__u64 suspects; /* pages, RECORD_MAP_NOBODY or behind it */
	__s64 result; /* 0, or -errno where the pass did not reach its end */
	__u32 pass;
	__u32 bits; /* enum record_map_bits */
	__u64 reserved;
};

/* The last record: nothing follows. 48 bytes. */
struct record_end {
	struct record_header header;
	__s64 command_status; /* CMD's exit status, 128 + signal; -1 where there was none */
	__u64 reserved;
};

#ifdef __cplusplus
#define RECORD_ASSERT static_assert
#else
#define RECORD_ASSERT _Static_assert
#endif

RECORD_ASSERT(sizeof(struct record_header) == 32, "record_header has padding or changed its size");
#define RECORD_ASSERT_SIZE(kind, id, type, bytes, ...)                                             \
	RECORD_ASSERT(sizeof(struct record_##type) == (bytes) && (bytes) % 8 == 0,                 \
		      "record_" #type " has padding or changed its size");
RECORD_KINDS(RECORD_ASSERT_SIZE)
#undef RECORD_ASSERT_SIZE

#ifndef __bpf__

#define RECORD_STORED_RAW(bytes) (bytes)
#define RECORD_STORED_SEALED(bytes) (bytes)
#define RECORD_STORED_RING(bytes) 0

/* Least size of a record of @kind as it is stored, bytes; 0: none that is stored. */
static inline __u16 record_stored_size(__u16 kind)
{
	switch (kind) {
#define RECORD_SIZE(kind, id, type, bytes, name, form, model)                                      \
	case RECORD_##kind:                                                                        \
		return RECORD_STORED_##form(bytes);
		RECORD_KINDS(RECORD_SIZE)
#undef RECORD_SIZE
	default:
		return 0;
	}
}

/* "zap"; "unknown" where this version does not know @kind. */
static inline const char *record_kind_name(__u16 kind)
{
	switch (kind) {
#define RECORD_NAME(kind, id, type, bytes, name, ...)                                              \
	case RECORD_##kind:                                                                        \
		return name;
		RECORD_KINDS(RECORD_NAME)
#undef RECORD_NAME
	default:
		return "unknown";
	}
}

/* "ring-full"; "unknown" where this version does not know @cause. */
static inline const char *record_loss_name(__u32 cause)
{
	switch (cause) {
#define RECORD_NAME(cause, id, name, damage)                                                       \
	case RECORD_LOSS_##cause:                                                                  \
		return name;
		RECORD_LOSSES(RECORD_NAME)
#undef RECORD_NAME
	default:
		return "unknown";
	}
}

/* Of a cause that this version does not know: the worst. */
static inline enum record_loss_damage record_loss_damage(__u32 cause)
{
	switch (cause) {
#define RECORD_DAMAGE(cause, id, name, damage)                                                     \
	case RECORD_LOSS_##cause:                                                                  \
		return RECORD_DAMAGE_##damage;
		RECORD_LOSSES(RECORD_DAMAGE)
#undef RECORD_DAMAGE
	default:
		return RECORD_DAMAGE_HISTORY;
	}
}

/* The parts of a fact; NULL where its lengths do not fit. They live as long as @fact. */
static inline const char *record_fact_key(const struct record_fact *fact)
{
	__u64 room = fact->header.size - sizeof(*fact);

	if (fact->header.size < sizeof(*fact) || !fact->key_length || !fact->value_length)
		return NULL;
	if ((__u64)fact->key_length + fact->value_length > room)
		return NULL;
	if (fact->text[fact->key_length - 1] ||
	    fact->text[fact->key_length + fact->value_length - 1])
		return NULL;
	return fact->text;
}

/* A stack's text; NULL where its length does not fit. Lives as long as @stack. */
static inline const char *record_stack_text(const struct record_stack *stack)
{
	if (stack->header.size < sizeof(*stack) || !stack->length ||
	    stack->length > stack->header.size - sizeof(*stack) || stack->text[stack->length - 1])
		return NULL;
	return stack->text;
}

/* The same of a caller. */
static inline const char *record_caller_text(const struct record_caller *caller)
{
	if (caller->header.size < sizeof(*caller) || !caller->length ||
	    caller->length > caller->header.size - sizeof(*caller) ||
	    caller->text[caller->length - 1])
		return NULL;
	return caller->text;
}

static inline const char *record_fact_value(const struct record_fact *fact)
{
	const char *key = record_fact_key(fact);

	return key ? key + fact->key_length : NULL;
}

#endif /* !__bpf__ */

#endif
