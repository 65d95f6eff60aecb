/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a live run takes in: records from the sensors' owner to the capture and the model, what is
 * said of the run beside them, and how all of it ends. session.c decides when.
 */
#ifndef GMEMTRACE_RUN_INTAKE_H
#define GMEMTRACE_RUN_INTAKE_H

#include <signal.h>
#include <sys/types.h>

#include "gmemtrace/run.h"
#include "run/command.h"
#include "run/filter.h"
#include "run/hang.h"
#include "run/redact.h"
#include "run/snapshots.h"
#include "sensor/mapper.h"
#include "serve/client.h"

#define SECOND 1000000000ULL

/* How an end of CMD is brought about; each step waits FORCE_NS for the last. */
enum force {
	FORCE_NONE = 0,
	FORCE_TERMINATE = 1,
	FORCE_KILL = 2,
	FORCE_LEAVE = 3, /* it hangs in the kernel: nobody can end it */
};

#define STUCK_TASKS_MAX 16

struct session {
	const struct run_options *options;
	struct model *model;
	struct verdict *verdict; /* NULL: nobody judges */
	const volatile sig_atomic_t *enough;
	struct run_result *result;
	struct sensor_client *client; /* NULL: closed */
	struct capture_writer *writer;
	struct filter filter;
	struct redact redact;
	uint64_t simulate_loss; /* records that are still to be told of as lost */
	struct snapshots snapshots;
	struct mapper *mapper; /* NULL: the direct map is not to be walked */
	struct command command;
	struct hang hang;
	struct record_end end;
	enum session_past {
		SESSION_PRESENT = 0,
		SESSION_PAST_ASKED, /* what comes before its begin is not taken */
		SESSION_PAST, /* what comes has been */
	} past;
	bool no_past; /* nothing is remembered, and was asked for: it was said */
	bool ended; /* `end` has come */
	bool asked; /* for the end */
	bool silent; /* the owner lives and says nothing */
	bool recording; /* the capture takes records */
	bool model_failed; /* out of memory, said */
	bool stuck; /* a request is */
	struct {
		pid_t pid, tid;
	} stuck_tasks[STUCK_TASKS_MAX]; /* found since the last record */
	size_t stuck_nr;
	bool hangs; /* CMD does */
	bool late; /* CMD has not ended in time */
	bool ours; /* CMD's end is our doing: the time was over */
	bool oopsed; /* the kernel had before we began */
	unsigned int signals; /* taken so far */
	enum force force;
	uint64_t now; /* ns */
	uint64_t forced; /* ns: when `force` was raised */
	uint64_t heard; /* ns: the last record */
	uint64_t watermark; /* ns: the sensors have told all until then */
	uint64_t flushed; /* ns: the capture's last flush */
};

/* ns, CLOCK_MONOTONIC. */
uint64_t session_clock(void);

/* A request open for longer is stuck, ns. */
uint64_t session_stuck_limit(const struct session *session);

/* What was asked for: whoever reads the capture later wants to know. */
void session_facts(struct session *session);

/* What was not seen, whatever the stream says; a replay of the capture is to know it, too. */
void session_incomplete(struct session *session, const char *why);

/* The owner of the sensors is left. */
void session_drop_client(struct session *session);

/* Waits a moment for records, and for anything else. */
void session_read(struct session *session);

/* A record that comes from elsewhere than the sensors: to the capture and the model. */
void session_take(struct session *session, const struct record_header *record);

/* Has the capture written, where that is due. */
void session_flush(struct session *session);

/* model_observer: only noted, the model is at work. */
void session_on_stuck(void *context, const struct model_request *request, __u64 now);

/* 0, or an exit status: it was said. */
enum gmemtrace_status session_start_capture(struct session *session);

/* After the last record: the model and the capture are finished, the result is told. */
void session_finish(struct session *session);

#endif
