// SPDX-License-Identifier: GPL-2.0
/*
 * gmemtraced --map whose walks fail in every way: what its log, and what its judge's metrics say then.
 * Sensors and walks are made up; parent, server, judge and the sockets between them are real.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "daemon/judge.h"
#include "daemon/serve.h"
#include "daemon/socket.h"
#include "daemon/walk.h"

#define PATIENCE 300 /* s: against hangs, on a machine that has much else to do */
#define EVERY_NS 20000000ULL /* from one walk to the next */
#define LONG_NS (3600ULL * 1000000000) /* no walk stands still */

/* What a walk does. */
enum act {
	WORKS, /* 0 is what is not set: it comes to its end */
	CANNOT, /* as where the kernel lacks something */
	BREAKS, /* it said what is wrong */
	DIES, /* by a signal */
	NO_FORK, /* there is none */
	HANGS,
	FILLS, /* stops the judge, says more than there is room for, and breaks */
};

/* What is made up, and has been done; all processes share it. */
static struct {
	enum act first; /* what walks do until `go` */
	enum act acts[4]; /* what those behind it do; the last one: all others */
	bool go;
	size_t at; /* in `acts` */
	uint64_t begun; /* walks */
	uint64_t filled; /* walks that were begun when the channel was */
	uint64_t tries; /* to tell of a failed one */
	uint64_t nowhere; /* of these, without a channel */
	pid_t owner, judge;
} * shared;

struct sensor {
	sensor_sink sink;
	void *context;
};

static char directory[64], path[96], log_path[96];
static pid_t daemon_pid;
static int metrics_listener;

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
}

static void pause_ms(unsigned int ms)
{
	const struct timespec time = { .tv_nsec = (long)ms * 1000000L };

	nanosleep(&time, NULL);
}

/* --- sensors ---------------------------------------------------------------- */

static void say_heartbeat(const struct sensor *sensor)
{
	const struct record_heartbeat heartbeat = {
		.header = { .kind = RECORD_HEARTBEAT, .size = sizeof(heartbeat), .time = now() },
		.watermark = heartbeat.header.time,
	};

	sensor->sink(sensor->context, &heartbeat.header);
}

int __wrap_sensor_open(struct sensor **out, const struct sensor_options *options, sensor_sink sink,
		       void *context, struct sensor_failure *failure);
int __wrap_sensor_open(struct sensor **out, const struct sensor_options *options, sensor_sink sink,
		       void *context, struct sensor_failure *failure)
{
	(void)options;
	(void)failure;
	shared->owner = getpid();
	*out = calloc(1, sizeof(**out));
	(*out)->sink = sink;
	(*out)->context = context;
	return 0;
}

int __wrap_sensor_poll(struct sensor *sensor);
int __wrap_sensor_poll(struct sensor *sensor)
{
	say_heartbeat(sensor);
	return 1;
}

int __wrap_sensor_snapshot(struct sensor *sensor, uint64_t inode, uint64_t first, uint64_t nr,
			   uint32_t pass, uint64_t snapshot);
int __wrap_sensor_snapshot(struct sensor *sensor, uint64_t inode, uint64_t first, uint64_t nr,
			   uint32_t pass, uint64_t snapshot)
{
	(void)sensor;
	(void)inode;
	(void)first;
	(void)nr;
	(void)pass;
	(void)snapshot;
	return -ENOENT;
}

void __wrap_sensor_announce(struct sensor *sensor, sensor_sink sink, void *context);
void __wrap_sensor_announce(struct sensor *sensor, sensor_sink sink, void *context)
{
	(void)sensor;
	(void)sink;
	(void)context;
}

int __wrap_sensor_settle(struct sensor *sensor);
int __wrap_sensor_settle(struct sensor *sensor)
{
	say_heartbeat(sensor);
	return 0;
}

int __wrap_sensor_quiet(struct sensor *sensor, bool quiet);
int __wrap_sensor_quiet(struct sensor *sensor, bool quiet)
{
	(void)sensor;
	(void)quiet;
	return 0;
}

void __wrap_sensor_yield(struct sensor *sensor);
void __wrap_sensor_yield(struct sensor *sensor)
{
	(void)sensor;
}

void __wrap_sensor_close(struct sensor *sensor);
void __wrap_sensor_close(struct sensor *sensor)
{
	free(sensor);
}

