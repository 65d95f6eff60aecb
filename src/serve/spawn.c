// SPDX-License-Identifier: GPL-2.0
/* Makes the process that owns the sensors. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "serve/server.h"

static void on_terminate(int number)
{
	(void)number;
	server_terminate();
}

/* The least of @kept that is not below @from, or -1. */
static int descriptor_next(const int kept[3], int from)
{
	int next = -1;

	for (int i = 0; i < 3; i++) {
		if (kept[i] >= from && (next < 0 || kept[i] < next))
			next = kept[i];
	}
	return next;
}

/*
 * A fork inherits everything: with the client's own end open here as well,
 * nobody would ever see that it has died.
 */
static void descriptors_close(const int kept[3])
{
	int from = 3, next;

	while ((next = descriptor_next(kept, from)) >= 0) {
		if (next > from)
			close_range(from, next - 1, 0);
		from = next + 1;
	}
	close_range(from, ~0U, 0);
}

/* Maps, programs, their links, and an event for every CPU: no ordinary program has so many. */
static void descriptors_lift(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

pid_t server_spawn(const struct sensor_options *sensors, const struct server_options *options)
{
	const struct sigaction action = { .sa_handler = on_terminate };
	pid_t parent = getpid(), child = fork();
	sigset_t none;

	if (child)
		return child < 0 ? -errno : child;
	descriptors_close((const int[]){ options->client, options->listener, options->report });
	descriptors_lift();
	/* ^C is for the command; the owner ends when its client does. */
	setpgid(0, 0);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGTERM, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* The only client's end of the socket tells of its death; clients of a daemon do not. */
	if (options->client < 0)
		prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() == parent)
		server_run(sensors, options);
	_exit(0);
}
