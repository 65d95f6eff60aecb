/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kinds of inode, an entry each: how one is recognised, where it stands what its pages were
 * asked to be, which routines change them and by which steps, which states are legal, and what is
 * promised. The model and the rules ask for what an entry says, and for no provider by its name.
 *
 * bpf/inode.h recognises them, by what the entry names: sensors cannot read this table.
 */
#ifndef GMEMTRACE_PROVIDERS_PROVIDER_H
#define GMEMTRACE_PROVIDERS_PROVIDER_H

#include <stddef.h>
#include "gmemtrace/model.h"

/* Where it stands what a page was asked to be. */
enum provider_declared {
	PROVIDER_DECLARED_NOWHERE = 0, /* not known: nothing of it is judged */
	PROVIDER_DECLARED_BY_KIND, /* the same for every prepared page: `legal` */
	PROVIDER_DECLARED_XARRAY, /* an xarray of the inode: an entry deviates from the default */
	PROVIDER_DECLARED_FOLIO, /* a bit in the folio: set, it deviates from the default */
	/* A maple tree of the inode, which no snapshot reads yet: not judged, and that is said. */
	PROVIDER_DECLARED_MAPLE_TREE,
};

/* What is promised, and what the steps let one conclude. */
enum provider_trait {
	/* Its entries follow from what is declared. */
	PROVIDER_JUDGED = 1 << 0,
	/* What is declared absent is absent, once it is prepared. */
	PROVIDER_PROMISES_ABSENCE = 1 << 1,
	/* Who makes a page absent flushes it, before anybody can use it. */
	PROVIDER_PROMISES_FLUSH = 1 << 2,
	/* A page that was absent is cleared before it is freed. */
	PROVIDER_PROMISES_CLEARING = 1 << 3,
	/* Requests name ranges; what they ask for is written down, and done to what is resident. */
	PROVIDER_TAKES_REQUESTS = 1 << 4,
	/* Every page that joins or leaves is seen to. */
	PROVIDER_TELLS_RESIDENCY = 1 << 5,
	/* No routine tells of a page that leaves: those in a punched hole do, and all with the inode. */
	PROVIDER_LEAVES_UNTOLD = 1 << 6,
	/* A page is prepared before its entry is changed, and nothing but that change tells so. */
	PROVIDER_ZAPS_PREPARED = 1 << 7,
	/* A page is made present after it has left, and for no other reason. */
	PROVIDER_RESTORES_LEFT = 1 << 8,
	/* A page is made absent by its own call, and flushed by its range before the next one's. */
	PROVIDER_FLUSHES_EACH = 1 << 9,
	/* Each folio says whether it is absent, and no longer when it has been restored. */
	PROVIDER_MARKS_FOLIOS = 1 << 10,
	/* No inode's: pages that are taken out together are flushed once, and only then put back. */
	PROVIDER_RESETS = 1 << 11,
	/* Nothing may make its pages absent: `legal` is present. */
	PROVIDER_STAYS_PRESENT = 1 << 12,
	/* The allocator takes pages out, and flushes many at once, when it likes: nobody else owes it. */
	PROVIDER_ALLOCATOR_FLUSHES = 1 << 13,
};

#define PROVIDER_ROUTINES_MAX 8
#define PROVIDER_FACT_POLICY "kernel.policy."

