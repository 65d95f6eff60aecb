// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "run/command.h"
#include "run/filter.h"
#include "run/hang.h"
#include "run/module.h"
#include "run/owner.h"
#include "run/replay.h"
#include "run/say.h"
#include "run/session.h"
#include "run/snapshots.h"
#include "run/units.h"
#include "run/wait.h"
#include "report/escape.h"

#define SECOND 1000000000ULL
#define STEP_MS 20 /* between two looks at CMD and signals */
#define FLUSH_NS SECOND /* what a killed recorder loses at most */
#define SILENCE_NS (10 * SECOND) /* heartbeats come every 100 ms */
#define INSIST_NS (5 * SECOND) /* the same, once a signal has come */
#define FORCE_NS (2 * SECOND) /* between SIGTERM, SIGKILL and giving up */
#define STUCK_NS (10 * SECOND) /* the model's default */
#define HANG_FACTOR 3 /* of the stuck limit: a disk, too, may keep a task waiting */

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
	struct snapshots snapshots;
	struct command command;
	struct hang hang;
	struct record_end end;
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
	uint64_t flushed; /* ns: the capture's last flush */
};

static uint64_t clock_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static uint64_t stuck_limit(const struct session *session)
{
	uint64_t stuck = session->options->model.stuck_ns;

	return stuck ? stuck : STUCK_NS;
}

static void capture_fail(struct session *session)
{
	const char *line = capture_take_error(session->writer);

	if (line)
		run_say(session->options, "%s", line);
	session->recording = false;
	session->result->capture_failed = true;
	session->result->failure = GMEMTRACE_ERROR;
}

static void model_fail(struct session *session)
{
	if (session->model_failed)
		return;
	session->model_failed = true;
	session->result->failure = GMEMTRACE_ERROR;
	run_say(session->options,
		"out of memory for the model: nothing after this moment is judged; give --vm PID, "
		"or trace for less time");
	if (session->verdict)
		verdict_mark_incomplete(session->verdict,
					"memory for the model was short: a part was not judged");
}

/* To the sinks, as it is. */
static void record_take(struct session *session, const struct record_header *record)
{
	if (session->recording && capture_append(session->writer, record))
		capture_fail(session);
	if (!session->model_failed && model_feed(session->model, record))
		model_fail(session);
}

static void session_fact(struct session *session, const char *key, const char *value);

/* Where those are that do not end, and who else of their process is at work: facts for the rules. */
static void stuck_describe(struct session *session)
{
	char key[48], text[WAIT_TEXT_MAX];

	while (session->stuck_nr) {
		pid_t pid = session->stuck_tasks[--session->stuck_nr].pid;
		pid_t tid = session->stuck_tasks[session->stuck_nr].tid;

		if (!wait_describe(pid, tid, text, sizeof(text)))
			continue;
		snprintf(key, sizeof(key), "stuck.%d.wait", (int)tid);
		session_fact(session, key, text);
		wait_describe_others(pid, tid, text, sizeof(text));
		snprintf(key, sizeof(key), "stuck.%d.others", (int)tid);
		if (*text)
			session_fact(session, key, text);
	}
}

/* sensor_sink: what the sensors say. RECORD_END waits for CMD's status. */
static void session_record(void *context, const struct record_header *record)
{
	struct session *session = context;

	if (record->kind == RECORD_END) {
		session->end = *(const struct record_end *)record;
		session->ended = true;
		return;
	}
	record = filter_apply(&session->filter, record);
	if (!record)
		return;
	record_take(session, record);
	stuck_describe(session);
	if (snapshots_note(&session->snapshots, record, session->now))
		model_fail(session);
}

static void session_fact(struct session *session, const char *key, const char *value)
{
	union {
		struct record_fact fact;
		char bytes[1024];
	} record = {};
	size_t key_length = strlen(key) + 1, value_length = strnlen(value, 900) + 1;

	record.fact.header.kind = RECORD_FACT;
	record.fact.header.size =
		(__u16)((sizeof(record.fact) + key_length + value_length + 7) & ~7UL);
	record.fact.header.time = session->now;
	record.fact.key_length = (__u32)key_length;
	record.fact.value_length = (__u32)value_length;
	memcpy(record.fact.text, key, key_length);
	memcpy(record.fact.text + key_length, value, value_length - 1);
	record_take(session, &record.fact.header);
}

