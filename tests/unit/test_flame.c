// SPDX-License-Identifier: GPL-2.0
/* Folded lines whatever tasks are called, and two runs held against each other. */
#include <stdio.h>
#include <stdlib.h>

#include "report/diff.h"
#include "scene.h"
#include "timed.h"

#define BYS 5
#define WEIGHTS 4
#define ROUNDS 200

static __u64 seed = 5;

static __u64 draw(__u64 below)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % below;
}

/* The stream, seen by both, which are to be freed before the model. */
static struct model *feed(struct report_folded **folded, struct report_page **page)
{
	struct model *model = model_create(NULL);

	*folded = report_folded_create(model);
	*page = report_page_create(model);
	assert_non_null(*folded);
	assert_non_null(*page);
	stream_feed(&stream, model);
	model_finish(model);
	return model;
}

/* A frame: bytes that are printable, no space, no semicolon; at least one. Behind it. */
static const char *frame_read(const char *at)
{
	const char *begin = at;

	while (*at > ' ' && *at < 0x7f && *at != ';')
		at++;
	assert_true(at > begin);
	return at;
}

/* "frame;frame 12\n", nothing else; the sum of the numbers. */
static __u64 lines_read(const char *at)
{
	__u64 sum = 0;
	char *end;

	while (*at) {
		at = frame_read(at);
		while (*at == ';')
			at = frame_read(at + 1);
		assert_int_equal(*at++, ' ');
		assert_true(*at >= '1' && *at <= '9');
		sum += strtoull(at, &end, 10);
		assert_int_equal(*end, '\n');
		at = end + 1;
	}
	return sum;
}

static size_t brackets(const char *text)
{
	size_t nr = 0;

	for (; *text; text++)
		nr += *text == '<';
	return nr;
}

struct figures {
	__u64 sums[BYS + 1][WEIGHTS + 1];
	size_t svg, page; /* brackets */
};

static void written_take(const char *comm, struct figures *written)
{
	struct report_folded *folded;
	struct report_page *page;
	struct model *model;
	size_t size;
	char *text;
	int error;
	FILE *out;

	stream_free(&stream);
	stream_init(&stream);
	timed_run(&stream, comm, 1, 40);
	stream_finish(&stream);
	model = feed(&folded, &page);
	for (int by = 1; by <= BYS; by++) {
		for (int weight = 1; weight <= WEIGHTS; weight++) {
			out = open_memstream(&text, &size);
			assert_int_equal(report_folded_write(out, folded,
							     (enum report_weight)weight,
							     (enum report_by)by),
					 0);
			fclose(out);
			written->sums[by][weight] = lines_read(text);
			free(text);
		}
	}
	out = open_memstream(&text, &size);
	assert_int_equal(report_folded_svg(out, folded, REPORT_WEIGHT_NS, REPORT_BY_INITIATOR), 0);
	fclose(out);
	written->svg = brackets(text);
	free(text);
	out = open_memstream(&text, &size);
	error = report_page_write(out, page, comm);
	fclose(out);
	/* A build may have no page. */
	assert_true(!error || error == -EOPNOTSUPP);
	written->page = brackets(text);
	free(text);
	report_page_free(page);
	report_folded_free(folded);
	model_free(model);
}

/* Any bytes; among them what formats give a meaning. */
static void comm_draw(char comm[RECORD_COMM_LEN])
{
	static const char *const nasty[] = { "</script>",    "a;b c",		"\x1b[31m",
					     "\xff\xfe\x80", "<svg/onload=a()", "a\nb 12\nc",
					     "'\"&lt;",	     "@DATA@" };

	memset(comm, 0, RECORD_COMM_LEN);
	if (!draw(3)) {
		snprintf(comm, RECORD_COMM_LEN, "%s", nasty[draw(8)]);
		return;
	}
	for (size_t i = 0; i < 1 + draw(RECORD_COMM_LEN - 1); i++)
		comm[i] = (char)(1 + draw(255));
}

