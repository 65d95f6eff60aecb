// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "sensor/load.h"
#include "sensor/refusal.h"
#include "sensors.skel.h"

#define RING_BYTES_DEFAULT (16ULL << 20)
#define ASKED (SENSOR_GROUP_ACKNOWLEDGE | SENSOR_GROUP_WITNESS) /* that csds are looked at */
#define SUMMED (SENSOR_GROUP_EXPOSURES | SENSOR_GROUP_DURATIONS)
#define RELEASE_CHUNKS_DEFAULT 512 /* 8 GiB that hold anything, 4096 pages a chunk */

#define PLAIN "_plain" /* behind the name of a program that is there twice (bpf/base.h) */

static bool program_is_plain(const struct load *load, const struct load_program *program)
{
	switch (program - load_programs) {
	case PROGRAM_FLUSH_RANGE_ENTER:
		return load->plain_begins;
	case PROGRAM_FLUSH_RANGE_EXIT:
		return load->plain_flushes;
	case PROGRAM_ZAP_INVALID_EXIT:
	case PROGRAM_ZAP_DEFAULT_EXIT:
	case PROGRAM_ZAP_VALID_EXIT:
		return load->plain_zaps;
	default:
		return false;
	}
}

/* The plain one where it is there and suits. */
static struct bpf_program *program_find(const struct load *load, const struct load_program *program)
{
	struct sensors_bpf *part = load->parts[program->part];
	struct bpf_program *plain = NULL;
	char name[64];

	if (!part)
		return NULL;
	snprintf(name, sizeof(name), "%s" PLAIN, program->name);
	if (program_is_plain(load, program))
		plain = bpf_object__find_program_by_name(part->obj, name);
	return plain ? plain : bpf_object__find_program_by_name(part->obj, program->name);
}

static int hook_missing(const struct kernel *kernel, const struct load_program *program,
			struct sensor_failure *failure)
{
	char text[SENSOR_MESSAGE_LENGTH];

	refusal_hook_words(program->target, program->parameters,
			   kernel_has_routine(kernel, program->target), text, sizeof(text));
	return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, -ENOENT, "%s", text);
}

static int programs_choose(const struct load *load, const struct kernel *kernel,
			   enum load_part part, uint32_t groups, struct sensor_failure *failure)
{
	struct sensors_bpf *skeleton = load->parts[part];
	struct bpf_program *program;

	bpf_object__for_each_program(program, skeleton->obj)
	{
		bpf_program__set_autoload(program, false);
	}
	for (size_t i = 0; i < load_programs_nr; i++) {
		const struct load_program *entry = &load_programs[i];

		if (entry->part != part)
			continue;
		program = program_find(load, entry);
		if (!program)
			return sensor_fail(failure, GMEMTRACE_ERROR, -ENOENT,
					   "program %s is not in the object", entry->name);
		if (load_program_fits(entry, kernel, groups))
			bpf_program__set_autoload(program, true);
		else if (entry->required && entry->group & groups)
			return hook_missing(kernel, entry, failure);
	}
	return 0;
}

/* The program which libbpf last spoke of; NULL: it named none of ours. */
static const struct load_program *program_refused(const struct refusal *refusal)
{
	for (size_t i = 0; i < load_programs_nr; i++) {
		size_t length = strlen(load_programs[i].name);
		const char *rest = refusal->program + length;

		if (!strncmp(load_programs[i].name, refusal->program, length) &&
		    (!*rest || !strcmp(rest, PLAIN)))
			return &load_programs[i];
	}
	return NULL;
}

uint32_t load_refused(const struct refusal *refusal)
{
	const struct load_program *program = program_refused(refusal);

	return program ? program->group : 0;
}

static int part_load(struct sensors_bpf *skeleton, const char *what, struct sensor_failure *failure)
{
	const struct load_program *refused;
	char text[SENSOR_MESSAGE_LENGTH];
	int error;

	refusal_reset();
	error = sensors_bpf__load(skeleton);
	if (!error)
		return 0;
	refused = program_refused(refusal_last());
	refusal_words(refusal_last(), what, refused ? refused->target : NULL, error, text,
		      sizeof(text));
	return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, error, "%s", text);
}

/* Not one that we run ourselves. */
static bool program_hooks(const struct bpf_program *program)
{
	if (bpf_program__type(program) == BPF_PROG_TYPE_RAW_TRACEPOINT)
		return true;
	return bpf_program__type(program) == BPF_PROG_TYPE_TRACING &&
	       bpf_program__expected_attach_type(program) != BPF_TRACE_ITER;
}

