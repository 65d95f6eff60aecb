// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "map/survey.h"
#include "sensor/kernel.h"
#include "sensor/mapper.h"
#include "sensor/refusal.h"
#include "sensor/walker.h"
#include "map.skel.h"

#define PAGE 4096ULL
#define PAGE_SHIFT 12
#define VMALLOC_FOUR_LEVELS_BYTES (32ULL << 40) /* VMALLOC_SIZE_TB_L4 */
#define VMALLOC_FIVE_LEVELS_BYTES (12800ULL << 40) /* VMALLOC_SIZE_TB_L5 */
#define TEXT_BEGIN 0xffffffff80000000ULL /* __START_KERNEL_map: the kernel's image, then modules */
#define TEXT_END 0xffffffffff000000ULL /* MODULES_END */
#define KFENCE_OBJECTS 255 /* CONFIG_KFENCE_NUM_OBJECTS, the default */
#define PASS_NS                                                                                    \
	250000000ULL /* between two looks at what is nobody's; five of them are more than MAP_SETTLE_NS */
#define PASSES_MAX 5U

struct mapper {
	struct kernel kernel;
	struct map_bpf *skeleton;
	struct map_scratch *scratch; /* the program's, mapped */
	uint64_t *wanted; /* bits by pfn, mapped */
	size_t wanted_bytes;
	struct survey survey;
	struct mapper_watch watch;
};

static uint64_t mapper_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static uint64_t pfns_of(const struct kernel *kernel)
{
	return (kernel->memory_end - kernel->config.page_offset) >> PAGE_SHIFT;
}

/* What kfence was built with: the pool's size is nowhere in memory. */
static uint64_t kfence_objects(void)
{
	unsigned long long objects = KFENCE_OBJECTS;
	struct utsname name;
	char path[256], line[256];
	FILE *file = NULL;

	if (!uname(&name)) {
		snprintf(path, sizeof(path), "/boot/config-%s", name.release);
		file = fopen(path, "re");
	}
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "CONFIG_KFENCE_NUM_OBJECTS=%llu", &objects) == 1)
			break;
	}
	if (file)
		fclose(file);
	return objects;
}

static void config_set(struct map_bpf *skeleton, const struct kernel *kernel)
{
	struct map_config *config = (struct map_config *)&skeleton->rodata->config;
	const struct sensor_config *facts = &kernel->config;

	*(struct sensor_config *)&skeleton->rodata->sensor = *facts;
	config->wanted_nr = pfns_of(kernel);
	if (kernel->kfence_pool < facts->page_offset || kernel->kfence_pool >= kernel->memory_end)
		return;
	config->kfence_first = (kernel->kfence_pool - facts->page_offset) >> PAGE_SHIFT;
	config->kfence_nr = (kfence_objects() + 1) * 2;
}

static int mapper_load(struct mapper *mapper, struct sensor_failure *failure)
{
	uint64_t words = pfns_of(&mapper->kernel) / 64 + 1;
	char text[SENSOR_MESSAGE_LENGTH];
	int error;

	refusal_listen();
	refusal_reset();
	mapper->skeleton = map_bpf__open();
	if (!mapper->skeleton)
		return sensor_fail(failure, GMEMTRACE_ERROR, -errno,
				   "cannot open the BPF object: %s", strerror(errno));
	config_set(mapper->skeleton, &mapper->kernel);
	bpf_map__set_max_entries(mapper->skeleton->maps.wanted, (__u32)words);
	error = map_bpf__load(mapper->skeleton);
	if (error) {
		refusal_words(refusal_last(), "the walker", NULL, error, text, sizeof(text));
		return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, error, "%s", text);
	}
	mapper->scratch = &mapper->skeleton->bss->walker;
	mapper->wanted_bytes = (words * 8 + PAGE - 1) & ~(PAGE - 1);
	mapper->wanted = mmap(NULL, mapper->wanted_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			      bpf_map__fd(mapper->skeleton->maps.wanted), 0);
	if (mapper->wanted != MAP_FAILED)
		return 0;
	mapper->wanted = NULL;
	return sensor_fail(failure, GMEMTRACE_ERROR, -errno, "cannot map the walker's bits: %s",
			   strerror(errno));
}

