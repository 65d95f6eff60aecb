/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A run: records from a source (the sensors of this kernel, or a capture) to a model, and live
 * also to a capture. Every subcommand of gmemtrace is a run and a report of its model:
 *
 *	run_open(&run, &options);
 *	verdict = verdict_create(run_model(run), NULL);
 *	run_source(run, verdict, &result);
 *	report_verdict(stdout, verdict, report_format_find("text"), false);
 *
 * All times are nanoseconds. One thread; one live run in a process.
 */
#ifndef GMEMTRACE_RUN_H
#define GMEMTRACE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "gmemtrace/api.h"
#include "gmemtrace/capture.h"
#include "gmemtrace/model.h"
#include "gmemtrace/rules.h"
#include "gmemtrace/status.h"

GMEMTRACE_API_BEGIN

#define RUN_SOCKET "/run/gmemtraced.sock" /* where gmemtraced listens by default */

struct run;
struct story_subject;

enum run_summary {
	RUN_SUMMARY_NONE = 0,
	RUN_SUMMARY_EXPOSURES = 1, /* how long pages were exposed */
	RUN_SUMMARY_ALL = 2, /* and how long flushes took */
};

/* Strings and @command stay the caller's and must outlive the run. Zero is a default. */
struct run_options {
	const char *file; /* a capture to replay; NULL: a live run */
	/* Only inodes that are all of what is asked for; the rest is as if it were not there. */
	uint32_t vm; /* tgid: of this VM; 0: of any */
	const char *comm; /* of VMs of this name, a pattern as of fnmatch(3); NULL: of any */
	uint64_t inode; /* of this number; 0: any */
	char inode_letter; /* as model_inode_name() begins: another kind is refused; 0: any */
	struct model_options model; /* stuck_ns 0: what the capture's recorder had */
	/* Of a capture only that is read what the story of these pages needs; NULL: everything. */
	const struct story_subject *subject;

	/*
	 * Takes a line for people, without a newline and without control characters: what went
	 * wrong, where, what to do, in the words of gmemtrace's options. NULL: nobody reads it.
	 */
	void (*say)(void *context, const char *line);
	/*
	 * Live: called again and again, every 20 ms or so, without CMD and `signals` whenever records
	 * have come or four times a second, from the first moment on; or NULL.
	 */
	void (*tick)(void *context);
	void *context;
	/*
	 * So many records are told of as lost behind the first heartbeat, though none was: for trying
	 * what watches the verdict. 0: none.
	 */
	uint64_t simulate_loss;
	/*
	 * A capture to write: of what is recorded, or of `file` in today's format, which must be
	 * another one. Live an older one is overwritten only once the sensors are armed.
	 */
	const char *capture;
	/*
	 * The model and the capture get other names for tasks, VMs, CMD and what it was called with,
	 * BPF programs and modules other than KVM's; the same for the same one.
	 */
	bool redact;

	/* All that follows is for a live run. */

	/* gmemtraced's, after the user's own in the runtime directory; NULL: load the sensors here. */
	const char *socket;
	bool socket_only; /* only `socket`, and where nobody serves it fail */
	bool wait_detach; /* end only when our own sensors are gone, and kvm can be unloaded again */
	const char *lock; /* held while the sensors are ours; NULL: the default */
	/* A daemon with other settings than those that are asked for here is refused. */
	bool page_free; /* watch pages that return to the allocator */
	bool page_free_asked; /* by the user: not just a default */
	bool witness; /* watch whether each CPU takes part in a flush */
	bool witness_asked; /* by the user: not just a default */
	bool guest; /* follow what guests can reach as private */
	bool flushes; /* time every flush of kernel mappings, and who answers it */
	bool flushes_asked; /* by the user: not just where it can be had */
	bool changes; /* when changes of direct-map entries began, too */
	enum run_summary summary; /* no verdict, no events: histograms that the sensors keep */
	uint32_t stack_rate; /* `flushes`: of so many one has its stack taken; 0: none */
	uint64_t ring_bytes; /* a power of two; 0: 16 MiB */
	uint64_t release_bytes; /* what a release snapshot may read of an inode; 0: the default */
	/* At the end, walk the direct map, too: by this process, which needs the privileges for it. */
	bool map;
	bool modprobe; /* load KVM's modules before the sensors */
	/*
	 * Begins with what gmemtraced remembers of so many ns up to now, goes on with the present, and
	 * without CMD or `duration` ends there. 0: with the present.
	 */
	uint64_t since;
	bool since_asked; /* by the user: where nothing is remembered it fails */

	char *const *command; /* CMD, looked up in PATH, ended by NULL; NULL: none */
	bool command_aside; /* its standard output goes to standard error */
	uint64_t duration; /* 0: until CMD ends, a signal, or run_enough() */
	uint64_t timeout; /* CMD that runs for longer is ended: then it has failed; 0: none */
	uint64_t snapshot_interval; /* between two reads of an inode; 0: only at begin and end */
	/* How long the end waits for what is not settled; up to 12 times that while reads go on. */
	uint64_t settle;
	/* SIGINT, SIGTERM and SIGHUP end it in order, and go to CMD; SIGPIPE is ignored. */
	bool signals;
};

struct run_result {
	/* Nothing but what was said is wrong with the result; else GMEMTRACE_ERROR. */
	enum gmemtrace_status failure;
	int64_t command_status; /* exit status, 128 + signal; -1: no CMD, or ended by `duration` */
	bool whole; /* everything between begin and end was seen */
	bool interrupted; /* by a signal */
	uint64_t inodes; /* with a filter: those that pass it */
	uint64_t elsewhere; /* with a filter: records lost of other inodes */
	struct capture_summary captured; /* what the capture that was written holds */
	bool capture_failed; /* what was kept is valid */
	/* Live: */
	uint64_t begin, end; /* CLOCK_MONOTONIC: armed, and all read */
	uint64_t ring_bytes; /* of our own sensors; 0: a daemon's, unknown */
};

/*
 * Opens the source: a capture's header and facts are read, live nothing is done yet. 0 and @run,
 * or an exit status: it was said.
 */
enum gmemtrace_status run_open(struct run **run, const struct run_options *options);

/* What observers and a verdict are made for. Valid until run_close(). */
struct model *run_model(struct run *run);

/*
 * Runs to the end: of the capture; live until CMD has ended, the time is over, or a signal. Then
 * the model and the capture are finished. @verdict, of the run's model, may be NULL; it is told
 * what was not seen, and live the end waits for what it still needs.
 * 0 and @result, or an exit status: nothing was traced, it was said.
 */
enum gmemtrace_status run_source(struct run *run, struct verdict *verdict,
				 struct run_result *result);

/* Nobody wants more: ends as a signal would. For observers and signal handlers. */
void run_enough(struct run *run);

/* May be NULL. */
void run_close(struct run *run);

/* The exit status of what ran and, where there is one, of the verdict. */
enum gmemtrace_status run_status(const struct run_result *result, const struct verdict *verdict);

/* What is said where two hold: 1 before 5 before 2 before 0; 4 and 64 come before the run. */
enum gmemtrace_status run_status_worse(enum gmemtrace_status one, enum gmemtrace_status other);

GMEMTRACE_API_END

#endif
