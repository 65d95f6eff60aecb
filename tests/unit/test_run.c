// SPDX-License-Identifier: GPL-2.0
/*
 * Runs, live and in replay: what ends them, and what they answer. The sensors are those of a
 * daemon that this program plays itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keys.h"
#include "scene.h"

#include "cli/cli.h"
#include "gmemtrace/run.h"
#include "run/hang.h"
#include "run/streams.h"
#include "serve/history.h"
#include "serve/server.h"

static char folder[] = "/tmp/gmemtrace-run.XXXXXX";
static char socket_path[64], capture_path[64];
static char said[8192]; /* every line, each with a newline */

/* Ten of them are more than --settle here, and each so much less that a busy machine does not matter. */
#define READ_NS (150 * MS)
#define PAGE_BYTES 4096

/* What the daemon does. */
enum daemon_mode {
	DAEMON_WHOLE, /* sends the stream, and RECORD_END when it is asked to stop */
	DAEMON_SLOW, /* the same, and takes its time for each read */
	DAEMON_LAZY, /* the same, and reads nothing after its third read */
	DAEMON_DIES, /* sends the stream, and goes */
	DAEMON_SILENT, /* takes the connection and says nothing */
	DAEMON_MUTE, /* says hello and nothing else */
	DAEMON_DEAF, /* takes no connection, and its queue is full */
};

static pid_t daemon_pid;

static void say(void *context, const char *line)
{
	(void)context;
	strncat(said, line, sizeof(said) - strlen(said) - 2);
	strcat(said, "\n");
}

static int listen_here(int queue)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, socket_path);
	unlink(socket_path);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, queue))
		_exit(1);
	return listener;
}

static void send_all(int descriptor, const void *data, size_t size)
{
	if (send(descriptor, data, size, MSG_NOSIGNAL) != (ssize_t)size)
		_exit(1);
}

/* It was read, and had no pages. */
static void answer_read(int descriptor, const struct server_command *command)
{
	struct record_snapshot answer = {
		.header = { .kind = RECORD_SNAPSHOT_END,
			    .size = sizeof(answer),
			    .inode = command->inode,
			    .time = stream.now },
		.inode_pages = 1,
		.snapshot = command->snapshot,
	};

	send_all(descriptor, &answer, sizeof(answer));
}

/* Everything up to the command to stop. */
static void serve_reads(int descriptor, enum daemon_mode mode)
{
	struct server_command command;
	int reads = 0;

	while (recv(descriptor, &command, sizeof(command), MSG_WAITALL) == sizeof(command)) {
		if (command.kind == SERVER_COMMAND_STOP)
			return;
		if (command.kind != SERVER_COMMAND_SNAPSHOT)
			continue;
		if (mode == DAEMON_LAZY && reads++ >= 3)
			continue;
		if (mode == DAEMON_SLOW)
			usleep(READ_NS / 1000);
		answer_read(descriptor, &command);
	}
}

static void serve(int listener, enum daemon_mode mode, uint32_t groups)
{
	struct server_hello hello = { SERVER_MAGIC, SERVER_VERSION, 0, groups, "" };
	struct record_end end = {
		.header = { .kind = RECORD_END, .size = sizeof(end), .time = stream.now },
		.command_status = -1,
	};
	int client = accept(listener, NULL, NULL);

	if (mode == DAEMON_SILENT)
		pause();
	send_all(client, &hello, sizeof(hello));
	if (mode == DAEMON_MUTE)
		pause();
	send_all(client, stream.data, stream.used);
	if (mode == DAEMON_WHOLE || mode == DAEMON_SLOW || mode == DAEMON_LAZY) {
		serve_reads(client, mode);
		send_all(client, &end, sizeof(end));
	}
	close(client);
}

/* Connections that nobody takes, until there is no room for one more. */
static void fill_queue(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strcpy(address.sun_path, socket_path);
	for (;;) {
		int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

		if (connect(descriptor, (struct sockaddr *)&address, sizeof(address)))
			return;
	}
}

static void daemon_start(enum daemon_mode mode, uint32_t groups)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	daemon_pid = fork();
	if (!daemon_pid) {
		int listener = listen_here(mode == DAEMON_DEAF ? 0 : 4);

		if (mode == DAEMON_DEAF)
			fill_queue();
		close(ready[1]);
		if (mode == DAEMON_DEAF)
			pause();
		serve(listener, mode, groups);
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 0);
	close(ready[0]);
}

