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
#include <linux/types.h>
#endif

enum record_kind {
	RECORD_NONE = 0,
	RECORD_REQUEST_BEGIN = 1,
	RECORD_REQUEST_END = 2,
	RECORD_ZAP = 3, /* a run of pages changed; may carry its flush */
	RECORD_FLUSH = 4, /* a flush that could not be merged with a zap */
	RECORD_JOIN = 5,
	RECORD_LEAVE = 6,
	RECORD_SNAPSHOT_BEGIN = 7,
	RECORD_SNAPSHOT_PAGE = 8, /* sealed: a run of like pages */
	RECORD_SNAPSHOT_END = 9,
	RECORD_HEARTBEAT = 10,
	RECORD_LOSS = 11,
	RECORD_INODE = 12,
	RECORD_PAGE_FREE = 13,
	RECORD_SNAPSHOT_BLOCK = 14, /* ring only: 64 pages, sealed to runs */
	RECORD_FACT = 15, /* a key and a value, text */
	RECORD_END = 16, /* the sensors are off: the last record of a stream */
};

/* Who stands behind an inode; tells where its declared state lives. */
enum record_provider {
	RECORD_PROVIDER_UNKNOWN = 0,
	RECORD_PROVIDER_RFC3 = 1, /* guest_memfd with the series' xarray */
	RECORD_PROVIDER_SECRETMEM = 2, /* every resident page is absent */
	RECORD_PROVIDER_GMEM_PLAIN = 3, /* guest_memfd without a direct-map flag */
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

enum record_loss_cause {
	RECORD_LOSS_NONE = 0,
	RECORD_LOSS_RING_FULL = 1, /* a reserve failed */
	RECORD_LOSS_MISSED = 2, /* a program did not run: recursion miss */
	RECORD_LOSS_SLOT_COLLISION = 3, /* two tasks, one begin-state slot */
	RECORD_LOSS_INODE_TABLE_FULL = 4, /* loss could not be charged to its inode */
	RECORD_LOSS_SCRATCH_BUSY = 5, /* no scratch page for a snapshot */
	RECORD_LOSS_SNAPSHOT_TOO_LARGE = 6, /* release snapshot cut at its limit */
	RECORD_LOSS_CLIENT_SLOW = 7, /* the daemon dropped records for this client */
	RECORD_LOSS_DISORDER = 8, /* a record older than the watermark */
	/* A page free that was not looked at, as the program was interrupted at its work: no history. */
	RECORD_LOSS_MISSED_FREE = 9,
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

/*
 * A call of a routine: BEGIN from fentry, END from fexit. END repeats the
 * arguments, so that it can be used when its BEGIN was lost. Requests of one
 * thread nest like calls. 80 bytes.
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
	__u32 preempt_count; /* of the CPU, at the begin and at the end; 0 where not read */
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
	__u32 prepared; /* 1: the folio was uptodate */
};

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
	__u64 pgoff_nr; /* pages in this chunk, at most RECORD_SNAPSHOT_CHUNK */
	__u64 inode_pages; /* the inode's size, in pages, at this moment */
	__u64 inode_flags; /* RFC3: kvm_gmem_inode_private.flags, else 0 */
	__u32 origin; /* enum record_snapshot_origin */
	__u32 pass; /* 0, 1, ...: which read of the same chunk this is */
	__u32 provider; /* enum record_provider */
	__u32 default_state; /* 1 present, 0 absent: where nothing deviates */
	__u64 snapshot; /* chunks of one snapshot share this number */
	__s64 result; /* END: 0, or -errno: the whole chunk is unknown */
};

#define RECORD_SNAPSHOT_CHUNK 4096
#define RECORD_SNAPSHOT_BLOCK_PAGES 64

/* What a snapshot saw of a page. Bits, append-only. */
enum record_page_bits {
	RECORD_PAGE_DEVIATES = 1 << 0, /* the xarray has an entry for the index */
	RECORD_PAGE_DECLARED_UNKNOWN = 1 << 1, /* reading the xarray failed */
	RECORD_PAGE_RESIDENT = 1 << 2,
	RECORD_PAGE_RESIDENT_UNKNOWN = 1 << 3,
	RECORD_PAGE_PREPARED = 1 << 4, /* the folio is uptodate */
	RECORD_PAGE_POISONED = 1 << 5, /* HWPoison: its entry is not judged */
	RECORD_PAGE_PRESENT = 1 << 6, /* the direct map's entry is present */
	RECORD_PAGE_APPLIED_UNKNOWN = 1 << 7, /* reading the page tables failed */
};

/* Ring form: one word a page, pfn in the upper 56 bits, enum record_page_bits below. */
struct record_snapshot_block {
	struct record_header header;
	__u64 i_ino;
	__u64 pgoff; /* of pages[0] */
	__u64 nr; /* words used */
	__u64 snapshot; /* as in the enclosing record_snapshot */
	__u64 pages[RECORD_SNAPSHOT_BLOCK_PAGES];
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

/* Which sensors are on. Bits, append-only. */
enum sensor_group {
	SENSOR_GROUP_VERDICT = 1 << 0, /* zaps, flushes, requests, owners, snapshots */
	SENSOR_GROUP_PAGE_FREE = 1 << 1,
	SENSOR_GROUP_ACKNOWLEDGE = 1 << 2, /* each CPU's acknowledgement of a flush */
	SENSOR_GROUP_STACK = 1 << 3,
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
	__u64 flags; /* RFC3: kvm_gmem_inode_private.flags */
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

/* The last record: nothing follows. 48 bytes. */
struct record_end {
	struct record_header header;
	__s64 command_status; /* CMD's exit status, 128 + signal; -1 where there was none */
	__u64 reserved;
};

#define RECORD_ASSERT_SIZE(type, bytes)                                                            \
	_Static_assert(sizeof(struct type) == (bytes), #type " has padding or changed its size")

RECORD_ASSERT_SIZE(record_header, 32);
RECORD_ASSERT_SIZE(record_request, 80);
RECORD_ASSERT_SIZE(record_zap, 112);
RECORD_ASSERT_SIZE(record_flush, 64);
RECORD_ASSERT_SIZE(record_owner, 64);
RECORD_ASSERT_SIZE(record_snapshot, 104);
RECORD_ASSERT_SIZE(record_snapshot_block, 32 + 32 + 8 * RECORD_SNAPSHOT_BLOCK_PAGES);
RECORD_ASSERT_SIZE(record_snapshot_page, 64);
RECORD_ASSERT_SIZE(record_heartbeat, 72);
RECORD_ASSERT_SIZE(record_loss, 56);
RECORD_ASSERT_SIZE(record_inode, 112);
RECORD_ASSERT_SIZE(record_page_free, 64);
RECORD_ASSERT_SIZE(record_end, 48);

#endif
