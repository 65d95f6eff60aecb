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

#include "gmemtrace/record_change.h"
#include "gmemtrace/record_figures.h"
#include "gmemtrace/record_header.h"
#include "gmemtrace/record_map.h"
#include "gmemtrace/record_promise.h"
#include "gmemtrace/record_snapshot.h"

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
 * A new kind: its structure in a record_*.h, its line here, its cases in seal.c
 * (RAW) and in src/model/model.c, its paragraph in man/gmemtrace-capture.5.
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

/* A fact of the run as text: "key\0value\0", zero-padded to a multiple of 8. */
struct record_fact {
	struct record_header header;
	__u32 key_length; /* bytes with the terminating zero */
	__u32 value_length;
	char text[];
};

#define RECORD_FACT_UNCOUNTED "kernel.uncounted" /* why RECORD_HELD_COUNTED is never set */
#define RECORD_FACT_UNWITNESSED "kernel.unwitnessed" /* why SENSOR_GROUP_WITNESS is not on */
/* That VMs can be here whose memory architecture code prepares, and takes back, by gfn; in words */
#define RECORD_FACT_BY_GFN "kernel.prepares_by_gfn"
#define RECORD_FACT_SHADOWED "kernel.shadows_guests" /* why guests' page tables are not seen */
/* RECORD_GLOBAL_YES: so are entries that nobody changed; else why RECORD_PAGE_NON_GLOBAL is never set; _NO: none is to be */
#define RECORD_FACT_GLOBAL "kernel.direct_map_global"
#define RECORD_GLOBAL_YES "yes"
#define RECORD_GLOBAL_NO "it is not global here, as with page-table isolation"
/* Traced routines that a live patch replaced, at any time of the run, with blanks between; and what that means */
#define RECORD_FACT_LIVEPATCHED "kernel.livepatched"
#define RECORD_LIVEPATCHED_MEANS                                                                   \
	"calls are traced as ever, what is done inside is the patch's way of it"
/* A guest_memfd is or was here whose design is not known, so nothing of it is recorded: by what that is seen */
#define RECORD_FACT_STRANGE "kernel.strange_guest_memfd"
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