struct provider {
	const char *name; /* in reports */
	const char *probed; /* among the features */
	char letter; /* of its inodes' names; 0: it has none, pages are known by their pfns */
	enum provider_declared declared;
	__u32 traits; /* enum provider_trait */
	/* How it is recognised: its inodes' operations, and what BTF must have besides; NULL: nothing. */
	const char *operations; /* symbol */
	const char *type; /* struct */
	const char *constant; /* enumerator of the mapping's flags, set in its mappings */
	const char *brought_by; /* for people */
	const char *routines[PROVIDER_ROUTINES_MAX]; /* that change its pages' entries; then NULL */
	/* Legal states of a page. EITHER: what is declared, or anything where nothing is. */
	__u8 legal; /* prepared */
	__u8 unprepared;
	__u8 freed; /* in the allocator, and so when they join, where no change is known */
	/* Flags of its inodes that say what the default is; both at once make no sense. */
	__u64 absent_flag, present_flag;
	bool flagless; /* its inodes have no flags */
	/*
	 * A parameter of kvm that is "N" where the host chose to leave out flushes, NULL: none.
	 * The fact PROVIDER_FACT_POLICY and its name says so; the sensors read it.
	 */
	const char *flush_parameter;
	const char *because; /* "every page of a memfd_secret must be": why `legal` is */
	__u8 defaults; /* what default_state may say: enum model_state */
	/* What its pages are changed by where no request is recorded of it; NONE: by requests alone. */
	enum record_operation unrequested;
};

/*
 * X(number, traits, the rest of its entry). A design that may be merged needs an entry, and
 * where its state lives in a place that nobody reads yet, a reader in bpf/snapshot.bpf.h: absent by
 * pageblock, before a page joins and while it is free, is .freed = MODEL_EITHER; by an allocator
 * that flushes, PROVIDER_ALLOCATOR_FLUSHES instead of PROVIDER_PROMISES_FLUSH.
 */
#define PROVIDER_NAMED(text) .name = (text), .probed = "provider " text

/* A test's own beside them: tests/unit/forms.h. */
#ifndef PROVIDERS_MORE
#define PROVIDERS_MORE(X)
#endif

