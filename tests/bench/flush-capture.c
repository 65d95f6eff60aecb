// SPDX-License-Identifier: GPL-2.0
/*
 * A capture of N flushes as record --flushes makes one, for figures of reports: eight CPUs, some
 * tasks, stacks as kernels have them, answers of the CPUs that were asked.
 *
 * usage: flush-capture FILE N
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gmemtrace/capture.h"

#define CPUS 8
#define STACKS 96
#define TASKS 24
#define FRAMES 14
#define TEXT_MAX 1024
#define BEAT 4096 /* flushes between two heartbeats */

static uint64_t seed = 7;

static uint64_t draw(uint64_t below)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % below;
}

/* Stacks share their outer frames, as those of a kernel do. */
static size_t stack_text(uint32_t id, char *text, size_t size)
{
	size_t used = 0;

	for (uint32_t i = 0; i < FRAMES; i++)
		used += (size_t)snprintf(text + used, size - used, "kernel_routine_%u_%u;", i,
					 i < FRAMES / 2 ? id % (i + 1) : id % (2 * i + 3));
	used += (size_t)snprintf(text + used, size - used, "flush_tlb_kernel_range");
	return used + 1;
}

static int stack_write(struct capture_writer *writer, uint32_t id)
{
	union {
		struct record_stack stack;
		char bytes[sizeof(struct record_stack) + TEXT_MAX];
	} record = { .stack = { .header = { .kind = RECORD_STACK, .time = 1 }, .id = id } };
	size_t length = stack_text(id, record.bytes + sizeof(record.stack), TEXT_MAX);

	record.stack.length = (uint32_t)length;
	record.stack.header.size = (uint16_t)((sizeof(record.stack) + length + 7) & ~7UL);
	return capture_append(writer, &record.stack.header);
}

static int heartbeat_write(struct capture_writer *writer, uint64_t time)
{
	const struct record_heartbeat beat = {
		.header = { .kind = RECORD_HEARTBEAT, .size = sizeof(beat), .time = time },
		.watermark = time,
		.groups = SENSOR_GROUP_VERDICT | SENSOR_GROUP_FLUSHES,
	};

	return capture_append(writer, &beat.header);
}

static void answers_fill(struct record_answers *answers, uint32_t cpu, uint32_t ns)
{
	for (uint32_t i = 0; i < answers->nr; i++) {
		answers->answers[i].cpu = (cpu + 1 + i) % CPUS;
		answers->answers[i].asked = 300 + 10 * i;
		answers->answers[i].entered = ns / 2 + 20 * i;
		answers->answers[i].left = ns / 2 + 20 * i + 200;
		answers->answers[i].bits = RECORD_ANSWER_IDLE;
	}
}

static int flush_write(struct capture_writer *writer, uint64_t begin, uint64_t *end)
{
	uint32_t task = (uint32_t)draw(TASKS), cpu = (uint32_t)draw(CPUS);
	uint32_t ns = 2000 + (uint32_t)draw(1U << (6 + draw(12)));
	struct record_answers answers = {
		.header = { .kind = RECORD_ANSWERS, .size = sizeof(answers), .tid = 1000 + task },
		.begin = begin,
		.nr = CPUS - 1,
	};
	struct record_flush_timed flush = {
		.header = { .kind = RECORD_FLUSH_TIMED,
			    .size = sizeof(flush),
			    .cpu = cpu,
			    .tid = 1000 + task,
			    .tgid = 1000 + task / 3 },
		.begin = begin,
		.end = begin + ns,
		.pages = 1 + draw(32),
		.last = 0,
		.first = 1,
		.asked = begin + 300,
		.asked_nr = CPUS - 1,
		.answered_nr = CPUS - 1,
		.stack = 1 + (uint32_t)draw(STACKS),
		.weight = 1,
		.stack_state = RECORD_STACK_TAKEN,
		.routine = RECORD_FLUSH_RANGE,
		.initiator = cpu,
		.late_bits = RECORD_ANSWER_IDLE,
	};
	int error;

	snprintf(flush.comm, sizeof(flush.comm), "worker/%u", task);
	answers_fill(&answers, cpu, ns);
	flush.late_cpu = answers.answers[CPUS - 2].cpu;
	flush.late_asked = begin + answers.answers[CPUS - 2].asked;
	flush.late_entered = begin + answers.answers[CPUS - 2].entered;
	flush.late_left = begin + answers.answers[CPUS - 2].left;
	*end = flush.end;
	answers.header.time = flush.header.time = flush.end;
	error = capture_append(writer, &answers.header);
	return error ? error : capture_append(writer, &flush.header);
}

static int capture_fill(struct capture_writer *writer, uint64_t flushes)
{
	const struct record_end last = {
		.header = { .kind = RECORD_END, .size = sizeof(last) },
		.command_status = -1,
	};
	struct record_end end = last;
	uint64_t now = 1000;
	int error;

	error = capture_append_fact(writer, 1, "sensor.groups", "17");
	for (uint32_t id = 1; !error && id <= STACKS; id++)
		error = stack_write(writer, id);
	for (uint64_t i = 0; !error && i < flushes; i++) {
		error = flush_write(writer, now, &now);
		if (!error && i % BEAT == 0)
			error = heartbeat_write(writer, now);
	}
	end.header.time = now + 1;
	if (!error)
		error = heartbeat_write(writer, now + 1);
	return error ? error : capture_append(writer, &end.header);
}

int main(int argc, char **argv)
{
	struct capture_writer *writer;
	char message[512];
	int error;

	if (argc != 3) {
		fprintf(stderr, "usage: flush-capture FILE N\n");
		return 64;
	}
	if (capture_create(argv[1], &writer, message, sizeof(message))) {
		fprintf(stderr, "flush-capture: %s\n", message);
		return 2;
	}
	error = capture_fill(writer, strtoull(argv[2], NULL, 10));
	if (!error)
		error = capture_finish(writer);
	capture_close(writer);
	if (error)
		fprintf(stderr, "flush-capture: %s: %s\n", argv[1], strerror(-error));
	return error ? 2 : 0;
}
