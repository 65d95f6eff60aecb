// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "sensor/load.h"
#include "sensor/lock.h"
#include "sensor/refusal.h"
#include "sensor/seal.h"
#include "sensor/sensor.h"
#include "sensor/sight.h"
#include "sensor/text.h"
#include "sensor/walker.h"

#define FACTS_MAX 128
#define LOSERS_MAX 16
#define HEARTBEAT_NS 100000000ULL
#define SWEEP_AGE_NS 1000000000ULL /* a zap that waits this long has no flush coming */
#define SETTLE_AGE_NS 100000000ULL /* the same when everything is to be told */
#define SETTLE_TRIES 200 /* of a millisecond each */
#define RING_HEADER 8 /* BPF_RINGBUF_HDR_SZ */

/* A user whose records were lost. */
struct loser {
	uint32_t uid;
	uint64_t count;
};

struct sensor {
	struct kernel kernel;
	struct sensor_options options;
	struct load load;
	struct text text;
	struct seal seal;
	struct ring_buffer *ring;
	sensor_sink sink;
	void *context;
	struct lock lock; /* of the owner */
	uint64_t records; /* drained */
	uint64_t consumed; /* ring bytes drained */
	uint64_t wanted; /* ring bytes to drain for now */
	uint64_t zaps; /* entries of the zap ring drained */
	uint64_t heartbeat; /* ns: the last one */
	uint64_t swept; /* ns: waiting zaps were looked for */
	uint64_t since; /* ns: losses are counted from here */
	uint64_t sighted; /* ns: the last look whether hooks are off */
	uint64_t proved; /* ns: the last time that they were touched */
	uint64_t
		unhooked; /* ns: kvm is loaded since then, and not hooked; 0: it is, or is not there */
	bool off; /* at the last look hooks were */
	pid_t toucher; /* hangs in the kernel; 0: none does */
	struct loser losers[LOSERS_MAX];
	size_t losers_nr;
	struct record_fact *facts[FACTS_MAX];
	size_t facts_nr;
	struct position_args target; /* what is being drained */
	struct position_args pending; /* a heartbeat waits until the ring is drained so far */
};

#define DRAIN_BYTES (1ULL << 20) /* of each ring in one go */
#define DRAIN_ALL (1ULL << 40)
/* drain() has come as far as it should. */
#define DRAINED (-ECANCELED)

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static int drain(void *context, void *data, size_t size)
{
	struct sensor *sensor = context;

	sensor->records++;
	sensor->consumed += (size + RING_HEADER + 7) & ~7ULL;
	seal_record(&sensor->seal, data);
	/* Writers may be faster than we are: libbpf would go on for as long as they do. */
	return sensor->consumed < sensor->wanted ? 0 : DRAINED;
}

static void drain_zaps(struct sensor *sensor, uint64_t until)
{
	struct zap_ring_entry *entries;
	struct zap_ring_ends *ends;
	struct record_zap record;

	load_zap_ring(&sensor->load, &entries, &ends);
	while (sensor->zaps < until && ring_next(entries, ends, sensor->zaps, &record)) {
		sensor->zaps++;
		sensor->records++;
		seal_record(&sensor->seal, &record.header);
	}
}

static bool drained(const struct sensor *sensor, const struct position_args *position)
{
	return sensor->consumed >= position->produced && sensor->zaps >= position->zaps;
}

/*
 * Drains both rings as far as @position, or @budget bytes of each. The zaps go last: what announces
 * an inode must be sealed before a zap that names it.
 */
static int drain_until(struct sensor *sensor, const struct position_args *position, uint64_t budget)
{
	uint64_t zaps = sensor->zaps + budget / sizeof(struct zap_ring_entry);
	int error = 0;

	sensor->wanted = sensor->consumed + budget;
	if (sensor->wanted > position->produced)
		sensor->wanted = position->produced;
	if (sensor->consumed < sensor->wanted)
		error = ring_buffer__consume(sensor->ring);
	if (error < 0 && error != DRAINED)
		return error;
	if (sensor->consumed >= position->produced)
		drain_zaps(sensor, zaps < position->zaps ? zaps : position->zaps);
	return 0;
}

static int take_position(const struct sensor *sensor, struct position_args *position)
{
	return load_run(&sensor->load, LOAD_PART_KERNEL, "position", position, sizeof(*position));
}

/*
 * A part of what is there. Whoever takes it may be slow, and has other things to ask for meanwhile;
 * a position once taken is drained to its end, else zaps would wait behind records for ever.
 */