static int part_run(const struct mapper *mapper, struct map_args *args)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = args, .ctx_size_in = sizeof(*args));
	uint64_t before = args->next;
	int error;

	args->blocks = MAP_BLOCKS_CALL;
	error = bpf_prog_test_run_opts(bpf_program__fd(mapper->skeleton->progs.map_walk), &options);
	/* What has changed while it was read is read again, but not for ever. */
	return !error && args->next == before ? -EIO : error;
}

/* The walker's control: one page, by the program that walks all of them. */
static int mapper_walk_page(const void *context, uint64_t pfn)
{
	const struct mapper *mapper = context;
	uint64_t address = mapper->kernel.config.page_offset + (pfn << PAGE_SHIFT);
	struct map_args args = { .next = address, .end = address + PAGE };
	enum record_map_whose owner;

	if (part_run(mapper, &args) || args.runs != 1)
		return WALK_UNKNOWN;
	owner = MAP_WHAT_OWNER(mapper->scratch->list[0].what);
	if (owner == RECORD_MAP_PRESENT)
		return WALK_PRESENT;
	return owner == RECORD_MAP_SECRETMEM ? WALK_ABSENT : WALK_UNKNOWN;
}

int mapper_open(struct mapper **opened, bool armed, struct sensor_failure *failure)
{
	struct mapper *mapper = calloc(1, sizeof(*mapper));
	bool half;
	int error;

	if (!mapper)
		return sensor_fail(failure, GMEMTRACE_ERROR, -ENOMEM, "out of memory");
	error = kernel_check_permissions(failure);
	if (!error)
		error = kernel_open(&mapper->kernel, failure);
	if (!error)
		error = facts_read_config(&mapper->kernel, failure);
	if (!error)
		error = mapper_load(mapper, failure);
	if (!error)
		error = walker_prove(mapper_walk_page, mapper, armed ? NULL : &half, failure);
	if (error) {
		mapper_close(mapper);
		return error;
	}
	mapper->survey.pfn_nr = pfns_of(&mapper->kernel);
	*opened = mapper;
	return 0;
}

void mapper_close(struct mapper *mapper)
{
	if (!mapper)
		return;
	if (mapper->wanted)
		munmap(mapper->wanted, mapper->wanted_bytes);
	map_bpf__destroy(mapper->skeleton);
	kernel_close(&mapper->kernel);
	survey_free(&mapper->survey);
	free(mapper);
}

static bool mapper_stopped(const struct mapper *mapper)
{
	return mapper->watch.stop && mapper->watch.stop(mapper->watch.context);
}

static void mapper_progress(const struct mapper *mapper, uint64_t address)
{
	const struct sensor_config *config = &mapper->kernel.config;

	if (mapper->watch.progress && !mapper->survey.pass)
		mapper->watch.progress(mapper->watch.context, address - config->page_offset,
				       mapper->kernel.memory_end - config->page_offset);
}

static void direct_take(struct mapper *mapper, const struct map_args *args)
{
	for (uint32_t i = 0; i < args->runs && i < MAP_RUNS_NR; i++)
		survey_take(&mapper->survey, &mapper->scratch->list[i]);
	for (size_t i = 0; i < MAP_SIZES; i++)
		mapper->survey.leaves[i] += args->leaves[i];
	mapper_progress(mapper, args->next);
}

/* Of the direct map [first, end), addresses; in parts. */
static int direct_walk(struct mapper *mapper, uint64_t first, uint64_t end)
{
	struct map_args args = { .next = first, .end = end, .space = MAP_SPACE_DIRECT };

	while (args.next < args.end) {
		int error = mapper_stopped(mapper) ? -EINTR : part_run(mapper, &args);

		if (error)
			return error;
		direct_take(mapper, &args);
	}
	return 0;
}

/* Where kernel mappings are besides the direct map: what is mapped there is its owner's. */
static int other_walk(struct mapper *mapper, uint64_t first, uint64_t end,
		      enum record_map_whose owner)
{
	struct map_args args = { .next = first, .end = end, .space = MAP_SPACE_OTHER };

