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
#define ANSWER_CPUS_MAX 1024 /* 64 MB of answers */
#define RELEASE_CHUNKS_DEFAULT 512 /* 8 GiB that hold anything, 4096 pages a chunk */

#define STOCK "every kernel with memfd_secret (5.14)"
#define SERIES "the guest_memfd direct-map series (kernel/patches)"
#define GMEM "guest_memfd (6.8)"
#define MARKS "guest_memfd with a bit in each folio (v7 to v12 of the series)"

#define KERNEL LOAD_PART_KERNEL
#define INODES LOAD_PART_INODES
#define VERDICT SENSOR_GROUP_VERDICT
#define FREE SENSOR_GROUP_PAGE_FREE
#define FLUSHES SENSOR_GROUP_FLUSHES
#define ANSWERS SENSOR_GROUP_ACKNOWLEDGE
#define CHANGES SENSOR_GROUP_CHANGES
#define EXPOSURES SENSOR_GROUP_EXPOSURES
#define DURATIONS SENSOR_GROUP_DURATIONS
#define SUMMARY (EXPOSURES | DURATIONS)
#define ANY (VERDICT | SUMMARY) /* run by us, whatever is hooked */

/* The index is stored in captures (record_loss.program): append only. */
/* clang-format off */
const struct load_program load_programs[] = {
	[PROGRAM_ZAP_INVALID_EXIT] = {
		"zap_invalid_exit", "set_direct_map_invalid_noflush", 1, KERNEL, VERDICT, true, STOCK, TOUCH_SECRET },
	[PROGRAM_ZAP_DEFAULT_EXIT] = {
		"zap_default_exit", "set_direct_map_default_noflush", 1, KERNEL, VERDICT, true, STOCK, TOUCH_SECRET },
	[PROGRAM_ZAP_VALID_EXIT] = {
		"zap_valid_exit", "set_direct_map_valid_noflush", 3, KERNEL, VERDICT, false, SERIES, TOUCH_GMEM_ABSENT | TOUCH_GMEM_MAPPED },
	[PROGRAM_FLUSH_RANGE_ENTER] = {
		"flush_range_enter", "flush_tlb_kernel_range", 2, KERNEL, VERDICT, true, STOCK, TOUCH_SECRET },
	[PROGRAM_FLUSH_RANGE_EXIT] = {
		"flush_range_exit", "flush_tlb_kernel_range", 2, KERNEL, VERDICT, true, STOCK, TOUCH_SECRET },
	[PROGRAM_FLUSH_ALL_ENTER] = {
		"flush_all_enter", "flush_tlb_all", 0, KERNEL, VERDICT, true, STOCK, 0 },
	[PROGRAM_FLUSH_ALL_EXIT] = {
		"flush_all_exit", "flush_tlb_all", 0, KERNEL, VERDICT, true, STOCK, 0 },
	[PROGRAM_PAGE_FREE] = {
		"page_free", NULL, 0, KERNEL, FREE, false, STOCK, TOUCH_SECRET },
	[PROGRAM_POSITION] = {
		"position", NULL, 0, KERNEL, ANY, true, STOCK, 0 },
	[PROGRAM_SWEEP] = {
		"sweep", NULL, 0, KERNEL, ANY, true, STOCK, 0 },
	[PROGRAM_WALK] = {
		"walk", NULL, 0, KERNEL, ANY, true, STOCK, 0 },
	[PROGRAM_IDENTIFY] = {
		"identify", NULL, 0, INODES, VERDICT, true, STOCK, 0 },
	[PROGRAM_SNAPSHOT_LIVE] = {
		"snapshot_live", NULL, 0, INODES, VERDICT, true, STOCK, 0 },
	[PROGRAM_DISCOVER_TASK_FILE] = {
		"discover_task_file", NULL, 0, INODES, VERDICT, true, STOCK, 0 },
	[PROGRAM_DISCOVER_TASK_VMA] = {
		"discover_task_vma", NULL, 0, INODES, VERDICT, true, STOCK, 0 },
	[PROGRAM_SECRETMEM_RELEASE_ENTER] = {
		"secretmem_release_enter", "secretmem_release", 2, INODES, VERDICT, false, STOCK, TOUCH_SECRET },
	[PROGRAM_SECRETMEM_RELEASE_EXIT] = {
		"secretmem_release_exit", "secretmem_release", 2, INODES, VERDICT, false, STOCK, TOUCH_SECRET },
	[PROGRAM_GMEM_RELEASE_ENTER] = {
		"gmem_release_enter", "kvm_gmem_release", 2, INODES, VERDICT, false, GMEM, TOUCH_GMEM },
	[PROGRAM_RELEASE_EXIT] = {
		"release_exit", "kvm_gmem_release", 2, INODES, VERDICT, false, GMEM, TOUCH_GMEM },
	[PROGRAM_SET_RANGE_ENTER] = {
		"set_range_enter", "kvm_gmem_set_direct_map", 4, INODES, VERDICT, false, SERIES, TOUCH_GMEM_RANGE },
	[PROGRAM_SET_RANGE_EXIT] = {
		"set_range_exit", "kvm_gmem_set_direct_map", 4, INODES, VERDICT, false, SERIES, TOUCH_GMEM_RANGE },
	[PROGRAM_SET_FOLIO_ENTER] = {
		"set_folio_enter", "kvm_gmem_folio_set_direct_map", 4, INODES, VERDICT, false, SERIES, TOUCH_GMEM_RANGE },
	[PROGRAM_SET_FOLIO_EXIT] = {
		"set_folio_exit", "kvm_gmem_folio_set_direct_map", 4, INODES, VERDICT, false, SERIES, TOUCH_GMEM_RANGE },
	[PROGRAM_CONFIGURE_ENTER] = {
		"configure_enter", "kvm_gmem_folio_configure_direct_map", 1, INODES, VERDICT, false, SERIES, TOUCH_GMEM_ABSENT },
	[PROGRAM_CONFIGURE_EXIT] = {
		"configure_exit", "kvm_gmem_folio_configure_direct_map", 1, INODES, VERDICT, false, SERIES, TOUCH_GMEM_ABSENT },
	[PROGRAM_FALLOCATE_ENTER] = {
		"fallocate_enter", "kvm_gmem_fallocate", 4, INODES, VERDICT, false, GMEM, TOUCH_GMEM },
	[PROGRAM_FALLOCATE_EXIT] = {
		"fallocate_exit", "kvm_gmem_fallocate", 4, INODES, VERDICT, false, GMEM, TOUCH_GMEM },
	[PROGRAM_GET_FOLIO_EXIT] = {
		"get_folio_exit", "kvm_gmem_get_folio", 2, INODES, VERDICT, false, SERIES, TOUCH_GMEM },
	[PROGRAM_FREE_FOLIO_EXIT] = {
		"free_folio_exit", "kvm_gmem_free_folio", 1, INODES, VERDICT, false, SERIES, TOUCH_GMEM },
	[PROGRAM_CREATE_EXIT] = {
		"create_exit", "kvm_gmem_create", 2, INODES, VERDICT, false, GMEM, TOUCH_GMEM },
	[PROGRAM_SECRETMEM_MMAP_ENTER] = {
		"secretmem_mmap_enter", "secretmem_mmap", 2, INODES, VERDICT, false, STOCK, TOUCH_SECRET },
	[PROGRAM_MARK_PREPARED_EXIT] = {
		"mark_prepared_exit", "kvm_gmem_mark_prepared", 1, INODES, VERDICT, false, SERIES, TOUCH_GMEM_ABSENT },
	[PROGRAM_TAKE_LOSSES] = {
		"take_losses", NULL, 0, KERNEL, ANY, true, STOCK, 0 },
	[PROGRAM_MEMORY_FAILURE_ENTER] = {
		"memory_failure_enter", "memory_failure", 2, INODES, VERDICT, false, "CONFIG_MEMORY_FAILURE=y", 0 },
	[PROGRAM_TOUCH_BEGIN] = {
		"touch_begin", NULL, 0, KERNEL, ANY, true, STOCK, 0 },
	[PROGRAM_TEXT_READ] = {
		"text_read", NULL, 0, KERNEL, ANY, true, STOCK, 0 },
	[PROGRAM_MODULE_LOAD] = {
		"module_load", NULL, 0, KERNEL, VERDICT, false, "CONFIG_MODULES=y", 0 },
	[PROGRAM_SECRETMEM_MMAP_PREPARE_ENTER] = {
		"secretmem_mmap_prepare_enter", "secretmem_mmap_prepare", 1, INODES, VERDICT, false, "memfd_secret from 6.16 on", TOUCH_SECRET },
	[PROGRAM_USER_FAULT_EXIT] = {
		"user_fault_exit", "kvm_gmem_fault_user_mapping", 1, INODES, VERDICT, false, "guest_memfd that user space can map (6.18)", TOUCH_GMEM_MAPPED },
	[PROGRAM_FOLIO_ZAP_ENTER] = {
		"folio_zap_enter", "kvm_gmem_folio_zap_direct_map", 1, INODES, VERDICT, false, MARKS, TOUCH_GMEM_MAPPED },
	[PROGRAM_FOLIO_ZAP_EXIT] = {
		"folio_zap_exit", "kvm_gmem_folio_zap_direct_map", 1, INODES, VERDICT, false, MARKS, TOUCH_GMEM_MAPPED },
	[PROGRAM_UPDATE_XARRAY_ENTER] = {
		"update_xarray_enter", "__kvm_gmem_update_xarray", 4, INODES, VERDICT, false, SERIES, TOUCH_GMEM_RANGE },
	[PROGRAM_UPDATE_XARRAY_EXIT] = {
		"update_xarray_exit", "__kvm_gmem_update_xarray", 4, INODES, VERDICT, false, SERIES, TOUCH_GMEM_RANGE },
	[PROGRAM_TIMED_RANGE_ENTER] = {
		"timed_range_enter", "flush_tlb_kernel_range", 2, KERNEL, DURATIONS, true, STOCK, TOUCH_SECRET },
	[PROGRAM_TIMED_RANGE_EXIT] = {
		"timed_range_exit", "flush_tlb_kernel_range", 2, KERNEL, SUMMARY, true, STOCK, TOUCH_SECRET },
	[PROGRAM_TIMED_ALL_ENTER] = {
		"timed_all_enter", "flush_tlb_all", 0, KERNEL, DURATIONS, true, STOCK, 0 },
	[PROGRAM_TIMED_ALL_EXIT] = {
		"timed_all_exit", "flush_tlb_all", 0, KERNEL, SUMMARY, true, STOCK, 0 },
	[PROGRAM_CSD_QUEUED] = {
		"csd_queued", NULL, 0, KERNEL, ANSWERS, false, "tracepoints of csds (6.5)", 0 },
	[PROGRAM_CSD_ENTERED] = {
		"csd_entered", NULL, 0, KERNEL, ANSWERS, false, "tracepoints of csds (6.5)", 0 },
	[PROGRAM_CSD_LEFT] = {
		"csd_left", NULL, 0, KERNEL, ANSWERS, false, "tracepoints of csds (6.5)", 0 },
	[PROGRAM_ZAP_INVALID_ENTER] = {
		"zap_invalid_enter", "set_direct_map_invalid_noflush", 1, KERNEL, CHANGES, false, STOCK, TOUCH_SECRET },
	[PROGRAM_ZAP_DEFAULT_ENTER] = {
		"zap_default_enter", "set_direct_map_default_noflush", 1, KERNEL, CHANGES, false, STOCK, TOUCH_SECRET },
	[PROGRAM_ZAP_VALID_ENTER] = {
		"zap_valid_enter", "set_direct_map_valid_noflush", 3, KERNEL, CHANGES, false, SERIES, TOUCH_GMEM_ABSENT },
	[PROGRAM_CONVERSION_BEGIN_ENTER] = {
		"conversion_begin_enter", "kvm_gmem_begin_conversion", 5, INODES, VERDICT, false, SERIES, 0 },
	[PROGRAM_CONVERSION_EXIT] = {
		"conversion_exit", "kvm_gmem_convert", 1, INODES, VERDICT, false, SERIES, 0 },
	[PROGRAM_CONVERSION_END_EXIT] = {
		"conversion_end_exit", "kvm_gmem_end_conversion", 1, INODES, VERDICT, false, SERIES, 0 },
	[PROGRAM_BIND_EXIT] = {
		"bind_exit", "kvm_gmem_bind", 4, INODES, VERDICT, false, GMEM, 0 },
	[PROGRAM_BIND_CONVERT_ENTER] = {
		"bind_convert_enter", "kvm_gmem_bind_direct_map", 2, INODES, VERDICT, false, SERIES, 0 },
	[PROGRAM_BIND_CONVERT_EXIT] = {
		"bind_convert_exit", "kvm_gmem_bind_direct_map", 2, INODES, VERDICT, false, SERIES, 0 },
	[PROGRAM_UNBIND_ENTER] = {
		"unbind_enter", "kvm_gmem_unbind", 1, INODES, VERDICT, false, GMEM, 0 },
	[PROGRAM_ADD_FOLIO_EXIT] = {
		"add_folio_exit", "kvm_gmem_add_folio", 3, INODES, VERDICT, false, SERIES, 0 },
	[PROGRAM_CONFIGURE_BATCH_ENTER] = {
		"configure_batch_enter", "kvm_gmem_configure_direct_map_batch", 2, INODES, VERDICT, false, SERIES, TOUCH_GMEM_ABSENT },
	[PROGRAM_CONFIGURE_BATCH_EXIT] = {
		"configure_batch_exit", "kvm_gmem_configure_direct_map_batch", 2, INODES, VERDICT, false, SERIES, TOUCH_GMEM_ABSENT },
	[PROGRAM_SUMMARY_INVALID_EXIT] = {
		"summary_invalid_exit", "set_direct_map_invalid_noflush", 1, KERNEL, EXPOSURES, true, STOCK, TOUCH_SECRET },
	[PROGRAM_SUMMARY_VALID_EXIT] = {
		"summary_valid_exit", "set_direct_map_valid_noflush", 3, KERNEL, EXPOSURES, false, SERIES, TOUCH_GMEM_ABSENT },
	[PROGRAM_HANDLER_ENTER] = {
		"handler_enter", "do_kernel_range_flush", 1, KERNEL, ANSWERS, false, STOCK, 0 },
	[PROGRAM_HANDLER_EXIT] = {
		"handler_exit", "do_kernel_range_flush", 1, KERNEL, ANSWERS, false, STOCK, 0 },
	[PROGRAM_SCHEDULE_BUG_ENTER] = {
		"schedule_bug_enter", "__schedule_bug", 1, KERNEL, VERDICT, false, "every kernel that counts preemption", 0 },
};
/* clang-format on */

