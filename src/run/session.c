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
#include "cli/output.h"
#include "run/session.h"
#include "run/snapshots.h"

#define SECOND 1000000000ULL
#define STEP_MS 20 /* between two looks at CMD and signals */
#define FLUSH_NS SECOND /* what a killed recorder loses at most */
#define SILENCE_NS (10 * SECOND) /* heartbeats come every 100 ms */
#define FORCE_NS (2 * SECOND) /* between SIGTERM, SIGKILL and giving up */
#define STUCK_NS (10 * SECOND) /* the model's default */

/* How an end of CMD is brought about; each step waits FORCE_NS for the last. */
enum force {
	FORCE_NONE = 0,
	FORCE_TERMINATE = 1,
	FORCE_KILL = 2,
	FORCE_LEAVE = 3, /* it hangs in the kernel: nobody can end it */
};

struct session {
	const struct session_options *options;
	const struct session_sinks *sinks;
	struct session_result *result;
	struct sensor_client *client; /* NULL: closed */
	struct capture_writer *writer;
	struct filter filter;
	struct snapshots snapshots;
	struct command command;
	struct record_end end;
	bool ended; /* `end` has come */
	bool asked; /* for the end */
	bool silent; /* the owner lives and says nothing */
	bool recording; /* the capture takes records */
	bool stuck; /* a request is */
	bool ours; /* CMD's end is our doing: the time was over */
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

static void capture_fail(struct session *session)
{
	const char *line = capture_take_error(session->writer);

	if (line)
		output_error("%s", line);
	session->recording = false;
	session->result->capture_failed = true;
}

static void model_fail(struct session *session)
{
	if (session->result->model_failed)
		return;
	session->result->model_failed = true;
	output_error("out of memory for the model: nothing after this moment is judged; give --vm "
		     "PID, or trace for less time");
	if (session->sinks->verdict)
		verdict_mark_incomplete(session->sinks->verdict,
					"memory for the model was short: a part was not judged");
}

/* To the sinks, as it is. */
static void record_take(struct session *session, const struct record_header *record)
{
	if (session->recording && capture_append(session->writer, record))
		capture_fail(session);
	if (!session->result->model_failed && model_feed(session->sinks->model, record))
		model_fail(session);
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
	const struct session_options *options = session->options;
	char line[900] = "";
	size_t used = 0;

	session_fact(session, "tool.version", GMEMTRACE_VERSION);
	session_fact_number(session, "option.snapshot_interval_ns", options->snapshot_interval);
	session_fact_number(session, "option.stuck_ns",
			    options->model.stuck_ns ? options->model.stuck_ns : STUCK_NS);
	if (options->vm)
		session_fact_number(session, "option.vm", options->vm);
	for (char *const *word = options->command; word && *word && used < sizeof(line); word++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s", used ? " " : "",
					 *word);
	if (options->command)
		session_fact(session, "command", line);
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
		output_error(
			"the process that owns the sensors has gone: what came after is not known");
	client_drop(session);
}

static void client_silence(struct session *session)
{
	if (!session->client || session->now - session->heard < SILENCE_NS)
		return;
	output_error("the process that owns the sensors has said nothing for %llu s: a CPU of this "
		     "kernel may hang",
		     (unsigned long long)(SILENCE_NS / SECOND));
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

/* ^C is for CMD: we end when it has. A second one insists. */
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
	if (session->signals > 1 && session->force == FORCE_NONE) {
		session->force = FORCE_TERMINATE;
		session->forced = session->now;
	}
}

static void session_step(struct session *session)
{
	session_read(session);
	session_signals(session);
	command_poll(&session->command);
	/* Where the owner has gone, the next reading says so. */
	if (session->client)
		snapshots_ask(&session->snapshots, session->client, session->sinks->model,
			      session->now);
	session_flush(session);
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
		command_give_up(&session->command);
}

/* A call that hangs in the kernel holds CMD: what is known by then is the verdict. */
static bool command_hangs(const struct session *session)
{
	return session->sinks->verdict && (session->stuck || session->silent);
}

static bool session_time_over(const struct session *session)
{
	const struct session_options *options = session->options;

	return options->duration && session->now - session->result->begin >= options->duration;
}

static bool session_goes_on(struct session *session)
{
	bool over =
		session_time_over(session) || (session->sinks->enough && *session->sinks->enough);

	if (!session->options->command)
		return session->client && !session->signals && !over;
	session->ours |= over && session->command.running;
	if (over || command_hangs(session) || session->force != FORCE_NONE)
		command_force(session);
	return session->command.running;
}

/* A capture that cannot grow is all that `record` wants: CMD runs on, unwatched. */
static void session_unwatch(struct session *session)
{
	if (!session->result->capture_failed || session->sinks->verdict || !session->client)
		return;
	sensor_client_stop(session->client);
	client_drop(session);
}

static bool requests_wait(const struct session *session)
{
	const struct model_request *request;

	for (size_t i = 0; (request = model_request_open(session->sinks->model, i)); i++) {
		if (!request->stuck)
			return true;
	}
	return false;
}

static bool session_settled(const struct session *session, uint64_t begin)
{
	struct model_counts counts;

	model_count(session->sinks->model, &counts);
	if (counts.now < begin || snapshots_pending(&session->snapshots))
		return false;
	if (session->sinks->verdict && verdict_pending(session->sinks->verdict))
		return false;
	return !model_unsettled(session->sinks->model);
}

/* Reads what lives once more, and waits until nothing is open any longer. */
static void session_settle(struct session *session)
{
	const struct session_options *options = session->options;
	uint64_t stuck = options->model.stuck_ns ? options->model.stuck_ns : STUCK_NS;
	uint64_t begin = session->now;
	unsigned int signals = session->signals;

	snapshots_want_all(&session->snapshots);
	while (session->client && !session->result->model_failed) {
		uint64_t waited = session->now - begin;

		if (session->signals != signals || session_settled(session, begin))
			return;
		if (waited >= options->settle &&
		    (waited >= stuck + SECOND || !requests_wait(session)))
			return;
		session_step(session);
	}
}

/* The last heartbeat, and RECORD_END. */
static void session_stop(struct session *session)
{
	if (!session->client)
		return;
	session->asked = true;
	sensor_client_stop(session->client);
	session->heard = session->now;
	while (session->client)
		session_read(session);
}

static void session_finish(struct session *session)
{
	struct session_result *result = session->result;

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
	if (!result->whole && session->sinks->verdict)
		verdict_mark_incomplete(session->sinks->verdict,
					"the process that owns the sensors went before the end: a "
					"part was not seen");
	record_take(session, &session->end.header);
	if (!result->model_failed && model_finish(session->sinks->model))
		model_fail(session);
	if (session->recording && result->whole && capture_finish(session->writer))
		capture_fail(session);
	if (session->writer)
		capture_written(session->writer, &result->captured);
}

static void on_stuck(void *context, const struct model_request *request, __u64 now)
{
	struct session *session = context;

	(void)request;
	(void)now;
	session->stuck = true;
}

static int session_start(struct session *session)
{
	const struct session_options *options = session->options;
	struct model_observer observer = { .context = session, .request_stuck = on_stuck };
	struct sensor_failure failure = {};
	char message[512];
	int error;

	if (options->vm && kill((pid_t)options->vm, 0) && errno == ESRCH) {
		output_error("--vm %u: no such process", options->vm);
		return GMEMTRACE_ERROR;
	}
	if (model_observe(session->sinks->model, &observer)) {
		output_error("out of memory");
		return GMEMTRACE_ERROR;
	}
	error = sensor_client_open(&session->client, &options->sensor, options->socket, &failure);
	if (error) {
		output_error("%s", failure.message);
		return failure.status;
	}
	if (session->sinks->capture &&
	    capture_create(session->sinks->capture, &session->writer, message, sizeof(message))) {
		output_error("%s", message);
		return GMEMTRACE_ERROR;
	}
	session->recording = session->writer;
	session->now = clock_now();
	session->heard = session->now;
	session->flushed = session->now;
	session->result->begin = session->now;
	session_facts(session);
	return 0;
}

int session_run(const struct session_options *options, const struct session_sinks *sinks,
		struct session_result *result)
{
	struct session session = {
		.options = options,
		.sinks = sinks,
		.result = result,
		.filter = { .vm = options->vm },
		.command = { .status = -1 },
	};
	int status;

	*result = (struct session_result){ .command_status = -1 };
	snapshots_init(&session.snapshots, options->snapshot_interval);
	signals_catch();
	status = session_start(&session);
	if (status)
		goto cleanup;
	if (options->command)
		command_start(&session.command, options->command, options->command_aside);
	while (session_goes_on(&session)) {
		session_step(&session);
		session_unwatch(&session);
	}
	session_settle(&session);
	session_stop(&session);
	session_finish(&session);
cleanup:
	capture_close(session.writer);
	sensor_client_close(session.client);
	signals_restore();
	snapshots_destroy(&session.snapshots);
	filter_destroy(&session.filter);
	return status;
}

int session_status(const struct session_result *result)
{
	if (!result->whole || result->capture_failed || result->model_failed)
		return GMEMTRACE_ERROR;
	return result->command_status > 0 ? GMEMTRACE_ERROR : GMEMTRACE_CONSISTENT;
}