static int drain_some(struct sensor *sensor)
{
	int error = 0;

	if (drained(sensor, &sensor->target))
		error = take_position(sensor, &sensor->target);
	return error ? error : drain_until(sensor, &sensor->target, DRAIN_BYTES);
}

static int identify(void *context, struct identify_args *identity)
{
	struct sensor *sensor = context;
	int error =
		load_run(&sensor->load, LOAD_PART_INODES, "identify", identity, sizeof(*identity));

	return error ? error : identity->result;
}

static struct record_fact *fact_make(const char *key, const char *value)
{
	size_t key_length = strlen(key) + 1, value_length = strlen(value) + 1;
	size_t size = (sizeof(struct record_fact) + key_length + value_length + 7) & ~7UL;
	struct record_fact *fact = size > UINT16_MAX ? NULL : calloc(1, size);

	if (!fact)
		return NULL;
	fact->header.kind = RECORD_FACT;
	fact->header.size = size;
	fact->header.time = now();
	fact->key_length = key_length;
	fact->value_length = value_length;
	memcpy(fact->text, key, key_length);
	memcpy(fact->text + key_length, value, value_length);
	return fact;
}

/* Where the fact called @key is kept, or would be; NULL: there is no room. */
static struct record_fact **fact_place(struct sensor *sensor, const char *key)
{
	for (size_t i = 0; i < sensor->facts_nr; i++) {
		if (!strcmp(sensor->facts[i]->text, key))
			return &sensor->facts[i];
	}
	if (sensor->facts_nr == FACTS_MAX)
		return NULL;
	return &sensor->facts[sensor->facts_nr++];
}

/* A fact is kept as well, for clients that come later; what it says already is not said again. */
static void emit_fact(struct sensor *sensor, const char *key, const char *value)
{
	struct record_fact *fact = fact_make(key, value), **place = NULL;

	if (fact)
		place = fact_place(sensor, key);
	if (!place || (*place && !strcmp((*place)->text + (*place)->key_length, value))) {
		free(fact);
		return;
	}
	free(*place);
	*place = fact;
	sensor->sink(sensor->context, &fact->header);
}

/* Which programs there are, and which of them have nothing to hook here. */
static void emit_program_facts(struct sensor *sensor)
{
	char key[64], value[96];

	for (size_t i = 0; i < load_programs_nr; i++) {
		const struct load_program *program = &load_programs[i];

		snprintf(key, sizeof(key), "sensor.program.%zu", i);
		snprintf(value, sizeof(value), "%s%s", program->name,
			 load_program_fits(program, &sensor->kernel, sensor->options.groups)
				 ? ""
				 : " off");
		emit_fact(sensor, key, value);
	}
}

static void emit_facts(struct sensor *sensor)
{
	struct utsname name;
	char value[32];

	if (!uname(&name)) {
		emit_fact(sensor, "kernel.release", name.release);
		emit_fact(sensor, "kernel.version", name.version);
	}
	snprintf(value, sizeof(value), "%ld", sysconf(_SC_NPROCESSORS_ONLN));
	emit_fact(sensor, "kernel.cpus", value);
	emit_fact(sensor, "kernel.page_table_levels",
		  sensor->kernel.config.five_levels ? "5" : "4");
	snprintf(value, sizeof(value), "%llu", sensor->kernel.config.flush_ceiling >> 12);
	emit_fact(sensor, "kernel.flush_ceiling_pages", value);
	emit_fact(sensor, "kernel.kvm", sensor->kernel.kvm ? "module" : "none or built in");
	snprintf(value, sizeof(value), "%u", sensor->options.groups);
	emit_fact(sensor, "sensor.groups", value);
	emit_program_facts(sensor);
}

/* Until now: what is counted may have been lost since the rings' positions were taken. */
static void emit_loss_since(struct sensor *sensor, uint64_t since, uint64_t inode, uint32_t cause,
			    uint32_t program, uint64_t count)
{
	struct record_loss loss = {
		.header = { .kind = RECORD_LOSS,
			    .size = sizeof(loss),
			    .time = now(),
			    .inode = inode },
		.since = since,
		.count = count,
		.cause = cause,
		.program = program,
	};

	if (count)
		sensor->sink(sensor->context, &loss.header);
}

static void emit_loss(struct sensor *sensor, uint64_t inode, uint32_t cause, uint32_t program,
		      uint64_t count)
{
	emit_loss_since(sensor, sensor->since, inode, cause, program, count);
}