/* clang-format off */
#define PROVIDERS(X)                                                                        \
	/* accused of nothing */                                                            \
	X(RECORD_PROVIDER_UNKNOWN, 0,                                                       \
	  PROVIDER_NAMED("unknown"), .letter = 'i',                                         \
	  .legal = MODEL_EITHER, .unprepared = MODEL_EITHER, .freed = MODEL_PRESENT,        \
	  .defaults = MODEL_EITHER)                                                         \
	X(RECORD_PROVIDER_RFC3,                                                             \
	  PROVIDER_JUDGED | PROVIDER_PROMISES_ABSENCE | PROVIDER_PROMISES_FLUSH |           \
	  PROVIDER_PROMISES_CLEARING | PROVIDER_TAKES_REQUESTS | PROVIDER_TELLS_RESIDENCY,  \
	  PROVIDER_NAMED("rfc3"), .letter = 'g', .declared = PROVIDER_DECLARED_XARRAY,      \
	  .operations = "kvm_gmem_iops", .type = "kvm_gmem_inode_private",                  \
	  .brought_by = "the guest_memfd direct-map series (kernel/patches)",               \
	  .routines = { "kvm_gmem_set_direct_map", "kvm_gmem_folio_set_direct_map",         \
			"kvm_gmem_folio_configure_direct_map", "kvm_gmem_fallocate",        \
			"kvm_gmem_free_folio", "kvm_gmem_release" },                        \
	  .legal = MODEL_EITHER, .unprepared = MODEL_PRESENT, .freed = MODEL_PRESENT,       \
	  .absent_flag = RECORD_RFC3_NO_DIRECT_MAP, .present_flag = RECORD_RFC3_DYNAMIC,    \
	  .defaults = MODEL_EITHER)                                                         \
	X(RECORD_PROVIDER_SECRETMEM,                                                        \
	  PROVIDER_JUDGED | PROVIDER_PROMISES_ABSENCE | PROVIDER_PROMISES_FLUSH |           \
	  PROVIDER_PROMISES_CLEARING | PROVIDER_ZAPS_PREPARED | PROVIDER_RESTORES_LEFT |    \
	  PROVIDER_FLUSHES_EACH,                                                            \
	  PROVIDER_NAMED("secretmem"), .letter = 's', .declared = PROVIDER_DECLARED_BY_KIND, \
	  .operations = "secretmem_iops", .brought_by = "CONFIG_SECRETMEM (5.14)",          \
	  .routines = { "secretmem_fault", "secretmem_free_folio" },                        \
	  .because = "every page of a memfd_secret must be",                                \
	  .legal = MODEL_ABSENT, .unprepared = MODEL_EITHER, .freed = MODEL_PRESENT,        \
	  .flagless = true, .defaults = MODEL_ABSENT,                                       \
	  .unrequested = RECORD_OPERATION_SECRETMEM_FAULT)                                  \
	X(RECORD_PROVIDER_GMEM_PLAIN,                                                       \
	  PROVIDER_JUDGED | PROVIDER_LEAVES_UNTOLD | PROVIDER_STAYS_PRESENT,                \
	  PROVIDER_NAMED("gmem-plain"), .letter = 'g', .declared = PROVIDER_DECLARED_BY_KIND, \
	  .operations = "kvm_gmem_iops", .brought_by = "guest_memfd (6.8)",                 \
	  .because = "a guest_memfd without a direct-map flag keeps its pages",             \
	  .legal = MODEL_PRESENT, .unprepared = MODEL_PRESENT, .freed = MODEL_PRESENT,      \
	  .defaults = MODEL_PRESENT)                                                        \
	/* v7 to v12 of the series. What nobody has taken out yet is rightly present. */    \
	X(RECORD_PROVIDER_FOLIO_BIT,                                                        \
	  PROVIDER_JUDGED | PROVIDER_PROMISES_ABSENCE | PROVIDER_PROMISES_FLUSH |           \
	  PROVIDER_FLUSHES_EACH | PROVIDER_MARKS_FOLIOS,                                    \
	  PROVIDER_NAMED("folio-bit"), .letter = 'g', .declared = PROVIDER_DECLARED_FOLIO,  \
	  .operations = "kvm_gmem_iops", .constant = "AS_NO_DIRECT_MAP",                    \
	  .flush_parameter = "guest_memfd_tlb_flush",                                       \
	  .brought_by = "guest_memfd with GUEST_MEMFD_FLAG_NO_DIRECT_MAP (v7 to v12)",      \
	  .routines = { "folio_zap_direct_map", "folio_restore_direct_map",                 \
			"kvm_gmem_folio_zap_direct_map", "kvm_gmem_free_folio",             \
			"kvm_gmem_fault_user_mapping", "kvm_gmem_get_pfn" },                \
	  .legal = MODEL_EITHER, .unprepared = MODEL_EITHER, .freed = MODEL_PRESENT,        \
	  .defaults = MODEL_PRESENT)                                                        \
	/*                                                                                  \
	 * By the order of a task's calls. vm_reset_perms() of an area that held a module or\
	 * a BPF program: invalid on each page, one flush of a range that may be far larger,\
	 * default on each page. Hibernation of a page that is absent: default, invalid,    \
	 * flush. Nothing is promised of execmem's cache (6.13), which puts pages back that \
	 * set_memory_rox() took out, by set_direct_map_valid_noflush.                      \
	 */                                                                                 \
	X(RECORD_PROVIDER_ANYBODY, PROVIDER_PROMISES_FLUSH | PROVIDER_RESETS,               \
	  PROVIDER_NAMED("anybody"),                                                        \
	  .brought_by = "every kernel that frees executable memory (5.2)",                  \
	  .routines = { "vfree" },                                                          \
	  .legal = MODEL_EITHER, .unprepared = MODEL_EITHER, .freed = MODEL_PRESENT,        \
	  .defaults = MODEL_EITHER)                                                         \
	PROVIDERS_MORE(X)
/* clang-format on */

#define PROVIDER_NUMBERS 10 /* all are below; those without a name are other versions' */
extern const struct provider provider_table[PROVIDER_NUMBERS];