/* No fault of the kernel's, and the next one would meet it, too. */
static bool error_is_ours(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM;
}

static int attach_failed(const struct load_program *entry, int error,
			 struct sensor_failure *failure)
{
	char what[96], text[SENSOR_MESSAGE_LENGTH];

	snprintf(what, sizeof(what), "the hook on %s", entry->target ? entry->target : entry->name);
	refusal_words(refusal_last(), what, NULL, -error, text, sizeof(text));
	return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, -error, "%s", text);
}

/* A begin without its end would be a call that hangs; the programs of what else is looked at are one sensor. */
static bool programs_belong(const struct load_program *one, const struct load_program *other)
{
	if (one == other)
		return true;
	if (one->part != other->part || one->group != other->group || other->required)
		return false;
	if (one->group != SENSOR_GROUP_VERDICT)
		return true;
	return one->target && other->target && !strcmp(one->target, other->target);
}

static void leave_out(struct load *load, const struct load_program *entry, int error)
{
	for (size_t i = 0; i < load_programs_nr; i++) {
		if (!programs_belong(entry, &load_programs[i]))
			continue;
		bpf_link__destroy(load->links[i]);
		load->links[i] = NULL;
		load->left_out[i] = error;
	}
}

int load_attach(struct load *load, enum load_part part, struct sensor_failure *failure)
{
	for (size_t i = 0; i < load_programs_nr; i++) {
		const struct load_program *entry = &load_programs[i];
		struct bpf_program *program = program_find(load, entry);

		if (entry->part != part || !bpf_program__autoload(program))
			continue;
		if (!program_hooks(program) || load->left_out[i])
			continue;
		refusal_reset();
		load->descriptors[i] = bpf_program__fd(program);
		load->links[i] = bpf_program__attach(program);
		if (load->links[i])
			continue;
		/* Sums that lack a routine's part would not show it. */
		if (entry->required || entry->group & SUMMED || error_is_ours(errno))
			return attach_failed(entry, errno, failure);
		leave_out(load, entry, errno);
	}
	return 0;
}

uint32_t load_left_out(const struct load *load)
{
	uint32_t groups = 0;

	for (size_t i = 0; i < load_programs_nr; i++)
		groups |= load->left_out[i] ? load_programs[i].group : 0;
	return groups;
}

bool load_leaves_gap(size_t index)
{
	return load_programs[index].group & SENSOR_GROUP_VERDICT && load_programs[index].target &&
	       index != PROGRAM_SCHEDULE_BUG_ENTER;
}

const char *load_left_out_words(const struct load *load, size_t index)
{
	/* BPF_MAX_TRAMP_LINKS. */
	if (load->left_out[index] == E2BIG)
		return "other tracers hold all the places that a routine has";
	return refusal_error_text(load->left_out[index]);
}

#define ZAP_RING_BYTES (ZAP_RING_ENTRIES * sizeof(struct zap_ring_entry))

static int zap_ring_map(struct load *load, struct sensor_failure *failure)
{
	void *entries = mmap(NULL, ZAP_RING_BYTES, PROT_READ, MAP_SHARED,
			     bpf_map__fd(load_map(load, "zaps")), 0);

	if (entries == MAP_FAILED)
		return sensor_fail(failure, GMEMTRACE_ERROR, -errno, "cannot map the zap ring: %s",
				   strerror(errno));
	load->zaps = entries;
	return 0;
}

void load_arm(const struct load *load)
{
	__atomic_store_n(&load->parts[LOAD_PART_KERNEL]->bss->zap_ends.armed, 1, __ATOMIC_RELEASE);
}

void load_quiet(const struct load *load, bool quiet)
{
	atomic_write_release(&load->parts[LOAD_PART_KERNEL]->bss->zap_ends.armed,
			     quiet ? SENSOR_QUIET : SENSOR_STRAYED); /* as load_touch_end() */
}

size_t load_hooked(const struct load *load, const char *names[LOAD_PROGRAMS_MAX])
{
	size_t nr = 0;

	for (size_t i = 0; i < load_programs_nr; i++) {
		const char *target = load_programs[i].target;

		size_t known = 0;

		while (known < nr && target && strcmp(names[known], target) != 0)
			known++;
		if (target && load->links[i] && known == nr)
			names[nr++] = target;
	}
	return nr;
}