static void on_alarm(int number)
{
	(void)number;
	kill(getpid(), SIGINT);
}

/* As if somebody pressed ^C, now and every so often. */
static void interrupt_every(int ms)
{
	struct itimerval timer = {
		.it_value = { ms / 1000, ms % 1000 * 1000 },
		.it_interval = { ms / 1000, ms % 1000 * 1000 },
	};

	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static int setup_run(void **state)
{
	said[0] = '\0';
	return setup(state);
}

static int teardown_run(void **state)
{
	interrupt_every(0);
	if (daemon_pid) {
		kill(daemon_pid, SIGKILL);
		waitpid(daemon_pid, NULL, 0);
		daemon_pid = 0;
	}
	return teardown(state);
}

static struct run_options live_options(void)
{
	return (struct run_options){
		.say = say,
		.socket = socket_path,
		.socket_only = true,
		.settle = 100 * MS,
		.signals = true,
	};
}

/* What a run answered. */
struct answer {
	enum gmemtrace_status started;
	enum gmemtrace_status status;
	enum verdict_value value;
	size_t violations;
	struct run_result result;
	char reasons[1024];
};

static struct answer answer_of(const struct run_options *options)
{
	struct answer answer = {};
	struct verdict *verdict;
	struct run *run;

	answer.started = run_open(&run, options);
	if (answer.started)
		return answer;
	verdict = verdict_create(run_model(run), NULL);
	assert_non_null(verdict);
	answer.started = run_source(run, verdict, &answer.result);
	answer.status = run_status(&answer.result, verdict);
	answer.value = verdict_value(verdict);
	answer.violations = verdict_violations(verdict);
	for (size_t i = 0; verdict_reason(verdict, i); i++)
		strncat(answer.reasons, verdict_reason(verdict, i), 200);
	verdict_free(verdict);
	run_close(run);
	return answer;
}

/* A page that goes back absent: proved as soon as no loss can explain it any longer. */
static void violate(void)
{
	faulted(8);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 2, 2, true);
	stream_leave(&stream, T, 104);
	stream_page_free(&stream, T, 104, true);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 2, 2, true);
	for (int i = 0; i < 3; i++) {
		stream.now += SECOND;
		stream_heartbeat(&stream);
	}
}

static void behave(void)
{
	faulted(8);
	stream_heartbeat(&stream);
}

static void capture_store(size_t bytes, bool finish)
{
	struct capture_writer *writer;

	assert_int_equal(capture_create(capture_path, &writer, NULL, 0), 0);
	for (size_t at = 0; at < bytes;) {
		const struct record_header *record = (const void *)(stream.data + at);

		assert_int_equal(capture_append(writer, record), 0);
		at += record->size;
	}
	if (finish)
		assert_int_equal(capture_finish(writer), 0);
	capture_close(writer);
}

static void test_live(void **state)
{
	struct run_options options = live_options();
	char *const command[] = { "true", NULL };
	struct answer answer;

	(void)state;
	behave();
	daemon_start(DAEMON_WHOLE, SENSOR_GROUP_VERDICT);
	options.command = command;
	options.capture = capture_path;
	answer = answer_of(&options);
	assert_int_equal(answer.started, 0);
	assert_true(answer.result.whole);
	assert_int_equal(answer.result.failure, 0);
	assert_int_equal(answer.result.command_status, 0);
	assert_true(answer.result.captured.records > 8);
	assert_string_equal(said, "");
}

/* The end of a run in which ten inodes live, whose reads take longer than --settle in all. */
static void settles(enum daemon_mode mode)
{
	struct run_options options = live_options();
	char *const command[] = { "true", NULL };

	for (__u64 inode = 1; inode <= 10; inode++)
		stream_inode(&stream, inode, SECRET, 1, false);
	stream_heartbeat(&stream);
	daemon_start(mode, SENSOR_GROUP_VERDICT);
	options.command = command;
	options.settle = SECOND;
	assert_int_equal(answer_of(&options).started, 0);
}

static void test_settle_goes_on(void **state)
{
	(void)state;
	settles(DAEMON_SLOW);
	assert_string_equal(said, "");
}