const size_t load_programs_nr = sizeof(load_programs) / sizeof(load_programs[0]);

/* That @program hooks instead of a function; NULL: none that may be missing. */
static const char *program_tracepoint(const struct load_program *program)
{
	switch (program - load_programs) {
	case PROGRAM_MODULE_LOAD:
		return "module_load";
	case PROGRAM_CSD_QUEUED:
		return "csd_queue_cpu";
	case PROGRAM_CSD_ENTERED:
		return "csd_function_entry";
	case PROGRAM_CSD_LEFT:
		return "csd_function_exit";
	default:
		return NULL;
	}
}

/* What tells of answers; the table of them stays small. */
static enum sensor_answers answers_by(const struct kernel *kernel)
{
	int cpus = libbpf_num_possible_cpus();

	/* The only one asks nobody. */
	if (cpus <= 1 || cpus > ANSWER_CPUS_MAX)
		return SENSOR_ANSWERS_NONE;
	if (kernel_has_tracepoint(kernel, "csd_queue_cpu") &&
	    kernel_has_tracepoint(kernel, "csd_function_entry") &&
	    kernel_has_tracepoint(kernel, "csd_function_exit"))
		return SENSOR_ANSWERS_CSD;
	if (kernel_has_function(kernel, "do_kernel_range_flush", 1) &&
	    kernel_has_struct(kernel, "flush_tlb_info"))
		return SENSOR_ANSWERS_HANDLER;
	return SENSOR_ANSWERS_NONE;
}