uint64_t load_sight(const struct load *load, size_t index)
{
	return atomic_read(&load->parts[LOAD_PART_KERNEL]->bss->sight[index]);
}

void load_sight_reset(const struct load *load)
{
	for (size_t i = 0; i < load_programs_nr; i++)
		atomic_write(&load->parts[LOAD_PART_KERNEL]->bss->sight[i], 0);
}

void load_touch_end(const struct load *load)
{
	struct zap_ring_ends *ends = &load->parts[LOAD_PART_KERNEL]->bss->zap_ends;

	atomic_write_release(&ends->armed,
			     SENSOR_STRAYED); /* the sweeper looks whether that is so */
	atomic_write_release(&ends->toucher, 0);
}

uint64_t load_take_kvm_loaded(const struct load *load)
{
	return atomic_exchange(&load->parts[LOAD_PART_KERNEL]->bss->kvm_loaded, 0);
}

uint64_t load_take_strange(const struct load *load)
{
	return atomic_exchange(&load->parts[LOAD_PART_KERNEL]->bss->gmem_strange, 0);
}

bool load_kvm_waits(const struct load *load)
{
	return atomic_read(&load->parts[LOAD_PART_KERNEL]->bss->kvm_loaded);
}

const struct loss_taken *load_losses(const struct load *load)
{
	return load->parts[LOAD_PART_KERNEL]->bss->losses_taken;
}

uint64_t load_take_unknown_losses(const struct load *load, uint32_t cause)
{
	return atomic_exchange(&load->parts[LOAD_PART_KERNEL]->bss->losses_unknown[cause], 0);
}

void load_zap_ring(const struct load *load, struct zap_ring_entry **entries,
		   struct zap_ring_ends **ends)
{
	*entries = load->zaps;
	*ends = &load->parts[LOAD_PART_KERNEL]->bss->zap_ends;
}

/* The power of two that is not below. */
static uint32_t places_nr(uint32_t wanted)
{
	uint32_t nr = 1;

	while (nr < wanted)
		nr *= 2;
	return nr;
}

/* Four places a csd, so that few meet: who does is in a table beside it. */
static uint32_t csd_owners_nr(uint32_t cpus)
{
	uint32_t nr = places_nr(4 * cpus * cpus);

	return nr < CSD_OWNERS_MAX ? nr : CSD_OWNERS_MAX;
}

static uint32_t csd_entries_nr(uint32_t cpus)
{
	return places_nr(2 * cpus * cpus);
}

static void config_set(struct sensors_bpf *skeleton, const struct kernel *kernel,
		       const struct sensor_options *options)
{
	struct sensor_config *config = (struct sensor_config *)&skeleton->rodata->sensor;

	*config = kernel->config;
	config->zap_times = !!(options->groups & SENSOR_GROUP_CHANGES);
	config->flushes = !!(options->groups & SENSOR_GROUP_FLUSHES);
	config->answers = options->groups & SENSOR_GROUP_ACKNOWLEDGE ? load_answers_by(kernel)
								     : SENSOR_ANSWERS_NONE;
	config->cpus = (uint32_t)libbpf_num_possible_cpus();
	config->csd_owners = csd_owners_nr(config->cpus);
	config->csd_entries = csd_entries_nr(config->cpus);
	config->stack_rate = options->groups & SENSOR_GROUP_STACK ? options->stack_rate : 0;
	config->own_tgid = getpid();
	config->filtered = options->filtered;
	config->page_free = !!(options->groups & SENSOR_GROUP_PAGE_FREE);
	config->release_chunks =
		options->release_chunks ? options->release_chunks : RELEASE_CHUNKS_DEFAULT;
}

/* Where the plain programs do: what bpf/base.h says of them. */
static void choose_plain(struct load *load, const struct sensor_config *config)
{
	bool plain = !config->zap_times && !config->filtered;

	load->plain_begins = !config->stack_rate;
	load->plain_flushes = plain && !config->stack_rate && !config->flushes;
	load->plain_zaps = plain && !config->page_free && !config->zap_by_address;
}

/*
 * The tag of bpf/late_page.h is for kernels before 6.2. From 6.3 on (03b77e17aeb2) it means a pointer that owns
 * what it points to, and all types of the object are refused for it, though that map is not made there.
 */
