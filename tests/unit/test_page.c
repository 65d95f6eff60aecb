// SPDX-License-Identifier: GPL-2.0
/* The page of a flush report: what stands in it as data, and that it stays data. */
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gmemtrace/report.h"
#include "report/page.h"
#include "timed.h"

#define G 3
#define T 7

static struct stream stream;
static char *text;
static size_t text_size;
static struct json_object *report;
static enum verdict_value judged; /* 0: not */

static int setup(void **state)
{
	(void)state;
	stream_init(&stream);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	json_object_put(report);
	report = NULL;
	judged = 0;
	free(text);
	text = NULL;
	stream_free(&stream);
	return 0;
}

/* Whole of @title; its data, or a test that is skipped where there is no page in this build. */
static void page_write(const char *title)
{
	static const char begin[] = "<script id=\"data\" type=\"application/json\">";
	struct model *model = model_create(NULL);
	struct report_page *page = report_page_create(model);
	FILE *out = open_memstream(&text, &text_size);
	char *data, *end;
	int error;

	assert_non_null(page);
	for (size_t at = 0; at < stream.used;) {
		const struct record_header *record = (const void *)(stream.data + at);

		model_feed(model, record);
		at += record->size;
	}
	model_finish(model);
	if (judged)
		report_page_verdict(page, judged);
	error = report_page_write(out, page, title);
	fclose(out);
	report_page_free(page);
	model_free(model);
	if (error == -EOPNOTSUPP)
		skip();
	assert_int_equal(error, 0);
	data = strstr(text, begin);
	assert_non_null(data);
	data += strlen(begin);
	end = strstr(data, "</script>");
	assert_non_null(end);
	*end = '\0';
	report = json_tokener_parse(data);
	*end = '<';
	assert_non_null(report);
}

static struct json_object *field(const char *key)
{
	struct json_object *value = NULL;

	assert_true(json_object_object_get_ex(report, key, &value));
	return value;
}

static size_t length(const char *key)
{
	return json_object_array_length(field(key));
}

static void faults(void)
{
	stream_inode(&stream, G, RECORD_PROVIDER_RFC3, 64, false);
	for (__u64 i = 0; i < 4; i++)
		stream_fault(&stream, T, G, i, 100 + i);
	stream_finish(&stream);
}

static void test_parts(void **state)
{
	(void)state;
	faults();
	page_write("a.cap");
	assert_string_equal(json_object_get_string(field("title")), "a.cap");
	assert_int_equal(length("vms"), 1);
	assert_int_equal(length("exposure"), 4);
	assert_int_equal(length("slowest"), 4);
	assert_int_equal(length("classes"), 1);
	assert_true(length("flame") >= 2);
	assert_true(length("timeline") >= 1);
	assert_null(field("matrix"));
	/* What is not in the capture is said. */
	assert_true(length("limits") >= 1);
}

static const char *run_verdict(void)
{
	struct json_object *value = NULL;

	assert_true(json_object_object_get_ex(field("run"), "verdict", &value));
	return json_object_get_string(value);
}

static void test_verdict(void **state)
{
	(void)state;
	faults();
	judged = VERDICT_VIOLATED;
	page_write("a.cap");
	assert_string_equal(run_verdict(), "violated");
}

/* Of a run that nobody judged, and of one that met nothing to judge, none is told. */
static void test_no_verdict(void **state)
{
	(void)state;
	faults();
	page_write("a.cap");
	assert_null(run_verdict());
}

static void test_nothing_judged(void **state)
{
	(void)state;
	stream_finish(&stream);
	judged = VERDICT_INCONCLUSIVE;
	page_write("a.cap");
	assert_null(run_verdict());
}

static const char *slow_field(size_t index, const char *key)
{
	struct json_object *value = NULL;

	assert_true(json_object_object_get_ex(json_object_array_get_idx(field("slowest"), index),
					      key, &value));
	return json_object_get_string(value);
}