/* Whatever a task is called: the lines are lines, their sums the same, and no element is made. */
static void test_names(void **state)
{
	struct figures plain = { 0 }, found = { 0 };
	char comm[RECORD_COMM_LEN];

	(void)state;
	written_take("vmm", &plain);
	assert_int_equal(plain.sums[REPORT_BY_CPU][REPORT_WEIGHT_COUNT], 43);
	assert_true(plain.sums[REPORT_BY_STACK][REPORT_WEIGHT_WAIT] > 0);
	assert_true(plain.sums[REPORT_BY_VM][REPORT_WEIGHT_EXPOSURE] > 0);
	for (int by = 1; by <= BYS; by++)
		assert_int_equal(plain.sums[by][REPORT_WEIGHT_NS],
				 plain.sums[REPORT_BY_KIND][REPORT_WEIGHT_NS]);
	for (size_t round = 0; round < ROUNDS; round++) {
		comm_draw(comm);
		written_take(comm, &found);
		assert_memory_equal(found.sums, plain.sums, sizeof(plain.sums));
		assert_int_equal(found.svg, plain.svg);
		assert_int_equal(found.page, plain.page);
	}
}

/* --- differences ------------------------------------------------------------------- */

/* Of a stream that is made anew. */
static struct report_profile *profile(void (*fill)(void))
{
	struct report_profile *made;
	struct report_folded *folded;
	struct report_page *page;
	struct model *model;

	stream_free(&stream);
	stream_init(&stream);
	fill();
	stream_finish(&stream);
	model = feed(&folded, &page);
	made = report_profile_create(model, folded, REPORT_BY_STACK);
	assert_non_null(made);
	report_page_free(page);
	report_folded_free(folded);
	model_free(model);
	return made;
}

/* @nr flushes of stack @stack that take about @ns each, by half more or less. */
static void flushes(size_t nr, __u32 stack, __u64 ns)
{
	for (size_t i = 0; i < nr; i++) {
		struct timed timed = {
			.tid = T,
			.begin = stream.now,
			.ns = ns / 2 + draw(ns),
			.pages = 1,
			.stack = stack,
			.comm = "vmm",
		};

		timed_flush(&stream, &timed);
	}
}

static void stacks(void)
{
	stream_fact(&stream, "sensor.groups", "17");
	timed_stack(&stream, 1, "vfree;flush_tlb_kernel_range");
	timed_stack(&stream, 2, "vunmap;flush_tlb_kernel_range");
	timed_stack(&stream, 3, "module;flush_tlb_kernel_range");
}

static void fill_before(void)
{
	stacks();
	flushes(500, 1, 1000);
	flushes(500, 2, 1000);
}

static void fill_slower(void)
{
	stacks();
	flushes(500, 1, 1300);
	flushes(500, 2, 1000);
}

static void fill_other(void)
{
	stacks();
	flushes(500, 1, 1000);
	flushes(500, 3, 1000);
}

static void fill_few(void)
{
	stacks();
	flushes(5, 1, 1300);
	flushes(5, 2, 1000);
}

static void fill_stackless(void)
{
	stream_fact(&stream, "sensor.groups", "17");
	flushes(500, 0, 1000);
}

static void fill_untimed(void)
{
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 64; i++)
		stream_fault(&stream, T, G, i, 100 + i);
}

static void fill_lossy(void)
{
	fill_before();
	stream_loss(&stream, 0, RECORD_LOSS_UNTIMED, stream.now - 10, 100);
}

static void fill_hardly_lossy(void)
{
	fill_before();
	stream_loss(&stream, 0, RECORD_LOSS_UNTIMED, stream.now - 10, 5);
}

static void fill_one_vm(void)
{
	stream_fact(&stream, "option.vm", "100");
	fill_before();
}

static void fill_nothing(void)
{
	stacks();
}

/* What became of the line that holds @name. */
static enum diff_verdict became(void (*before)(void), void (*after)(void), const char *name)
{
	struct report_profile *one = profile(before), *other = profile(after);
	struct diff_change change = { 0 };
	struct diff diff;
	bool found = false;

	assert_null(report_diff_refusal(one, other, REPORT_WEIGHT_NS));
	assert_int_equal(diff_make(&diff, one, other, REPORT_WEIGHT_NS), 0);
	for (size_t i = 0; i < diff.nr; i++) {
		if (!strstr(diff.lines[i].frames, name))
			continue;
		diff_change(&diff, i, i + 1, &change);
		found = true;
	}
	assert_true(found);
	diff_free(&diff);
	report_profile_free(one);
	report_profile_free(other);
	return change.verdict;
}

