/* SPDX-License-Identifier: GPL-2.0 */
/* A capture, fed to a model as a live run would be. */
#ifndef GMEMTRACE_RUN_REPLAY_H
#define GMEMTRACE_RUN_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "gmemtrace/capture.h"
#include "gmemtrace/model.h"
#include "gmemtrace/rules.h"

struct replay {
	struct capture_reader *reader;
	const char *path;
	uint64_t stuck_ns; /* of the run that was recorded; 0: not told */
};

/* 0, or an exit status: the line was printed. */
int replay_open(struct replay *replay, const char *path);

/*
 * Feeds everything to @model and finishes it. @vm: tgid, 0 all. @verdict may be NULL; a capture
 * that is not whole marks it, and is told of on stderr. @enough may be NULL; true ends it early.
 * 0, or an exit status: the line was printed, and @model holds what came before.
 */
int replay_run(struct replay *replay, uint32_t vm, struct model *model, struct verdict *verdict,
	       const bool *enough);

void replay_close(struct replay *replay);

#endif
