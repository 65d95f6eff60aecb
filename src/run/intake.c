// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report/escape.h"
#include "run/intake.h"
#include "run/lose.h"
#include "run/replay.h"
#include "run/say.h"
#include "run/units.h"
#include "run/wait.h"
#include "serve/history.h"

#define STEP_MS 20 /* between two looks at CMD and signals */
#define QUIET_MS 250 /* the same where there is neither */
#define FLUSH_NS SECOND /* what a killed recorder loses at most */
#define SILENCE_NS (20 * SECOND) /* heartbeats come every 100 ms */
#define INSIST_NS (5 * SECOND) /* the same, once a signal has come */
#define STUCK_NS (10 * SECOND) /* the model's default */

uint64_t session_clock(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

uint64_t session_stuck_limit(const struct session *session)
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

/* What has no other name for somebody is for nobody. */
static void redact_fail(struct session *session)
{
	model_fail(session);
	session->recording = false;
	session->result->capture_failed = true;
}

/* To the sinks, as it is or redacted. */
static void record_take(struct session *session, const struct record_header *record)
{
	record = redact_apply(&session->redact, record);
	if (!record) {
		redact_fail(session);
		return;
	}
	if (session->recording && capture_append(session->writer, record))
		capture_fail(session);
	if (!session->model_failed && (model_feed(session->model, record) ||
				       lose_after(session->model, record, &session->simulate_loss)))
		model_fail(session);
}

void session_take(struct session *session, const struct record_header *record)
{
	record_take(session, record);
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

/* How much of the past is known; @begin: ns, text. */
static void past_say(const struct session *session, const char *begin)
{
	unsigned long long ns = strtoull(begin, NULL, 10);

	run_say(session->options, "the past is known from %llu.%03llu s on, %llu s ago",
		ns / SECOND, ns / 1000000 % 1000,
		session->now > ns ? (unsigned long long)((session->now - ns) / SECOND) : 0);
}

static void past_end(struct session *session, const char *value)
{
	session->past = SESSION_PRESENT;
	if (strcmp(value, "none") != 0 || !session->options->since_asked)
		return;
	session->no_past = true;
	run_say(session->options,
		"--since: this gmemtraced remembers nothing: start it with --history 64mb");
}

/* Whether @record is to be taken: facts frame what gmemtraced remembers. */
static bool past_passes(struct session *session, const struct record_header *record)
{
	const struct record_fact *fact = (const void *)record;
	const char *key = record->kind == RECORD_FACT ? record_fact_key(fact) : NULL;

	if (session->past == SESSION_PRESENT)
		return true;
	if (key && !strcmp(key, HISTORY_BEGIN_FACT)) {
		session->past = SESSION_PAST;
		past_say(session, record_fact_value(fact));
	} else if (key && !strcmp(key, HISTORY_END_FACT)) {
		past_end(session, record_fact_value(fact));
	}
	return session->past != SESSION_PAST_ASKED;
}

/*
 * What passes. Sensors of our own are told of inodes that do not, so that what would be dropped here is
 * not written; a daemon's have others to serve.
 */
static const struct record_header *record_filter(struct session *session,
						 const struct record_header *record)
{
	const struct record_inode *inode = (const void *)record;
	uint64_t number = record->inode;
	bool asked, out;

	if (!filter_on(&session->filter) || record->kind != RECORD_INODE || inode->dead)
		return filter_apply(&session->filter, record);
	asked = filter_leaves_out(&session->filter, number);
	record = filter_choose(&session->filter, record);
	out = filter_leaves_out(&session->filter, number);
	/* Forgotten and announced anew, it is left out once more. */
	if (!session->client || sensor_client_daemon(session->client) || (!asked && !out))
		return record;
	(void)sensor_client_leave_out(session->client, number, out);
	if (!out)
		session_incomplete(session,
				   "an inode came to be one that the filter wants, after it had "
				   "been left out: what happened to it until then was not seen");
	return record;
}

/*
 * Changes and pages that were read are nearly all there is. Where nothing is left out, renamed, written
 * or remembered they concern the model alone. false: nothing was done.
 */
static bool record_passes(struct session *session, const struct record_header *record)
{
	if ((record->kind != RECORD_ZAP && record->kind != RECORD_SNAPSHOT_PAGE) ||
	    session->past != SESSION_PRESENT || session->recording || session->model_failed ||
	    filter_on(&session->filter) || redact_on(&session->redact))
		return false;
	if (model_feed(session->model, record))
		model_fail(session);
	return true;
}

/* sensor_sink: what the sensors say. RECORD_END waits for CMD's status. */
static void session_record(void *context, const struct record_header *record)
{
	struct session *session = context;

	if (record_passes(session, record))
		return;
	if (record->kind == RECORD_END) {
		session->end = *(const struct record_end *)record;
		session->ended = true;
		return;
	}
	if (!past_passes(session, record))
		return;
	if (record->kind == RECORD_HEARTBEAT)
		session->watermark = ((const struct record_heartbeat *)record)->watermark;
	record = record_filter(session, record);
	if (!record)
		return;
	record_take(session, record);
	if (session->stuck_nr)
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

void session_facts(struct session *session)
{
	const struct run_options *options = session->options;
	char line[900];

	session_fact(session, "tool.version", GMEMTRACE_VERSION);
	session_fact_number(session, "option.snapshot_interval_ns", options->snapshot_interval);
	session_fact_number(session, "option.stuck_ns", session_stuck_limit(session));
	if (filter_vm(options))
		session_fact_number(session, "option.vm", filter_vm(options));
	if (options->comm)
		session_fact(session, "option.comm", options->comm);
	if (options->inode)
		session_fact_number(session, "option.inode", options->inode);
	if (!options->command)
		return;
	escape_words(line, sizeof(line), options->command);
	session_fact(session, "command", line);
}

void session_incomplete(struct session *session, const char *why)
{
	run_say(session->options, "%s", why);
	session_fact(session, RUN_INCOMPLETE_FACT, why);
	if (session->verdict)
		verdict_mark_incomplete(session->verdict, why);
}

void session_drop_client(struct session *session)
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
			"the process that owns the sensors has gone%s: what came after is not "
			"known",
			sensor_client_killed(session->client));
	session_drop_client(session);
}

static void client_silence(struct session *session)
{
	/* Who has asked for the end does not wait so long. */
	char time[UNITS_MAX];
	uint64_t silence = session->signals ? INSIST_NS : SILENCE_NS;

	if (!session->client || session->now - session->heard < silence)
		return;
	run_say(session->options,
		"the process that owns the sensors, or the one that serves them, has said nothing "
		"for %s: it is stopped, or a CPU of this kernel hangs",
		units_time(time, silence));
	session->silent = true;
	session_drop_client(session);
}

/* Who has neither CMD nor signals to look for is woken by records alone: heartbeats come anyway. */
static int session_step_ms(const struct session *session)
{
	const struct run_options *options = session->options;

	return options->command || options->signals ? STEP_MS : QUIET_MS;
}

void session_read(struct session *session)
{
	static const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	int records;

	if (!session->client) {
		nanosleep(&step, NULL);
		session->now = session_clock();
		return;
	}
	records = sensor_client_read(session->client, session_step_ms(session), session_record,
				     session);
	session->now = session_clock();
	if (records > 0)
		session->heard = session->now;
	if (records < 0)
		client_over(session);
	else
		client_silence(session);
}

void session_flush(struct session *session)
{
	if (!session->recording || session->now - session->flushed < FLUSH_NS)
		return;
	session->flushed = session->now;
	if (capture_flush(session->writer))
		capture_fail(session);
}

void session_on_stuck(void *context, const struct model_request *request, __u64 now)
{
	struct session *session = context;

	(void)now;
	session->stuck = true;
	if (session->stuck_nr == STUCK_TASKS_MAX)
		return;
	session->stuck_tasks[session->stuck_nr].tid = (pid_t)request->tid;
	session->stuck_tasks[session->stuck_nr++].pid = (pid_t)request->tgid;
}

enum gmemtrace_status session_start_capture(struct session *session)
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

void session_finish(struct session *session)
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
