// SPDX-License-Identifier: GPL-2.0
/*
 * The protocols that BPF programs and the reader share (bpf/ring.h, bpf/begin_slot.h),
 * run as they are: by threads under the race detector, and by one thread that is
 * interrupted before every atomic operation in turn.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static __thread void (*interrupt)(void);

/* Runs `interrupt` before the operation; not within itself. */
static void interrupt_step(void)
{
	void (*now)(void) = interrupt;

	if (!now)
		return;
	interrupt = NULL;
	now();
	interrupt = now;
}

#define ATOMIC_STEP() interrupt_step()
#define ZAP_RING_ENTRIES 256U
#define ZAP_RING_MARGIN 32U
#define SLOTS_NR 64U

#include "bpf/begin_slot.h"
#include "bpf/ring.h"

#define PRODUCERS 8
#define RECORDS_EACH 20000
#define TASKS 8
#define ROUNDS 20000

/* --- the ring --- */

struct ring_test {
	struct zap_ring_entry entries[ZAP_RING_ENTRIES];
	struct zap_ring_ends ends;
	uint64_t lost;
	uint32_t running;
};

static struct ring_test ring_test;

static void ring_write(struct ring_test *ring, const struct record_zap *record)
{
	struct zap_ring_entry *entry;
	__u64 index;

	if (!ring_reserve(&ring->ends, &index)) {
		atomic_add(&ring->lost, 1);
		return;
	}
	entry = &ring->entries[index & (ZAP_RING_ENTRIES - 1)];
	entry->record = *record;
	ring_publish(entry, index);
}