/* Who acts when records are lost, is to be known: fact sensor.lost.user.UID counts them. */
static void charge_user(struct sensor *sensor, uint32_t uid, uint64_t count)
{
	char key[64], value[32];
	size_t i = 0;

	while (i < sensor->losers_nr && sensor->losers[i].uid != uid)
		i++;
	if (i == LOSERS_MAX)
		return;
	if (i == sensor->losers_nr)
		sensor->losers[sensor->losers_nr++] = (struct loser){ .uid = uid };
	sensor->losers[i].count += count;
	snprintf(key, sizeof(key), "sensor.lost.user.%u", uid);
	snprintf(value, sizeof(value), "%llu", (unsigned long long)sensor->losers[i].count);
	emit_fact(sensor, key, value);
}

/* Losses charged to an inode, or to a user. */
static void take_charged_losses(struct sensor *sensor)
{
	struct losses_args args = {};
	const struct loss_taken *taken = load_losses(&sensor->load);

	load_run(&sensor->load, LOAD_PART_KERNEL, "take_losses", &args, sizeof(args));
	for (uint32_t i = 0; i < args.nr; i++) {
		const struct loss_key *key = &taken[i].key;

		emit_loss(sensor, seal_number(&sensor->seal, key->inode, key->i_ino), key->cause, 0,
			  taken[i].count);
		charge_user(sensor, key->uid, taken[i].count);
	}
}

static void take_losses(struct sensor *sensor)
{
	uint64_t begin = now();

	take_charged_losses(sensor);
	for (uint32_t cause = 0; cause < LOSS_CAUSES; cause++)
		emit_loss(sensor, 0, cause, 0, load_take_unknown_losses(&sensor->load, cause));
	for (size_t i = 0; i < load_programs_nr; i++)
		emit_loss(sensor, 0,
			  load_programs[i].group & SENSOR_GROUP_PAGE_FREE ? RECORD_LOSS_MISSED_FREE
									  : RECORD_LOSS_MISSED,
			  i, load_misses(&sensor->load, i));
	sensor->since = begin;
}

static void emit_heartbeat(struct sensor *sensor)
{
	struct record_heartbeat heartbeat = {
		.header = { .kind = RECORD_HEARTBEAT,
			    .size = sizeof(heartbeat),
			    .time = sensor->pending.time },
		.watermark = sensor->pending.time,
		.records = sensor->records,
		.ring_bytes = sensor->consumed + sensor->zaps * sizeof(struct zap_ring_entry),
		.produced_bytes = sensor->pending.produced +
				  sensor->pending.zaps * sizeof(struct zap_ring_entry),
		.groups = sensor->options.groups,
	};

	take_losses(sensor);
	sensor->sink(sensor->context, &heartbeat.header);
	seal_forget(&sensor->seal, sensor->heartbeat);
	sensor->heartbeat = sensor->pending.time;
	sensor->pending.time = 0;
}

/* @age: zaps that wait longer than this are written, ns. */
static int heartbeat_begin(struct sensor *sensor, uint64_t age)
{
	struct sweep_args sweep = { .age = age };

	/* It looks at every slot: a million instructions. */
	if (now() - sensor->swept >= age) {
		load_run(&sensor->load, LOAD_PART_KERNEL, "sweep", &sweep, sizeof(sweep));
		sensor->swept = now();
	}
	return take_position(sensor, &sensor->pending);
}

static void prove_wait(void *context)
{
	drain_some(context);
}

/*
 * Touches every hook that can be touched. Where one does not fire, 0 at best:
 * -errno with @failure or, without it, a doubt since the last time that it did.
 */
