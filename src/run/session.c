// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "run/intake.h"
#include "run/module.h"
#include "run/owner.h"
#include "run/say.h"
#include "run/session.h"
#include "run/units.h"

#define FORCE_NS (2 * SECOND) /* between SIGTERM, SIGKILL and giving up */
#define SETTLE_FACTOR 12 /* of --settle, as long as reads go on */
#define HANG_FACTOR 3 /* of the stuck limit: a disk, too, may keep a task waiting */

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
	if (session->client && session->past == SESSION_PRESENT)
		snapshots_ask(&session->snapshots, session->client, session->model, session->now);
	session_flush(session);
	if (session->options->tick)
		session->options->tick(session->options->context);
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
		       HANG_FACTOR * session_stuck_limit(session), text))
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

	if (session->options->since && !session->options->duration && !session->options->command)
		return false;
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
	session_drop_client(session);
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

struct settling {
	uint64_t begin;
	uint64_t moved; /* ns: when there was less to be read than ever before */
	uint64_t least; /* pages */
};

/* Many inodes are read one after the other: as long as they are, each has its time. */
static bool settling_over(const struct session *session, struct settling *settling)
{
	uint64_t settle = session->options->settle, waited = session->now - settling->begin, left;

	snapshots_left(&session->snapshots, &left);
	if (left < settling->least) {
		settling->moved = session->now;
		settling->least = left;
	}
	if (session->now - settling->moved < settle && waited < SETTLE_FACTOR * settle)
		return false;
	return waited >= session_stuck_limit(session) + SECOND || !requests_wait(session);
}

static void settling_say(const struct session *session)
{
	uint64_t pages;
	size_t nr = snapshots_left(&session->snapshots, &pages);
	char time[UNITS_MAX];

	if (nr && session->options->settle)
		run_say(session->options,
			"%zu of %zu inodes were not read to their end once more: --settle says how "
			"long to wait (%s)",
			nr, session->snapshots.inodes_nr,
			units_time(time, session->options->settle));
}

/* Reads what lives once more, and waits until nothing is open any longer. */
static void session_settle(struct session *session)
{
	struct settling settling = { session->now, session->now, UINT64_MAX };
	unsigned int signals = session->signals;

	snapshots_want_all(&session->snapshots);
	while (session->client && !session->model_failed) {
		if (session->signals != signals || session_settled(session, settling.begin))
			return;
		if (settling_over(session, &settling)) {
			settling_say(session);
			return;
		}
		session_step(session);
	}
}

#define PUMP_NS (SECOND / 20)

/* mapper_watch.stop: the sensors' records are not left waiting meanwhile. */
static bool map_stop(void *context)
{
	struct session *session = context;

	if (session_clock() - session->now < PUMP_NS)
		return false;
	session_read(session);
	session_signals(session);
	return session->signals;
}

static void map_record(void *context, const struct record_header *record)
{
	session_take(context, record);
}

