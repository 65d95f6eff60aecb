// SPDX-License-Identifier: GPL-2.0
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "providers/provider.h"
#include "sensor/config.h"
#include "sensor/internal.h"
#include "sensor/livepatch.h"

#define NOTE_BUILD_ID 3 /* NT_GNU_BUILD_ID */

static struct record_fact *fact_make(const char *key, const char *value)
{
	size_t key_length = strlen(key) + 1, value_length = strlen(value) + 1;
	size_t size = (sizeof(struct record_fact) + key_length + value_length + 7) & ~7UL;
	struct record_fact *fact = size > UINT16_MAX ? NULL : calloc(1, size);

	if (!fact)
		return NULL;
	fact->header.kind = RECORD_FACT;
	fact->header.size = size;
	fact->header.time = sensor_now();
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
void tell_fact(struct sensor *sensor, const char *key, const char *value)
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

/* Behind its name: nothing where it is hooked, that there is nothing to hook, or that the kernel does not let it. */
static const char *program_state(const struct sensor *sensor, size_t index)
{
	if (sensor->load.left_out[index])
		return load_leaves_gap(index) ? " refused: " : " off: ";
	return load_program_fits(&load_programs[index], &sensor->kernel, sensor->options.groups)
		       ? ""
		       : " off";
}

void tell_programs(struct sensor *sensor)
{
	char key[64], value[160];

	for (size_t i = 0; i < load_programs_nr; i++) {
		snprintf(key, sizeof(key), "sensor.program.%zu", i);
		snprintf(value, sizeof(value), "%s%s%s", load_programs[i].name,
			 program_state(sensor, i),
			 sensor->load.left_out[i] ? load_left_out_words(&sensor->load, i) : "");
		tell_fact(sensor, key, value);
	}
}

/* Which VM has what kind of memory is not looked at: that there can be such VMs is. */
static void tell_guests(struct sensor *sensor)
{
	if (kernel_parameter("kvm_amd", "sev_snp") == 'Y')
		tell_fact(sensor, RECORD_FACT_BY_GFN,
			  "VMs of SEV-SNP can be here (kvm_amd.sev_snp=Y), whose memory is "
			  "prepared by gfn");
	else if (kernel_parameter("kvm_intel", "tdx") == 'Y')
		tell_fact(sensor, RECORD_FACT_BY_GFN,
			  "VMs of TDX can be here (kvm_intel.tdx=Y), whose memory is prepared by "
			  "gfn");
	if (kernel_shadows_guests())
		tell_fact(sensor, RECORD_FACT_SHADOWED,
			  "kvm.tdp_mmu=N: by page tables that are not hooked");
}

void tell_policies(struct sensor *sensor)
{
	const struct provider *provider = NULL;

	tell_guests(sensor);
	while ((provider = provider_next(provider))) {
		const char *name = provider->flush_parameter;
		char key[64], value[96], set = name ? kernel_parameter("kvm", name) : 0;

		if (set != 'N' && set != '0')
			continue;
		snprintf(key, sizeof(key), PROVIDER_FACT_POLICY "%s", name);
		snprintf(value, sizeof(value), "kvm.%s=%c", name, set);
		tell_fact(sensor, key, value);
	}
}

/* How the direct map is mapped, for what is counted of its splits from now on. */
static void tell_leaves(struct sensor *sensor)
{
	static const struct {
		const char *format;
		unsigned long long kb;
	} sizes[] = { { "DirectMap4k: %llu", 4 },
		      { "DirectMap2M: %llu", 2048 },
		      { "DirectMap1G: %llu", 1048576 } };
	unsigned long long leaves[3] = {}, kb;
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];

	while (file && fgets(line, sizeof(line), file)) {
		for (size_t i = 0; i < 3; i++) {
			if (sscanf(line, sizes[i].format, &kb) == 1)
				leaves[i] = kb / sizes[i].kb;
		}
	}
	if (!file)
		return;
	fclose(file);
	snprintf(line, sizeof(line), "%llu %llu %llu", leaves[0], leaves[1], leaves[2]);
	tell_fact(sensor, RECORD_FACT_LEAVES, line);
}

/*
 * The build id out of a file of ELF notes. A name is padded to four bytes, and so is what it names.
 * false: there is none.
 */
