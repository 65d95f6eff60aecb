/* SPDX-License-Identifier: GPL-2.0 */
/* A capture, fed to a model as a live run would be. */
#ifndef GMEMTRACE_RUN_REPLAY_H
#define GMEMTRACE_RUN_REPLAY_H

#include <signal.h>

#include "gmemtrace/run.h"
#include "run/focus.h"

/* A fact whose value says what a live run did not see. */
#define RUN_INCOMPLETE_FACT "run.incomplete"

/* Why a verdict is incomplete: of a damaged capture, and where the model got no memory. */
#define REPLAY_DAMAGED "the capture is damaged: what stands behind that was not read"
#define REPLAY_MEMORY_SHORT "memory for the model was short: a part was not judged"

struct replay {
	struct capture_reader *reader;
	struct focus focus;
	char *facts; /* records that came first, one after another */
	size_t facts_used, facts_told; /* bytes */
	const struct record_header *ahead; /* what came behind them: the reader's */
	int read; /* what capture_next() said of that */
	bool ahead_told;
	/* Of the run that was recorded; 0: not told. */
	uint64_t stuck_ns;
	uint32_t vm;
};

/* 0, or an exit status: it was said. */
enum gmemtrace_status replay_open(struct replay *replay, const struct run_options *options);

/* As capture_next(), from what was read already on. */
int replay_next(struct replay *replay, const struct record_header **record);

/*
 * Why what was read is not all that there was, by @read, with which replay_next() ended; one line.
 * NULL: it is.
 */
const char *replay_incomplete(const struct replay *replay, int read);

/* The same by what the run that was recorded has left behind; false: it says nothing. */
bool replay_fact_incomplete(const struct record_header *record, char *why, size_t size);

/*
 * Feeds everything to @model and finishes it. @verdict may be NULL; a capture that is not whole
 * marks it, and is told of. True in *@enough ends it early. What fails on the way is said, and
 * leaves what came before. 0, or an exit status: nothing was fed, it was said.
 */
enum gmemtrace_status replay_run(struct replay *replay, const struct run_options *options,
				 struct model *model, struct verdict *verdict,
				 const volatile sig_atomic_t *enough, struct run_result *result);

void replay_close(struct replay *replay);

#endif
