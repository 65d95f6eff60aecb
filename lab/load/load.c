// SPDX-License-Identifier: GPL-2.0
/* Errors, random numbers, threads and the summary. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

struct load_counters load_counters;
_Atomic bool load_stop;

static void print_reason(const char *format, va_list arguments)
{
	static _Atomic bool printed;
	char text[512];

	atomic_store(&load_stop, true);
	/* What fails next is mostly a consequence of the first failure. */
	if (atomic_exchange(&printed, true))
		return;
	vsnprintf(text, sizeof(text), format, arguments);
	fflush(stdout);
	fprintf(stderr, "gmem-load: %s\n", text);
}

int load_fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_reason(format, arguments);
	va_end(arguments);
	return LOAD_FAILED;
}

/* Of this thread, as the kernel keeps it. */
static _Thread_local bool failures_expected;

bool load_failures_expected(void)
{
	return failures_expected;
}

int load_fail_call(const char *format, ...)
{
	bool no_memory = errno == ENOMEM;
	va_list arguments;

	if (no_memory && failures_expected) {
		load_counters.refused++;
		return LOAD_REFUSED;
	}
	va_start(arguments, format);
	print_reason(format, arguments);
	va_end(arguments);
	return LOAD_FAILED;
}

#define INJECT_TRIES 1000

/* 0 or -errno. */
static int make_it_fail(bool wanted)
{
	int file = open("/proc/thread-self/make-it-fail", O_WRONLY | O_CLOEXEC);
	int error = 0;

	if (file < 0)
		return -errno;
	if (write(file, wanted ? "1" : "0", 1) != 1)
		error = -errno;
	close(file);
	return error;
}

int load_inject_failures(bool wanted)
{
	int error = make_it_fail(wanted);

	/* While they are on, what turns them off fails at random, too. */
	for (int i = 0; i < INJECT_TRIES && error == -ENOMEM; i++)
		error = make_it_fail(wanted);
	/* No fault injection in this kernel, or not for this user. */
	if (error)
		return load_cannot_run(
			"/proc/thread-self/make-it-fail: %s; --expect-failures needs "
			"CONFIG_FAULT_INJECTION and root",
			strerror(-error));
	failures_expected = wanted;
	return LOAD_OK;
}

int load_cannot_run(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_reason(format, arguments);
	va_end(arguments);
	return LOAD_CANNOT_RUN;
}

/* splitmix64: any state is a good one, so streams need no warming up. */
uint64_t load_random_next(struct load_random *random)
{
	uint64_t mixed = random->state += 0x9e3779b97f4a7c15;

	mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
	mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
	return mixed ^ (mixed >> 31);
}

struct load_random load_random_start(uint64_t seed, uint64_t stream)
{
	struct load_random random = { .state = seed };

	random.state = load_random_next(&random) ^ stream;
	random.state = load_random_next(&random);
	return random;
}

uint64_t load_random_below(struct load_random *random, uint64_t limit)
{
	return load_random_next(random) % limit;
}

uint64_t load_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

struct thread {
	pthread_t handle;
	unsigned int index;
	int (*work)(unsigned int index, void *context);
	void *context;
	int status;
};

static void *run_thread(void *argument)
{
	struct thread *thread = argument;

	thread->status = thread->work(thread->index, thread->context);
	return NULL;
}

int load_run_threads(unsigned int threads, int (*work)(unsigned int index, void *context),
		     void *context)
{
	struct thread *all;
	unsigned int started, i;
	int status = LOAD_OK;

	if (threads == 1)
		return work(0, context);
	all = calloc(threads, sizeof(*all));
	if (!all)
		return load_fail("no memory for %u threads", threads);
	for (started = 0; started < threads; started++) {
		struct thread *thread = &all[started];
		int error;

		*thread = (struct thread){ .index = started, .work = work, .context = context };
		error = pthread_create(&thread->handle, NULL, run_thread, thread);
		if (error) {
			status = load_fail("cannot start thread %u: %s", started, strerror(error));
			break;
		}
	}
	for (i = 0; i < started; i++) {
		pthread_join(all[i].handle, NULL);
		if (all[i].status > status)
			status = all[i].status;
	}
	free(all);
	return status;
}

void load_hold(const struct load_options *options)
{
	unsigned int left = options->hold;

	fflush(stdout);
	while (left)
		left = sleep(left);
}

void load_summary(const char *scenario, const struct load_options *options, uint64_t begin_ns)
{
	printf("%s: ok seed=%llu vms=%u threads=%u requests=%llu transitions=%llu faulted=%llu "
	       "verified=%llu refused=%llu restarted=%llu ms=%llu\n",
	       scenario, (unsigned long long)options->seed, options->vms, options->threads,
	       (unsigned long long)load_counters.requests,
	       (unsigned long long)load_counters.transitions,
	       (unsigned long long)load_counters.faulted,
	       (unsigned long long)load_counters.verified,
	       (unsigned long long)load_counters.refused,
	       (unsigned long long)load_counters.restarted,
	       (unsigned long long)(load_now_ns() - begin_ns) / 1000000);
}