static void test_settle_is_over(void **state)
{
	(void)state;
	settles(DAEMON_LAZY);
	assert_string_equal(said, "7 of 10 inodes were not read to their end once more: --settle "
				  "says how long to wait (1s)\n");
}

/* CMD's failure is one, but what is not known comes first, and what is violated before that. */
static void test_status_order(void **state)
{
	struct run_options options = live_options();
	char *const command[] = { "sh", "-c", "exit 3", NULL };
	struct answer answer;

	(void)state;
	violate();
	daemon_start(DAEMON_WHOLE, SENSOR_GROUP_VERDICT | SENSOR_GROUP_PAGE_FREE);
	options.command = command;
	answer = answer_of(&options);
	assert_int_equal(answer.result.command_status, 3);
	assert_int_equal(answer.status, GMEMTRACE_VIOLATED);
	assert_int_equal(run_status(&answer.result, NULL), GMEMTRACE_ERROR);
	assert_int_equal(run_status_worse(GMEMTRACE_ERROR, GMEMTRACE_INCONCLUSIVE),
			 GMEMTRACE_INCONCLUSIVE);
	assert_int_equal(run_status_worse(GMEMTRACE_INCONCLUSIVE, GMEMTRACE_VIOLATED),
			 GMEMTRACE_VIOLATED);
	assert_int_equal(run_status_worse(GMEMTRACE_CONSISTENT, GMEMTRACE_ERROR), GMEMTRACE_ERROR);
}

/* What was proved stays proved, whatever comes later. */
static void test_violated_then_gone(void **state)
{
	struct run_options options = live_options();
	struct answer answer;

	(void)state;
	violate();
	daemon_start(DAEMON_DIES, SENSOR_GROUP_VERDICT | SENSOR_GROUP_PAGE_FREE);
	answer = answer_of(&options);
	assert_false(answer.result.whole);
	assert_int_equal(answer.violations, 1);
	assert_int_equal(answer.status, GMEMTRACE_VIOLATED);
	assert_non_null(strstr(said, "has gone"));
}

static void test_gone(void **state)
{
	struct run_options options = live_options();
	struct answer answer;

	(void)state;
	behave();
	daemon_start(DAEMON_DIES, SENSOR_GROUP_VERDICT);
	answer = answer_of(&options);
	assert_int_equal(answer.violations, 0);
	assert_int_equal(answer.status, GMEMTRACE_INCONCLUSIVE);
}

static void test_violated_then_cut(void **state)
{
	struct run_options options = { .file = capture_path, .say = say };
	struct answer answer;
	size_t bytes;

	(void)state;
	violate();
	bytes = stream.used;
	capture_store(bytes, true);
	answer = answer_of(&options);
	assert_int_equal(answer.status, GMEMTRACE_VIOLATED);
	capture_store(bytes, false);
	answer = answer_of(&options);
	assert_false(answer.result.whole);
	assert_int_equal(answer.status, GMEMTRACE_VIOLATED);
	assert_non_null(strstr(said, "INCOMPLETE"));
}

/* A call is open for three seconds: stuck by the recorder's limit, which a pipe tells as a file does. */
static void test_facts_of_pipe(void **state)
{
	struct run_options options = { .file = capture_path, .say = say };
	struct answer answer;
	char command[96], name[32];
	FILE *pipe;

	(void)state;
	stream_fact(&stream, "option.stuck_ns", "1000000000");
	faulted(8);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 2, 2, true);
	for (int i = 0; i < 30; i++) {
		stream.now += SECOND / 10;
		stream_heartbeat(&stream);
	}
	capture_store(stream.used, true);
	answer = answer_of(&options);
	assert_int_equal(answer.violations, 1);
	snprintf(command, sizeof(command), "cat %s", capture_path);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fileno(pipe));
	options.file = name;
	answer = answer_of(&options);
	assert_int_equal(pclose(pipe), 0);
	assert_int_equal(answer.violations, 1);
	assert_int_equal(answer.status, GMEMTRACE_VIOLATED);
}