	while (args.next < args.end) {
		int error = mapper_stopped(mapper) ? -EINTR : part_run(mapper, &args);

		if (error)
			return error;
		for (uint32_t i = 0; i < args.runs && i < MAP_RUNS_NR; i++)
			survey_claim(&mapper->survey, mapper->scratch->list[i].pfn,
				     mapper->scratch->list[i].nr, owner);
	}
	return 0;
}

/* Bits of what is suspected, and no others. */
static void wanted_set(const struct mapper *mapper)
{
	const struct map_runs *suspects = &mapper->survey.suspects;

	memset(mapper->wanted, 0, mapper->wanted_bytes);
	for (size_t i = 0; i < suspects->nr; i++) {
		const struct map_run_of *run = &suspects->list[i];

		for (uint64_t pfn = run->pfn; pfn < run->pfn + run->nr; pfn++)
			mapper->wanted[pfn / 64] |= 1ULL << pfn % 64;
	}
}

static int suspects_look_for(struct mapper *mapper)
{
	const struct kernel *kernel = &mapper->kernel;
	uint64_t bytes =
		kernel->config.five_levels ? VMALLOC_FIVE_LEVELS_BYTES : VMALLOC_FOUR_LEVELS_BYTES;
	int error;

	if (!mapper->survey.suspects.nr)
		return 0;
	wanted_set(mapper);
	error = other_walk(mapper, TEXT_BEGIN, TEXT_END, RECORD_MAP_MODULE);
	if (error)
		return error;
	return other_walk(mapper, kernel->vmalloc_base, kernel->vmalloc_base + bytes,
			  RECORD_MAP_VMALLOC);
}

/* Pass 0: everything; later ones: @runs. */
static int pass_read(struct mapper *mapper, const struct map_runs *runs)
{
	const struct sensor_config *config = &mapper->kernel.config;
	int error = 0;

	if (!mapper->survey.pass)
		error = direct_walk(mapper, config->page_offset, mapper->kernel.memory_end);
	for (size_t i = 0; mapper->survey.pass && i < runs->nr && !error; i++) {
		uint64_t first = config->page_offset + (runs->list[i].pfn << PAGE_SHIFT);

		error = direct_walk(mapper, first, first + (runs->list[i].nr << PAGE_SHIFT));
	}
	survey_taken(&mapper->survey);
	return error ? error : suspects_look_for(mapper);
}

/* What the pass before suspected; the caller frees it. */
static struct map_runs suspects_take(struct mapper *mapper)
{
	struct map_runs suspects = mapper->survey.suspects;

	memset(&mapper->survey.suspects, 0, sizeof(suspects));
	return suspects;
}

static bool pass_wanted(const struct mapper *mapper, uint32_t pass)
{
	return !pass ||
	       (pass < PASSES_MAX && mapper->survey.suspects.nr && !mapper->kernel.debug_pagealloc);
}

static int mapper_pass(struct mapper *mapper, uint32_t pass, sensor_sink sink, void *context)
{
	struct map_runs before = suspects_take(mapper);
	int error;

	survey_begin(&mapper->survey, pass,
		     mapper->kernel.debug_pagealloc ? RECORD_MAP_ALLOCATOR_UNMAPS : 0,
		     mapper_now());
	error = pass_read(mapper, &before);
	free(before.list);
	if (!error && mapper->survey.failed)
		error = -ENOMEM;
	survey_tell(&mapper->survey, mapper_now(), error, !error && !pass_wanted(mapper, pass + 1),
		    sink, context);
	return error;
}

/* PASS_NS, in steps, so that who watches may do something else. */
static int mapper_pause(const struct mapper *mapper)
{
	static const struct timespec step = { .tv_nsec = PASS_NS / 10 };

	for (int i = 0; i < 10; i++) {
		if (mapper_stopped(mapper))
			return -EINTR;
		nanosleep(&step, NULL);
	}
	return 0;
}

int mapper_walk(struct mapper *mapper, const struct mapper_watch *watch, sensor_sink sink,
		void *context)
{
	int error = 0;

	memset(&mapper->watch, 0, sizeof(mapper->watch));
	if (watch)
		mapper->watch = *watch;
	for (uint32_t pass = 0; !error && pass_wanted(mapper, pass); pass++) {
		if (pass)
			error = mapper_pause(mapper);
		if (!error)
			error = mapper_pass(mapper, pass, sink, context);
	}
	return error;
}
