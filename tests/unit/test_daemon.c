// SPDX-License-Identifier: GPL-2.0
/*
 * gmemtraced and gmemtrace's own child as processes, with real sockets and
 * sensors that are made up: among clients that hang, lie and crowd, and in
 * every kind of end. tests/vm/daemon.t does the same with sensors.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "daemon/serve.h"
#include "daemon/socket.h"
#include "serve/client.h"
#include "serve/reads.h"
#include "serve/source.h"

#define PATIENCE 300 /* s: against hangs, on a machine that has much else to do */
#define STRANGER 12345 /* a user without privileges */
#define INODE_PAGES (1ULL << 20)

/* What the made-up sensors do, and have done; shared with their owner. */
static struct {
	unsigned int flood; /* records they have whenever they are asked */
	uint64_t records; /* handed out */
	uint64_t settled; /* the same when they were settled: what follows is behind the end */
	uint64_t chunks; /* read */
	uint64_t rests; /* begun so far */
	bool quiet; /* they are to be */
	pid_t owner;
	pid_t impostor; /* as whom it is to be listens */
	pid_t refused; /* sensors that cannot be armed */
} * shared;

struct sensor {
	sensor_sink sink;
	void *context;
};

static char directory[64], path[96];
static uint64_t remembered; /* bytes of history that the daemon has */
static pid_t daemon_pid;

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
}

/* --- sensors ---------------------------------------------------------------- */

static void say(struct sensor *sensor, struct record_header *record)
{
	record->time = now();
	shared->records++;
	sensor->sink(sensor->context, record);
}

static void say_heartbeat(struct sensor *sensor)
{
	struct record_heartbeat heartbeat = {
		.header = { .kind = RECORD_HEARTBEAT, .size = sizeof(heartbeat) },
		.watermark = now(),
	};

	say(sensor, &heartbeat.header);
}

static void say_inode(sensor_sink sink, void *context)
{
	const struct record_inode inode = {
		.header = { .kind = RECORD_INODE, .size = sizeof(inode), .time = 1, .inode = 1 },
		.pages = INODE_PAGES,
		.provider = RECORD_PROVIDER_SECRETMEM,
	};

	sink(context, &inode.header);
}

int __wrap_sensor_open(struct sensor **out, const struct sensor_options *options, sensor_sink sink,
		       void *context, struct sensor_failure *failure);
int __wrap_sensor_open(struct sensor **out, const struct sensor_options *options, sensor_sink sink,
		       void *context, struct sensor_failure *failure)
{
	(void)options;
	if (shared->refused)
		return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, -EPERM, "no sensors today");
	shared->owner = getpid();
	*out = calloc(1, sizeof(**out));
	(*out)->sink = sink;
	(*out)->context = context;
	say_inode(sink, context);
	return 0;
}

int __wrap_sensor_poll(struct sensor *sensor);
int __wrap_sensor_poll(struct sensor *sensor)
{
	struct record_flush flush = {
		.header = { .kind = RECORD_FLUSH, .size = sizeof(flush) },
	};

	for (unsigned int i = 0; i < shared->flood; i++)
		say(sensor, &flush.header);
	say_heartbeat(sensor);
	return (int)shared->flood + 1;
}

int __wrap_sensor_snapshot(struct sensor *sensor, uint64_t inode, uint64_t first, uint64_t nr,
			   uint32_t pass, uint64_t snapshot);
int __wrap_sensor_snapshot(struct sensor *sensor, uint64_t inode, uint64_t first, uint64_t nr,
			   uint32_t pass, uint64_t snapshot)
{
	struct record_snapshot record = {
		.header = { .kind = RECORD_SNAPSHOT_BEGIN, .size = sizeof(record), .inode = inode },
		.pgoff_first = first,
		.pgoff_nr = nr,
		.inode_pages = INODE_PAGES,
		.pass = pass,
		.snapshot = snapshot,
	};

	if (inode != 1)
		return -ENOENT;
	shared->chunks++;
	say(sensor, &record.header);
	record.header.kind = RECORD_SNAPSHOT_END;
	say(sensor, &record.header);
	return 0;
}

void __wrap_sensor_announce(struct sensor *sensor, sensor_sink sink, void *context);
void __wrap_sensor_announce(struct sensor *sensor, sensor_sink sink, void *context)
{
	(void)sensor;
	say_inode(sink, context);
}

int __wrap_sensor_settle(struct sensor *sensor);
int __wrap_sensor_settle(struct sensor *sensor)
{
	say_heartbeat(sensor);
	shared->settled = shared->records;
	return 0;
}

