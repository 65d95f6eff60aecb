// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "sensor/bound.h"
#include "sensor/internal.h"
#include "sensor/refusal.h"
#include "sensor/sight.h"
#include "sensor/walker.h"

#define HEARTBEAT_NS 100000000ULL
#define SWEEP_AGE_NS 1000000000ULL /* a zap that waits this long has no flush coming */
#define SETTLE_AGE_NS 100000000ULL /* the same when everything is to be told */
#define REFUSES_WITNESS "this kernel refuses the programs that look"
#define SETTLE_TRIES 200 /* of a millisecond each */

static int identify(void *context, struct identify_args *identity)
{
	struct sensor *sensor = context;
	int error = load_run(&sensor->load, LOAD_PART_INODES, LOAD_CALL_IDENTIFY, identity,
			     sizeof(*identity));

	return error ? error : identity->result;
}

static void prove_wait(void *context)
{
	rings_drain_some(context);
}

/*
 * Touches every hook that can be touched. Where one does not fire, 0 at best:
 * -errno with @failure or, without it, a doubt since the last time that it did.
 */
static int sensor_prove(struct sensor *sensor, struct sensor_failure *failure)
{
	size_t blind = load_programs_nr;
	uint64_t begin = sensor_now();
	struct touch touch;
	int error;

	load_sight_reset(&sensor->load);
	/* One that hangs is enough: it touches on, unrecorded, while its task is the toucher. */
	if (sensor->toucher)
		return 0;
	error = touch_run(&sensor->load, &touch, prove_wait, sensor);
	sensor->toucher = touch.hanging;
	/* The toucher is heard, and with it everybody. */
	if (sensor->quiet && !touch.hanging)
		load_quiet(&sensor->load, true);
	for (size_t i = 0; i < load_programs_nr; i++) {
		char key[64], words[SIGHT_TEXT_LENGTH];
		enum sight_state state =
			sight_judge(&sensor->load, &sensor->text, &touch, error, i, words);

		snprintf(key, sizeof(key), "sensor.sight.%zu", i);
		if (state != SIGHT_UNHOOKED)
			tell_fact(sensor, key, words);
		if (state == SIGHT_BLIND)
			blind = i;
	}
	if (blind < load_programs_nr && failure)
		return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, -EIO,
				   "the hook on %s does not fire: tracing is off in this kernel; "
				   "look at kernel.ftrace_enabled (sysctl) and at other tracers",
				   load_programs[blind].target ? load_programs[blind].target
							       : load_programs[blind].name);
	if (blind < load_programs_nr)
		tell_loss_since(sensor, sensor->proved, 0, RECORD_LOSS_BLIND, blind, 1);
	else
		sensor->proved = begin;
	return 0;
}

/* From here on a hook's call that goes is noticed, however soon it comes back. */
static void watch_text(struct sensor *sensor)
{
	const char *names[LOAD_PROGRAMS_MAX];
	size_t nr = load_hooked(&sensor->load, names);
	int error;

	text_close(&sensor->text);
	error = text_open(&sensor->text, names, nr);
	tell_fact(sensor, "sensor.text",
		  error ? "not watched: no perf events of changes of the kernel's text"
			: "watched");
}

static uint32_t stack_id(void *context, uint32_t number)
{
	return stacks_id(&((struct sensor *)context)->stacks, number);
}

static void caller_names(void *context, const __u64 addresses[RECORD_CALLER_FRAMES_NR],
			 char text[RECORD_CALLER_TEXT_MAX])
{
	stacks_caller(&((struct sensor *)context)->stacks, addresses, text);
}

/* Once the maps are there. */
static void stacks_begin(struct sensor *sensor)
{
	sensor->seal.caller = caller_names;
	sensor->seal.stack_context = sensor;
	if (!(sensor->options.groups & SENSOR_GROUP_FLUSHES))
		return;
	stacks_init(&sensor->stacks, bpf_map__fd(load_map(&sensor->load, "stacks")), sensor->sink,
		    sensor->context);
	/* Now, and not while flushes are timed: reading it keeps a CPU busy. */
	(void)symbols_look(&sensor->stacks.symbols, 0, sensor_now());
	sensor->seal.stack = stack_id;
}

/* Once the maps are there. */
static int summary_begin(struct sensor *sensor, struct sensor_failure *failure)
{
	int error = 0;

	if (sensor->options.groups & (SENSOR_GROUP_EXPOSURES | SENSOR_GROUP_DURATIONS))
		error = summary_open(&sensor->summary,
				     bpf_map__fd(load_map(&sensor->load, "summaries")),
				     sensor->sink, sensor->context);
	return error ? sensor_fail(failure, GMEMTRACE_ERROR, error, "out of memory") : 0;
}

