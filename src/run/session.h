/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A live run: the sensors armed, then CMD started, every record handed to a
 * capture and to the model as it comes, inodes read, and an orderly end.
 */
#ifndef GMEMTRACE_RUN_SESSION_H
#define GMEMTRACE_RUN_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "gmemtrace/capture.h"
#include "gmemtrace/model.h"
#include "gmemtrace/rules.h"
#include "sensor/client.h"

struct session_options {
	struct sensor_options sensor;
	struct model_options model;
	const char *socket; /* gmemtraced's; NULL: load the sensors ourselves */
	char *const *command; /* NULL: none */
	bool command_aside; /* its output is not to mix with ours (command.h) */
	uint64_t duration; /* ns, 0: until CMD ends, or a signal */
	uint64_t snapshot_interval; /* ns, 0: none but at begin and end */
	uint64_t settle; /* ns: how long the end waits for what is not settled */
	uint32_t vm; /* tgid: only this VM's inodes; 0: all */
};

/* Where records go. All but `model` may be NULL; owned by the caller. */
struct session_sinks {
	struct model *model;
	struct verdict *verdict;
	/*
	 * Path of the capture to write. An older one is overwritten only once the
	 * sensors are armed.
	 */
	const char *capture;
	const bool *enough; /* true: nobody wants more, end as at a ^C */
};

struct session_result {
	int64_t command_status; /* -1: no CMD, or it was ended because the time was over */
	bool whole; /* the stream came to its end, and because we ended it */
	struct capture_summary captured; /* what the capture holds */
	bool capture_failed; /* the error was printed; what was kept is valid */
	bool model_failed; /* out of memory, printed */
	bool interrupted; /* by a signal */
	uint64_t inodes; /* with `vm`: that VM's */
	uint64_t elsewhere; /* records lost of other VMs' inodes */
	uint64_t begin, end; /* ns, CLOCK_MONOTONIC: armed, and all read */
};

/*
 * Runs until CMD has ended, the time is over, or a signal. The model and the
 * capture are finished when it returns. 0, or an exit status: the sensors could
 * not be armed, the line was printed.
 */
int session_run(const struct session_options *options, const struct session_sinks *sinks,
		struct session_result *result);

/*
 * The exit status of a command that does not judge: CMD's failure, a capture
 * that is not whole and a stream that broke off are errors.
 */
int session_status(const struct session_result *result);

#endif
