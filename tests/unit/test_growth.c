// SPDX-License-Identifier: GPL-2.0
/*
 * What grows with the square of what happens: the model is compiled so that it counts its steps (basic
 * blocks, -fsanitize-coverage=trace-pc), and four times as much may take five times as many. No time is
 * looked at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "stream.h"

#define FEW 1500 /* beyond what is told apart one by one: 512 requests, 64 conflicts */
#define PAGES 64 /* of a request */
#define HEARTBEAT 100 /* records */

/* tests/unit/Makefile.inc defines it where it links the model that counts. */
extern const char steps_are_counted __attribute__((weak));

static uint64_t steps;
void __sanitizer_cov_trace_pc(void);

void __sanitizer_cov_trace_pc(void)
{
	steps++;
}

enum order {
	ORDER_SAME, /* they end as they began */
	ORDER_REVERSE,
};

struct workload {
	uint32_t each; /* requests of an inode; 0: there is one inode */
	uint64_t apart; /* pages between one request and the next */
	enum order order;
};

static void request(struct stream *stream, const struct workload *workload, uint32_t i, bool begin)
{
	uint64_t inode = 1 + (workload->each ? i / workload->each : 0), first = i * workload->apart;

	if (begin)
		stream_begin(stream, 100 + i, inode, RECORD_OPERATION_SET_RANGE, first,
			     first + PAGES - 1, false);
	else
		stream_end(stream, 100 + i, inode, RECORD_OPERATION_SET_RANGE, first,
			   first + PAGES - 1, false);
	if (i % HEARTBEAT == 0)
		stream_heartbeat(stream);
}

/* All of @nr requests are open before the first of them ends. */
static uint64_t steps_of(const struct workload *workload, uint32_t nr)
{
	struct stream stream;
	uint64_t taken;

	stream_init(&stream);
	for (uint32_t i = 0; !i || (workload->each && i < nr / workload->each); i++)
		stream_inode(&stream, 1 + i, RECORD_PROVIDER_RFC3, 1 << 20, false);
	for (uint32_t i = 0; i < nr; i++)
		request(&stream, workload, i, true);
	for (uint32_t i = 0; i < nr; i++)
		request(&stream, workload, workload->order == ORDER_SAME ? i : nr - 1 - i, false);
	stream_finish(&stream);
	steps = 0;
	stream_judge(&stream, NULL);
	taken = steps;
	stream_free(&stream);
	return taken;
}

static void grows_evenly(const struct workload *workload)
{
	uint64_t few, many;

	if (!&steps_are_counted)
		skip();
	few = steps_of(workload, FEW);
	many = steps_of(workload, 4 * FEW);
	/* The control: it is counted, and more is more. */
	assert_true(few > 10ULL * FEW);
	assert_true(many > 3 * few);
	assert_true(many < 5 * few);
}

static void test_one_range(void **state)
{
	(void)state;
	grows_evenly(&(struct workload){ .apart = 0 });
	grows_evenly(&(struct workload){ .order = ORDER_REVERSE });
}

static void test_ranges_of_one_inode(void **state)
{
	(void)state;
	grows_evenly(&(struct workload){ .apart = PAGES });
	grows_evenly(&(struct workload){ .apart = PAGES, .order = ORDER_REVERSE });
}

static void test_many_inodes(void **state)
{
	(void)state;
	grows_evenly(&(struct workload){ .each = 15, .apart = PAGES / 2 });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_range),
		cmocka_unit_test(test_ranges_of_one_inode),
		cmocka_unit_test(test_many_inodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
