// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "gmemtrace/run.h"
#include "metrics/metrics.h"
#include "metrics/serve.h"

#define INTERVAL_NS 10000000000ULL /* between two files */
#define SNAPSHOT_NS 60000000000ULL /* between two reads of an inode */

struct keeper {
	const struct metrics_options *options;
	struct metrics *metrics;
	__u64 written; /* ns: model's time */
	int error; /* of the last file: said once */
};

static double seconds(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static struct metrics_moment moment_now(void)
{
	struct rusage usage = { 0 };
	struct timespec now = { 0 };

	getrusage(RUSAGE_SELF, &usage);
	clock_gettime(CLOCK_REALTIME, &now);
	return (struct metrics_moment){
		.time = (double)now.tv_sec + (double)now.tv_nsec / 1e9,
		.cpu_seconds = seconds(&usage.ru_utime) + seconds(&usage.ru_stime),
	};
}

static void keeper_write(struct keeper *keeper)
{
	const struct metrics_moment moment = moment_now();
	int error = metrics_write_file(keeper->metrics, &moment, keeper->options->path);
	char line[512];

	if (error && error != keeper->error) {
		snprintf(line, sizeof(line), "--metrics %s: cannot write: %s",
			 keeper->options->path, strerror(-error));
		keeper->options->say(NULL, line);
	}
	keeper->error = error;
}

static void on_advanced(void *context, __u64 now)
{
	struct keeper *keeper = context;

	if (keeper->written && now < keeper->written + INTERVAL_NS)
		return;
	keeper->written = now;
	keeper_write(keeper);
}

static int keeper_run(struct keeper *keeper, struct run *run)
{
	/* A host without such memory is no host in doubt. */
	const struct verdict_options judging = { .allow_empty = true };
	const struct model_observer observer = { .context = keeper, .advanced = on_advanced };
	struct verdict *verdict = verdict_create(run_model(run), &judging);
	struct run_result result;
	int status = GMEMTRACE_ERROR;

	keeper->metrics = verdict ? metrics_create(run_model(run), verdict) : NULL;
	if (keeper->metrics && !model_observe(run_model(run), &observer))
		status = run_source(run, verdict, &result);
	if (!status)
		keeper_write(keeper);
	metrics_free(keeper->metrics);
	verdict_free(verdict);
	return status;
}

static _Noreturn void keeper_child(const struct metrics_options *options)
{
	const struct run_options live = {
		.socket = options->socket,
		.socket_only = true,
		.snapshot_interval = SNAPSHOT_NS,
		.say = options->say,
	};
	struct keeper keeper = { .options = options };
	struct run *run;
	sigset_t none;
	int status;

	/* The parent has them blocked while it does not wait. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_IGN);
	status = run_open(&run, &live);
	if (!status) {
		status = keeper_run(&keeper, run);
		run_close(run);
	}
	_exit(status);
}

pid_t metrics_spawn(const struct metrics_options *options)
{
	pid_t child = fork();

	if (!child)
		keeper_child(options);
	return child < 0 ? -errno : child;
}
