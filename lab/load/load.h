/* SPDX-License-Identifier: GPL-2.0 */
/* What all of gmem-load shares: options, statuses, counters, threads and random numbers. */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_PAGE_SHIFT 12
#define LOAD_PAGE_SIZE (1UL << LOAD_PAGE_SHIFT)

/* Exit statuses; functions that can fail return one and have printed the reason. */
enum load_status {
	LOAD_OK = 0,
	LOAD_REFUSED =
		1, /* load_fail_call() only: no memory, as expected; main() never returns it */
	LOAD_FAILED = 2,
	LOAD_CANNOT_RUN = 4,
	LOAD_USAGE = 64,
};

struct load_options {
	uint64_t seed;
	uint64_t pages; /* of the first inode of an area, or of memfd_secret a round */
	unsigned int threads;
	unsigned int vms;
	unsigned int rounds;
	bool rounds_given;
	unsigned int seconds; /* of churn; 0: until the rounds are done */
	bool expect_failures; /* churn's threads ask for injected failures */
	unsigned int start_delay; /* seconds */
	unsigned int hold; /* seconds between the last action and the teardown */
};

/* What the summary line reports. Updated by any thread. */
struct load_counters {
	_Atomic uint64_t requests; /* conversions, ioctls and holes */
	_Atomic uint64_t
		transitions; /* pages of flagged inodes whose direct-map state was asked to change */
	_Atomic uint64_t
		faulted; /* private pages made resident by the guest or by KVM_PRE_FAULT_MEMORY */
	_Atomic uint64_t verified; /* words that the guest or we found as expected */
	_Atomic uint64_t restarted; /* commands that a vCPU did not end: see vcpu.c */
	_Atomic uint64_t refused; /* calls that found no memory where that is expected */
};

extern struct load_counters load_counters;

/* Set when a thread has failed: the others end their work early. */
extern _Atomic bool load_stop;

/* Prints "gmem-load: ..." on stderr, the first time only in a run; sets load_stop. Returns LOAD_FAILED. */
int load_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * The same for a call that has just set errno. Where this thread has called load_inject_failures()
 * and the call found no memory: prints nothing, counts it and returns LOAD_REFUSED.
 */
int load_fail_call(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* From here on the kernel's fault injection may choose this thread, or may not any more. */
int load_inject_failures(bool wanted);
/* Whether it may, so that errors which come from it have to be lived with. */
bool load_failures_expected(void);

/* load_fail() for what this machine does not offer. Returns LOAD_CANNOT_RUN. */
int load_cannot_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct load_random {
	uint64_t state;
};

/* A generator of its own for each stream of a seed. */
struct load_random load_random_start(uint64_t seed, uint64_t stream);
uint64_t load_random_next(struct load_random *random);
/* 0 <= result < limit; limit > 0. */
uint64_t load_random_below(struct load_random *random, uint64_t limit);

uint64_t load_now_ns(void);

/* Runs work(index, context) in `threads` threads, in this one when there is only one. Returns the worst status. */
int load_run_threads(unsigned int threads, int (*work)(unsigned int index, void *context),
		     void *context);

/* Sleeps for options->hold seconds, so that a tracer can look at the final state. */
void load_hold(const struct load_options *options);

/* Prints the one line of a run that succeeded. */
void load_summary(const char *scenario, const struct load_options *options, uint64_t begin_ns);

int scenario_fault(const struct load_options *options);
int scenario_convert(const struct load_options *options);
int scenario_convert_unfaulted(const struct load_options *options);
int scenario_bind(const struct load_options *options);
int scenario_folio(const struct load_options *options);
int scenario_punch(const struct load_options *options);
int scenario_churn(const struct load_options *options);
int scenario_secretmem(const struct load_options *options);
int scenario_plain(const struct load_options *options);
int scenario_mapped(const struct load_options *options);

#endif
