// SPDX-License-Identifier: GPL-2.0
/* The page for Prometheus: nobody keeps others from it, however slowly he asks. */
#include <errno.h>
#include <setjmp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "daemon/http.h"

#define PAGE "gmemtrace_up 1\n"
#define PATIENCE 2 /* s */
#define LONG 60 /* s: against hangs */
#define TRIES 12 /* of 10 s, at most: a busy machine may be too slow for some of them */
#define SCRAPES 50 /* until the log must have its line */

static char path[64];
static struct http *http;
static long answer_s = 10; /* an answer is waited for */

static int setup_for(unsigned int patience)
{
	char address[80], message[256];
	int listener;

	snprintf(path, sizeof(path), "/tmp/test-http-%d", (int)getpid());
	unlink(path);
	snprintf(address, sizeof(address), "unix:%s", path);
	listener = http_listen(address, message, sizeof(message));
	assert_true(listener >= 0);
	http = http_start(listener, patience);
	assert_non_null(http);
	http_publish(http, PAGE, strlen(PAGE));
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return setup_for(PATIENCE);
}

/* For who waits among many, on a machine that has other things to do. */
static int setup_patient(void **state)
{
	(void)state;
	return setup_for(LONG);
}

static int teardown(void **state)
{
	(void)state;
	http_stop(http);
	unlink(path);
	return 0;
}

static void pause_ms(long ms)
{
	const struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

/* -1: there is no place. */
static int caller(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval timeout = { .tv_sec = answer_s };
	int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(descriptor >= 0);
	strcpy(address.sun_path, path);
	setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (!connect(descriptor, (struct sockaddr *)&address, sizeof(address)))
		return descriptor;
	close(descriptor);
	return -1;
}

static bool say(int descriptor, const char *words)
{
	return send(descriptor, words, strlen(words), MSG_NOSIGNAL) == (ssize_t)strlen(words);
}

/* Whether an answer with the page comes. */
static bool answered(int descriptor)
{
	char text[2048] = "";
	size_t used = 0;
	ssize_t bytes;

	while (!strstr(text, PAGE) && used < sizeof(text) - 1 &&
	       (bytes = recv(descriptor, text + used, sizeof(text) - 1 - used, 0)) > 0) {
		used += (size_t)bytes;
		text[used] = '\0';
	}
	return strstr(text, PAGE);
}

static bool scraped(void)
{
	int descriptor = caller();
	bool there = descriptor >= 0 &&
		     say(descriptor, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n") &&
		     answered(descriptor);

	if (descriptor >= 0)
		close(descriptor);
	return there;
}

/* All places are taken by who says a word now and then, and never the last. */
static void test_slow(void **state)
{
	int slow[HTTP_CONNECTIONS];
	int tries = 0;

	(void)state;
	assert_true(scraped());
	for (size_t i = 0; i < HTTP_CONNECTIONS; i++) {
		slow[i] = caller();
		assert_true(slow[i] >= 0);
		assert_true(say(slow[i], "GET /metrics HTTP/1.1\r\nHost: x\r\n"));
	}
	while (!scraped() && tries++ < TRIES) {
		for (size_t i = 0; i < HTTP_CONNECTIONS; i++)
			say(slow[i], "X-More: to come\r\n");
		pause_ms(100);
	}
	assert_true(tries < TRIES);
	for (size_t i = 0; i < HTTP_CONNECTIONS; i++)
		close(slow[i]);
}

/* Who asks again and again on one connection is served for longer than that. */
static void test_kept(void **state)
{
	int descriptor = caller();

	(void)state;
	assert_true(descriptor >= 0);
	for (int i = 0; i < 8; i++) {
		assert_true(say(descriptor, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
		assert_true(answered(descriptor));
		pause_ms(PATIENCE * 1000 / 4);
	}
	close(descriptor);
}

/* Asks as fast as it is answered, on more connections than there are places, and comes back at once. */
static void flood(void)
{
	static const char ask[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int callers[HTTP_CONNECTIONS * 2];
	char text[4096];

	strcpy(address.sun_path, path);
	memset(callers, -1, sizeof(callers));
	for (size_t i = 0;; i = (i + 1) % (sizeof(callers) / sizeof(callers[0]))) {
		ssize_t bytes =
			callers[i] < 0 ? 0 : recv(callers[i], text, sizeof(text), MSG_DONTWAIT);

		if (bytes < 0 && errno == EAGAIN)
			continue;
		if (bytes > 0 &&
		    send(callers[i], ask, strlen(ask), MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
			continue;
		if (callers[i] >= 0)
			close(callers[i]);
		callers[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (!connect(callers[i], (struct sockaddr *)&address, sizeof(address)) &&
		    send(callers[i], ask, strlen(ask), MSG_NOSIGNAL) > 0)
			continue;
		close(callers[i]);
		callers[i] = -1;
	}
}

/* Prometheus is served all the same, whatever somebody else does, and the log has one line. */
static void test_flood(void **state)
{
	char said[4096] = "";
	int log[2], before = dup(STDERR_FILENO), scrapes = 0, served = 0;
	struct pollfd line;
	ssize_t bytes;
	pid_t child;

	(void)state;
	answer_s = LONG;
	assert_int_equal(pipe(log), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child)
		flood();
	dup2(log[1], STDERR_FILENO);
	line = (struct pollfd){ .fd = log[0], .events = POLLIN };
	/* On a busy machine it takes them a while to be too many. */
	while (scrapes < 4 || (scrapes < SCRAPES && poll(&line, 1, 0) < 1)) {
		pause_ms(200);
		scrapes++;
		served += scraped();
	}
	dup2(before, STDERR_FILENO);
	close(before);
	close(log[1]);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	bytes = read(log[0], said, sizeof(said) - 1);
	close(log[0]);
	assert_true(bytes > 0);
	assert_string_equal(
		said,
		"gmemtraced: --metrics: more than 200 requests a second: each waits its turn\n");
	assert_int_equal(served, scrapes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_slow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flood, setup_patient, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
