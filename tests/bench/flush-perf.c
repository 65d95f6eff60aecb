// SPDX-License-Identifier: GPL-2.0
/*
 * A perf.data of N samples of the stacks that flush-capture has, and the kallsyms that name them: as
 * perf record -e probe:flush_tlb_kernel_range -g makes one, without the kernel that it needs.
 *
 * usage: flush-perf DATA KALLSYMS N
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CPUS 8
#define STACKS 96
#define TASKS 24
#define FRAMES 15 /* flush_tlb_kernel_range is the innermost */
#define VARIANTS 32 /* of a frame */
#define TEXT 0xffffffff81000000ULL /* where a kernel's text begins */
#define ROUTINE 0x400ULL /* bytes */
#define TEXT_SIZE (FRAMES * VARIANTS * ROUTINE)
#define COMM_LEN 16
#define MAGIC "PERFILE2"

struct section {
	uint64_t offset, size;
};

/* tools/perf/Documentation/perf.data-file-format.txt */
struct perf_header {
	char magic[8];
	uint64_t size, attr_size;
	struct section attrs, data, event_types;
	uint64_t features[4];
};

struct perf_attr {
	struct perf_event_attr attr;
	struct section ids;
};

struct perf_mmap {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t begin, size, offset;
	char name[24];
};

struct perf_comm {
	struct perf_event_header header;
	uint32_t pid, tid;
	char comm[COMM_LEN];
};

/* By PERF_SAMPLE_IP, _TID, _TIME, _CPU, _PERIOD and _CALLCHAIN. */
struct perf_sample {
	struct perf_event_header header;
	uint64_t ip;
	uint32_t pid, tid;
	uint64_t time;
	uint32_t cpu, reserved;
	uint64_t period;
	uint64_t nr;
	uint64_t chain[1 + FRAMES]; /* the context, then the innermost frame first */
};

static uint64_t seed = 7;

static uint64_t draw(uint64_t below)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % below;
}

/* Of the frame @index from outside; as flush-capture names them. */
static uint32_t variant(uint32_t stack, uint32_t index)
{
	uint32_t frames = FRAMES - 1;

	if (index == frames)
		return 0;
	return index < frames / 2 ? stack % (index + 1) : stack % (2 * index + 3);
}

static uint64_t routine(uint32_t index, uint32_t variant)
{
	return TEXT + (index * VARIANTS + variant) * ROUTINE;
}

static int kallsyms_write(const char *path)
{
	FILE *out = fopen(path, "w");

	if (!out)
		return -errno;
	fprintf(out, "%" PRIx64 " T _text\n%" PRIx64 " T _stext\n", (uint64_t)TEXT, (uint64_t)TEXT);
	for (uint32_t i = 0; i + 1 < FRAMES; i++) {
		for (uint32_t j = 0; j < VARIANTS; j++)
			fprintf(out, "%" PRIx64 " T kernel_routine_%u_%u\n", routine(i, j), i, j);
	}
	fprintf(out, "%" PRIx64 " T flush_tlb_kernel_range\n", routine(FRAMES - 1, 0));
	fprintf(out, "%" PRIx64 " T _etext\n", (uint64_t)(TEXT + TEXT_SIZE));
	return fclose(out) ? -errno : 0;
}

static void head_write(FILE *out, uint64_t data_size)
{
	const struct perf_header header = {
		.magic = MAGIC,
		.size = sizeof(header),
		.attr_size = sizeof(struct perf_attr),
		.attrs = { sizeof(header), sizeof(struct perf_attr) },
		.data = { sizeof(header) + sizeof(struct perf_attr), data_size },
	};
	const struct perf_attr attr = {
		.attr = { .type = PERF_TYPE_SOFTWARE,
			  .size = sizeof(attr.attr),
			  .config = PERF_COUNT_SW_CPU_CLOCK,
			  .sample_period = 1,
			  .sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME |
					 PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD |
					 PERF_SAMPLE_CALLCHAIN },
	};

	fwrite(&header, sizeof(header), 1, out);
	fwrite(&attr, sizeof(attr), 1, out);
}

static void tasks_write(FILE *out)
{
	struct perf_mmap mmap = {
		.header = { PERF_RECORD_MMAP, PERF_RECORD_MISC_KERNEL, sizeof(mmap) },
		.pid = (uint32_t)-1,
		.begin = TEXT,
		.size = TEXT_SIZE,
		.offset = TEXT,
		.name = "[kernel.kallsyms]_text",
	};

	fwrite(&mmap, sizeof(mmap), 1, out);
	for (uint32_t i = 0; i < TASKS; i++) {
		struct perf_comm comm = {
			.header = { PERF_RECORD_COMM, 0, sizeof(comm) },
			.pid = 1000 + i / 3,
			.tid = 1000 + i,
		};

		snprintf(comm.comm, sizeof(comm.comm), "worker/%u", i);
		fwrite(&comm, sizeof(comm), 1, out);
	}
}

static void sample_write(FILE *out, uint64_t time)
{
	uint32_t task = (uint32_t)draw(TASKS), stack = 1 + (uint32_t)draw(STACKS);
	struct perf_sample sample = {
		.header = { PERF_RECORD_SAMPLE, PERF_RECORD_MISC_KERNEL, sizeof(sample) },
		.pid = 1000 + task / 3,
		.tid = 1000 + task,
		.time = time,
		.cpu = (uint32_t)draw(CPUS),
		.period = 2000 + draw(1U << (6 + draw(12))),
		.nr = 1 + FRAMES,
		.chain = { PERF_CONTEXT_KERNEL },
	};

	for (uint32_t i = 0; i < FRAMES; i++)
		sample.chain[1 + i] =
			routine(FRAMES - 1 - i, variant(stack, FRAMES - 1 - i)) + 8 * (i + 1);
	sample.ip = sample.chain[1];
	fwrite(&sample, sizeof(sample), 1, out);
}

int main(int argc, char **argv)
{
	uint64_t nr;
	FILE *out;
	int error;

	if (argc != 4) {
		fprintf(stderr, "usage: flush-perf DATA KALLSYMS N\n");
		return 64;
	}
	nr = strtoull(argv[3], NULL, 10);
	error = kallsyms_write(argv[2]);
	out = error ? NULL : fopen(argv[1], "w");
	if (!out) {
		fprintf(stderr, "flush-perf: %s\n", strerror(error ? -error : errno));
		return 2;
	}
	head_write(out, sizeof(struct perf_mmap) + TASKS * sizeof(struct perf_comm) +
				nr * sizeof(struct perf_sample));
	tasks_write(out);
	for (uint64_t i = 0; i < nr; i++)
		sample_write(out, 1000000 + i * 10000);
	return fclose(out) ? 2 : 0;
}