static void kept_pointers_hide(struct sensors_bpf *skeleton)
{
	struct btf *btf = bpf_object__btf(skeleton->obj);
	uint32_t id, nr = btf__type_cnt(btf);

	for (id = 1; id < nr; id++) {
		struct btf_type *type = (struct btf_type *)btf__type_by_id(btf, id);

		if (btf_is_type_tag(type) &&
		    !strcmp(btf__name_by_offset(btf, type->name_off), "kptr"))
			type->name_off++; /* "ptr", which means nothing; no name would be refused */
	}
}

/* What only the programs of one group use is not there without it. */
static void maps_choose(struct sensors_bpf *skeleton, uint32_t groups, bool have_rdonly_cast)
{
	uint32_t cpus = (uint32_t)libbpf_num_possible_cpus();

	bpf_map__set_autocreate(skeleton->maps.late_pages, !have_rdonly_cast);
	if (have_rdonly_cast)
		kept_pointers_hide(skeleton);
	bpf_map__set_autocreate(skeleton->maps.stacks, groups & SENSOR_GROUP_FLUSHES);
	bpf_map__set_autocreate(skeleton->maps.answers, groups & SENSOR_GROUP_FLUSHES);
	bpf_map__set_autocreate(skeleton->maps.answer_initiators, groups & SENSOR_GROUP_FLUSHES);
	bpf_map__set_autocreate(skeleton->maps.csds_displaced, groups & SENSOR_GROUP_WITNESS);
	bpf_map__set_autocreate(skeleton->maps.csd_owners, groups & SENSOR_GROUP_WITNESS);
	bpf_map__set_autocreate(skeleton->maps.witness_slots, groups & SENSOR_GROUP_WITNESS);
	bpf_map__set_autocreate(skeleton->maps.summaries,
				groups & (SENSOR_GROUP_EXPOSURES | SENSOR_GROUP_DURATIONS));
	if (!(groups & ASKED))
		return;
	bpf_map__set_max_entries(skeleton->maps.witness_slots, WITNESS_SLOTS_NR);
	bpf_map__set_max_entries(skeleton->maps.answers, csd_entries_nr(cpus));
	bpf_map__set_max_entries(skeleton->maps.answer_initiators, cpus);
	bpf_map__set_max_entries(skeleton->maps.csds_displaced, cpus * cpus);
	bpf_map__set_max_entries(skeleton->maps.csd_owners, csd_owners_nr(cpus));
}

int load_kernel_part(struct load *load, const struct kernel *kernel,
		     const struct sensor_options *options, struct sensor_failure *failure)
{
	const struct sensor_config *config = &kernel->config;
	uint64_t pfns = (kernel->memory_end - config->page_offset) >> 12;
	struct sensors_bpf *skeleton = sensors_bpf__open();
	int error;

	if (!skeleton)
		return sensor_fail(failure, GMEMTRACE_ERROR, -errno,
				   "cannot open the BPF object: %s", strerror(errno));
	load->parts[LOAD_PART_KERNEL] = skeleton;
	load->secret_by_folio = kernel_has_routine(kernel, "folio_zap_direct_map");
	bpf_map__set_max_entries(skeleton->maps.ring,
				 options->ring_bytes ? options->ring_bytes : RING_BYTES_DEFAULT);
	if (options->groups & SENSOR_GROUP_PAGE_FREE)
		bpf_map__set_max_entries(skeleton->maps.zapped_pfns, pfns / 64 + 1);
	maps_choose(skeleton, options->groups, config->have_rdonly_cast);
	config_set(skeleton, kernel, options);
	choose_plain(load, (const struct sensor_config *)&skeleton->rodata->sensor);
	error = programs_choose(load, kernel, LOAD_PART_KERNEL, options->groups, failure);
	if (error)
		return error;
	error = part_load(skeleton, "the sensors", failure);
	if (error)
		return error;
	return zap_ring_map(load, failure);
}

static int maps_share(const struct load *load, struct sensors_bpf *skeleton)
{
	static const char *const shared[] = { "ring", "zaps",	      "losses",
					      ".bss", "losses_users", "zapped_pfns" };

	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(skeleton->obj, shared[i]);
		int error = bpf_map__reuse_fd(map, bpf_map__fd(load_map(load, shared[i])));

		if (error)
			return error;
	}
	return 0;
}

/*
 * A routine's end before its begin, as they were attached the other way round: the kernel patches a trampoline
 * that has the end once more when it lets go of it, and asks every CPU after each of three steps.
 */