/* What knows inodes: a verdict needs it, and nothing else. */
static int inodes_begin(struct sensor *sensor, struct sensor_failure *failure)
{
	/* Nothing to hook when kvm comes. */
	sensor->load.with_kvm = true;
	if (!(sensor->options.groups & SENSOR_GROUP_VERDICT))
		return 0;
	return load_inodes_part(&sensor->load, &sensor->kernel, &sensor->options, failure);
}

static void bound_tell(struct sensor *sensor)
{
	char looked[BOUND_TEXT_LENGTH];

	if (bound_discover(&sensor->load, &sensor->kernel, looked))
		tell_fact(sensor, SENSOR_FACT_BOUND, looked);
}

static int inodes_discover(struct sensor *sensor, struct sensor_failure *failure)
{
	int error;

	if (!(sensor->options.groups & SENSOR_GROUP_VERDICT))
		return 0;
	error = load_discover(&sensor->load);
	if (!error)
		bound_tell(sensor);
	return error ? sensor_fail(failure, GMEMTRACE_CANNOT_RUN, error,
				   "cannot look for existing inodes: %s", strerror(-error))
		     : 0;
}

/* Where the kernel refuses what watches CPUs, and nothing else, all else is traced, and that is said. */
static int kernel_part_begin(struct sensor *sensor, struct sensor_failure *failure)
{
	int error = load_kernel_part(&sensor->load, &sensor->kernel, &sensor->options, failure);
	char groups[16];

	if (!error || !(load_refused(refusal_last()) & SENSOR_GROUP_WITNESS))
		return error;
	load_close(&sensor->load);
	memset(&sensor->load, 0, sizeof(sensor->load));
	sensor->options.groups &= ~(uint32_t)SENSOR_GROUP_WITNESS;
	error = load_kernel_part(&sensor->load, &sensor->kernel, &sensor->options, failure);
	if (error)
		return error;
	tell_fact(sensor, RECORD_FACT_UNWITNESSED, REFUSES_WITNESS);
	snprintf(groups, sizeof(groups), "%u", sensor->options.groups);
	tell_fact(sensor, "sensor.groups", groups);
	tell_programs(sensor);
	return 0;
}

/* Where the kernel refuses a hook that tracing can do without, all else is traced, and that is said. */
static int kernel_part_attach(struct sensor *sensor, struct sensor_failure *failure)
{
	int error = load_attach(&sensor->load, LOAD_PART_KERNEL, failure);
	uint32_t out = load_left_out(&sensor->load) & ~(uint32_t)SENSOR_GROUP_VERDICT;
	char groups[16];

	if (error || !out)
		return error;
	sensor->options.groups &= ~out;
	if (out & SENSOR_GROUP_WITNESS)
		tell_fact(sensor, RECORD_FACT_UNWITNESSED, REFUSES_WITNESS);
	snprintf(groups, sizeof(groups), "%u", sensor->options.groups);
	tell_fact(sensor, "sensor.groups", groups);
	return 0;
}

static int sensor_arm(struct sensor *sensor, struct sensor_failure *failure)
{
	int error = kernel_check_permissions(failure);
	bool half;

	if (error)
		return error;
	error = sight_check(failure);
	if (error)
		return error;
	error = lock_take(&sensor->lock, sensor->options.lock, failure);
	if (error)
		return error;
	error = kernel_open(&sensor->kernel, failure);
	if (error)
		return error;
	error = facts_read_config(&sensor->kernel, failure);
	if (error)
		return error;
	sensor->options.groups = load_groups(&sensor->kernel, sensor->options.groups);
	if (seal_init(&sensor->seal, &sensor->kernel.config))
		return sensor_fail(failure, GMEMTRACE_ERROR, -ENOMEM, "out of memory");
	sensor->seal.sink = sensor->sink;
	sensor->seal.context = sensor->context;
	sensor->seal.identify = identify;
	sensor->seal.identify_context = sensor;
	sensor->since = sensor_now();
	tell_facts(sensor);
	error = kernel_part_begin(sensor, failure);
	if (error)
		return error;
	stacks_begin(sensor);
	error = summary_begin(sensor, failure);
	if (error)
		return error;
	error = walker_prove(walker_walk_sensors, &sensor->load, &half, failure);
	if (error)
		return error;
	tell_fact(sensor, "sensor.walker",
		  half ? "proved: an ordinary page reads present"
		       : "proved: an ordinary page reads present, a memfd_secret page absent");
	error = kernel_part_attach(sensor, failure);
	if (error)
		return error;
	error = inodes_begin(sensor, failure);
	if (error)
		return error;
	tell_programs(sensor);
	sensor->ring = ring_buffer__new(bpf_map__fd(load_map(&sensor->load, "ring")), rings_take,
					sensor, NULL);
	if (!sensor->ring)
		return sensor_fail(failure, GMEMTRACE_ERROR, -errno, "cannot map the ring: %s",
				   strerror(errno));
	watch_text(sensor);
	load_arm(&sensor->load);
	sensor->since = sensor_now();
	error = inodes_discover(sensor, failure);
	if (error)
		return error;
	sensor->sighted = sensor_now();
	error = sensor_prove(sensor, failure);
	return error ? error : rings_drain_some(sensor);
}