static void test_changes(void **state)
{
	(void)state;
	assert_int_equal(became(fill_before, fill_slower, "vfree"), DIFF_MORE);
	assert_int_equal(became(fill_before, fill_slower, "vunmap"), DIFF_NOISE);
	assert_int_equal(became(fill_slower, fill_before, "vfree"), DIFF_LESS);
	assert_int_equal(became(fill_before, fill_other, "vunmap"), DIFF_GONE);
	assert_int_equal(became(fill_before, fill_other, "module"), DIFF_NEW);
	assert_int_equal(became(fill_before, fill_other, "vfree"), DIFF_NOISE);
	/* The same change, of too few to be sure. */
	assert_int_equal(became(fill_before, fill_few, "vfree"), DIFF_NOISE);
}

/* Of runs that differ by chance alone hardly any change is believed. */
static void test_noise(void **state)
{
	size_t believed = 0;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		believed += became(fill_before, fill_before, "vfree") != DIFF_NOISE;
	assert_in_range(believed, 0, 3);
}

static void refused(void (*before)(void), void (*after)(void), enum report_weight weight,
		    const char *words)
{
	struct report_profile *one = profile(before), *other = profile(after);
	const char *reason = report_diff_refusal(one, other, weight);

	if (!words)
		assert_null(reason);
	else if (!reason || !strstr(reason, words))
		fail_msg("'%s', and not '%s'", reason ? reason : "nothing", words);
	report_profile_free(one);
	report_profile_free(other);
}

static void test_refusals(void **state)
{
	(void)state;
	refused(fill_before, fill_untimed, REPORT_WEIGHT_NS,
		"the second has flushes of the direct");
	refused(fill_untimed, fill_before, REPORT_WEIGHT_NS, "the first has flushes of the direct");
	refused(fill_before, fill_stackless, REPORT_WEIGHT_NS, "no stacks");
	refused(fill_before, fill_nothing, REPORT_WEIGHT_NS, "no stacks");
	refused(fill_stackless, fill_nothing, REPORT_WEIGHT_NS, "no flush is in the second");
	refused(fill_before, fill_lossy, REPORT_WEIGHT_NS, "the second 9.1 %");
	refused(fill_lossy, fill_lossy, REPORT_WEIGHT_NS, NULL);
	refused(fill_before, fill_hardly_lossy, REPORT_WEIGHT_NS, NULL);
	refused(fill_before, fill_one_vm, REPORT_WEIGHT_NS, "one VM only");
	refused(fill_one_vm, fill_one_vm, REPORT_WEIGHT_NS, NULL);
	refused(fill_before, fill_before, REPORT_WEIGHT_WAIT, "neither has acknowledgements");
}

/* As wide as the larger of the two: what vanished is drawn. */
static void test_drawn(void **state)
{
	struct report_profile *one = profile(fill_before), *other = profile(fill_other);
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_int_equal(report_diff_svg(out, one, other, REPORT_WEIGHT_NS), 0);
	fclose(out);
	assert_non_null(strstr(text, "<title>vunmap ("));
	assert_non_null(strstr(text, "0 ns a flush, gone)"));
	assert_non_null(strstr(text, "ns a flush, new)"));
	assert_non_null(strstr(text, "within the noise)"));
	assert_non_null(strstr(text, "fill=\"#dddddd\""));
	assert_non_null(strstr(text, "fill=\"#3c3cff\""));
	assert_non_null(strstr(text, "fill=\"#ff3c3c\""));
	free(text);
	out = open_memstream(&text, &size);
	assert_int_equal(report_diff_folded(out, one, other, REPORT_WEIGHT_COUNT), 0);
	fclose(out);
	assert_string_equal(text, "vmm;module;flush_tlb_kernel_range;flush_elsewhere 0 500000\n"
				  "vmm;vfree;flush_tlb_kernel_range;flush_elsewhere 500000 500000\n"
				  "vmm;vunmap;flush_tlb_kernel_range;flush_elsewhere 500000 0\n");
	free(text);
	report_profile_free(one);
	report_profile_free(other);
}

/* A million pages that are exposed for eight hours are no less than for four. */
static void test_full(void **state)
{
	const __u64 hours = 4 * 3600 * SECOND, pages = 1 << 20;

	(void)state;
	assert_true(times_added(7, hours, pages) == hours * pages + 7);
	assert_true(times_added(7, 2 * hours, pages) == ~0ULL);
	assert_true(times_added(hours * pages, hours, pages) == ~0ULL);
	assert_true(times_added(~0ULL, 1, 1) == ~0ULL);
}

#define FLAME_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FLAME_TEST(test_names),	   FLAME_TEST(test_changes), FLAME_TEST(test_noise),
		FLAME_TEST(test_refusals), FLAME_TEST(test_drawn),   FLAME_TEST(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