/* Not beside the tracepoints, which tell more. */
static bool program_is_spare(const struct load_program *program, const struct kernel *kernel)
{
	size_t index = (size_t)(program - load_programs);

	return (index == PROGRAM_HANDLER_ENTER || index == PROGRAM_HANDLER_EXIT) &&
	       answers_by(kernel) != SENSOR_ANSWERS_HANDLER;
}

bool load_program_fits(const struct load_program *program, const struct kernel *kernel,
		       uint32_t groups)
{
	const char *tracepoint = program_tracepoint(program);

	if (!(program->group & groups) || program_is_spare(program, kernel))
		return false;
	if (tracepoint)
		return kernel_has_tracepoint(kernel, tracepoint);
	return !program->target ||
	       kernel_has_function(kernel, program->target, program->parameters);
}

#define PLAIN "_plain" /* behind the name of a program that is there twice (bpf/base.h) */

static bool program_is_plain(const struct load *load, const struct load_program *program)
{
	switch (program - load_programs) {
	case PROGRAM_FLUSH_RANGE_ENTER:
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
			return sensor_fail(
				failure, GMEMTRACE_CANNOT_RUN, -ENOENT,
				"this kernel has no %s() with %u parameters to trace: it needs %s",
				entry->target, entry->parameters, entry->provenance);
	}
	return 0;
}