static void part_detach(struct load *load, enum load_part part)
{
	for (size_t i = load_programs_nr; i-- > 0;) {
		if (load_programs[i].part != part)
			continue;
		bpf_link__destroy(load->links[i]);
		load->links[i] = NULL;
		load->misses[i] = 0;
		load->left_out[i] = 0;
	}
	sensors_bpf__destroy(load->parts[part]);
	load->parts[part] = NULL;
}

int load_inodes_part(struct load *load, const struct kernel *kernel,
		     const struct sensor_options *options, struct sensor_failure *failure)
{
	struct sensors_bpf *skeleton;
	int error;

	part_detach(load, LOAD_PART_INODES);
	skeleton = sensors_bpf__open();
	if (!skeleton)
		return sensor_fail(failure, GMEMTRACE_ERROR, -errno,
				   "cannot open the BPF object: %s", strerror(errno));
	load->parts[LOAD_PART_INODES] = skeleton;
	maps_choose(skeleton, 0, kernel->config.have_rdonly_cast);
	config_set(skeleton, kernel, options);
	error = maps_share(load, skeleton);
	if (error)
		return sensor_fail(failure, GMEMTRACE_ERROR, error,
				   "cannot share the sensors' maps: %s", strerror(-error));
	error = programs_choose(load, kernel, LOAD_PART_INODES, options->groups, failure);
	if (error)
		return error;
	error = part_load(skeleton, "the inode sensors", failure);
	if (error)
		return error;
	load->with_kvm = kernel->kvm;
	return load_attach(load, LOAD_PART_INODES, failure);
}

/* Not by name: a hundred times a second libbpf would compare it with those of all programs. */
static const struct bpf_program *call_program(const struct sensors_bpf *part, enum load_call call)
{
	switch (call) {
#define CALL_PROGRAM(call, program)                                                                \
	case LOAD_CALL_##call:                                                                     \
		return part->progs.program;
		LOAD_CALLS(CALL_PROGRAM)
#undef CALL_PROGRAM
	}
	return NULL;
}

int load_run(const struct load *load, enum load_part part, enum load_call call, void *args,
	     size_t size)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = args, .ctx_size_in = size);
	const struct bpf_program *program;

	if (!load->parts[part])
		return -ENOENT;
	program = call_program(load->parts[part], call);
	if (!program)
		return -ENOENT;
	return bpf_prog_test_run_opts(bpf_program__fd(program), &options);
}

static int iterator_run(struct bpf_program *program)
{
	struct bpf_link *link = bpf_program__attach_iter(program, NULL);
	char nothing[64];
	int descriptor, error = 0;

	if (!link)
		return -errno;
	descriptor = bpf_iter_create(bpf_link__fd(link));
	if (descriptor < 0) {
		error = descriptor;
		goto destroy;
	}
	while (read(descriptor, nothing, sizeof(nothing)) > 0)
		;
	close(descriptor);
destroy:
	bpf_link__destroy(link);
	return error;
}

int load_discover(const struct load *load)
{
	struct sensors_bpf *skeleton = load->parts[LOAD_PART_INODES];
	int error = iterator_run(skeleton->progs.discover_task_file);

	return error ? error : iterator_run(skeleton->progs.discover_task_vma);
}

int load_leave_out(const struct load *load, const struct inode_key *inode, bool out)
{
	const struct sensors_bpf *part = load->parts[LOAD_PART_INODES];
	__u64 value;
	int map;

	if (!part)
		return -ENOENT;
	map = bpf_map__fd(part->maps.announced);
	if (bpf_map_lookup_elem(map, inode, &value))
		return -errno;
	value = out ? value | ANNOUNCED_LEFT_OUT : value & ~ANNOUNCED_LEFT_OUT;
	return bpf_map_update_elem(map, inode, &value, BPF_EXIST) ? -errno : 0;
}

uint64_t load_misses(struct load *load, size_t index)
{
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);
	uint64_t missed;

	if (!load->links[index] || bpf_obj_get_info_by_fd(load->descriptors[index], &info, &length))
		return 0;
	missed = info.recursion_misses - load->misses[index];
	load->misses[index] = info.recursion_misses;
	return missed;
}

struct bpf_map *load_map(const struct load *load, const char *name)
{
	return bpf_object__find_map_by_name(load->parts[LOAD_PART_KERNEL]->obj, name);
}

void load_close(struct load *load)
{
	part_detach(load, LOAD_PART_INODES);
	part_detach(load, LOAD_PART_KERNEL);
	if (load->zaps)
		munmap(load->zaps, ZAP_RING_BYTES);
}
