// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "timed.h"

#define INODE 3
#define TASK 7
#define RECORDS_MAX 512

void timed_stack(struct stream *stream, __u32 id, const char *text)
{
	union {
		struct record_stack stack;
		char bytes[RECORDS_MAX];
	} record = { .stack = { .header = { .kind = RECORD_STACK, .time = stream->now },
				.id = id } };
	size_t length = strlen(text) + 1, room = sizeof(record) - sizeof(record.stack);

	length = length < room ? length : room;
	memcpy(record.bytes + sizeof(record.stack), text, length - 1);
	record.stack.length = (__u32)length;
	record.stack.header.size = (__u16)((sizeof(record.stack) + length + 7) & ~7UL);
	stream_add(stream, &record.stack.header);
}

static void timed_answers(struct stream *stream, const struct timed *timed)
{
	struct record_answers answers = {
		.header = { .kind = RECORD_ANSWERS,
			    .size = sizeof(answers),
			    .tid = timed->tid,
			    .time = stream->now },
		.begin = timed->begin,
		.nr = (__u32)timed->answers_nr,
	};

	memcpy(answers.answers, timed->answers, sizeof(answers.answers));
	stream_add(stream, &answers.header);
}

static void timed_late(struct record_flush_timed *flush, const struct timed *timed)
{
	const struct record_answer *late = &timed->answers[timed->answers_nr - 1];

	flush->asked = timed->begin + timed->answers[0].asked;
	flush->answered_nr = (__u32)timed->answers_nr;
	flush->asked_nr = flush->answered_nr + timed->unseen;
	flush->late_cpu = late->cpu;
	flush->late_asked = timed->begin + late->asked;
	flush->late_entered = timed->begin + late->entered;
	flush->late_left = timed->begin + late->left;
	flush->late_bits = late->bits;
	memcpy(flush->late_comm, timed->comm, RECORD_COMM_LEN);
}

void timed_flush(struct stream *stream, const struct timed *timed)
{
	struct record_flush_timed flush = {
		.header = { .kind = RECORD_FLUSH_TIMED,
			    .size = sizeof(flush),
			    .cpu = timed->cpu,
			    .tid = timed->tid,
			    .tgid = 100 },
		.begin = timed->begin,
		.end = timed->begin + timed->ns,
		.first = timed->bits & RECORD_FLUSH_FULL ? 0 : 100,
		.last = 99 + timed->pages,
		.pages = timed->pages,
		.stack = timed->stack,
		.weight = timed->stack && !timed->weight ? 1 : timed->weight,
		.stack_state = timed->stack ? RECORD_STACK_TAKEN : RECORD_STACK_NONE,
		.routine = timed->bits & RECORD_FLUSH_FULL ? RECORD_FLUSH_ALL : RECORD_FLUSH_RANGE,
		.bits = timed->bits,
		.initiator = timed->cpu,
	};

	if (stream->now < flush.end)
		stream->now = flush.end;
	memcpy(flush.comm, timed->comm, RECORD_COMM_LEN);
	if (timed->answers_nr) {
		timed_answers(stream, timed);
		timed_late(&flush, timed);
	}
	flush.header.time = stream->now;
	stream_add(stream, &flush.header);
}

/* A page faulted in, with the flush that its own sensors tell of, too. */
static void timed_fault(struct stream *stream, const char *comm, __u64 pgoff)
{
	struct timed timed = {
		.tid = 90,
		.begin = stream->now,
		.bits = RECORD_FLUSH_DIRECT,
		.pages = 1,
		.stack = 2,
	};

	stream_fault(stream, timed.tid, INODE, pgoff % 64, 1000 + pgoff);
	timed.ns = stream->now - timed.begin;
	memcpy(timed.comm, comm, strnlen(comm, sizeof(timed.comm)));
	timed_flush(stream, &timed);
}

void timed_run(struct stream *stream, const char *comm, __u64 factor, size_t count)
{
	stream_fact(stream, "kernel.release", "6.12.0-made");
	stream_fact(stream, "sensor.groups", "17");
	stream_inode(stream, INODE, RECORD_PROVIDER_RFC3, 64, false);
	timed_stack(stream, 1, "do_syscall_64;vfree;__purge_vmap_area_lazy;flush_tlb_kernel_range");
	timed_stack(stream, 2, "fault;set_direct_map_valid_noflush;flush_tlb_all");
	for (size_t i = 0; i < count; i++) {
		struct timed timed = {
			.tid = TASK + (__u32)(i % 3),
			.cpu = (__u32)(i % 2),
			.begin = stream->now,
			.ns = (4000 + 10 * (i % 50)) * factor,
			.bits = i % 5 == 1 ? RECORD_FLUSH_DIRECT | RECORD_FLUSH_FULL : 0,
			.pages = i % 5 == 1 ? 0 : 1 + i % 3,
			.stack = i % 5 == 1 ? 2 : 1,
			.answers_nr = 1,
			.answers = { { .cpu = !(i % 2),
				       .asked = 100,
				       .entered = 400,
				       .left = (__u32)(3000 * factor),
				       .bits = RECORD_ANSWER_SOFTIRQ } },
		};

		memcpy(timed.comm, comm, strnlen(comm, sizeof(timed.comm)));
		timed_flush(stream, &timed);
		if (i % 16 == 0)
			timed_fault(stream, comm, i / 16);
		if (i == count / 2)
			stream_loss(stream, 0, RECORD_LOSS_UNTIMED, stream->now - 5000, 3);
		if (i % 64 == 63)
			stream_heartbeat(stream);
	}
}