int __wrap_sensor_quiet(struct sensor *sensor, bool quiet);
int __wrap_sensor_quiet(struct sensor *sensor, bool quiet)
{
	(void)sensor;
	shared->quiet = quiet;
	shared->rests += quiet;
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

/* --- the daemon ------------------------------------------------------------- */

static void pause_ms(unsigned int ms)
{
	const struct timespec time = { .tv_nsec = (long)ms * 1000000L };

	nanosleep(&time, NULL);
}

static bool wait_until(bool (*holds)(void))
{
	uint64_t end = now() + PATIENCE * 1000000000ULL;

	while (!holds()) {
		if (now() > end)
			return false;
		pause_ms(5);
	}
	return true;
}

static bool alive(pid_t pid)
{
	return pid > 0 && !kill(pid, 0);
}

static bool owner_gone(void)
{
	/* Whoever lost its parent is our child then. */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return !alive(shared->owner);
}

static bool owner_armed(void)
{
	return shared->owner;
}

static bool socket_there(void)
{
	struct stat status;

	return !lstat(path, &status);
}

static char metrics[128]; /* --metrics; empty: none */
static rlim_t descriptors_max; /* that the daemon may have; 0: as many as we */
static int log_to = -1; /* its log; -1: nowhere */

static void daemon_main(unsigned int clients)
{
	const struct peers_limits limits = { .clients = clients, .backlog = 1 << 20 };
	char message[512];
	int listener = socket_listen(path, (gid_t)-1, message, sizeof(message));
	const struct daemon_options options = {
		.sensor = { .groups = SENSOR_GROUP_VERDICT },
		.limits = limits,
		.history = remembered,
		.listener = listener,
		.socket = path,
		.metrics = metrics[0] ? metrics : NULL,
		.metrics_listener = -1,
		.judge = metrics[0],
	};

	if (listener < 0) {
		fprintf(stderr, "%s\n", message);
		_exit(99);
	}
	chmod(path, 0666);
	if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
		_exit(98);
	if (log_to >= 0)
		dup2(log_to, STDERR_FILENO);
	if (descriptors_max &&
	    setrlimit(RLIMIT_NOFILE, &(struct rlimit){ descriptors_max, descriptors_max }))
		_exit(97);
	_exit(daemon_serve(&options));
}

static void daemon_start(unsigned int clients)
{
	shared->owner = 0;
	daemon_pid = fork();
	assert_true(daemon_pid >= 0);
	if (!daemon_pid)
		daemon_main(clients);
	assert_true(wait_until(owner_armed));
}

/* Its exit status, or 128 and the signal. */
static int daemon_wait(void)
{
	int status;

	alarm(PATIENCE);
	assert_int_equal(waitpid(daemon_pid, &status, 0), daemon_pid);
	alarm(0);
	daemon_pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int daemon_end(int number)
{
	kill(daemon_pid, number);
	return daemon_wait();
}

/* --- clients ---------------------------------------------------------------- */

static int socket_connect(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_true(descriptor >= 0);
	assert_int_equal(connect(descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
	return descriptor;
}

static struct server_hello hello_of(int descriptor)
{
	struct server_hello hello = {};

	alarm(PATIENCE);
	assert_int_equal(recv(descriptor, &hello, sizeof(hello), MSG_WAITALL), sizeof(hello));
	alarm(0);
	assert_int_equal(hello.magic, SERVER_MAGIC);
	return hello;
}

static int served(void)
{
	int descriptor = socket_connect();

	assert_int_equal(hello_of(descriptor).status, 0);
	return descriptor;
}

static void ask(int descriptor, uint64_t inode, uint64_t nr)
{
	const struct server_command command = {
		.kind = SERVER_COMMAND_SNAPSHOT, .inode = inode, .nr = nr, .snapshot = 1
	};

	/* Who is full takes no more. */
	(void)!send(descriptor, &command, sizeof(command), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void stop(int descriptor)
{
	const struct server_command command = { .kind = SERVER_COMMAND_STOP };

	assert_int_equal(send(descriptor, &command, sizeof(command), MSG_NOSIGNAL),
			 sizeof(command));
}

/* Reads until it is shut out. */
static void read_to_the_end(int descriptor)
{
	char data[65536];

	alarm(PATIENCE);
	while (read(descriptor, data, sizeof(data)) > 0)
		;
	alarm(0);
	close(descriptor);
}

static void count_record(void *context, const struct record_header *record)
{
	(void)record;
	++*(unsigned int *)context;
}

static bool never(void *context)
{
	(void)context;
	return false;
}

static bool always(void *context)
{
	(void)context;
	return true;
}

static int client_open(struct sensor_client **client, bool (*interrupted)(void *),
		       struct sensor_failure *failure)
{
	const struct sensor_source source = { .socket = path,
					      .daemon_only = true,
					      .interrupted = interrupted };
	const struct sensor_options options = { .groups = SENSOR_GROUP_VERDICT };

	memset(failure, 0, sizeof(*failure));
	return sensor_client_open(client, &options, &source, failure);
}

/* An ordinary client: it connects, reads, asks, stops, and gets its end. */
static void ordinary_client(void)
{
	struct sensor_failure failure;
	struct sensor_client *client;
	unsigned int records = 0;
	uint64_t end = now() + PATIENCE * 1000000000ULL;

	assert_int_equal(client_open(&client, never, &failure), 0);
	while (records < 10)
		assert_true(sensor_client_read(client, 100, count_record, &records) >= 0);
	assert_int_equal(sensor_client_snapshot(client, 1, 0, 64, 0, 7), 0);
	assert_int_equal(sensor_client_stop(client), 0);
	while (!sensor_client_ended(client)) {
		assert_true(sensor_client_read(client, 100, count_record, &records) >= 0);
		assert_true(now() < end);
	}
	sensor_client_close(client);
}

/* --- tests ------------------------------------------------------------------ */

static int setup(void **state)
{
	(void)state;
	memset(shared, 0, sizeof(*shared));
	remembered = 0;
	descriptors_max = 0;
	log_to = -1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (daemon_pid > 0)
		kill(daemon_pid, SIGKILL);
	if (shared->owner > 0)
		kill(shared->owner, SIGKILL);
	daemon_pid = 0;
	/* What is still at its end counts what it does in `shared`, which is the next test's then. */
	assert_true(wait_until(owner_gone));
	unlink(path);
	return 0;
}

static void test_endless(void **state)
{
	int descriptor;

	(void)state;
	daemon_start(8);
	descriptor = served();
	ask(descriptor, 1, 1ULL << 63);
	read_to_the_end(descriptor);
	assert_int_equal(shared->chunks, 0);
	ordinary_client();
	assert_int_equal(daemon_end(SIGTERM), 0);
}

static void test_noise(void **state)
{
	int descriptor;

	(void)state;
	daemon_start(8);
	descriptor = served();
	assert_int_equal(write(descriptor, "\1", 1), 1);
	close(descriptor);
	descriptor = served();
	(void)!send(descriptor, directory, sizeof(directory), MSG_NOSIGNAL);
	read_to_the_end(descriptor);
	ordinary_client();
	assert_int_equal(daemon_end(SIGTERM), 0);
}

/* All of them at once, none of whom ever reads; more records than anybody could take. */
static void test_nobody_holds_it_up(void **state)
{
	int descriptors[8];

	(void)state;
	shared->flood = 2000;
	daemon_start(8);
	for (size_t i = 0; i < 8; i++)
		descriptors[i] = served();
	stop(descriptors[0]);
	assert_int_equal(write(descriptors[1], "\1", 1), 1);
	for (int i = 0; i < 1000; i++) {
		ask(descriptors[2], 1, 1ULL << 32);
		ask(descriptors[3], 2, 1ULL << 32);
	}
	ordinary_client();
	assert_int_equal(daemon_end(SIGTERM), 0);
	assert_true(wait_until(owner_gone));
	assert_false(socket_there());
	for (size_t i = 0; i < 8; i++)
		close(descriptors[i]);
}

static bool greedy_was_served(void)
{
	return shared->chunks >= INODE_PAGES / RECORD_SNAPSHOT_CHUNK;
}

/* The range ends where the inode does. */
static void test_greedy(void **state)
{
	int descriptor;

	(void)state;
	daemon_start(8);
	descriptor = served();
	ask(descriptor, 1, 1ULL << 32);
	assert_true(wait_until(greedy_was_served));
	ordinary_client();
	assert_int_equal(daemon_end(SIGTERM), 0);
	/* One more is the other's, where its STOP did not come first. */
	assert_in_range(shared->chunks, INODE_PAGES / RECORD_SNAPSHOT_CHUNK,
			INODE_PAGES / RECORD_SNAPSHOT_CHUNK + 1);
	close(descriptor);
}

/* As another user: how many times it is served, and why not more often. A status of 0: as it should be. */
static _Noreturn void crowd(unsigned int expected)
{
	char why[64];
	unsigned int count = 0;

	if (setgroups(0, NULL) || setgid(STRANGER) || setuid(STRANGER))
		_exit(2);
	snprintf(why, sizeof(why), "%u clients of user %u already", expected, STRANGER);
	for (int i = 0; i < 10; i++) {
		struct server_hello hello = hello_of(socket_connect());

		count += !hello.status;
		if (hello.status &&
		    (hello.status != GMEMTRACE_CANNOT_RUN || !strstr(hello.message, why)))
			_exit(3);
	}
	_exit(count != expected);
}

static void test_crowd(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid())
		skip();
	daemon_start(8);
	pid = fork();
	if (!pid)
		crowd(2);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	ordinary_client();
	assert_int_equal(daemon_end(SIGTERM), 0);
}

/* More than it may have descriptors for: they wait, it says so once, and goes on when some have gone. */
static void test_no_descriptors(void **state)
{
	int descriptors[30], log[2];
	char line[256];
	FILE *file;

	(void)state;
	assert_int_equal(pipe2(log, O_CLOEXEC), 0);
	descriptors_max = 28;
	log_to = log[1];
	daemon_start(64);
	close(log[1]);
	for (size_t i = 0; i < 30; i++)
		descriptors[i] = socket_connect();
	file = fdopen(log[0], "r");
	alarm(PATIENCE);
	do
		assert_non_null(fgets(line, sizeof(line), file));
	while (!strstr(line, "new clients wait until others have gone: cannot take one: Too many"));
	alarm(0);
	for (size_t i = 0; i < 30; i++)
		close(descriptors[i]);
	ordinary_client();
	assert_int_equal(daemon_end(SIGTERM), 0);
	while (fgets(line, sizeof(line), file))
		assert_null(strstr(line, "cannot take one"));
	fclose(file);
}

static void test_ends_by_signal(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };

	(void)state;
	signal(SIGHUP, SIG_DFL);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		int descriptor;

		daemon_start(8);
		descriptor = served();
		assert_int_equal(daemon_end(signals[i]), 0);
		assert_true(wait_until(owner_gone));
		assert_false(socket_there());
		read_to_the_end(descriptor);
	}
}

/* What a service manager is told, by a socket of its own. */
static void notified(int manager, const char *expected)
{
	char state[64] = "";

	alarm(PATIENCE);
	assert_true(recv(manager, state, sizeof(state) - 1, 0) > 0);
	alarm(0);
	assert_string_equal(state, expected);
}

static void test_service_manager(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", directory);
	assert_int_equal(bind(manager, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	daemon_start(8);
	notified(manager, "READY=1");
	kill(daemon_pid, SIGTERM);
	notified(manager, "STOPPING=1");
	assert_int_equal(daemon_wait(), 0);
	unsetenv("NOTIFY_SOCKET");
	unlink(address.sun_path);
	close(manager);
}

/* A sign of life of both: of the parent, and of the process that drains. */
static void test_service_lives(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", directory);
	assert_int_equal(bind(manager, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	setenv("WATCHDOG_USEC", "200000", 1);
	daemon_start(8);
	notified(manager, "READY=1");
	notified(manager, "WATCHDOG=1");
	notified(manager, "WATCHDOG=1");
	unsetenv("WATCHDOG_USEC");
	kill(daemon_pid, SIGTERM);
	assert_int_equal(daemon_wait(), 0);
	unsetenv("NOTIFY_SOCKET");
	unlink(address.sun_path);
	close(manager);
}

static bool metrics_there(void)
{
	struct stat status;

	return !stat(metrics, &status);
}

/* Seconds that @process has cost, as @text says. */
static double cost_of(const char *text, const char *process)
{
	char series[96];
	const char *line;

	snprintf(series, sizeof(series), "\ngmemtrace_process_cpu_seconds_total{process=\"%s\"} ",
		 process);
	line = strstr(text, series);
	assert_non_null(line);
	return strtod(line + strlen(series), NULL);
}

/* A file that the daemon's own client writes; who asks for it is served as ever. */
static void test_metrics(void **state)
{
	static const char *const processes[] = { "parent", "owner", "server", "judge" };
	char text[32768] = "";
	FILE *file;
	int client;

	(void)state;
	snprintf(metrics, sizeof(metrics), "%.100s.prom", path);
	daemon_start(4);
	client = served();
	assert_true(wait_until(metrics_there));
	file = fopen(metrics, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 1000);
	fclose(file);
	assert_non_null(strstr(text, "\ngmemtrace_inodes{provider=\"secretmem\"} 1\n"));
	/* Whoever lives has taken some: the clock is the one of each. */
	for (size_t i = 0; i < sizeof(processes) / sizeof(processes[0]); i++)
		assert_true(cost_of(text, processes[i]) > 0);
	close(client);
	assert_int_equal(daemon_end(SIGTERM), 0);
	unlink(metrics);
	metrics[0] = '\0';
}

/* Whether a line of /proc/PID/status begins with @text. */
static bool status_has(pid_t pid, const char *text)
{
	char name[64], line[256];
	bool has = false;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%d/status", (int)pid);
	file = fopen(name, "r");
	while (file && !has && fgets(line, sizeof(line), file))
		has = !strncmp(line, text, strlen(text));
	if (file)
		fclose(file);
	return has;
}

static pid_t child_of(pid_t pid)
{
	char name[64];
	int child = 0;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	file = fopen(name, "r");
	if (!file || fscanf(file, "%d", &child) != 1)
		child = 0;
	if (file)
		fclose(file);
	return child;
}

/* Who serves and remembers has none; who has the sensors is its child. */
static void test_privileges(void **state)
{
	pid_t server;

	(void)state;
	daemon_start(4);
	ordinary_client();
	server = child_of(daemon_pid);
	if (!server)
		skip();
	assert_int_equal(child_of(server), shared->owner);
	if (!geteuid()) {
		assert_false(status_has(server, "Uid:\t0\t"));
		assert_false(status_has(server, "Gid:\t0\t"));
		assert_true(status_has(server, "Groups:\t \n"));
		assert_true(status_has(shared->owner, "Uid:\t0\t0\t0\t0"));
	}
	assert_true(status_has(server, "CapInh:\t0000000000000000"));
	assert_true(status_has(server, "CapPrm:\t0000000000000000"));
	assert_true(status_has(server, "CapEff:\t0000000000000000"));
	assert_true(status_has(server, "CapAmb:\t0000000000000000"));
	assert_true(status_has(server, "NoNewPrivs:\t1"));
	assert_true(status_has(server, "Seccomp:\t2"));
	assert_true(status_has(shared->owner, "NoNewPrivs:\t0"));
	assert_int_equal(daemon_end(SIGTERM), 0);
}

static int64_t answered(int channel)
{
	union {
		struct source_answer answer;
		char bytes[4096];
	} got;

	alarm(PATIENCE);
	for (;;) {
		assert_int_equal(
			recv(channel, &got, sizeof(struct record_header), MSG_WAITALL | MSG_PEEK),
			sizeof(struct record_header));
		assert_in_range(got.answer.header.size, sizeof(struct record_header), sizeof(got));
		assert_int_equal(recv(channel, &got, got.answer.header.size, MSG_WAITALL),
				 got.answer.header.size);
		if (got.answer.header.kind == SOURCE_ANSWER)
			break;
	}
	alarm(0);
	return got.answer.result;
}

static int64_t told_to(int channel, const struct source_request *request)
{
	assert_int_equal(send(channel, request, sizeof(*request), 0), sizeof(*request));
	return answered(channel);
}

/* A server that was taken over gets no more of the child than a good one. */
static void test_child_is_lied_to(void **state)
{
	const struct sensor_options sensors = { .groups = SENSOR_GROUP_VERDICT };
	const struct source_request good = { .operation = SOURCE_SNAPSHOT,
					     .inode = 1,
					     .first = 64,
					     .nr = RECORD_SNAPSHOT_CHUNK,
					     .snapshot = READS_NUMBER };
	struct source_request request = { .operation = SOURCE_POLL };
	struct sensor_failure failure;
	char other[128], fresh[144];
	int ends[2], status;
	pid_t child;

	(void)state;
	snprintf(other, sizeof(other), "%.100s.other", path);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	close(open(other, O_CREAT | O_RDWR, 0600));
	child = fork();
	if (!child) {
		close(ends[0]);
		source_serve(ends[1], &sensors, &(struct source_options){ .socket = other });
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(told_to(ends[0], &request), -EINVAL); /* not armed yet */
	request.operation = SOURCE_OPEN;
	assert_int_equal(told_to(ends[0], &request), 0);
	assert_int_equal(recv(ends[0], &failure, sizeof(failure), MSG_WAITALL), sizeof(failure));
	assert_int_equal(told_to(ends[0], &good), 0);
	for (int i = 0; i < 5; i++) {
		request = good;
		request.first += i == 0;
		request.nr += i == 1;
		request.nr *= i != 2;
		request.first = i == 3 ? ~63ULL : request.first;
		request.snapshot -= i == 4;
		assert_int_equal(told_to(ends[0], &request), -EINVAL);
	}
	request = good;
	request.operation = 0;
	assert_int_equal(told_to(ends[0], &request), -EINVAL);
	request.operation = 99;
	assert_int_equal(told_to(ends[0], &request), -EINVAL);
	/* What is there now is another's. */
	snprintf(fresh, sizeof(fresh), "%s.new", other);
	close(open(fresh, O_CREAT | O_RDWR, 0600));
	assert_int_equal(rename(fresh, other), 0);
	request.operation = SOURCE_UNLINK;
	assert_int_equal(told_to(ends[0], &request), -ENOENT);
	assert_int_equal(access(other, F_OK), 0);
	/* Half a request, and nothing more. */
	assert_int_equal(send(ends[0], &request, 7, 0), 7);
	shutdown(ends[0], SHUT_WR);
	alarm(PATIENCE);
	assert_int_equal(waitpid(child, &status, 0), child);
	alarm(0);
	assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
	close(ends[0]);
	unlink(other);
}

static void test_parent_is_killed(void **state)
{
	int descriptor;

	(void)state;
	daemon_start(8);
	descriptor = served();
	assert_int_equal(daemon_end(SIGKILL), 128 + SIGKILL);
	assert_true(wait_until(owner_gone));
	assert_false(socket_there());
	read_to_the_end(descriptor);
}

/* A client that is reading is told that nothing more comes, and not that this was the end. */
static void killed_beneath_a_reader(bool server)
{
	struct sensor_failure failure;
	struct sensor_client *client;
	unsigned int records = 0;
	pid_t victim;

	shared->flood = 500;
	daemon_start(8);
	victim = server ? child_of(daemon_pid) : shared->owner;
	if (!victim)
		skip();
	assert_int_equal(client_open(&client, never, &failure), 0);
	while (records < 1000)
		assert_true(sensor_client_read(client, 100, count_record, &records) >= 0);
	kill(victim, SIGKILL);
	alarm(PATIENCE);
	while (sensor_client_read(client, 100, count_record, &records) >= 0)
		;
	alarm(0);
	assert_false(sensor_client_ended(client));
	sensor_client_close(client);
	assert_int_equal(daemon_wait(), GMEMTRACE_ERROR);
	assert_true(wait_until(owner_gone));
	assert_false(socket_there());
}

static void test_child_is_killed(void **state)
{
	(void)state;
	killed_beneath_a_reader(false);
}

static void test_server_is_killed(void **state)
{
	(void)state;
	killed_beneath_a_reader(true);
}

/* Only a file is left, and in nobody's way. */
static void test_both_are_killed(void **state)
{
	(void)state;
	daemon_start(8);
	kill(daemon_pid, SIGSTOP);
	kill(shared->owner, SIGKILL);
	assert_int_equal(daemon_end(SIGKILL), 128 + SIGKILL);
	assert_true(wait_until(owner_gone));
	assert_true(socket_there());
	daemon_start(8);
	ordinary_client();
	assert_int_equal(daemon_end(SIGTERM), 0);
}

static void test_two_daemons(void **state)
{
	char message[512];

	(void)state;
	daemon_start(8);
	assert_int_equal(socket_listen(path, (gid_t)-1, message, sizeof(message)), -EADDRINUSE);
	assert_non_null(strstr(message, "already serves"));
	assert_int_equal(daemon_end(SIGTERM), 0);
}

static void test_cannot_arm(void **state)
{
	(void)state;
	shared->refused = 1;
	daemon_pid = fork();
	if (!daemon_pid)
		daemon_main(8);
	assert_int_equal(daemon_wait(), GMEMTRACE_CANNOT_RUN);
	assert_false(socket_there());
}

/* The owner's own client, which lives and reads nothing. */
static struct sensor_client *owner_start(void)
{
	const struct sensor_source source = { .interrupted = never };
	const struct sensor_options sensor = { .groups = SENSOR_GROUP_VERDICT };
	struct sensor_failure failure = {};
	struct sensor_client *client;

	shared->records = 0;
	assert_int_equal(sensor_client_open(&client, &sensor, &source, &failure), 0);
	assert_false(sensor_client_daemon(client));
	return client;
}

/* Waits until the sensors are not drained any more. */
static bool owner_waits(void)
{
	uint64_t before = shared->records;

	pause_ms(500);
	return before && shared->records == before;
}

/* What one that read late was told. */
struct late {
	uint64_t records; /* that the sensors had said, with a time */
	uint64_t time; /* ns */
	uint64_t end; /* of the stream: records of it */
};

static void late_record(void *context, const struct record_header *record)
{
	struct late *late = context;

	late->end += record->kind == RECORD_END;
	if (record->kind != RECORD_FLUSH && record->kind != RECORD_HEARTBEAT)
		return;
	assert_true(record->time >= late->time);
	late->time = record->time;
	late->records++;
}

/* What it has is not lost, and it goes on. */
static void test_owner_waits_for_its_client(void **state)
{
	struct sensor_client *client;
	struct late late = {};
	int got;

	(void)state;
	shared->flood = 5000;
	client = owner_start();
	assert_true(wait_until(owner_waits));
	alarm(PATIENCE);
	assert_int_equal(sensor_client_stop(client), 0);
	do
		got = sensor_client_read(client, 100, late_record, &late);
	while (got >= 0);
	alarm(0);
	assert_int_equal(got, -EPIPE);
	assert_true(sensor_client_ended(client));
	assert_int_equal(late.end, 1);
	assert_int_equal(late.records, shared->settled);
	sensor_client_close(client);
	assert_true(wait_until(owner_gone));
}

static void test_owner_is_not_held_by_its_client(void **state)
{
	struct sensor_client *client;

	(void)state;
	shared->flood = 5000;
	client = owner_start();
	assert_true(wait_until(owner_waits));
	kill(shared->owner, SIGTERM);
	assert_true(wait_until(owner_gone));
	sensor_client_close(client);
	client = owner_start();
	assert_true(wait_until(owner_waits));
	sensor_client_close(client);
	assert_true(wait_until(owner_gone));
}

/* What it said before it was killed is told, and then that nothing more comes. */
static void test_owner_is_killed(void **state)
{
	struct sensor_client *client;
	struct late late = {};
	int got;

	(void)state;
	shared->flood = 5000;
	client = owner_start();
	assert_true(wait_until(owner_waits));
	kill(shared->owner, SIGKILL);
	alarm(PATIENCE);
	do
		got = sensor_client_read(client, 100, late_record, &late);
	while (got >= 0);
	alarm(0);
	assert_int_equal(got, -EPIPE);
	assert_false(sensor_client_ended(client));
	assert_true(late.records && late.records < shared->records);
	assert_non_null(strstr(sensor_client_killed(client), "memory"));
	sensor_client_close(client);
	assert_true(wait_until(owner_gone));
}

static bool impostor_listens(void)
{
	return shared->impostor;
}

/* Somebody who listens where a daemon should, as @uid, and says @bytes of @hello. */
static void impostor_start(uid_t uid, const struct server_hello *hello, size_t bytes)
{
	char message[512];
	int listener = socket_listen(path, (gid_t)-1, message, sizeof(message)), client;
	struct pollfd ready = { .fd = listener, .events = POLLIN };

	assert_true(listener >= 0);
	daemon_pid = fork();
	if (daemon_pid) {
		close(listener);
		assert_true(wait_until(impostor_listens));
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Credentials are those of whoever called listen(). */
	if (uid && (setgid(uid) || setuid(uid)))
		_exit(2);
	listen(listener, 1);
	shared->impostor = getpid();
	poll(&ready, 1, -1);
	client = accept(listener, NULL, NULL);
	if (bytes && write(client, hello, bytes) < 0)
		_exit(3);
	for (;;)
		pause();
}

static void test_client_of_a_silent_daemon(void **state)
{
	struct sensor_client *client;
	struct sensor_failure failure;

	(void)state;
	impostor_start(0, NULL, 0);
	assert_int_equal(client_open(&client, always, &failure), -EINTR);
	assert_non_null(strstr(failure.message, "interrupted"));
}

static void test_client_of_another_version(void **state)
{
	const struct server_hello hello = { .magic = SERVER_MAGIC, .version = 99 };
	struct sensor_client *client;
	struct sensor_failure failure;

	(void)state;
	/* Its hello need not be as long as ours. */
	impostor_start(0, &hello, 8);
	assert_int_equal(client_open(&client, never, &failure), -EPROTO);
	assert_int_equal(failure.status, GMEMTRACE_ERROR);
	assert_non_null(strstr(failure.message, "version 99 of its protocol"));
	assert_non_null(strstr(failure.message, "update gmemtrace"));
}

static void test_client_of_no_daemon(void **state)
{
	const struct server_hello hello = { .magic = 1, .version = SERVER_VERSION };
	struct sensor_client *client;
	struct sensor_failure failure;

	(void)state;
	assert_int_equal(client_open(&client, never, &failure), -ENOENT);
	assert_int_equal(failure.status, GMEMTRACE_CANNOT_RUN);
	assert_non_null(strstr(failure.message, path));
	impostor_start(0, &hello, sizeof(hello));
	assert_int_equal(client_open(&client, never, &failure), -EPROTO);
	assert_non_null(strstr(failure.message, "no gmemtraced"));
}

static void test_client_of_a_stranger(void **state)
{
	const struct server_hello hello = { .magic = SERVER_MAGIC, .version = SERVER_VERSION };
	struct sensor_client *client;
	struct sensor_failure failure;

	(void)state;
	if (geteuid())
		skip();
	impostor_start(STRANGER, &hello, sizeof(hello));
	assert_int_equal(client_open(&client, never, &failure), -EPERM);
	assert_int_equal(failure.status, GMEMTRACE_CANNOT_RUN);
	assert_non_null(strstr(failure.message, "user 12345"));
}

/* What a client is told of the past, and of what follows. */
struct past {
	uint64_t asked; /* ns */
	uint64_t before,
		after; /* heartbeats: older than the question; behind the end of the past */
	uint64_t last; /* ns: of the last heartbeat */
	uint64_t begin;
	bool begun, ended, none, disorder, inode;
	bool anew; /* an inode, behind the end */
};

static void past_fact(struct past *past, const struct record_fact *fact)
{
	const char *key = record_fact_key(fact);

	if (!strcmp(key, HISTORY_BEGIN_FACT)) {
		past->begun = true;
		past->begin = strtoull(record_fact_value(fact), NULL, 10);
	} else if (!strcmp(key, HISTORY_END_FACT)) {
		past->ended = true;
		past->none = !strcmp(record_fact_value(fact), "none");
	}
}

static void past_record(void *context, const struct record_header *record)
{
	struct past *past = context;

	if (record->kind == RECORD_FACT)
		past_fact(past, (const void *)record);
	past->anew |= past->ended && record->kind == RECORD_INODE;
	if (!past->begun)
		return;
	past->inode |= record->kind == RECORD_INODE;
	if (record->kind != RECORD_HEARTBEAT)
		return;
	past->disorder |= record->time <= past->last;
	past->last = record->time;
	past->before += record->time < past->asked;
	past->after += past->ended;
}

static struct past past_of_daemon(uint64_t since)
{
	uint64_t end = now() + PATIENCE * 1000000000ULL;
	struct sensor_failure failure;
	struct sensor_client *client;
	struct past past = { .asked = 0 };

	assert_int_equal(client_open(&client, never, &failure), 0);
	past.asked = now();
	assert_int_equal(sensor_client_history(client, since), 0);
	while (!(past.none && past.anew) && past.after < 3) {
		assert_true(sensor_client_read(client, 100, past_record, &past) >= 0);
		assert_true(now() < end);
	}
	sensor_client_close(client);
	return past;
}

static bool plenty(void)
{
	return shared->records > 500;
}

static void test_history(void **state)
{
	struct past past;
	uint64_t middle;

	(void)state;
	remembered = HISTORY_MIN;
	shared->flood = 10;
	daemon_start(8);
	assert_true(wait_until(plenty));
	middle = now();
	past = past_of_daemon(0);
	assert_true(past.begun && past.ended && !past.none);
	assert_true(past.inode);
	assert_true(past.before > 10);
	assert_false(past.disorder);
	assert_true(past.begin < middle);
	/* Others are served as ever meanwhile, and a second one is told, too. */
	ordinary_client();
	past = past_of_daemon(middle);
	assert_true(past.ended && past.before && !past.disorder);
	assert_int_equal(daemon_end(SIGTERM), 0);
}

static void test_no_history(void **state)
{
	struct past past;

	(void)state;
	daemon_start(8);
	past = past_of_daemon(0);
	assert_true(past.none && !past.begun && past.anew);
	assert_int_equal(daemon_end(SIGTERM), 0);
}

/* Who asks for the past and reads nothing holds nobody up; who asks twice is thrown out. */
static void test_history_is_not_read(void **state)
{
	const struct server_command command = { .kind = SERVER_COMMAND_HISTORY };
	int deaf, twice;

	(void)state;
	remembered = HISTORY_MIN;
	shared->flood = 200;
	daemon_start(8);
	assert_true(wait_until(plenty));
	deaf = served();
	assert_int_equal(send(deaf, &command, sizeof(command), MSG_NOSIGNAL), sizeof(command));
	ordinary_client();
	twice = served();
	assert_int_equal(send(twice, &command, sizeof(command), MSG_NOSIGNAL), sizeof(command));
	(void)!send(twice, &command, sizeof(command), MSG_NOSIGNAL);
	read_to_the_end(twice);
	ordinary_client();
	close(deaf);
	assert_int_equal(daemon_end(SIGTERM), 0);
}

static bool resting(void)
{
	return shared->quiet;
}

static bool rested_again(void)
{
	return shared->quiet && shared->rests > 1;
}

/* The sensors rest while nobody listens, and not while anybody does, or all is remembered. */
static void test_rests(void **state)
{
	int descriptor;

	(void)state;
	daemon_start(8);
	assert_true(wait_until(resting));
	descriptor = served();
	assert_false(shared->quiet);
	ordinary_client();
	assert_false(shared->quiet);
	close(descriptor);
	assert_true(wait_until(rested_again));
	ordinary_client();
	assert_int_equal(daemon_end(SIGTERM), 0);
	remembered = HISTORY_MIN;
	shared->rests = 0;
	shared->quiet = false;
	daemon_start(8);
	ordinary_client();
	pause_ms(50);
	assert_int_equal(shared->rests, 0);
	assert_int_equal(daemon_end(SIGTERM), 0);
}

struct sums_seen {
	uint64_t since; /* ns: what is older was on its way already */
	unsigned int events, heartbeats;
};

static void sums_record(void *context, const struct record_header *record)
{
	struct sums_seen *seen = context;

	if (record->time <= seen->since)
		return;
	seen->events += record->kind == RECORD_FLUSH;
	seen->heartbeats += record->kind == RECORD_HEARTBEAT;
}

/* They rest on while somebody wants sums alone, who is spared what others want. */
static void test_sums(void **state)
{
	struct sensor_failure failure;
	struct sensor_client *client;
	struct sums_seen seen = { 0 };

	(void)state;
	shared->flood = 4;
	daemon_start(8);
	assert_true(wait_until(resting));
	assert_int_equal(client_open(&client, never, &failure), 0);
	assert_int_equal(sensor_client_sums(client), 0);
	assert_true(wait_until(rested_again));
	seen.since = now();
	ordinary_client();
	assert_int_equal(sensor_client_stop(client), 0);
	while (!sensor_client_ended(client))
		assert_true(sensor_client_read(client, 100, sums_record, &seen) >= 0);
	sensor_client_close(client);
	assert_int_equal(seen.events, 0);
	assert_true(seen.heartbeats);
	assert_int_equal(daemon_end(SIGTERM), 0);
}

/* What others want is not one client's to leave out. */
static void test_nothing_is_left_out(void **state)
{
	const struct server_command command = { .kind = SERVER_COMMAND_LEAVE_OUT,
						.inode = 1,
						.first = 1 };
	int selfish;

	(void)state;
	daemon_start(8);
	selfish = served();
	assert_int_equal(send(selfish, &command, sizeof(command), MSG_NOSIGNAL), sizeof(command));
	read_to_the_end(selfish);
	ordinary_client();
	assert_int_equal(daemon_end(SIGTERM), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_endless),
		TEST(test_noise),
		TEST(test_nothing_is_left_out),
		TEST(test_rests),
		TEST(test_sums),
		TEST(test_nobody_holds_it_up),
		TEST(test_greedy),
		TEST(test_crowd),
		TEST(test_no_descriptors),
		TEST(test_ends_by_signal),
		TEST(test_service_manager),
		TEST(test_service_lives),
		TEST(test_metrics),
		TEST(test_privileges),
		TEST(test_child_is_lied_to),
		TEST(test_parent_is_killed),
		TEST(test_child_is_killed),
		TEST(test_server_is_killed),
		TEST(test_both_are_killed),
		TEST(test_two_daemons),
		TEST(test_cannot_arm),
		TEST(test_owner_waits_for_its_client),
		TEST(test_owner_is_not_held_by_its_client),
		TEST(test_owner_is_killed),
		TEST(test_client_of_a_silent_daemon),
		TEST(test_client_of_another_version),
		TEST(test_client_of_no_daemon),
		TEST(test_client_of_a_stranger),
		TEST(test_history),
		TEST(test_no_history),
		TEST(test_history_is_not_read),
	};
	int failed;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	snprintf(directory, sizeof(directory), "/tmp/gmemtrace-daemon.XXXXXX");
	if (shared == MAP_FAILED || !mkdtemp(directory) || chmod(directory, 0755))
		return 1;
	snprintf(path, sizeof(path), "%s/sock", directory);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(directory);
	return failed;
}