static int sensor_prove(struct sensor *sensor, struct sensor_failure *failure)
{
	size_t blind = load_programs_nr;
	uint64_t begin = now();
	struct touch touch;
	int error;

	load_sight_reset(&sensor->load);
	/* One that hangs is enough: it touches on, unrecorded, while its task is the toucher. */
	if (sensor->toucher)
		return 0;
	error = touch_run(&sensor->load, &touch, prove_wait, sensor);
	sensor->toucher = touch.hanging;
	for (size_t i = 0; i < load_programs_nr; i++) {
		char key[64], words[SIGHT_TEXT_LENGTH];
		enum sight_state state =
			sight_judge(&sensor->load, &sensor->text, &touch, error, i, words);

		snprintf(key, sizeof(key), "sensor.sight.%zu", i);
		if (state != SIGHT_UNHOOKED)
			emit_fact(sensor, key, words);
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
		emit_loss_since(sensor, sensor->proved, 0, RECORD_LOSS_BLIND, blind, 1);
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
	emit_fact(sensor, "sensor.text",
		  error ? "not watched: no perf events of changes of the kernel's text"
			: "watched");
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
	if (seal_init(&sensor->seal, &sensor->kernel.config))
		return sensor_fail(failure, GMEMTRACE_ERROR, -ENOMEM, "out of memory");
	sensor->seal.sink = sensor->sink;
	sensor->seal.context = sensor->context;
	sensor->seal.identify = identify;
	sensor->seal.identify_context = sensor;
	sensor->since = now();
	emit_facts(sensor);
	error = load_kernel_part(&sensor->load, &sensor->kernel, &sensor->options, failure);
	if (error)
		return error;
	error = walker_prove(&sensor->load, &half, failure);
	if (error)
		return error;
	emit_fact(sensor, "sensor.walker",
		  half ? "proved: an ordinary page reads present"
		       : "proved: an ordinary page reads present, a memfd_secret page absent");
	error = load_attach(&sensor->load, LOAD_PART_KERNEL, failure);
	if (error)
		return error;
	error = load_inodes_part(&sensor->load, &sensor->kernel, &sensor->options, failure);
	if (error)
		return error;
	sensor->ring =
		ring_buffer__new(bpf_map__fd(load_map(&sensor->load, "ring")), drain, sensor, NULL);
	if (!sensor->ring)
		return sensor_fail(failure, GMEMTRACE_ERROR, -errno, "cannot map the ring: %s",
				   strerror(errno));
	watch_text(sensor);
	load_arm(&sensor->load);
	sensor->since = now();
	error = load_discover(&sensor->load);
	if (error)
		return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, error,
				   "cannot look for existing inodes: %s", strerror(-error));
	sensor->sighted = now();
	error = sensor_prove(sensor, failure);
	return error ? error : drain_some(sensor);
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
	uint64_t time = now(), since = sensor->sighted;
	bool off = sight_is_off(), gone = text_look(&sensor->text, &since);

	if (off || sensor->off || gone)
		emit_loss_since(sensor, since, 0, RECORD_LOSS_BLIND, 0, 1);
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
		emit_loss_since(sensor, sensor->unhooked, 0, RECORD_LOSS_UNHOOKED, 0, 1);
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
		emit_fact(sensor, "sensor.kvm_failed", failure.message);
		sensor->load.with_kvm = true; /* said once; trying again would say the same */
		return;
	}
	if (!sensor->unhooked)
		sensor->unhooked = sensor->sighted;
	watch_text(sensor);
	emit_loss_since(sensor, sensor->unhooked, 0, RECORD_LOSS_UNHOOKED, 0, 1);
	sensor->unhooked = 0;
	emit_fact(sensor, "kernel.kvm", "module, loaded while tracing");
	emit_program_facts(sensor);
	load_discover(&sensor->load);
	sensor_prove(sensor, NULL);
}

int sensor_poll(struct sensor *sensor)
{
	uint64_t before = sensor->records;
	int error;

	error = drain_some(sensor);
	if (error)
		return error;
	if (load_kvm_waits(&sensor->load) || (sensor->unhooked && !sensor->load.with_kvm))
		watch_kvm(sensor);
	if (sensor->pending.time && drained(sensor, &sensor->pending))
		emit_heartbeat(sensor);
	if (!sensor->pending.time && now() - sensor->heartbeat >= HEARTBEAT_NS) {
		error = heartbeat_begin(sensor, SWEEP_AGE_NS);
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
		error = load_run(&sensor->load, LOAD_PART_INODES, "snapshot_live", &args,
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

void sensor_announce(struct sensor *sensor, sensor_sink sink, void *context)
{
	for (size_t i = 0; i < sensor->facts_nr; i++)
		sink(context, &sensor->facts[i]->header);
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
	error = heartbeat_begin(sensor, SETTLE_AGE_NS);
	if (error)
		return error;
	watch_sight(sensor);
	emit_unhooked(sensor);
	for (int i = 0; i < SETTLE_TRIES; i++) {
		drain_until(sensor, &sensor->pending, DRAIN_ALL);
		if (drained(sensor, &sensor->pending))
			break;
		nanosleep(&pause, NULL);
	}
	/* A writer that is preempted in the middle: what is behind it comes too late to be told. */
	if (!drained(sensor, &sensor->pending))
		emit_loss(sensor, 0, RECORD_LOSS_DISORDER, 0, 1);
	emit_heartbeat(sensor);
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
	for (size_t i = 0; i < sensor->facts_nr; i++)
		free(sensor->facts[i]);
	kernel_close(&sensor->kernel);
	free(sensor);
}
