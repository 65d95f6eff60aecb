/* SPDX-License-Identifier: GPL-2.0 */
/* The figures of a run, as latency.c fills and rows.c shows them. */
#ifndef GMEMTRACE_FLUSH_FIGURES_H
#define GMEMTRACE_FLUSH_FIGURES_H

#include "flush/tally.h"

#define VMS_MAX 256 /* more are summed up in the last */
#define NAME_MAX_BYTES 64
#define ASKED_CLASSES 14 /* none, 1, 2-3, 4-7 ... 4096 and more */
#define OPERATIONS 10 /* that end exposures; the last is none, or another */

/* What is measured whatever the capture holds: X(ID, key, name). */
/* clang-format off */
#define FIGURES(X)                                                                          \
	X(ZAP,         "zap",              "zap")                                           \
	X(RESTORE,     "restore",          "restore")                                       \
	X(FLUSH,       "flush",            "flush, any")                                    \
	X(ONE,         "flush.one",        "flush 1 page")                                  \
	X(FEW,         "flush.few",        "")                                              \
	X(EVERYTHING,  "flush.everything", "flush everything")                              \
	X(PREPARE,     "phase.prepare",    "  entry to first CPU asked")                    \
	X(ANSWER,      "phase.answer",     "  a CPU asked to answered")                     \
	X(DELAY,       "phase.delay",      "    of it until its handler ran")               \
	X(HANDLER,     "phase.handler",    "    of it in its handler")                      \
	X(LATE,        "phase.late",       "  last CPU behind the first")                   \
	X(RETURN,      "phase.return",     "  last answer to return")                       \
	X(EXPOSURE,    "exposure",         "exposure (a page)")                             \
	X(OWN,         "exposure.own",     "  ended by its own flush")                      \
	X(FOREIGN,     "exposure.foreign", "  ended by another's")
/* clang-format on */

enum figure {
#define FIGURE_ENUM(id, ...) FIGURE_##id,
	FIGURES(FIGURE_ENUM)
#undef FIGURE_ENUM
	FIGURES_NR
};

struct named {
	char key[NAME_MAX_BYTES], name[NAME_MAX_BYTES];
};

struct vm {
	__u32 tgid;
	struct flush_histogram exposure;
	__u64 never;
};

struct flush_latency {
	struct model *model;
	struct flush_watch *watch;
	struct flush_latency_options options;
	struct flush_totals totals;
	__u64 leaves_first, leaves_last; /* ns: what totals.leaves span */
	bool alone; /* there is one CPU: nobody is asked */
	__u64 groups; /* enum sensor_group; 0: not looked up yet */
	struct flush_histogram figures[FIGURES_NR];
	struct flush_histogram kinds[FLUSH_KINDS];
	struct flush_histogram asked[ASKED_CLASSES];
	struct flush_histogram by_operation[OPERATIONS]; /* exposures, see operation_place() */
	struct flush_slow slowest[FLUSH_SLOWEST];
	size_t slowest_nr;
	struct vm *vms;
	size_t vms_nr, vms_room;
	struct tally lists[FLUSH_LISTS]; /* by enum flush_list */
	struct named names[FIGURES_NR + FLUSH_KINDS + ASKED_CLASSES + OPERATIONS + VMS_MAX];
};

/* Of its exposures in by_operation[]. */
size_t operation_place(enum record_operation operation);

#endif
