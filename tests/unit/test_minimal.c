// SPDX-License-Identifier: GPL-2.0
/* Of kernels with a known fault: no proof has an event that it does not need. */
#include <stdio.h>
#include <string.h>

#include "minimal.h"

static void capture_load(const char *name, struct stream *stream)
{
	const struct record_header *record;
	struct capture_reader *reader;
	char path[128], message[256];

	snprintf(path, sizeof(path), "tests/unit/fixtures/%s.cap", name);
	assert_int_equal(capture_open(path, &reader, message, sizeof(message)), 0);
	stream_init(stream);
	while (capture_next(reader, &record) > 0)
		stream_add(stream, record);
	capture_reader_close(reader);
}

static const char *const faults[] = {
	"fault-flush-last-run",
	"fault-free-uncleared",
	"fault-range-exclusive-end",
	"fault-range-rounded-down",
	"fault-slot-offset-ignored",
	"fault-table-before-xarray",
	"fault-xarray-error-swallowed",
	"gmem-folio-and",
	"gmem-folio-bit-early",
	"gmem-folio-bit-stays",
	"gmem-folio-policy",
	"gmem-folio-unasked",
};

static void test_captures(void **state)
{
	const struct verdict_violation *cause;

	(void)state;
	for (size_t fault = 0; fault < sizeof(faults) / sizeof(faults[0]); fault++) {
		struct stream stream;
		size_t events = 0;

		capture_load(faults[fault], &stream);
		stream_judge(&stream, NULL);
		for (size_t i = 0; (cause = verdict_violation(stream.verdict, i)); i++)
			events += expect_minimal(&stream, cause);
		print_message("%s: %zu causes, %zu events\n", faults[fault],
			      verdict_violations(stream.verdict), events);
		assert_true(verdict_violations(stream.verdict) > 0);
		assert_true(events > 0);
		stream_free(&stream);
	}
}

/* A chain with an event too many is found: the control of all the others. */
static void test_too_many(void **state)
{
	struct verdict_violation padded;
	struct stream stream, less;

	(void)state;
	capture_load("fault-range-rounded-down", &stream);
	stream_judge(&stream, NULL);
	padded = *verdict_violation(stream.verdict, 0);
	model_page_events(stream.model, padded.inode, padded.pgoff_first, padded.pfn, ~0ULL,
			  &padded.events[0], 1);
	assert_true(minimal_copy(&stream, &less, &padded, 0) > 0);
	stream_judge(&less, NULL);
	assert_true(minimal_follows(&less, &padded));
	stream_free(&less);
	stream_free(&stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_captures),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