/* A byte that is wrong behind what was proved. */
static void test_violated_then_damaged(void **state)
{
	struct run_options options = { .file = capture_path, .say = say };
	uint16_t no_size = 3;
	struct answer answer;
	size_t proved;
	int file;

	(void)state;
	violate();
	proved = stream.used;
	behave();
	capture_store(stream.used, true);
	file = open(capture_path, O_WRONLY);
	assert_true(pwrite(file, &no_size, sizeof(no_size),
			   (off_t)(CAPTURE_HEADER_SIZE + proved +
				   offsetof(struct record_header, size))) > 0);
	close(file);
	answer = answer_of(&options);
	assert_int_equal(answer.started, 0);
	assert_int_equal(answer.result.failure, GMEMTRACE_ERROR);
	assert_int_equal(answer.status, GMEMTRACE_VIOLATED);
	assert_non_null(strstr(answer.reasons, "damaged"));
}

static void violated_then_no_memory(const struct model_options *limit)
{
	struct run_options options = { .file = capture_path, .say = say, .model = *limit };
	struct answer answer;

	violate();
	for (unsigned int i = 0; i < 20000; i++)
		stream_inode(&stream, 100 + i, RFC3, 64, false);
	stream_finish(&stream);
	capture_store(stream.used, true);
	answer = answer_of(&options);
	assert_non_null(strstr(said, "out of memory"));
	assert_int_equal(answer.result.failure, GMEMTRACE_ERROR);
	assert_int_equal(answer.status, GMEMTRACE_VIOLATED);
}

static void test_violated_then_no_memory(void **state)
{
	(void)state;
	violated_then_no_memory(&(struct model_options){ .memory_max = 4 << 20 });
}

/* However much the records would allow. */
static void test_most_memory(void **state)
{
	(void)state;
	violated_then_no_memory(
		&(struct model_options){ .memory_max = 1 << 30, .memory_most = 4 << 20 });
}

/* ^C ends a wait for a daemon that does not answer: before, after the hello, and in its queue. */
static void silent_daemon(enum daemon_mode mode)
{
	struct run_options options = live_options();
	struct answer answer;

	behave();
	daemon_start(mode, SENSOR_GROUP_VERDICT);
	interrupt_every(200);
	answer = answer_of(&options);
	if (mode == DAEMON_MUTE) {
		assert_int_equal(answer.started, 0);
		assert_true(answer.result.interrupted);
		assert_int_equal(answer.status, GMEMTRACE_INCONCLUSIVE);
		return;
	}
	assert_int_equal(answer.started, GMEMTRACE_ERROR);
	assert_non_null(strstr(said, "interrupted before the sensors were armed"));
}

static void test_silent(void **state)
{
	(void)state;
	silent_daemon(DAEMON_SILENT);
}

static void test_mute(void **state)
{
	(void)state;
	silent_daemon(DAEMON_MUTE);
}

static void test_deaf(void **state)
{
	(void)state;
	silent_daemon(DAEMON_DEAF);
}

static void test_nobody_serves(void **state)
{
	struct run_options options = live_options();

	(void)state;
	unlink(socket_path);
	assert_int_equal(answer_of(&options).started, GMEMTRACE_CANNOT_RUN);
	assert_non_null(strstr(said, "no gmemtraced serves it"));
}

/* What the daemon's sensors cannot do is refused, not dropped. */
static void daemon_refused(struct run_options options, uint32_t groups, const char *option)
{
	said[0] = '\0';
	daemon_start(DAEMON_WHOLE, groups);
	assert_int_equal(answer_of(&options).started, option ? GMEMTRACE_USAGE : 0);
	if (option)
		assert_ptr_equal(strstr(said, option), said);
	kill(daemon_pid, SIGKILL);
	waitpid(daemon_pid, NULL, 0);
	daemon_pid = 0;
}

static void test_daemon_options(void **state)
{
	char *const command[] = { "true", NULL };
	struct run_options options = live_options(), ring, release, page_free;

	(void)state;
	behave();
	options.command = command;
	ring = release = page_free = options;
	ring.ring_bytes = 1 << 20;
	daemon_refused(ring, SENSOR_GROUP_VERDICT, "--ring: ");
	release.release_bytes = 1 << 30;
	daemon_refused(release, SENSOR_GROUP_VERDICT, "--release-limit: ");
	page_free.page_free = true;
	daemon_refused(page_free, SENSOR_GROUP_VERDICT, NULL);
	page_free.page_free_asked = true;
	daemon_refused(page_free, SENSOR_GROUP_VERDICT, "--page-free: ");
	daemon_refused(page_free, SENSOR_GROUP_VERDICT | SENSOR_GROUP_PAGE_FREE, NULL);
	page_free.page_free = false;
	daemon_refused(page_free, SENSOR_GROUP_VERDICT | SENSOR_GROUP_PAGE_FREE,
		       "--no-page-free: ");
}