static bool build_id_read(const char *path, char *text, size_t size)
{
	struct {
		uint32_t name, value, type;
	} note;
	char bytes[4096];
	FILE *file = fopen(path, "re");
	size_t at = 0, nr = file ? fread(bytes, 1, sizeof(bytes), file) : 0, used = 0;

	if (file)
		fclose(file);
	while (at + sizeof(note) <= nr) {
		size_t value;

		memcpy(&note, bytes + at, sizeof(note));
		value = at + sizeof(note) + ((note.name + 3ULL) & ~3ULL);
		if (note.name > nr || note.value > nr || value + note.value > nr)
			return false;
		if (note.type == NOTE_BUILD_ID && note.name == 4 &&
		    !memcmp(bytes + at + sizeof(note), "GNU", 4) && note.value * 2 < size) {
			for (size_t i = 0; i < note.value; i++)
				used += (size_t)snprintf(text + used, size - used, "%02x",
							 (unsigned char)bytes[value + i]);
			return used != 0;
		}
		at = value + ((note.value + 3ULL) & ~3ULL);
	}
	return false;
}

/* Which kernel it is, whatever it calls itself; and when, by a clock that others have. */
static void tell_origin(struct sensor *sensor)
{
	struct timespec wall;
	char value[64];

	if (build_id_read("/sys/kernel/notes", value, sizeof(value)))
		tell_fact(sensor, "kernel.build_id", value);
	if (build_id_read("/sys/module/kvm/notes/.note.gnu.build-id", value, sizeof(value)))
		tell_fact(sensor, "kernel.kvm_build_id", value);
	if (clock_gettime(CLOCK_REALTIME, &wall))
		return;
	snprintf(value, sizeof(value), "%llu %llu", (unsigned long long)sensor_now(),
		 (unsigned long long)wall.tv_sec * 1000000000ULL +
			 (unsigned long long)wall.tv_nsec);
	tell_fact(sensor, "clock", value);
}

/* How it was configured: as it says itself, or as its package does. */
static void tell_config(struct sensor *sensor, const char *release)
{
	char path[sizeof("/boot/config-") + sizeof(((struct utsname *)NULL)->release)];
	char text[CONFIG_TEXT_MAX];

	snprintf(path, sizeof(path), "/boot/config-%s", release);
	if (config_read("/proc/config.gz", text) || config_read(path, text))
		tell_fact(sensor, RECORD_FACT_CONFIG, text);
}

/* What a reader of the verdict has to know of: the routines are not, or were not, the kernel's own. */
static void tell_livepatch(struct sensor *sensor)
{
	livepatch_look(LIVEPATCH_DIRECTORY, sensor->livepatched, sizeof(sensor->livepatched));
	if (sensor->livepatched[0])
		tell_fact(sensor, RECORD_FACT_LIVEPATCHED, sensor->livepatched);
}

/* Nothing of such a one is recorded: that it was here is, once. Two kinds in turn would be a fact each heartbeat. */
static void tell_strange(struct sensor *sensor)
{
	uint64_t strange = load_take_strange(&sensor->load);
	char words[64];

	if (!strange || sensor->strange)
		return;
	sensor->strange = strange;
	if (!sensor->kernel.config.gmem_described)
		snprintf(words, sizeof(words), "KVM's types are not described (BTF)");
	else
		snprintf(words, sizeof(words), "its flags are 0x%llx",
			 (unsigned long long)(strange & ~GMEM_STRANGE_SEEN));
	tell_fact(sensor, RECORD_FACT_STRANGE, words);
}

static const char *const kvm_words[] = {
	[KERNEL_KVM_NONE] = "none",
	[KERNEL_KVM_MODULE] = "module",
	[KERNEL_KVM_BUILT_IN] = "built in",
	[KERNEL_KVM_STRIPPED] = "module, without its BTF",
};

void tell_facts(struct sensor *sensor)
{
	struct utsname name;
	char value[32];

	tell_origin(sensor);
	tell_livepatch(sensor);
	if (!uname(&name)) {
		tell_fact(sensor, "kernel.release", name.release);
		tell_fact(sensor, "kernel.version", name.version);
		tell_config(sensor, name.release);
	}
	snprintf(value, sizeof(value), "%ld", sysconf(_SC_NPROCESSORS_ONLN));
	tell_fact(sensor, "kernel.cpus", value);
	tell_fact(sensor, "kernel.page_table_levels",
		  sensor->kernel.config.five_levels ? "5" : "4");
	snprintf(value, sizeof(value), "%llu", sensor->kernel.config.flush_ceiling >> 12);
	tell_fact(sensor, "kernel.flush_ceiling_pages", value);
	if (!sensor->kernel.config.counts_preemption)
		tell_fact(sensor, RECORD_FACT_UNCOUNTED,
			  "this kernel is never preempted, and keeps no count");
	tell_fact(sensor, RECORD_FACT_GLOBAL,
		  sensor->kernel.not_global ? sensor->kernel.not_global : RECORD_GLOBAL_YES);
	if (load_unwitnessed(&sensor->kernel))
		tell_fact(sensor, RECORD_FACT_UNWITNESSED, load_unwitnessed(&sensor->kernel));
	tell_fact(sensor, "kernel.kvm", kvm_words[kernel_kvm(&sensor->kernel)]);
	if (sensor->kernel.secretmem_users >= 0) {
		snprintf(value, sizeof(value), "%lld", (long long)sensor->kernel.secretmem_users);
		tell_fact(sensor, SENSOR_FACT_SECRETMEM_USERS, value);
	}
	tell_policies(sensor);
	if (sensor->options.groups & SENSOR_GROUP_FLUSHES)
		tell_leaves(sensor);
	snprintf(value, sizeof(value), "%u", sensor->options.groups);
	tell_fact(sensor, "sensor.groups", value);
	tell_programs(sensor);
}