static void session_fact_number(struct session *session, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	session_fact(session, key, text);
}

/* What was asked for: whoever reads the capture later wants to know. */
static void session_facts(struct session *session)
{
	const struct run_options *options = session->options;
	char line[900];

	session_fact(session, "tool.version", GMEMTRACE_VERSION);
	session_fact_number(session, "option.snapshot_interval_ns", options->snapshot_interval);
	session_fact_number(session, "option.stuck_ns", stuck_limit(session));
	if (options->vm)
		session_fact_number(session, "option.vm", options->vm);
	if (!options->command)
		return;
	escape_words(line, sizeof(line), options->command);
	session_fact(session, "command", line);
}

/* What was not seen, whatever the stream says; a replay of the capture is to know it, too. */
static void session_incomplete(struct session *session, const char *why)
{
	run_say(session->options, "%s", why);
	session_fact(session, RUN_INCOMPLETE_FACT, why);
	if (session->verdict)
		verdict_mark_incomplete(session->verdict, why);
}

static void client_drop(struct session *session)
{
	sensor_client_close(session->client);
	session->client = NULL;
}

/* Whether everything was seen: the end came, and because we wanted it. */
static bool session_whole(const struct session *session)
{
	return session->ended && session->asked;
}

/* The stream has ended, or broken. */
static void client_over(struct session *session)
{
	if (!session_whole(session))
		run_say(session->options,
			"the process that owns the sensors has gone: what came after is not known");
	client_drop(session);
}

static void client_silence(struct session *session)
{
	/* Who has asked for the end does not wait so long. */
	char time[UNITS_MAX];
	uint64_t silence = session->signals ? INSIST_NS : SILENCE_NS;

	if (!session->client || session->now - session->heard < silence)
		return;
	run_say(session->options,
		"the process that owns the sensors has said nothing for %s: it is stopped, or a "
		"CPU of this kernel hangs",
		units_time(time, silence));
	session->silent = true;
	client_drop(session);
}

/* Waits a moment for records, and for anything else. */
static void session_read(struct session *session)
{
	static const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	int records;

	if (!session->client) {
		nanosleep(&step, NULL);
		session->now = clock_now();
		return;
	}
	records = sensor_client_read(session->client, STEP_MS, session_record, session);
	session->now = clock_now();
	if (records > 0)
		session->heard = session->now;
	if (records < 0)
		client_over(session);
	else
		client_silence(session);
}

static void session_flush(struct session *session)
{
	if (!session->recording || session->now - session->flushed < FLUSH_NS)
		return;
	session->flushed = session->now;
	if (capture_flush(session->writer))
		capture_fail(session);
}

static void force_begin(struct session *session)
{
	if (session->force != FORCE_NONE)
		return;
	session->force = FORCE_TERMINATE;
	session->forced = session->now;
}

/*
 * ^C is for CMD: we end when it has, and a second one insists. Who sends SIGTERM or SIGHUP wants
 * us to be gone: CMD gets it and has FORCE_NS for its end.
 */
static void session_signals(struct session *session)
{
	bool everybody;
	int number = signals_take(&everybody);

	if (!number)
		return;
	session->signals++;
	session->result->interrupted = true;
	if (!everybody)
		command_signal(&session->command, number);
	if (session->signals > 1 || number != SIGINT)
		force_begin(session);
	else if (session->command.running)
		run_say(session->options, "waiting for CMD to end; once more ends it by force");
}

static void session_step(struct session *session)
{
	session_read(session);
	session_signals(session);
	command_poll(&session->command);
	/* Where the owner has gone, the next reading says so. */
	if (session->client)
		snapshots_ask(&session->snapshots, session->client, session->model, session->now);
	session_flush(session);
}

static void command_leave(struct session *session)
{
	char why[120];

	snprintf(why, sizeof(why),
		 "CMD (process %d) cannot be ended, not even by SIGKILL: it is left alone",
		 (int)session->command.pid);
	session_incomplete(session, why);
	command_give_up(&session->command);
}