/* The function that the program hooks which libbpf last spoke of. */
static const char *target_refused(const struct refusal *refusal)
{
	for (size_t i = 0; i < load_programs_nr; i++) {
		size_t length = strlen(load_programs[i].name);
		const char *rest = refusal->program + length;

		if (!strncmp(load_programs[i].name, refusal->program, length) &&
		    (!*rest || !strcmp(rest, PLAIN)))
			return load_programs[i].target;
	}
	return NULL;
}

static int part_load(struct sensors_bpf *skeleton, const char *what, struct sensor_failure *failure)
{
	char text[SENSOR_MESSAGE_LENGTH];
	int error;

	refusal_reset();
	error = sensors_bpf__load(skeleton);
	if (!error)
		return 0;
	refusal_words(refusal_last(), what, target_refused(refusal_last()), error, text,
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

int load_attach(struct load *load, enum load_part part, struct sensor_failure *failure)
{
	for (size_t i = 0; i < load_programs_nr; i++) {
		const struct load_program *entry = &load_programs[i];
		struct bpf_program *program = program_find(load, entry);

		if (entry->part != part || !bpf_program__autoload(program))
			continue;
		if (!program_hooks(program))
			continue;
		load->descriptors[i] = bpf_program__fd(program);
		load->links[i] = bpf_program__attach(program);
		if (!load->links[i])
			return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, -errno,
					   "cannot attach to %s: %s",
					   entry->target ? entry->target : entry->name,
					   refusal_error_text(errno));
	}
	return 0;
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

uint32_t load_groups(const struct kernel *kernel, uint32_t groups)
{
	return answers_by(kernel) ? groups : groups & ~(uint32_t)ANSWERS;
}

/* Four places a csd, so that few meet; a power of two. */
static uint32_t csd_owners_nr(uint32_t cpus)
{
	uint32_t nr = 4;

	while (nr < 4 * cpus * cpus)
		nr *= 2;
	return nr;
}

static void config_set(struct sensors_bpf *skeleton, const struct kernel *kernel,
		       const struct sensor_options *options)
{
	struct sensor_config *config = (struct sensor_config *)&skeleton->rodata->sensor;

	*config = kernel->config;
	config->zap_times = !!(options->groups & CHANGES);
	config->flushes = !!(options->groups & FLUSHES);
	config->answers = options->groups & ANSWERS ? answers_by(kernel) : SENSOR_ANSWERS_NONE;
	config->cpus = (uint32_t)libbpf_num_possible_cpus();
	config->csd_owners = csd_owners_nr(config->cpus);
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
	load->plain_flushes = config->have_rdonly_cast && !config->zap_times &&
			      !config->stack_rate && !config->flushes && !config->filtered;
	load->plain_zaps = load->plain_flushes && !config->page_free && !config->zap_by_address;
}

/* What only the programs of one group use is not there without it. */
static void maps_choose(struct sensors_bpf *skeleton, uint32_t groups)
{
	uint32_t cpus = (uint32_t)libbpf_num_possible_cpus();

	bpf_map__set_autocreate(skeleton->maps.stacks, groups & FLUSHES);
	bpf_map__set_autocreate(skeleton->maps.answers, groups & FLUSHES);
	bpf_map__set_autocreate(skeleton->maps.csd_initiators, groups & ANSWERS);
	bpf_map__set_autocreate(skeleton->maps.csd_owners, groups & ANSWERS);
	bpf_map__set_autocreate(skeleton->maps.summaries, groups & SUMMARY);
	if (!(groups & ANSWERS))
		return;
	bpf_map__set_max_entries(skeleton->maps.answers, cpus * cpus);
	bpf_map__set_max_entries(skeleton->maps.csd_initiators, cpus * cpus);
	bpf_map__set_max_entries(skeleton->maps.csd_owners, csd_owners_nr(cpus));
}

int load_kernel_part(struct load *load, const struct kernel *kernel,
		     const struct sensor_options *options, struct sensor_failure *failure)
{
	const struct sensor_config *config = &kernel->config;
	uint64_t pfns = (config->direct_map_end - config->page_offset) >> 12;
	struct sensors_bpf *skeleton = sensors_bpf__open();
	int error;

	if (!skeleton)
		return sensor_fail(failure, GMEMTRACE_ERROR, -errno,
				   "cannot open the BPF object: %s", strerror(errno));
	load->parts[LOAD_PART_KERNEL] = skeleton;
	bpf_map__set_max_entries(skeleton->maps.ring,
				 options->ring_bytes ? options->ring_bytes : RING_BYTES_DEFAULT);
	if (options->groups & SENSOR_GROUP_PAGE_FREE)
		bpf_map__set_max_entries(skeleton->maps.zapped_pfns, pfns / 64 + 1);
	maps_choose(skeleton, options->groups);
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

static void part_detach(struct load *load, enum load_part part)
{
	for (size_t i = 0; i < load_programs_nr; i++) {
		if (load_programs[i].part != part)
			continue;
		bpf_link__destroy(load->links[i]);
		load->links[i] = NULL;
		load->misses[i] = 0;
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
	maps_choose(skeleton, 0);
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