static void *ring_produce(void *argument)
{
	struct record_zap record = { .header.tid = (uintptr_t)argument };

	for (uint32_t i = 0; i < RECORDS_EACH; i++) {
		record.pgoff = i;
		record.page = ~(uint64_t)i;
		ring_write(&ring_test, &record);
		/* Else most are lost, and little is tried. */
		if (i % 16 == 0)
			sched_yield();
	}
	__atomic_fetch_sub(&ring_test.running, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* As the reader does, one at a time. */
static bool ring_next(const struct zap_ring_entry *entries, struct zap_ring_ends *ends,
		      uint64_t index, struct record_zap *record)
{
	const struct record_zap *there = ring_peek(entries, index);

	if (!there)
		return false;
	*record = *there;
	ring_give_back(ends, index + 1);
	return true;
}

/* Takes what is whole; each producer's records must ascend, and be whole. */
static uint64_t ring_drain(struct ring_test *ring, uint64_t from, int64_t last[PRODUCERS])
{
	struct record_zap record;

	while (ring_next(ring->entries, &ring->ends, from, &record)) {
		assert_in_range(record.header.tid, 0, PRODUCERS - 1);
		assert_true(record.page == ~record.pgoff);
		assert_true((int64_t)record.pgoff > last[record.header.tid]);
		last[record.header.tid] = (int64_t)record.pgoff;
		from++;
	}
	return from;
}

static void test_ring_producers(void **state)
{
	pthread_t threads[PRODUCERS];
	int64_t last[PRODUCERS];
	uint64_t taken = 0;

	(void)state;
	memset(&ring_test, 0, sizeof(ring_test));
	memset(last, -1, sizeof(last));
	ring_test.running = PRODUCERS;
	for (uintptr_t i = 0; i < PRODUCERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ring_produce, (void *)i), 0);
	while (__atomic_load_n(&ring_test.running, __ATOMIC_ACQUIRE))
		taken = ring_drain(&ring_test, taken, last);
	for (int i = 0; i < PRODUCERS; i++)
		pthread_join(threads[i], NULL);
	taken = ring_drain(&ring_test, taken, last);
	assert_true(taken > PRODUCERS);
	assert_int_equal(taken + ring_test.lost, PRODUCERS * RECORDS_EACH);
	assert_int_equal(taken, ring_test.ends.head);
}

/* Somebody writes, and the reader takes all of it, while one producer is about to. */
static void ring_bustle(void)
{
	struct record_zap record = { .header.tid = 1 };

	for (unsigned int i = 0; i < ZAP_RING_ENTRIES / 2; i++) {
		ring_write(&ring_test, &record);
		ring_next(ring_test.entries, &ring_test.ends, ring_test.ends.tail, &record);
	}
}

/* However far head and tail come between its two looks, the ring is not taken for full. */
static void test_ring_order_of_looks(void **state)
{
	struct record_zap record = { .header.tid = 0 };

	(void)state;
	memset(&ring_test, 0, sizeof(ring_test));
	interrupt = ring_bustle;
	for (int i = 0; i < 100; i++) {
		struct record_zap out;

		ring_write(&ring_test, &record);
		interrupt = NULL;
		while (ring_next(ring_test.entries, &ring_test.ends, ring_test.ends.tail, &out))
			;
		interrupt = ring_bustle;
	}
	interrupt = NULL;
	assert_int_equal(ring_test.lost, 0);
}

/* --- the positions of both rings --- */

static struct {
	uint64_t produced; /* records in the other ring */
	uint64_t announced[1024]; /* by zap: `produced` when its inode was announced */
} announcements;

static void announce_and_zap(void)
{
	struct record_zap record = { 0 };

	announcements.announced[ring_test.ends.head % 1024] = ++announcements.produced;
	ring_write(&ring_test, &record);
	ring_next(ring_test.entries, &ring_test.ends, ring_test.ends.tail, &record);
}

static void test_positions(void **state)
{
	(void)state;
	memset(&ring_test, 0, sizeof(ring_test));
	memset(&announcements, 0, sizeof(announcements));
	interrupt = announce_and_zap;
	for (int i = 0; i < 200; i++) {
		struct position_args position;

		RING_POSITION(&position, &ring_test.ends, 1, atomic_read(&announcements.produced));
		assert_true(position.zaps > 0);
		assert_true(announcements.announced[(position.zaps - 1) % 1024] <=
			    position.produced);
	}
	interrupt = NULL;
}

/* --- slots --- */

struct slot_counts {
	uint64_t zapped; /* zaps and flushes that tasks made */
	uint64_t flushed;
	uint64_t alone; /* as they were written */
	uint64_t merged;
	uint64_t flushes;
	uint64_t lost; /* flushes */
};

static struct begin_slot slots[SLOTS_NR];
static __u64 arming;
static struct slot_counts counts;
static uint8_t written[TASKS + 1][ROUNDS + 1]; /* by task and number: times */
static uint64_t times;
static uint32_t tasks_running;

/* Fields of one zap belong together. */
static void zap_note(const struct slot_zap *zap, __u64 stamp)
{
	uint64_t task = zap->i_ino, number = zap->page;

	assert_int_equal(slot_stamp_routine(stamp), 1);
	assert_in_range(task, 1, TASKS);
	assert_in_range(number, 1, ROUNDS);
	assert_int_equal(zap->inode, task * number);
	assert_int_equal(zap->nr_result, ~number);
	__atomic_fetch_add(&written[task][number], 1, __ATOMIC_RELAXED);
}

static void slot_emit(struct begin_slot *slot)
{
	__u64 stamp = slot_take(slot);
	struct slot_zap zap;

	if (!stamp)
		return;
	slot_copy(slot, &zap);
	zap_note(&zap, stamp);
	__atomic_fetch_add(&counts.alone, 1, __ATOMIC_RELAXED);
}

static void slot_settle_task(uint64_t task, uint32_t tid)
{
	struct begin_slot *slot = slot_find(slots, task, tid);

	if (slot)
		slot_emit(slot);
}

static void zap_fill(struct slot_zap *zap, uint64_t task, uint64_t number)
{
	SLOT_ZAP_SET(zap, i_ino, task);
	SLOT_ZAP_SET(zap, page, number);
	SLOT_ZAP_SET(zap, inode, task * number);
	SLOT_ZAP_SET(zap, nr_result, ~number);
}

static void task_zap(uint64_t task, uint32_t tid, uint64_t number)
{
	__u64 stamp = slot_stamp(__atomic_add_fetch(&times, 1, __ATOMIC_RELAXED), 1);
	struct begin_slot *slot = slot_place(slots, tid, 0);
	struct slot_zap zap;

	__atomic_fetch_add(&counts.zapped, 1, __ATOMIC_RELAXED);
	if (!slot_claim(slot, task)) {
		slot = slot_claim_second(slots, &arming, task, tid);
	} else if (atomic_read(&arming) == SENSOR_STRAYED &&
		   slot_is_mine(slot_place(slots, tid, 1), task)) {
		slot_emit(slot_place(slots, tid, 1));
		slot_release(slot_place(slots, tid, 1));
	}
	if (slot) {
		slot_emit(slot);
		zap_fill(&slot->zap, task, number);
		slot_leave(slot, stamp);
		return;
	}
	zap_fill(&zap, task, number);
	zap_note(&zap, stamp);
	__atomic_fetch_add(&counts.alone, 1, __ATOMIC_RELAXED);
}

static void task_flush_begin(uint64_t task, uint32_t tid)
{
	struct begin_slot *slot = slot_claim_any(slots, &arming, task, tid);

	__atomic_fetch_add(&counts.flushed, 1, __ATOMIC_RELAXED);
	if (slot)
		atomic_write(&slot->flush_begin, task);
	else
		__atomic_fetch_add(&counts.lost, 1, __ATOMIC_RELAXED);
}

static void task_flush_end(uint64_t task, uint32_t tid)
{
	struct begin_slot *slot = slot_find(slots, task, tid);
	struct slot_zap zap;
	__u64 stamp;

	if (!slot)
		return;
	/* Nobody else's begin, and nobody has cleared ours. */
	assert_int_equal(atomic_read(&slot->flush_begin), task);
	stamp = slot_take(slot);
	if (stamp) {
		slot_copy(slot, &zap);
		assert_int_equal(zap.i_ino, task);
		zap_note(&zap, stamp);
		__atomic_fetch_add(&counts.merged, 1, __ATOMIC_RELAXED);
	} else {
		__atomic_fetch_add(&counts.flushes, 1, __ATOMIC_RELAXED);
	}
	slot_release(slot);
}

/* All of them want the same first place, and by threes the same second. */
static uint32_t task_tid(uint64_t task)
{
	return (uint32_t)((task % 3 + 1 + task / 3 * SLOTS_NR) * SLOTS_NR + 1);
}

static __thread uint64_t current_task;

/* An interrupt whose program settles what the interrupted task has left. */
static void interrupt_settle(void)
{
	slot_settle_task(current_task, task_tid(current_task));
}

static void *task_run(void *argument)
{
	uint64_t task = (uintptr_t)argument;
	uint32_t tid = task_tid(task);

	current_task = task;
	for (uint64_t number = 1; number <= ROUNDS; number++) {
		if (number % 3 == 0)
			interrupt = interrupt_settle;
		task_zap(task, tid, number);
		/* Some zaps have no flush of their own. */
		if (number % 5) {
			task_flush_begin(task, tid);
			task_flush_end(task, tid);
		}
		interrupt = NULL;
		if (number % 7 == 0)
			sched_yield();
	}
	__atomic_fetch_sub(&tasks_running, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void sweep_all(void)
{
	for (size_t i = 0; i < SLOTS_NR; i++) {
		__u64 before = __atomic_load_n(&times, __ATOMIC_RELAXED) + 1;
		struct slot_zap zap;
		__u64 stamp = slot_sweep(&slots[i], before, &zap);

		if (!stamp)
			continue;
		zap_note(&zap, stamp);
		__atomic_fetch_add(&counts.alone, 1, __ATOMIC_RELAXED);
	}
}

static void slots_reset(void)
{
	memset(slots, 0, sizeof(slots));
	memset(&counts, 0, sizeof(counts));
	memset(written, 0, sizeof(written));
	times = 0;
	arming = SENSOR_ARMED;
}

/* Every zap is written once; every flush is written, with a zap or alone, or counted. */
static void slots_check(uint64_t tasks, uint64_t rounds)
{
	for (uint64_t task = 1; task <= tasks; task++) {
		for (uint64_t number = 1; number <= rounds; number++)
			assert_int_equal(written[task][number], 1);
	}
	assert_int_equal(counts.alone + counts.merged, counts.zapped);
	assert_int_equal(counts.merged + counts.flushes + counts.lost, counts.flushed);
}

static void test_slots_shared(void **state)
{
	pthread_t threads[TASKS];

	(void)state;
	slots_reset();
	tasks_running = TASKS;
	for (uintptr_t i = 0; i < TASKS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, task_run, (void *)(i + 1)), 0);
	while (__atomic_load_n(&tasks_running, __ATOMIC_ACQUIRE)) {
		sweep_all();
		sched_yield();
	}
	for (int i = 0; i < TASKS; i++)
		pthread_join(threads[i], NULL);
	sweep_all();
	slots_check(TASKS, ROUNDS);
	assert_true(counts.merged > 0);
	assert_true(counts.lost > 0);
}

/* A task that has died holding a slot: reaped, and then it is anybody's. */
static void test_slot_reaped(void **state)
{
	(void)state;
	slots_reset();
	task_zap(1, task_tid(1), 1);
	slot_reap(slot_find(slots, 1, task_tid(1)), 1);
	assert_non_null(slot_find(slots, 1, task_tid(1))); /* its zap is not written yet */
	sweep_all();
	slot_reap(slot_find(slots, 1, task_tid(1)), 1);
	assert_null(slot_find(slots, 1, task_tid(1)));
	slots_check(1, 1);
}

static unsigned int steps, step_wanted;

/* What may happen between two operations of a task: all of it at one step, in turn. */
static void interrupt_once(void)
{
	if (++steps != step_wanted)
		return;
	interrupt_settle();
	task_zap(2, task_tid(2), 1);
	task_flush_begin(2, task_tid(2));
	sweep_all();
	task_flush_end(2, task_tid(2));
}

static void test_slot_every_step(void **state)
{
	(void)state;
	current_task = 1;
	for (step_wanted = 1;; step_wanted++) {
		slots_reset();
		steps = 0;
		interrupt = interrupt_once;
		task_zap(1, task_tid(1), 1);
		task_zap(1, task_tid(1), 2);
		task_flush_begin(1, task_tid(1));
		task_flush_end(1, task_tid(1));
		interrupt = NULL;
		sweep_all();
		if (steps < step_wanted)
			break;
		slots_check(1, 2);
		assert_int_equal(written[2][1], 1);
	}
	assert_true(step_wanted > 20);
}

/* Ids that meet in one place part in the other. */
static void test_slot_places(void **state)
{
	(void)state;
	for (uint32_t tid = 1; tid < 64; tid++) {
		for (uint32_t times_on = 1; times_on < SLOTS_NR; times_on++) {
			uint32_t other = tid + times_on * SLOTS_NR;

			assert_int_equal(slot_index(tid, 0), slot_index(other, 0));
			assert_int_not_equal(slot_index(tid, 1), slot_index(other, 1));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring_producers), cmocka_unit_test(test_ring_order_of_looks),
		cmocka_unit_test(test_positions),      cmocka_unit_test(test_slots_shared),
		cmocka_unit_test(test_slot_reaped),    cmocka_unit_test(test_slot_every_step),
		cmocka_unit_test(test_slot_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