/* The whole direct map, once nothing of ours is on its way any more. */
static void session_map(struct session *session)
{
	const struct mapper_watch watch = { .stop = map_stop, .context = session };
	int error;

	if (!session->mapper || session->signals)
		return;
	error = mapper_walk(session->mapper, &watch, map_record, session);
	if (error && error != -EINTR)
		run_say(session->options, "--map: cannot walk the direct map: %s",
			strerror(-error));
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

/*
 * What has come to a daemon's sums until now is told with the next ones: unlike our own sensors it does not end. Its
 * heartbeats come behind its sums, so one as much later than now says that they were told since.
 */
static void session_await_sums(struct session *session)
{
	uint64_t begin = session->now;
	unsigned int signals = session->signals;

	if (!session->options->summary || !session->client ||
	    !sensor_client_daemon(session->client))
		return;
	while (session->client && session->signals == signals &&
	       session->watermark < begin + RECORD_SUMMARY_NS)
		session_step(session);
}

static void session_look_oops(struct session *session)
{
	if (session->oopsed || !hang_oopsed())
		return;
	session_incomplete(session, "the kernel has oopsed meanwhile (dmesg says where): what the "
				    "task that died held and had begun stays as it is");
}

/* Before CMD: who may not walk the direct map is told so now. The sensors are armed. */
static enum gmemtrace_status session_start_map(struct session *session)
{
	struct sensor_failure failure = {};

	if (!session->options->map || !mapper_open(&session->mapper, true, &failure))
		return 0;
	run_say(session->options, "--map: %s", failure.message);
	return failure.status;
}

/* A daemon that was there before kvm hooks it a moment after; the sensors of our own are not there yet. */
static enum gmemtrace_status session_start_owner(struct session *session)
{
	const struct run_options *options = session->options;
	enum gmemtrace_status status = 0;
	bool loaded = false;

	if (options->modprobe)
		status = modules_load(options, &loaded);
	if (!status)
		status = owner_open(options, &session->client);
	if (status || !loaded || !sensor_client_daemon(session->client))
		return status;
	run_say(options, "--modprobe: gmemtraced was there before kvm, and does not see all of it "
			 "yet: it is loaded now, run this once more in some seconds");
	return GMEMTRACE_CANNOT_RUN;
}

/* What gmemtraced remembers, before what comes. */
static enum gmemtrace_status past_ask(struct session *session)
{
	const struct run_options *options = session->options;
	uint64_t now = session_clock();

	if (!options->since)
		return 0;
	if (sensor_client_daemon(session->client)) {
		session->past = SESSION_PAST_ASKED;
		/* Where it has gone, the first reading says so. */
		sensor_client_history(session->client,
				      now > options->since ? now - options->since : 0);
		return 0;
	}
	if (!options->since_asked)
		return 0;
	run_say(options, "--since: only gmemtraced remembers, and none serves here: start one with "
			 "--history 64mb");
	return GMEMTRACE_CANNOT_RUN;
}

static enum gmemtrace_status session_start(struct session *session)
{
	const struct run_options *options = session->options;
	struct model_observer observer = { .context = session, .request_stuck = session_on_stuck };
	enum gmemtrace_status status;

	if (options->vm && kill((pid_t)options->vm, 0) && errno == ESRCH) {
		run_say(options, "--vm %u: no such process", options->vm);
		return GMEMTRACE_ERROR;
	}
	if (model_observe(session->model, &observer)) {
		run_say(options, "out of memory");
		return GMEMTRACE_ERROR;
	}
	/* Before anything is touched: what proves the hooks may be what the kernel dies of. */
	session->oopsed = hang_oopsed();
	status = session_start_owner(session);
	/* Where it has gone, the first reading says so. */
	if (!status && options->summary && sensor_client_daemon(session->client))
		sensor_client_sums(session->client);
	if (!status)
		status = past_ask(session);
	if (!status)
		status = session_start_map(session);
	if (!status)
		status = session_start_capture(session);
	if (status)
		return status;
	session->now = session_clock();
	session->heard = session->now;
	session->flushed = session->now;
	session->result->begin = session->now;
	session->result->ring_bytes = owner_ring_bytes(options, session->client);
	session_facts(session);
	return 0;
}

/* Takes in what gmemtraced remembers, before CMD begins. 0, or an exit status: it was said. */
static enum gmemtrace_status session_recall(struct session *session)
{
	while (session->past != SESSION_PRESENT && session->client && !session->signals)
		session_step(session);
	return session->no_past ? GMEMTRACE_CANNOT_RUN : 0;
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
		.simulate_loss = options->simulate_loss,
		.command = { .status = -1 },
	};
	enum gmemtrace_status status;

	if (options->redact && redact_init(&session.redact)) {
		run_say(options, "out of memory");
		return GMEMTRACE_ERROR;
	}
	filter_init(&session.filter, options);
	snapshots_init(&session.snapshots, options->snapshot_interval);
	if (options->signals)
		signals_catch();
	status = session_start(&session);
	if (status)
		goto cleanup;
	status = session_recall(&session);
	if (status)
		goto cleanup;
	session_command(&session);
	while (session_goes_on(&session)) {
		session_step(&session);
		session_unwatch(&session);
	}
	session_settle(&session);
	session_await_sums(&session);
	session_map(&session);
	session_look_oops(&session);
	session_stop(&session);
	session_finish(&session);
cleanup:
	capture_close(session.writer);
	sensor_client_close(session.client);
	if (options->signals)
		signals_restore();
	mapper_close(session.mapper);
	snapshots_destroy(&session.snapshots);
	filter_destroy(&session.filter);
	redact_destroy(&session.redact);
	return status;
}