/* Never NULL: a number that this version does not know is unknown's. */
static inline const struct provider *provider_of(__u32 provider)
{
	bool known = provider < PROVIDER_NUMBERS && provider_table[provider].name;

	return &provider_table[known ? provider : RECORD_PROVIDER_UNKNOWN];
}

/* In order of their numbers, the unknown one first; NULL behind the last. */
const struct provider *provider_next(const struct provider *provider);

/* Of each provider, bits 1 << its number: whose free pages may be absent; whose declared state is not read. */
__u32 providers_freed_absent(void);
__u32 providers_unread(void);

static inline bool provider_has(__u32 provider, __u32 traits)
{
	return (provider_of(provider)->traits & traits) == traits;
}

/* Whether a snapshot reads of each page what it was asked to be. */
static inline bool provider_writes_down(__u32 provider)
{
	enum provider_declared declared = provider_of(provider)->declared;

	return declared == PROVIDER_DECLARED_XARRAY || declared == PROVIDER_DECLARED_FOLIO;
}

/* Sets of them, bits 1 << RECORD_PROVIDER_*, as constants. */
#define PROVIDER_BIT(id, has, trait) | ((has) & (trait) ? 1U << (id) : 0U)
#define PROVIDER_BIT_JUDGED(id, has, ...) PROVIDER_BIT(id, has, PROVIDER_JUDGED)
#define PROVIDER_BIT_ABSENCE(id, has, ...) PROVIDER_BIT(id, has, PROVIDER_PROMISES_ABSENCE)
#define PROVIDER_BIT_FLUSH(id, has, ...) PROVIDER_BIT(id, has, PROVIDER_PROMISES_FLUSH)
#define PROVIDER_BIT_CLEARING(id, has, ...) PROVIDER_BIT(id, has, PROVIDER_PROMISES_CLEARING)
#define PROVIDER_BIT_REQUESTS(id, has, ...) PROVIDER_BIT(id, has, PROVIDER_TAKES_REQUESTS)
#define PROVIDER_BIT_RESIDENCY(id, has, ...) PROVIDER_BIT(id, has, PROVIDER_TELLS_RESIDENCY)
#define PROVIDER_BIT_MARKS(id, has, ...) PROVIDER_BIT(id, has, PROVIDER_MARKS_FOLIOS)
#define PROVIDER_BIT_RESETS(id, has, ...) PROVIDER_BIT(id, has, PROVIDER_RESETS)
#define PROVIDER_BIT_ALLOCATOR(id, has, ...) PROVIDER_BIT(id, has, PROVIDER_ALLOCATOR_FLUSHES)
#define PROVIDER_BIT_STAYS(id, has, ...) PROVIDER_BIT(id, has, PROVIDER_STAYS_PRESENT)

enum provider_set {
	PROVIDERS_JUDGED = 0U PROVIDERS(PROVIDER_BIT_JUDGED),
	PROVIDERS_PROMISE_ABSENCE = 0U PROVIDERS(PROVIDER_BIT_ABSENCE),
	PROVIDERS_PROMISE_FLUSH = 0U PROVIDERS(PROVIDER_BIT_FLUSH),
	PROVIDERS_PROMISE_CLEARING = 0U PROVIDERS(PROVIDER_BIT_CLEARING),
	PROVIDERS_TAKE_REQUESTS = 0U PROVIDERS(PROVIDER_BIT_REQUESTS),
	PROVIDERS_TELL_RESIDENCY = 0U PROVIDERS(PROVIDER_BIT_RESIDENCY),
	PROVIDERS_MARK_FOLIOS = 0U PROVIDERS(PROVIDER_BIT_MARKS),
	PROVIDERS_RESET = 0U PROVIDERS(PROVIDER_BIT_RESETS),
	PROVIDERS_ALLOCATOR_FLUSHES = 0U PROVIDERS(PROVIDER_BIT_ALLOCATOR),
	PROVIDERS_STAY_PRESENT = 0U PROVIDERS(PROVIDER_BIT_STAYS),
};

#endif
