// SPDX-License-Identifier: GPL-2.0
/* Makes the process that owns the sensors. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "serve/descriptors.h"
#include "serve/server.h"

static void on_terminate(int number)
{
	(void)number;
	server_terminate();
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
	descriptors_keep((const int[]){ options->client, options->listener, options->report }, 3);
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