/* Histograms and events are not had of each other's sensors. */
static void test_daemon_summary(void **state)
{
	const uint32_t durations = SENSOR_GROUP_EXPOSURES | SENSOR_GROUP_DURATIONS;
	char *const command[] = { "true", NULL };
	struct run_options options = live_options(), summary, changes;

	(void)state;
	behave();
	options.command = command;
	summary = changes = options;
	summary.summary = RUN_SUMMARY_ALL;
	daemon_refused(summary, SENSOR_GROUP_VERDICT, "--summary: ");
	daemon_refused(summary, SENSOR_GROUP_EXPOSURES, "--summary: ");
	daemon_refused(summary, durations, NULL);
	daemon_refused(summary, SENSOR_GROUP_VERDICT | durations, NULL);
	daemon_refused(options, durations, "no --summary: ");
	changes.changes = true;
	daemon_refused(changes, SENSOR_GROUP_VERDICT, "--changes: ");
	daemon_refused(changes, SENSOR_GROUP_VERDICT | SENSOR_GROUP_CHANGES, NULL);
}

/* CMD that does not end; its capture says so, too. */
static void test_timeout(void **state)
{
	struct run_options options = live_options(), replay = { .file = capture_path, .say = say };
	char *const command[] = { "sleep", "1000", NULL };
	struct answer answer;

	(void)state;
	behave();
	daemon_start(DAEMON_WHOLE, SENSOR_GROUP_VERDICT);
	options.command = command;
	options.timeout = 100 * MS;
	options.capture = capture_path;
	answer = answer_of(&options);
	assert_int_equal(answer.result.command_status, 128 + SIGTERM);
	assert_int_equal(answer.status, GMEMTRACE_INCONCLUSIVE);
	assert_non_null(strstr(answer.reasons, "--timeout"));
	answer = answer_of(&replay);
	assert_int_equal(answer.status, GMEMTRACE_INCONCLUSIVE);
	assert_non_null(strstr(answer.reasons, "--timeout"));
}

/* ^C is CMD's. One that does not care is asked twice, and then made to. */
static void test_insist(void **state)
{
	struct run_options options = live_options();
	char *const command[] = { "sh", "-c", "trap '' INT TERM; while :; do sleep 0.1; done",
				  NULL };
	struct answer answer;

	(void)state;
	behave();
	daemon_start(DAEMON_WHOLE, SENSOR_GROUP_VERDICT);
	options.command = command;
	interrupt_every(500);
	answer = answer_of(&options);
	assert_int_equal(answer.result.command_status, 128 + SIGKILL);
	assert_non_null(strstr(said, "once more ends it by force"));
}

/* The command line is stored as UTF-8, whatever it was. */
static void test_command_fact(void **state)
{
	struct run_options options = live_options(), replay = { .file = capture_path, .say = say };
	char *const command[] = { "true", "ä\xff\n\xe2\x82", NULL };
	struct run_result result;
	struct run *run;

	(void)state;
	behave();
	daemon_start(DAEMON_WHOLE, SENSOR_GROUP_VERDICT);
	options.command = command;
	options.capture = capture_path;
	answer_of(&options);
	assert_int_equal(run_open(&run, &replay), 0);
	assert_int_equal(run_source(run, NULL, &result), 0);
	assert_string_equal(model_fact_find(run_model(run), "command"),
			    "true ä\\xff\\x0a\\xe2\\x82");
	run_close(run);
}

/*
 * Blocks in the kernel, deaf to all but what kills: in vfork(), whose child lives on. With @deep it
 * is a child of this process that does.
 */
static _Noreturn void block(bool deep)
{
	pid_t parent;

	if (deep && fork())
		pause();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	parent = getpid();
	if (!vfork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* It may have died before we came to run: nobody would end us then. */
		while (getppid() == parent)
			pause();
	}
	_exit(0);
}