/* SIGTERM, SIGKILL, and then it is left alone. */
static void command_force(struct session *session)
{
	if (!session->command.running)
		return;
	if (session->force != FORCE_NONE && session->now - session->forced < FORCE_NS)
		return;
	session->forced = session->now;
	session->force++;
	if (session->force == FORCE_TERMINATE)
		command_signal(&session->command, SIGTERM);
	else if (session->force == FORCE_KILL)
		command_signal(&session->command, SIGKILL);
	else
		command_leave(session);
}

/* CMD waits in the kernel, and perhaps for ever: no request that is seen says so. */
static void session_look_hang(struct session *session)
{
	char text[HANG_TEXT_MAX], why[HANG_TEXT_MAX + 80];

	if (session->hangs || !session->command.running ||
	    !hang_find(&session->hang, session->command.pid, session->now,
		       HANG_FACTOR * stuck_limit(session), text))
		return;
	session->hangs = true;
	snprintf(why, sizeof(why), "%s: what it would still have done is not known", text);
	session_incomplete(session, why);
}

static void session_look_timeout(struct session *session)
{
	const struct run_options *options = session->options;
	char why[120], time[UNITS_MAX];

	if (session->late || !options->timeout || !session->command.running ||
	    session->now - session->result->begin < options->timeout)
		return;
	session->late = true;
	session->result->failure = GMEMTRACE_ERROR;
	snprintf(why, sizeof(why), "CMD had not ended after %s (--timeout): it is ended by force",
		 units_time(time, options->timeout));
	session_incomplete(session, why);
}

/* A call that hangs in the kernel holds CMD: what is known by then is the verdict. */
static bool command_hangs(struct session *session)
{
	if (!session->verdict)
		return false;
	session_look_hang(session);
	return session->stuck || session->silent || session->hangs;
}

/* The end that was asked for has come. */
static bool session_over(const struct session *session)
{
	uint64_t duration = session->options->duration;

	return *session->enough || (duration && session->now - session->result->begin >= duration);
}

static bool session_goes_on(struct session *session)
{
	bool over = session_over(session);

	if (!session->options->command)
		return session->client && !session->signals && !over;
	session->ours |= over && session->command.running;
	session_look_timeout(session);
	if (over || session->late || command_hangs(session) || session->force != FORCE_NONE)
		command_force(session);
	return session->command.running;
}

/* A capture that cannot grow is all that `record` wants: CMD runs on, unwatched. */
static void session_unwatch(struct session *session)
{
	if (!session->result->capture_failed || session->verdict || !session->client)
		return;
	sensor_client_stop(session->client);
	client_drop(session);
}

static bool requests_wait(const struct session *session)
{
	const struct model_request *request;

	for (size_t i = 0; (request = model_request_open(session->model, i)); i++) {
		if (!request->stuck)
			return true;
	}
	return false;
}

static bool session_settled(const struct session *session, uint64_t begin)
{
	struct model_counts counts;

	model_count(session->model, &counts);
	if (counts.now < begin || snapshots_pending(&session->snapshots))
		return false;
	if (session->verdict && verdict_pending(session->verdict))
		return false;
	return !model_unsettled(session->model);
}

/* Reads what lives once more, and waits until nothing is open any longer. */
static void session_settle(struct session *session)
{
	uint64_t stuck = stuck_limit(session), begin = session->now;
	unsigned int signals = session->signals;

	snapshots_want_all(&session->snapshots);
	while (session->client && !session->model_failed) {
		uint64_t waited = session->now - begin;

		if (session->signals != signals || session_settled(session, begin))
			return;
		if (waited >= session->options->settle &&
		    (waited >= stuck + SECOND || !requests_wait(session)))
			return;
		session_step(session);
	}
}

/* The last heartbeat, and RECORD_END. Who does not want to wait for them says so by a signal. */
static void session_stop(struct session *session)
{
	unsigned int signals = session->signals;

	if (!session->client)
		return;
	session->asked = true;
	sensor_client_stop(session->client);
	session->heard = session->now;
	while (session->client && session->signals == signals) {
		session_read(session);
		session_signals(session);
	}
}

static void session_look_oops(struct session *session)
{
	if (session->oopsed || !hang_oopsed())
		return;
	session_incomplete(session, "the kernel has oopsed meanwhile (dmesg says where): what the "
				    "task that died held and had begun stays as it is");
}