/* Two CPUs flush at a time, a third one before: of each it is said which other was at it meanwhile. */
static void test_meanwhile(void **state)
{
	struct timed timed = { .tid = T, .cpu = 2, .ns = 100, .pages = 2, .comm = "vmm" };
	__u64 begin;

	(void)state;
	stream_fact(&stream, "sensor.groups", "17");
	timed.begin = stream.now;
	timed_flush(&stream, &timed);
	begin = stream.now + 100;
	timed = (struct timed){ .tid = T, .cpu = 0, .begin = begin, .ns = 9000, .pages = 1 };
	timed_flush(&stream, &timed);
	/* Ends later, and longer than a shorter one that is inside both. */
	timed = (struct timed){ .tid = T + 2, .cpu = 2, .begin = begin + 10, .ns = 300 };
	timed_flush(&stream, &timed);
	timed = (struct timed){ .tid = T + 1, .cpu = 1, .begin = begin + 500, .ns = 186000 };
	timed_flush(&stream, &timed);
	stream_finish(&stream);
	page_write("a.cap");
	assert_int_equal(length("slowest"), 4);
	assert_string_equal(slow_field(0, "meanwhile"), "CPU 0 flushed for 9.00 us (1 page)");
	assert_string_equal(slow_field(1, "meanwhile"), "CPU 1 flushed for 186 us (everything)");
	assert_string_equal(slow_field(2, "meanwhile"), "CPU 0 flushed for 9.00 us (1 page)");
	assert_string_equal(slow_field(3, "meanwhile"), "-");
	assert_string_equal(slow_field(3, "request"), "-");
}

/* A request has its pages, a fault of memfd_secret its name. */
static void test_requests_of_slowest(void **state)
{
	(void)state;
	stream_inode(&stream, G, RECORD_PROVIDER_RFC3, 64, false);
	stream_inode(&stream, G + 1, RECORD_PROVIDER_SECRETMEM, 64, false);
	stream_fault(&stream, T, G, 5, 105);
	stream_zap_flush(&stream, T, G + 1, 9, 109, 1, 109, 109);
	stream_finish(&stream);
	page_write("a.cap");
	assert_int_equal(length("slowest"), 2);
	for (size_t i = 0; i < 2; i++) {
		const char *request = slow_field(i, "request");

		if (*request == 'g')
			assert_string_equal(request, "g3 configure 0x5-0x5");
		else
			assert_string_equal(request, "s4 secretmem_fault");
	}
	assert_string_not_equal(slow_field(0, "request"), slow_field(1, "request"));
}

static bool limited(const char *words)
{
	for (size_t i = 0; i < length("limits"); i++) {
		const char *limit =
			json_object_get_string(json_object_array_get_idx(field("limits"), i));

		if (strstr(limit, words))
			return true;
	}
	return false;
}

/* What a capture lacks is said, and the rest is shown. */
static void test_lacking(void **state)
{
	struct timed timed = { .tid = T, .ns = 500, .pages = 1, .stack = 1, .comm = "vmm" };

	(void)state;
	stream_fact(&stream, "sensor.groups", "17");
	timed_stack(&stream, 1, "[unknown];[unknown]");
	timed.begin = stream.now;
	timed_flush(&stream, &timed);
	/* Two were asked, and one was seen to answer. */
	timed.begin = stream.now;
	timed.answers_nr = 1;
	timed.answers[0] =
		(struct record_answer){ .cpu = 1, .asked = 10, .entered = 20, .left = 30 };
	timed.unseen = 1;
	timed_flush(&stream, &timed);
	stream_loss(&stream, 0, RECORD_LOSS_UNTIMED, stream.now - 10, 4);
	stream_finish(&stream);
	page_write("lacking.cap");
	assert_true(limited("[unknown] are routines whose names could not be read"));
	assert_true(limited("some acknowledgements were not seen"));
	assert_true(limited("some flushes or answers were lost"));
	assert_false(limited("no stacks"));
	assert_int_equal(length("slowest"), 2);
	assert_int_equal(length("flame"), 3);
}

/* Without stacks, with more stacks than can be drawn, and with such as could not be taken. */
static void test_stacks(void **state)
{
	(void)state;
	stream_fact(&stream, "sensor.groups", "17");
	for (__u32 i = 0; i < PAGE_LINES_MAX + 50; i++) {
		struct timed timed = { .tid = T,
				       .begin = stream.now,
				       .ns = 500 + i,
				       .pages = 1,
				       .stack = i + 1,
				       .comm = "vmm" };
		char stack[64];

		snprintf(stack, sizeof(stack), "routine_%u;flush_tlb_kernel_range", i);
		timed_stack(&stream, i + 1, stack);
		timed_flush(&stream, &timed);
	}
	/* An id that no stack was told of. */
	timed_flush(&stream,
		    &(struct timed){
			    .tid = T, .begin = stream.now, .ns = 9, .pages = 1, .stack = 999999 });
	stream_finish(&stream);
	page_write("many.cap");
	assert_true(limited("[others] are 51 more"));
	assert_true(limited("could not be taken: 1 "));
	assert_true(text_size < 2 << 20);
}