int sensor_open(struct sensor **out, const struct sensor_options *options, sensor_sink sink,
		void *context, struct sensor_failure *failure)
{
	struct sensor *sensor = calloc(1, sizeof(*sensor));
	int error;

	if (!sensor)
		return sensor_fail(failure, GMEMTRACE_ERROR, -ENOMEM, "out of memory");
	refusal_listen();
	sensor->options = *options;
	sensor->sink = sink;
	sensor->context = context;
	sensor->lock.descriptor = -1;
	error = sensor_arm(sensor, failure);
	if (error) {
		sensor_close(sensor);
		return error;
	}
	*out = sensor;
	return 0;
}

/* What the hooks may have missed between two looks. Follows a heartbeat's begin, precedes its end. */
static void watch_sight(struct sensor *sensor)
{
	uint64_t time = sensor_now(), since = sensor->sighted;
	bool off = sight_is_off(), gone = text_look(&sensor->text, &since);

	if (off || sensor->off || gone)
		tell_loss_since(sensor, since, 0, RECORD_LOSS_BLIND, 0, 1);
	sensor->off = off;
	sensor->sighted = time;
	if (sensor->toucher && touch_reap(&sensor->load, sensor->toucher))
		sensor->toucher = 0;
}

/* kvm is there and not hooked: whatever it does is a doubt. */
static void emit_unhooked(struct sensor *sensor)
{
	uint64_t loaded = load_take_kvm_loaded(&sensor->load);

	if (loaded && !sensor->load.with_kvm && !sensor->unhooked)
		sensor->unhooked = loaded;
	if (sensor->unhooked)
		tell_loss_since(sensor, sensor->unhooked, 0, RECORD_LOSS_UNHOOKED, 0, 1);
}

/* BPF programs are refused on a module that is still being initialised (btf_try_get_module()). */
static bool kvm_is_live(void)
{
	FILE *file = fopen("/sys/module/kvm/initstate", "re");
	char state[16] = "";
	bool live;

	if (!file)
		return true;
	live = fgets(state, sizeof(state), file) && !strncmp(state, "live", 4);
	fclose(file);
	return live;
}

/* kvm may be loaded after us: its routines are hooked then, and what came before is a doubt. */
static void watch_kvm(struct sensor *sensor)
{
	struct sensor_failure failure;

	emit_unhooked(sensor);
	if (sensor->load.with_kvm || !kvm_is_live() || !kernel_refresh_kvm(&sensor->kernel))
		return;
	if (load_inodes_part(&sensor->load, &sensor->kernel, &sensor->options, &failure)) {
		tell_fact(sensor, "sensor.kvm_failed", failure.message);
		sensor->load.with_kvm = true; /* said once; trying again would say the same */
		return;
	}
	if (!sensor->unhooked)
		sensor->unhooked = sensor->sighted;
	watch_text(sensor);
	tell_loss_since(sensor, sensor->unhooked, 0, RECORD_LOSS_UNHOOKED, 0, 1);
	sensor->unhooked = 0;
	tell_fact(sensor, "kernel.kvm", "module, loaded while tracing");
	tell_policies(sensor);
	tell_programs(sensor);
	load_discover(&sensor->load);
	bound_tell(sensor);
	sensor_prove(sensor, NULL);
}

int sensor_poll(struct sensor *sensor)
{
	uint64_t before = sensor->records;
	int error;

	error = rings_drain_some(sensor);
	if (error)
		return error;
	if (load_kvm_waits(&sensor->load) || (sensor->unhooked && !sensor->load.with_kvm))
		watch_kvm(sensor);
	if (sensor->pending.time && rings_drained(sensor, &sensor->pending))
		tell_heartbeat(sensor);
	if (!sensor->pending.time && sensor_now() - sensor->heartbeat >= HEARTBEAT_NS) {
		error = tell_begin(sensor, SWEEP_AGE_NS);
		if (error)
			return error;
		watch_sight(sensor);
		watch_kvm(sensor);
	}
	return (int)(sensor->records - before);
}