static void session_finish(struct session *session)
{
	struct run_result *result = session->result;

	result->whole = session_whole(session);
	result->elsewhere = session->filter.elsewhere;
	result->inodes = session->filter.inodes;
	result->command_status = session->ours ? -1 : session->command.status;
	result->end = session->now;
	session->end.header.kind = RECORD_END;
	session->end.header.size = sizeof(session->end);
	if (!session->ended)
		session->end.header.time = session->heard;
	session->end.command_status = result->command_status;
	if (!result->whole) {
		result->failure = GMEMTRACE_ERROR;
		if (session->verdict)
			verdict_mark_incomplete(session->verdict,
						"the process that owns the sensors went before the "
						"end: a part was not seen");
	}
	record_take(session, &session->end.header);
	/* Also where memory was short: what was proved before is said. */
	if (model_finish(session->model))
		model_fail(session);
	if (session->recording && result->whole && capture_finish(session->writer))
		capture_fail(session);
	if (session->writer)
		capture_written(session->writer, &result->captured);
}

/* Only noted: the model is at work. */
static void on_stuck(void *context, const struct model_request *request, __u64 now)
{
	struct session *session = context;

	(void)now;
	session->stuck = true;
	if (session->stuck_nr == STUCK_TASKS_MAX)
		return;
	session->stuck_tasks[session->stuck_nr].tid = (pid_t)request->tid;
	session->stuck_tasks[session->stuck_nr++].pid = (pid_t)request->tgid;
}

static enum gmemtrace_status capture_start(struct session *session)
{
	char message[512];

	if (!session->options->capture)
		return 0;
	if (capture_create(session->options->capture, &session->writer, message, sizeof(message))) {
		run_say(session->options, "%s", message);
		return GMEMTRACE_ERROR;
	}
	session->recording = true;
	return 0;
}

static enum gmemtrace_status session_start(struct session *session)
{
	const struct run_options *options = session->options;
	struct model_observer observer = { .context = session, .request_stuck = on_stuck };
	enum gmemtrace_status status;

	if (options->vm && kill((pid_t)options->vm, 0) && errno == ESRCH) {
		run_say(options, "--vm %u: no such process", options->vm);
		return GMEMTRACE_ERROR;
	}
	if (model_observe(session->model, &observer)) {
		run_say(options, "out of memory");
		return GMEMTRACE_ERROR;
	}
	status = options->modprobe ? modules_load(options) : 0;
	if (!status)
		status = owner_open(options, &session->client);
	if (!status)
		status = capture_start(session);
	if (status)
		return status;
	session->now = clock_now();
	session->heard = session->now;
	session->flushed = session->now;
	session->result->begin = session->now;
	session->result->ring_bytes = owner_ring_bytes(options, session->client);
	session->oopsed = hang_oopsed();
	session_facts(session);
	return 0;
}

static void session_command(struct session *session)
{
	const struct run_options *options = session->options;
	int error;

	if (!options->command)
		return;
	error = command_start(&session->command, options->command, options->command_aside);
	if (error == -ENOENT)
		run_say(options, "%s: no such command: give its path, or install it",
			options->command[0]);
	else if (error)
		run_say(options, "%s: cannot be run: %s", options->command[0], strerror(-error));
}

enum gmemtrace_status session_run(const struct run_options *options, struct model *model,
				  struct verdict *verdict, const volatile sig_atomic_t *enough,
				  struct run_result *result)
{
	struct session session = {
		.options = options,
		.model = model,
		.verdict = verdict,
		.enough = enough,
		.result = result,
		.filter = { .vm = options->vm },
		.command = { .status = -1 },
	};
	enum gmemtrace_status status;

	snapshots_init(&session.snapshots, options->snapshot_interval);
	if (options->signals)
		signals_catch();
	status = session_start(&session);
	if (status)
		goto cleanup;
	session_command(&session);
	while (session_goes_on(&session)) {
		session_step(&session);
		session_unwatch(&session);
	}
	session_settle(&session);
	session_look_oops(&session);
	session_stop(&session);
	session_finish(&session);
cleanup:
	capture_close(session.writer);
	sensor_client_close(session.client);
	if (options->signals)
		signals_restore();
	snapshots_destroy(&session.snapshots);
	filter_destroy(&session.filter);
	return status;
}
