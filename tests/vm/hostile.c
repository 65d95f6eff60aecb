// SPDX-License-Identifier: GPL-2.0
/*
 * What a client, or somebody who poses as gmemtraced, could do to the other
 * side; and what is left of gmemtraced in the kernel. See usage().
 */
#include <errno.h>
#include <grp.h>
#include <linux/bpf.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "serve/server.h"

#define CROWD_MAX 300

static const char *socket_path;

static _Noreturn void usage(void)
{
	fputs("usage: hostile ATTACK SOCKET [NUMBER]\n"
	      "  endless   asks for 2^63 pages, and sees itself thrown out\n"
	      "  greedy    asks for as much as is allowed, as often as it is let, and reads "
	      "nothing\n"
	      "  deaf      sends STOP and never reads\n"
	      "  lazy      never reads, never sends\n"
	      "  half      sends half of a command\n"
	      "  noise     sends NUMBER kilobytes of nothing that makes sense\n"
	      "  crowd     connects NUMBER times, says how often it was served and why not more\n"
	      "  churn     connects and leaves for NUMBER seconds\n"
	      "  skew      poses as a gmemtraced of another version\n"
	      "  mute      poses as a gmemtraced that says nothing\n"
	      "  as CMD... runs CMD, which means no ill\n"
	      "  left      prints how many BPF programs and links there are\n"
	      "With HOSTILE_USER=UID:GID it is that user.\n",
	      stderr);
	exit(64);
}

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void user_become(void)
{
	const char *text = getenv("HOSTILE_USER");
	unsigned int uid, gid;

	if (!text)
		return;
	if (sscanf(text, "%u:%u", &uid, &gid) != 2)
		usage();
	if (setgroups(0, NULL) || setgid(gid) || setuid(uid))
		fail("setuid");
}

static struct sockaddr_un address(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	return address;
}

static int try_connect(void)
{
	const struct sockaddr_un where = address();
	int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);

	if (descriptor < 0)
		fail("socket");
	if (!connect(descriptor, (const struct sockaddr *)&where, sizeof(where)))
		return descriptor;
	close(descriptor);
	return -1;
}

static void hello_get(int descriptor, struct server_hello *hello)
{
	size_t used = 0;

	while (used < sizeof(*hello)) {
		ssize_t bytes = read(descriptor, (char *)hello + used, sizeof(*hello) - used);

		if (bytes <= 0)
			fail("hello");
		used += (size_t)bytes;
	}
}

static int served(void)
{
	struct server_hello hello;
	int descriptor = try_connect();

	if (descriptor < 0)
		fail(socket_path);
	hello_get(descriptor, &hello);
	if (hello.status) {
		fprintf(stderr, "hostile: refused: %s\n", hello.message);
		exit(1);
	}
	return descriptor;
}

/* Says that it is at it, for whoever waits for that, and stays. */
static _Noreturn void stay(void)
{
	puts("at it");
	fflush(stdout);
	for (;;)
		pause();
}