/* Until now: what is counted may have been lost since the rings' positions were taken. */
void tell_loss_since(struct sensor *sensor, uint64_t since, uint64_t inode, uint32_t cause,
		     uint32_t program, uint64_t count)
{
	struct record_loss loss = {
		.header = { .kind = RECORD_LOSS,
			    .size = sizeof(loss),
			    .time = sensor_now(),
			    .inode = inode },
		.since = since,
		.count = count,
		.cause = cause,
		.program = program,
	};

	if (count)
		sensor->sink(sensor->context, &loss.header);
}

void tell_loss(struct sensor *sensor, uint64_t inode, uint32_t cause, uint32_t program,
	       uint64_t count)
{
	tell_loss_since(sensor, sensor->since, inode, cause, program, count);
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
	tell_fact(sensor, key, value);
}

/* Losses charged to an inode, or to a user. */
static void take_charged_losses(struct sensor *sensor)
{
	struct losses_args args = {};
	const struct loss_taken *taken = load_losses(&sensor->load);

	load_run(&sensor->load, LOAD_PART_KERNEL, LOAD_CALL_TAKE_LOSSES, &args, sizeof(args));
	for (uint32_t i = 0; i < args.nr; i++) {
		const struct loss_key *key = &taken[i].key;

		tell_loss(sensor, seal_number(&sensor->seal, key->inode, key->i_ino), key->cause, 0,
			  taken[i].count);
		charge_user(sensor, key->uid, taken[i].count);
	}
}

/* What is damaged when the program does not run. */
static enum record_loss_cause missed_cause(const struct load_program *program)
{
	if (program->group & SENSOR_GROUP_PAGE_FREE)
		return RECORD_LOSS_MISSED_FREE;
	if (program->group & SENSOR_GROUP_WITNESS)
		return RECORD_LOSS_UNWITNESSED;
	if (!(program->group & (SENSOR_GROUP_VERDICT | SENSOR_GROUP_GUEST)))
		return RECORD_LOSS_MISSED_TIMES;
	return RECORD_LOSS_MISSED;
}

static void take_losses(struct sensor *sensor)
{
	uint64_t begin = sensor_now();

	take_charged_losses(sensor);
	for (uint32_t cause = 0; cause < LOSS_CAUSES; cause++)
		tell_loss(sensor, 0, cause, 0, load_take_unknown_losses(&sensor->load, cause));
	for (size_t i = 0; i < load_programs_nr; i++) {
		uint64_t missed = load_misses(&sensor->load, i);

		/*
		 * Whoever asks CPUs to flush is a task that is not preempted: what was missed came out of an
		 * interrupt, in the middle of another call, and was no flush.
		 */
		if (i != PROGRAM_WITNESS_ASKED)
			tell_loss(sensor, 0, missed_cause(&load_programs[i]), i, missed);
	}
	sensor->since = begin;
}

void tell_heartbeat(struct sensor *sensor)
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
	tell_livepatch(sensor);
	tell_strange(sensor);
	summary_tell(&sensor->summary, false);
	sensor->sink(sensor->context, &heartbeat.header);
	seal_forget(&sensor->seal, sensor->heartbeat);
	sensor->heartbeat = sensor->pending.time;
	sensor->pending.time = 0;
}

/* @age: zaps that wait longer than this are written, ns. */
int tell_begin(struct sensor *sensor, uint64_t age)
{
	struct sweep_args sweep = { .age = age };

	/* It looks at every slot: a million instructions. */
	if (sensor->options.groups & SENSOR_GROUP_VERDICT && sensor_now() - sensor->swept >= age) {
		load_run(&sensor->load, LOAD_PART_KERNEL, LOAD_CALL_SWEEP, &sweep, sizeof(sweep));
		sensor->swept = sensor_now();
	}
	return rings_position(sensor, &sensor->pending);
}