/* --- walks ------------------------------------------------------------------ */

/* One that met nothing absent. */
static void tell_whole(int channel)
{
	struct record_map_begin begin = {
		.header = { .kind = RECORD_MAP_BEGIN, .size = sizeof(begin), .time = now() },
		.pfn_nr = 1000,
	};
	struct record_map_end end = {
		.header = { .kind = RECORD_MAP_END, .size = sizeof(end), .time = now() },
		.bits = RECORD_MAP_LAST,
	};

	(void)!send(channel, &begin, sizeof(begin), MSG_NOSIGNAL);
	(void)!send(channel, &end, sizeof(end), MSG_NOSIGNAL);
}

/* Whether it does not run until it is told to. */
static bool stopped(pid_t pid)
{
	char name[64], state = 0;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	file = fopen(name, "r");
	if (!file || fscanf(file, "%*d %*s %c", &state) != 1)
		state = 0;
	if (file)
		fclose(file);
	return state == 'T';
}

static void tell_too_much(int channel)
{
	struct record_map_begin begin = {
		.header = { .kind = RECORD_MAP_BEGIN, .size = sizeof(begin), .time = now() },
		.pfn_nr = 1000,
	};

	kill(shared->judge, SIGSTOP);
	while (!stopped(shared->judge))
		pause_ms(1);
	while (send(channel, &begin, sizeof(begin), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	shared->filled = shared->begun;
}

static _Noreturn void walk_act(enum act act, int channel)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	switch (act) {
	case WORKS:
		tell_whole(channel);
		_exit(0);
	case CANNOT:
		_exit(GMEMTRACE_CANNOT_RUN);
	case FILLS:
		tell_too_much(channel);
		_exit(GMEMTRACE_ERROR);
	case DIES:
		kill(getpid(), SIGKILL);
		break;
	case HANGS:
		for (;;)
			pause();
	case BREAKS:
	case NO_FORK:
		break;
	}
	_exit(GMEMTRACE_ERROR);
}

static enum act act_next(void)
{
	const size_t last = sizeof(shared->acts) / sizeof(shared->acts[0]) - 1;

	if (!shared->go)
		return shared->first;
	return shared->acts[shared->at < last ? shared->at++ : last];
}

pid_t __wrap_walk_spawn(int channel);
pid_t __wrap_walk_spawn(int channel)
{
	enum act act = act_next();
	pid_t child;

	shared->begun++;
	if (act == NO_FORK)
		return -EAGAIN;
	child = fork();
	if (!child)
		walk_act(act, channel);
	return child;
}

bool __real_walk_tell_failed(int channel);
bool __wrap_walk_tell_failed(int channel);
bool __wrap_walk_tell_failed(int channel)
{
	bool told = __real_walk_tell_failed(channel);

	shared->nowhere += channel < 0;
	shared->tries++;
	return told;
}

pid_t __real_judge_spawn(const struct judge_options *options, int *channel);
pid_t __wrap_judge_spawn(const struct judge_options *options, int *channel);
pid_t __wrap_judge_spawn(const struct judge_options *options, int *channel)
{
	shared->judge = __real_judge_spawn(options, channel);
	return shared->judge;
}

/* --- the daemon ------------------------------------------------------------- */

static bool wait_until(bool (*holds)(void))
{
	uint64_t end = now() + PATIENCE * 1000000000ULL;

	while (!holds()) {
		if (now() > end)
			return false;
		pause_ms(20);
	}
	return true;
}

static int listener_make(void)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(descriptor >= 0);
	assert_int_equal(bind(descriptor, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(descriptor, 16), 0);
	return descriptor;
}

static _Noreturn void daemon_main(uint64_t within)
{
	char message[512];
	const struct daemon_options options = {
		.sensor = { .groups = SENSOR_GROUP_VERDICT },
		.limits = { .clients = 4, .backlog = 1 << 20 },
		.listener = socket_listen(path, (gid_t)-1, message, sizeof(message)),
		.socket = path,
		.metrics_listener = metrics_listener,
		.judge = true,
		.map_every = EVERY_NS,
		.map_within = within,
	};
	int log = open(log_path, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0600);

	chmod(path, 0666);
	if (options.listener < 0 || log < 0 || !freopen("/dev/null", "w", stdout) ||
	    dup2(log, STDERR_FILENO) < 0)
		_exit(99);
	_exit(daemon_serve(&options));
}

static void daemon_start(uint64_t within)
{
	daemon_pid = fork();
	assert_true(daemon_pid >= 0);
	if (!daemon_pid)
		daemon_main(within);
}

static void daemon_end(void)
{
	int status;

	kill(daemon_pid, SIGTERM);
	alarm(PATIENCE);
	assert_int_equal(waitpid(daemon_pid, &status, 0), daemon_pid);
	alarm(0);
	daemon_pid = 0;
	assert_int_equal(status, 0);
}

/* How many lines of the log have @words. */
static unsigned int logged(const char *words)
{
	FILE *file = fopen(log_path, "r");
	unsigned int lines = 0;
	char line[1024];

	while (file && fgets(line, sizeof(line), file))
		lines += strstr(line, words) != NULL;
	if (file)
		fclose(file);
	return lines;
}

static bool ask(int descriptor, const struct sockaddr_in *address)
{
	static const char words[] = "GET /metrics HTTP/1.0\r\n\r\n";
	const struct timeval patience = { .tv_sec = 1 };

	setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return !connect(descriptor, (const struct sockaddr *)address, sizeof(*address)) &&
	       send(descriptor, words, strlen(words), MSG_NOSIGNAL) > 0;
}

/* gmemtrace_rule_judged of orphan-absent; -1: nobody says. */
static int judged(void)
{
	static const char series[] = "\ngmemtrace_rule_judged{rule=\"orphan-absent\"} ";
	struct sockaddr_in address;
	socklen_t length = sizeof(address);
	int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	static char text[1 << 17];
	size_t used = 0;
	ssize_t bytes = 0;
	char *line;

	getsockname(metrics_listener, (struct sockaddr *)&address, &length);
	if (ask(descriptor, &address)) {
		do {
			bytes = recv(descriptor, text + used, sizeof(text) - 1 - used, 0);
			used += bytes > 0 ? (size_t)bytes : 0;
		} while (bytes > 0);
	}
	close(descriptor);
	text[used] = '\0';
	line = strstr(text, series);
	return line && !bytes ? line[strlen(series)] - '0' : -1;
}

static bool are_judged(void)
{
	return judged() == 1;
}

static bool are_not_judged(void)
{
	return judged() == 0;
}

/* --- tests ------------------------------------------------------------------ */

static int setup(void **state)
{
	(void)state;
	memset(shared, 0, sizeof(*shared));
	metrics_listener = listener_make();
	return 0;
}

static bool owner_gone(void)
{
	/* Whoever lost its parent is our child then. */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return shared->owner <= 0 || kill(shared->owner, 0);
}

static int teardown(void **state)
{
	(void)state;
	if (daemon_pid > 0)
		kill(daemon_pid, SIGKILL);
	if (shared->owner > 0)
		kill(shared->owner, SIGKILL);
	daemon_pid = 0;
	assert_true(wait_until(owner_gone));
	close(metrics_listener);
	unlink(path);
	unlink(log_path);
	return 0;
}

/* A daemon whose walks have worked; the next one does @act, the one behind it @then, and all others hang. */
static void worked_until(enum act act, enum act then, uint64_t within)
{
	const enum act acts[4] = { act, then, HANGS, HANGS };

	memcpy(shared->acts, acts, sizeof(acts));
	daemon_start(within);
	assert_true(wait_until(are_judged));
	shared->go = true;
}

static bool many_begun(void)
{
	return shared->begun >= 5;
}

/* Of the ones that have gone on after a failed one. */
static bool went_on(void)
{
	return shared->at >= 2;
}

/* How @act is taken once walks have worked: the judge knows, and another walk follows. */
static void fails(enum act act, uint64_t within)
{
	worked_until(act, HANGS, within);
	assert_true(wait_until(are_not_judged));
	assert_true(wait_until(went_on));
	assert_int_equal(logged("is not walked"), 0);
	daemon_end();
}

static void test_works(void **state)
{
	(void)state;
	daemon_start(LONG_NS);
	assert_true(wait_until(are_judged));
	assert_true(wait_until(many_begun));
	assert_int_equal(shared->tries, 0);
	daemon_end();
	assert_int_equal(logged("--map"), 0);
}

static bool not_walked_said(void)
{
	return logged("the direct map is not walked: orphans are not judged");
}

/* Before any has worked: it is said once, and that is all. */
static void test_cannot(void **state)
{
	(void)state;
	shared->first = CANNOT;
	daemon_start(LONG_NS);
	assert_true(wait_until(not_walked_said));
	assert_true(wait_until(are_not_judged));
	/* Time enough for some more. */
	pause_ms(500);
	assert_int_equal(shared->begun, 1);
	assert_int_equal(shared->tries, 1);
	daemon_end();
	assert_int_equal(logged("--map"), 1);
}

/* Its twin: what goes wrong otherwise may go right the next time. */
static void test_breaks_at_first(void **state)
{
	(void)state;
	shared->first = BREAKS;
	daemon_start(LONG_NS);
	assert_true(wait_until(many_begun));
	shared->go = true; /* WORKS */
	assert_true(wait_until(are_judged));
	daemon_end();
	assert_int_equal(logged("--map"), 0);
}

static void test_cannot_any_more(void **state)
{
	(void)state;
	fails(CANNOT, LONG_NS);
	assert_int_equal(logged("--map"), 0);
}

/* What is wrong it has said itself. */
static void test_breaks(void **state)
{
	(void)state;
	fails(BREAKS, LONG_NS);
	assert_int_equal(logged("--map"), 0);
}

static void test_dies(void **state)
{
	(void)state;
	fails(DIES, LONG_NS);
	assert_int_equal(logged("--map: a walk of the direct map was killed"), 1);
}

static void test_no_fork(void **state)
{
	(void)state;
	fails(NO_FORK, LONG_NS);
	assert_int_equal(logged("--map: cannot fork: Resource temporarily unavailable"), 1);
}

static void test_hangs(void **state)
{
	(void)state;
	fails(HANGS, 500000000);
	assert_true(logged("--map: a walk of the direct map was killed") >= 1);
}

static bool channel_filled(void)
{
	return shared->filled;
}

static bool tried(void)
{
	return shared->tries;
}

static bool tried_again(void)
{
	return shared->tries >= 2;
}

/* A judge that had no room is told when it has; until then no walk begins. */
static void test_full(void **state)
{
	(void)state;
	worked_until(FILLS, HANGS, LONG_NS);
	assert_true(wait_until(channel_filled));
	assert_true(wait_until(tried_again));
	assert_int_equal(shared->begun, shared->filled);
	/* Not as fast as it can. */
	assert_in_range(shared->tries, 2, 100);
	kill(shared->judge, SIGCONT);
	assert_true(wait_until(are_not_judged));
	assert_true(wait_until(went_on));
	assert_int_equal(shared->begun, shared->filled + 1);
	daemon_end();
}

static pid_t before;

static bool judge_died(void)
{
	return logged("the process that judges has died");
}

static bool judge_is_another(void)
{
	return shared->judge > 0 && shared->judge != before;
}

/* One that has never been told dies with it: its successor begins with a walk of its own. */
static void test_full_until_it_dies(void **state)
{
	uint64_t tries;

	(void)state;
	worked_until(FILLS, WORKS, LONG_NS);
	assert_true(wait_until(channel_filled));
	assert_true(wait_until(tried));
	before = shared->judge;
	kill(before, SIGKILL);
	assert_true(wait_until(judge_died));
	tries = shared->tries;
	assert_true(wait_until(judge_is_another));
	assert_true(wait_until(are_judged));
	assert_int_equal(shared->tries, tries);
	assert_int_equal(shared->nowhere, 0);
	daemon_end();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_works),
		TEST(test_cannot),
		TEST(test_breaks_at_first),
		TEST(test_cannot_any_more),
		TEST(test_breaks),
		TEST(test_dies),
		TEST(test_no_fork),
		TEST(test_hangs),
		TEST(test_full),
		TEST(test_full_until_it_dies),
	};
	int failed;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	snprintf(directory, sizeof(directory), "/tmp/gmemtrace-walks.XXXXXX");
	if (shared == MAP_FAILED || !mkdtemp(directory) || chmod(directory, 0755))
		return 1;
	snprintf(path, sizeof(path), "%s/sock", directory);
	snprintf(log_path, sizeof(log_path), "%s/log", directory);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(directory);
	return failed;
}