static void ask(int descriptor, uint64_t inode, uint64_t nr)
{
	const struct server_command command = {
		.kind = SERVER_COMMAND_SNAPSHOT, .inode = inode, .nr = nr, .snapshot = 1
	};

	if (send(descriptor, &command, sizeof(command), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
	    errno != EAGAIN)
		fail("send");
}

static int endless(void)
{
	int descriptor = served();
	char data[65536];

	ask(descriptor, 1, 1ULL << 63);
	while (read(descriptor, data, sizeof(data)) > 0)
		;
	puts("thrown out");
	return 0;
}

static _Noreturn void greedy(void)
{
	int descriptor = served();

	for (uint64_t i = 0; i < 1000; i++)
		ask(descriptor, 1 + i % 8, 1ULL << 32);
	stay();
}

static _Noreturn void deaf(void)
{
	const struct server_command command = { .kind = SERVER_COMMAND_STOP };
	int descriptor = served();

	if (write(descriptor, &command, sizeof(command)) < 0)
		fail("write");
	stay();
}

static _Noreturn void half(void)
{
	int descriptor = served();

	if (write(descriptor, "\1", 1) < 0)
		fail("write");
	stay();
}

static int noise(unsigned int kilobytes)
{
	int descriptor = served();
	char data[1024];

	memset(data, 0xa5, sizeof(data));
	while (kilobytes-- && send(descriptor, data, sizeof(data), MSG_NOSIGNAL) > 0)
		;
	puts("thrown out");
	return 0;
}

static _Noreturn void crowd(unsigned int nr)
{
	struct server_hello hello;
	char why[SENSOR_MESSAGE_LENGTH] = "";
	unsigned int count = 0;

	for (unsigned int i = 0; i < nr && i < CROWD_MAX; i++) {
		int descriptor = try_connect();

		if (descriptor < 0)
			fail(socket_path);
		hello_get(descriptor, &hello);
		if (!hello.status)
			count++;
		else
			snprintf(why, sizeof(why), "%s", hello.message);
	}
	printf("served %u of %u: %s\n", count, nr, why);
	stay();
}

static int churn(unsigned int seconds)
{
	time_t end = time(NULL) + seconds;
	unsigned int count = 0;

	while (time(NULL) < end) {
		int descriptor = try_connect();

		if (descriptor < 0)
			continue;
		close(descriptor);
		count++;
	}
	printf("came and left %u times\n", count);
	return 0;
}

static int listening(void)
{
	const struct sockaddr_un where = address();
	int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);

	unlink(socket_path);
	if (descriptor < 0 || bind(descriptor, (const struct sockaddr *)&where, sizeof(where)) ||
	    listen(descriptor, 1))
		fail(socket_path);
	puts("at it");
	fflush(stdout);
	return descriptor;
}

static int skew(void)
{
	const struct server_hello hello = { .magic = SERVER_MAGIC, .version = 99 };
	int client = accept(listening(), NULL, NULL);

	/* Another version's hello may be shorter. */
	if (client < 0 || write(client, &hello, 8) < 0)
		fail("accept");
	for (;;)
		pause();
}

static long next_id(enum bpf_cmd command, uint32_t *id)
{
	union bpf_attr attr = { .start_id = *id };
	long error = syscall(SYS_bpf, command, &attr, sizeof(attr));

	*id = attr.next_id;
	return error;
}

static unsigned int count_ids(enum bpf_cmd command)
{
	unsigned int count = 0;
	uint32_t id = 0;

	while (!next_id(command, &id))
		count++;
	return count;
}

static int left(void)
{
	printf("%u programs, %u links\n", count_ids(BPF_PROG_GET_NEXT_ID),
	       count_ids(BPF_LINK_GET_NEXT_ID));
	return 0;
}

int main(int argc, char **argv)
{
	const char *attack = argc > 1 ? argv[1] : "";
	unsigned int number = argc > 3 ? (unsigned int)strtoul(argv[3], NULL, 0) : 0;

	signal(SIGPIPE, SIG_IGN);
	if (!strcmp(attack, "left"))
		return left();
	if (argc < 3)
		usage();
	socket_path = argv[2];
	user_become();
	if (!strcmp(attack, "as")) {
		execvp(argv[2], &argv[2]);
		fail(argv[2]);
	}
	if (!strcmp(attack, "endless"))
		return endless();
	if (!strcmp(attack, "greedy"))
		greedy();
	if (!strcmp(attack, "deaf"))
		deaf();
	if (!strcmp(attack, "lazy")) {
		served();
		stay();
	}
	if (!strcmp(attack, "half"))
		half();
	if (!strcmp(attack, "noise"))
		return noise(number);
	if (!strcmp(attack, "crowd"))
		crowd(number);
	if (!strcmp(attack, "churn"))
		return churn(number);
	if (!strcmp(attack, "skew"))
		return skew();
	if (!strcmp(attack, "mute")) {
		listening();
		for (;;)
			pause();
	}
	usage();
}