/* A look each second of a clock of our own, until it is found; how many, at most @max. */
static unsigned int looks_until_found(pid_t pid, unsigned int max, char text[HANG_TEXT_MAX])
{
	static struct hang hang;

	memset(&hang, 0, sizeof(hang));
	for (unsigned int i = 1; i <= max; i++) {
		if (hang_find(&hang, pid, i * SECOND, 3 * SECOND, text))
			return i;
	}
	return 0;
}

static void hang_looked_for(bool deep)
{
	char text[HANG_TEXT_MAX] = "";
	pid_t pid = fork();

	if (!pid)
		block(deep);
	/* Until it is blocked. */
	for (int i = 0; i < 1000 && !looks_until_found(pid, 10, text); i++)
		usleep(10000);
	assert_int_equal(looks_until_found(pid, 10, text), 4);
	assert_non_null(strstr(text, "of CMD has been blocked in the kernel"));
	assert_non_null(strstr(text, "for 3s"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_hang(void **state)
{
	(void)state;
	hang_looked_for(false);
	hang_looked_for(true);
}

/* Who sleeps, or works, does not hang. */
static void test_hang_not(void **state)
{
	char text[HANG_TEXT_MAX];
	pid_t sleeper = fork(), worker;

	(void)state;
	if (!sleeper) {
		for (;;)
			pause();
	}
	worker = fork();
	while (!worker)
		;
	assert_int_equal(looks_until_found(sleeper, 10, text), 0);
	assert_int_equal(looks_until_found(worker, 10, text), 0);
	kill(sleeper, SIGKILL);
	kill(worker, SIGKILL);
	waitpid(sleeper, NULL, 0);
	waitpid(worker, NULL, 0);
}

/* CMD that hangs where nothing is traced does not hold the verdict up. */
static void test_hang_ends(void **state)
{
	struct run_options options = live_options();
	char *const command[] = { "/proc/self/exe", "block", NULL };
	struct answer answer;

	(void)state;
	behave();
	daemon_start(DAEMON_WHOLE, SENSOR_GROUP_VERDICT);
	options.command = command;
	options.model.stuck_ns = 400 * MS;
	answer = answer_of(&options);
	assert_int_equal(answer.result.command_status, 128 + SIGTERM);
	assert_int_equal(answer.status, GMEMTRACE_INCONCLUSIVE);
	assert_non_null(strstr(answer.reasons, "has been blocked in the kernel"));
}

/* Every subcommand runs through this: what was lost, and what would have kept it. */
static void test_losses_said(void **state)
{
	struct run_options options = { .file = capture_path, .say = say };
	int before = dup(STDERR_FILENO), file;
	struct run_result result;
	char printed[512] = "";
	struct run *run;

	(void)state;
	behave();
	stream_loss(&stream, 0, RECORD_LOSS_RING_FULL, stream.now - 1, 7);
	stream_loss(&stream, 0, RECORD_LOSS_UNHOOKED, stream.now - 1, 1);
	stream_finish(&stream);
	capture_store(stream.used, true);
	assert_int_equal(run_open(&run, &options), 0);
	file = open(folder, O_TMPFILE | O_RDWR, 0600);
	dup2(file, STDERR_FILENO);
	assert_int_equal(trace_run(run, NULL, &result), 0);
	dup2(before, STDERR_FILENO);
	assert_true(pread(file, printed, sizeof(printed) - 1, 0) > 0);
	assert_string_equal(printed, "gmemtrace: lost 7, ring-full: raise --ring\n"
				     "gmemtrace: lost 1, unhooked: load kvm first, or give "
				     "--modprobe\n");
	close(file);
	close(before);
	run_close(run);
}

static void on_met(void *context, const struct model_inode *inode)
{
	(void)inode;
	run_enough(context);
}

/* Who has seen enough ends it, with nothing wrong. */
static void test_enough(void **state)
{
	struct run_options options = { .file = capture_path, .say = say };
	struct model_observer observer = { .inode_met = on_met };
	struct run_result result;
	struct run *run;

	(void)state;
	behave();
	for (unsigned int i = 0; i < 100; i++)
		stream_heartbeat(&stream);
	capture_store(stream.used, false);
	assert_int_equal(run_open(&run, &options), 0);
	observer.context = run;
	assert_int_equal(model_observe(run_model(run), &observer), 0);
	assert_int_equal(run_source(run, NULL, &result), 0);
	assert_int_equal(run_status(&result, NULL), GMEMTRACE_CONSISTENT);
	assert_string_equal(said, "");
	run_close(run);
}

/* What gmemtraced remembers is judged as if we had been there, and the run ends where it does. */
static void test_past(void **state)
{
	struct run_options options = live_options();
	struct answer answer;

	(void)state;
	/* What came before the past is not its. */
	stream_inode(&stream, G + 5, RFC3, 64, false);
	stream_fact(&stream, HISTORY_BEGIN_FACT, "1000000000");
	violate();
	stream_fact(&stream, HISTORY_END_FACT, "");
	daemon_start(DAEMON_WHOLE, SENSOR_GROUP_VERDICT | SENSOR_GROUP_PAGE_FREE);
	options.since = ~0ULL;
	options.since_asked = true;
	answer = answer_of(&options);
	assert_true(answer.result.whole);
	assert_int_equal(answer.violations, 1);
	assert_int_equal(answer.status, GMEMTRACE_VIOLATED);
	assert_non_null(strstr(said, "the past is known from 1.000 s on"));
}

static void test_no_past(void **state)
{
	struct run_options options = live_options();
	struct answer answer;

	(void)state;
	stream_fact(&stream, HISTORY_END_FACT, "none");
	daemon_start(DAEMON_WHOLE, SENSOR_GROUP_VERDICT);
	options.since = SECOND;
	options.since_asked = true;
	answer = answer_of(&options);
	assert_int_equal(answer.started, GMEMTRACE_CANNOT_RUN);
	assert_non_null(strstr(said, "start it with --history"));
}

/* What `gmemtrace holders --json` says of the memfd_secret @descriptor, which this process holds. */
static size_t holders_said(int descriptor, char *text, size_t size)
{
	char *words[] = { "holders", "--json", "--socket", socket_path, NULL }, **command = NULL;
	struct record_inode *record;
	struct stat status;
	size_t length;
	pid_t child;
	FILE *out;

	assert_int_equal(fstat(descriptor, &status), 0);
	stream_inode(&stream, G, SECRET, 1, true);
	record = (struct record_inode *)(stream.data + stream.used - sizeof(*record));
	record->i_ino = status.st_ino;
	stream_heartbeat(&stream);
	daemon_start(DAEMON_WHOLE, SENSOR_GROUP_VERDICT);
	child = fork();
	if (!child) {
		if (!freopen(capture_path, "w", stdout))
			_exit(1);
		_exit(subcommand_holders(4, words, command));
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	out = fopen(capture_path, "r");
	assert_non_null(out);
	length = fread(text, 1, size - 1, out);
	text[length] = '\0';
	fclose(out);
	keys_said(text);
	return length;
}

/* JSON is UTF-8, and a task may be called by any bytes. */
static void test_holders_of_any_name(void **state)
{
	int descriptor = (int)syscall(SYS_memfd_secret, 0);
	char before[16], text[8192];

	(void)state;
	if (descriptor < 0)
		skip();
	prctl(PR_GET_NAME, before);
	prctl(PR_SET_NAME, "odd\xff\"\033[2J");
	holders_said(descriptor, text, sizeof(text));
	prctl(PR_SET_NAME, before);
	close(descriptor);
	assert_non_null(strstr(text, "\"comm\":\"odd\\\\xff\\\"\\\\x1b[2J\""));
	assert_null(strchr(text, '\xff'));
}

static pthread_barrier_t apart;

/* A table of descriptors of its own, while the others look. */
static void *hold_apart(void *context)
{
	(void)context;
	(void)unshare(CLONE_FILES);
	pthread_barrier_wait(&apart);
	pthread_barrier_wait(&apart);
	return NULL;
}

/* By descriptor, by mapping, and by a descriptor of a thread's own: all keys that a holder has. */
static void test_holders_said(void **state)
{
	int descriptor = (int)syscall(SYS_memfd_secret, 0);
	char text[16384];
	pthread_t thread;
	void *mapping, *again;

	(void)state;
	if (descriptor < 0)
		skip();
	assert_int_equal(ftruncate(descriptor, PAGE_BYTES), 0);
	mapping = mmap(NULL, PAGE_BYTES, PROT_READ, MAP_SHARED, descriptor, 0);
	assert_ptr_not_equal(mapping, MAP_FAILED);
	again = mmap(NULL, PAGE_BYTES, PROT_READ, MAP_SHARED, descriptor, 0);
	assert_ptr_not_equal(again, MAP_FAILED);
	pthread_barrier_init(&apart, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, hold_apart, NULL), 0);
	pthread_barrier_wait(&apart);
	holders_said(descriptor, text, sizeof(text));
	pthread_barrier_wait(&apart);
	pthread_join(thread, NULL);
	munmap(again, PAGE_BYTES);
	munmap(mapping, PAGE_BYTES);
	close(descriptor);
	assert_non_null(strstr(text, "\"mapped_pages\":2,"));
	assert_non_null(strstr(text, "\"mappings\":2"));
	assert_non_null(strstr(text, "\"thread\":"));
}

/* What is opened next does not become the standard output, and that stays closed. */
static void test_closed_streams(void **state)
{
	int status;
	pid_t child;

	(void)state;
	child = fork();
	if (!child) {
		close_range(STDIN_FILENO, ~0U, 0);
		streams_hold();
		if (open("/dev/null", O_RDWR) <= STDERR_FILENO)
			_exit(1);
		_exit(write(STDOUT_FILENO, "", 1) < 0 && errno == EBADF ? 0 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_settle_goes_on, setup_run, teardown_run),
		cmocka_unit_test_setup_teardown(test_settle_is_over, setup_run, teardown_run),
		cmocka_unit_test_setup_teardown(test_live, setup_run, teardown_run),
		cmocka_unit_test_setup_teardown(test_status_order, setup_run, teardown_run),
		cmocka_unit_test_setup_teardown(test_violated_then_gone, setup_run, teardown_run),
		cmocka_unit_test_setup_teardown(test_gone, setup_run, teardown_run),
		cmocka_unit_test_setup_teardown(test_violated_then_cut, setup_run, teardown_run),
		cmocka_unit_test(test_closed_streams),
		cmocka_unit_test_setup_teardown(test_holders_of_any_name, setup_run, teardown_run),
		cmocka_unit_test_setup_teardown(test_holders_said, setup_run, teardown_run),
		cmocka_unit_test_setup_teardown(test_facts_of_pipe, setup_run, teardown_run),
		cmocka_unit_test_setup_teardown(test_violated_then_damaged, setup_run,
						teardown_run),
		cmocka_unit_test_setup_teardown(test_violated_then_no_memory, setup_run,
						teardown_run),
		cmocka_unit_test_setup_teardown(test_most_memory, setup_run, teardown_run),
		cmocka_unit_test_setup_teardown(test_silent, setup_run, teardown_run),
		cmocka_unit_test_setup_teardown(test_mute, setup_run, teardown_run),
		cmocka_unit_test_setup_teardown(test_deaf, setup_run, teardown_run),
		cmocka_unit_test_setup_teardown(test_nobody_serves, setup_run, teardown_run),
		cmocka_unit_test_setup_teardown(test_daemon_options, setup_run, teardown_run),
		cmocka_unit_test_setup_teardown(test_daemon_summary, setup_run, teardown_run),
		cmocka_unit_test_setup_teardown(test_timeout, setup_run, teardown_run),
		cmocka_unit_test_setup_teardown(test_insist, setup_run, teardown_run),
		cmocka_unit_test_setup_teardown(test_command_fact, setup_run, teardown_run),
		cmocka_unit_test_setup_teardown(test_losses_said, setup_run, teardown_run),
		cmocka_unit_test(test_hang),
		cmocka_unit_test(test_hang_not),
		cmocka_unit_test_setup_teardown(test_hang_ends, setup_run, teardown_run),
		cmocka_unit_test_setup_teardown(test_enough, setup_run, teardown_run),
		cmocka_unit_test_setup_teardown(test_past, setup_run, teardown_run),
		cmocka_unit_test_setup_teardown(test_no_past, setup_run, teardown_run),
	};
	int failed;

	if (argc > 1 && !strcmp(argv[1], "block"))
		block(false);
	keys_only("test_holders_*");
	/* A shell starts what it puts in the background with ^C ignored. */
	signal(SIGINT, SIG_DFL);
	if (!mkdtemp(folder))
		return 1;
	snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
	snprintf(capture_path, sizeof(capture_path), "%s/capture", folder);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(socket_path);
	unlink(capture_path);
	rmdir(folder);
	return failed;
}