int sensor_snapshot(struct sensor *sensor, uint64_t inode, uint64_t first, uint64_t nr,
		    uint32_t pass, uint64_t snapshot)
{
	const struct seal_inode *found = seal_find(&sensor->seal, inode);

	if (!found)
		return -ENOENT;
	for (uint64_t done = 0; done < nr; done += RECORD_SNAPSHOT_CHUNK) {
		struct snapshot_args args = {
			.inode = found->pointer,
			.i_ino = found->i_ino,
			.pgoff_first = first + done,
			.pgoff_nr = nr - done,
			.snapshot = snapshot,
			.pass = pass,
			.provider = found->record.provider,
		};
		int error;

		if (args.pgoff_nr > RECORD_SNAPSHOT_CHUNK)
			args.pgoff_nr = RECORD_SNAPSHOT_CHUNK;
		error = load_run(&sensor->load, LOAD_PART_INODES, LOAD_CALL_SNAPSHOT_LIVE, &args,
				 sizeof(args));
		if (error || args.result)
			return error ? error : (int)args.result;
		/* A chunk may fill half a megabyte of the ring: make room for the next. */
		sensor_poll(sensor);
		found = seal_find(&sensor->seal, inode);
		if (!found)
			return -ENOENT;
	}
	return 0;
}

int sensor_quiet(struct sensor *sensor, bool quiet)
{
	struct sensor_failure failure;

	if (sensor->options.groups & SENSOR_GROUP_PAGE_FREE)
		return -EOPNOTSUPP;
	sensor->quiet = quiet;
	/* Who hangs and touches is left to it: what comes of that is drained. */
	if (sensor->toucher)
		return 0;
	load_quiet(&sensor->load, quiet);
	/* Of some kernels no hook tells that an inode has come. */
	return quiet ? 0 : inodes_discover(sensor, &failure);
}

int sensor_leave_out(struct sensor *sensor, uint64_t inode, bool out)
{
	const struct seal_inode *found = seal_find(&sensor->seal, inode);
	struct inode_key key;

	if (!sensor->options.filtered)
		return -EINVAL;
	if (!found)
		return -ENOENT;
	key = (struct inode_key){ .inode = found->pointer, .i_ino = found->i_ino };
	return load_leave_out(&sensor->load, &key, out);
}

void sensor_announce(struct sensor *sensor, sensor_sink sink, void *context)
{
	for (size_t i = 0; i < sensor->facts_nr; i++)
		sink(context, &sensor->facts[i]->header);
	stacks_announce(&sensor->stacks, sink, context);
	for (size_t i = 0; i < sensor->seal.inodes_nr; i++) {
		struct record_inode record = sensor->seal.inodes[i].record;

		if (!sensor->seal.inodes[i].number)
			continue;
		record.before_attach = 1;
		sink(context, &record.header);
	}
}

int sensor_settle(struct sensor *sensor)
{
	static const struct timespec pause = { .tv_nsec = 1000000 };
	int error;

	sensor_prove(sensor, NULL);
	error = tell_begin(sensor, SETTLE_AGE_NS);
	if (error)
		return error;
	watch_sight(sensor);
	emit_unhooked(sensor);
	for (int i = 0; i < SETTLE_TRIES; i++) {
		rings_drain_until(sensor, &sensor->pending, DRAIN_ALL);
		if (rings_drained(sensor, &sensor->pending))
			break;
		nanosleep(&pause, NULL);
	}
	/* A writer that is preempted in the middle: what is behind it comes too late to be told. */
	if (!rings_drained(sensor, &sensor->pending))
		tell_loss(sensor, 0, RECORD_LOSS_DISORDER, 0, 1);
	summary_tell(&sensor->summary, true);
	tell_heartbeat(sensor);
	return 0;
}

void sensor_yield(struct sensor *sensor)
{
	lock_release(&sensor->lock);
}

void sensor_close(struct sensor *sensor)
{
	if (!sensor)
		return;
	sensor_yield(sensor);
	ring_buffer__free(sensor->ring);
	text_close(&sensor->text);
	load_close(&sensor->load);
	seal_destroy(&sensor->seal);
	stacks_close(&sensor->stacks);
	summary_close(&sensor->summary);
	for (size_t i = 0; i < sensor->facts_nr; i++)
		free(sensor->facts[i]);
	kernel_close(&sensor->kernel);
	free(sensor);
}