static void test_stackless(void **state)
{
	(void)state;
	stream_fact(&stream, "sensor.groups", "17");
	timed_flush(&stream,
		    &(struct timed){ .tid = T, .begin = stream.now, .ns = 500, .pages = 1 });
	stream_finish(&stream);
	page_write("none.cap");
	assert_true(limited("no stacks were taken"));
	assert_int_equal(length("slowest"), 1);
}

static void test_nothing(void **state)
{
	(void)state;
	stream_finish(&stream);
	page_write("empty.cap");
	assert_int_equal(length("exposure") + length("slowest") + length("flame"), 0);
}

/* Neither a name nor a title ends the data. */
static void test_hostile(void **state)
{
	size_t scripts = 0;

	(void)state;
	faults();
	page_write("</script><script>alert(1)</script><!--");
	for (const char *at = text; (at = strstr(at, "<script")); at++)
		scripts++;
	assert_int_equal(scripts, 2);
	assert_null(strstr(text, "alert(1)</script><!--"));
	assert_string_equal(json_object_get_string(field("title")),
			    "</script><script>alert(1)</script><!--");
}

static __u64 step(struct json_object *steps, size_t index, size_t member)
{
	return json_object_get_uint64(
		json_object_array_get_idx(json_object_array_get_idx(steps, index), member));
}

/* However long the run: time in flushes adds up, exposures begin and end. */
static void test_steps(void **state)
{
	struct page_series *series = calloc(1, sizeof(*series));
	struct json_object *steps;
	__u64 flushed = 0;

	(void)state;
	series->begin = 1;
	series_exposure(series, 1, 1 + 5000 * MS, 8, 0);
	for (__u64 i = 0; i < 10000; i++)
		series_flush(series, 1 + i * MS, 1 + i * MS + MS / 2);
	/* Over several steps, and past all that there were. */
	series_flush(series, 1 + 20000 * MS, 1 + 21000 * MS);
	steps = series_steps_json(series);
	assert_true(json_object_array_length(steps) <= PAGE_STEPS);
	for (size_t i = 0; i < json_object_array_length(steps); i++)
		flushed += step(steps, i, 1);
	assert_int_equal(flushed, 10000 * (MS / 2) + 1000 * MS);
	assert_int_equal(step(steps, 0, 2), 8);
	assert_int_equal(step(steps, json_object_array_length(steps) - 1, 2), 0);
	json_object_put(steps);
	free(series);
}

/* Points are drawn evenly from all, early ones as well as late ones. */
static void test_points(void **state)
{
	struct page_series *series = calloc(1, sizeof(*series));
	size_t early = 0;

	(void)state;
	for (__u64 i = 0; i < 100000; i++)
		series_exposure(series, i * MS, i * MS + 1000, 1, 0);
	assert_true(series->points_nr > PAGE_POINTS_MAX / 4);
	for (size_t i = 0; i < series->points_nr; i++)
		early += series->points[i].at < 50000 * MS;
	assert_in_range(early, series->points_nr * 2 / 5, series->points_nr * 3 / 5);
	free(series);
}

static void test_slowest(void **state)
{
	struct page_slowest *slowest = calloc(1, sizeof(*slowest));

	(void)state;
	for (__u64 i = 0; i < 500; i++) {
		/* 7919 is prime to 500: each length once, in no order. */
		struct flush_seen flush = {
			.kind = FLUSH_RANGED,
			.begin = 10 * i,
			.end = 10 * i + (i * 7919) % 500,
			.comm = "",
		};

		slowest_take(slowest, &flush);
		flush.kind = FLUSH_OURS;
		flush.end += 100000;
		slowest_take(slowest, &flush);
	}
	assert_int_equal(slowest->nr, PAGE_SLOWEST);
	for (size_t i = 0; i < PAGE_SLOWEST; i++)
		assert_int_equal(slowest->list[i].ns, 499 - i);
	free(slowest);
}

#define PAGE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PAGE_TEST(test_verdict),
		PAGE_TEST(test_no_verdict),
		PAGE_TEST(test_nothing_judged),
		PAGE_TEST(test_lacking),
		PAGE_TEST(test_stacks),
		PAGE_TEST(test_meanwhile),
		PAGE_TEST(test_requests_of_slowest),
		PAGE_TEST(test_stackless),
		PAGE_TEST(test_parts),
		PAGE_TEST(test_nothing),
		PAGE_TEST(test_hostile),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_points),
		cmocka_unit_test(test_slowest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
