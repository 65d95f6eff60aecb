// SPDX-License-Identifier: GPL-2.0
/*
 * What a rule's file may rely on, by rules that are made for it: what it is called for, how much it may name,
 * what is said of one that cannot be judged.
 */
#include "here.h"
#include "rules/rule.h"

#define RULE_WRONG 59
#define RULE_ALL 60
#define RULE_TOLD 61
#define RULE_UNBUILT 62
#define RULE_NEEDY 63

#define SET_RANGE RECORD_OPERATION_SET_RANGE

/* --- one that is wrong --------------------------------------------------------------- */

/*
 * No page may ever be absent: it must fire wherever a correct kernel does its work, and at that
 * record, else what judges the other rules' tests is broken.
 */
static void wrong_changed(struct verdict *verdict, const struct model_zap *change,
			  const struct model_request *request)
{
	const struct accusation accusation = {
		.rule = RULE_WRONG,
		.inode = change->inode,
		.pgoff = change->pgoff,
		.nr = change->nr,
		.pfn = change->pfn,
		.from = change->end,
		.to = change->end,
		.request = request,
		.zap = change,
	};
	struct verdict_violation *violation;

	if (change->valid || change->result || !change->inode)
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (violation)
		violation_words(violation, "Page 0x%llx was made absent.",
				(unsigned long long)change->pgoff);
}

static const struct rule_descriptor wrong = {
	.rule = {
		.name = "wrong",
		.fires_when = "a page is made absent",
		.meaning = "A page was made absent.",
		.id = RULE_WRONG,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY,
		.providers = ~0U,
		.built = true,
	},
	.changed = wrong_changed,
};
RULE_ENTER(wrong);

/* As a correct kernel faults pages in. */
static void test_fires(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, 0, 0, false);
	here();
	stream_zap_flush(&stream, T, G, 0, 100, 1, 100, 100);
	stream_end(&stream, T, G, RECORD_OPERATION_CONFIGURE, 0, 0, false);
	stream_heartbeat(&stream);
	expect_here(RULE_WRONG);
	expect_pages(RULE_WRONG, 0, 0);
	assert_int_equal(verdict_value(stream.verdict), VERDICT_VIOLATED);
	assert_int_equal(verdict_violations(stream.verdict), 1);
}

/* Where nothing becomes absent it has nothing to say. */
static void test_silent(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, true);
	stream_zap(&stream, T, G, 0, 100, 1, true, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, true);
	expect_silent(RULE_WRONG);
}

/* --- more than there is room for ---------------------------------------------------- */

/* All that can be named, and more than one source too many. */
static void all_request_ended(struct verdict *verdict, const struct model_request *request)
{
	const struct model_slept slept = { .time = request->end, .request = request };
	const struct model_stale stale = { .time = request->end, .zap = &request->zaps[0] };
	const struct accusation accusation = {
		.rule = RULE_ALL,
		.inode = request->inode,
		.pgoff = request->pgoff_first,
		.nr = 1,
		.pfn = 100,
		.from = request->begin,
		.to = request->end,
		.request = request,
		.other = request,
		.zap = &request->zaps[0],
		.flush = &request->flushes[0],
		.slept = &slept,
		.stale = &stale,
		.chain = CHAIN_ASKED | CHAIN_BEFORE | CHAIN_CHANGE | CHAIN_RETURN,
	};
	struct verdict_violation *violation;

	if (request->operation != SET_RANGE)
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	for (int i = 0; i < VERDICT_SOURCES_MAX + 2; i++)
		violation_source(violation, "number", "%d", i);
	violation_words(violation, "All is wrong.");
}

static const struct rule_descriptor all = {
	.rule = {
		.name = "all",
		.id = RULE_ALL,
		.severity = RULE_SEVERITY_VIOLATION,
		.providers = ~0U,
		.built = true,
	},
	.request_ended = all_request_ended,
};
RULE_ENTER(all);

static void test_full(void **state)
{
	const struct verdict_violation *found;

	(void)state;
	faulted(1);
	convert(0, 0, 1, 0);
	stream_begin(&stream, T, G, SET_RANGE, 0, 0, false);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stream_flush(&stream, T, 0, 0, true);
	/* That alone is there for the flush of the first. */
	stream_end(&stream, T, G, SET_RANGE, 0, 0, false);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	found = here_found(RULE_ALL);
	assert_int_equal(found->events_nr, VERDICT_EVENTS_MAX);
	for (size_t i = 1; i < found->events_nr; i++)
		assert_true(found->events[i - 1].time <= found->events[i].time);
	assert_int_equal(found->sources_nr, VERDICT_SOURCES_MAX);
	for (size_t i = 0; i < found->sources_nr; i++)
		assert_int_equal(found->sources[i].says[0], '0' + (char)i);
	assert_string_equal(found->words, "All is wrong.");
}

/* --- what it is called for ---------------------------------------------------------- */

static int told_flushes, told_reads;

static void told_flush_judged(struct verdict *verdict,
			      const struct model_flush_judgement *judgement)
{
	(void)verdict;
	assert_int_not_equal(judgement->coverage, MODEL_COVERED);
	told_flushes++;
}

static void told_page_read(struct verdict *verdict, const struct model_read *read)
{
	(void)verdict;
	assert_true(read->proven || read->left || read->non_global);
	told_reads++;
}

static const struct rule_descriptor told = {
	.rule = {
		.name = "told",
		.id = RULE_TOLD,
		.severity = RULE_SEVERITY_VIOLATION,
		.providers = ~0U,
		.built = true,
	},
	.flush_judged = told_flush_judged,
	.page_read = told_page_read,
};
RULE_ENTER(told);

static int heard_covered, heard_unproven;

static void hear_flush(void *context, const struct model_flush_judgement *judgement)
{
	(void)context;
	heard_covered += judgement->coverage == MODEL_COVERED;
}

static void hear_read(void *context, const struct model_read *read)
{
	(void)context;
	heard_unproven += !read->proven && !read->left && !read->non_global;
}

/* Beside one who wants to hear of everything. */
static void feed_heard(void)
{
	const struct model_observer observer = { .flush_judged = hear_flush,
						 .page_read = hear_read };

	told_flushes = told_reads = heard_covered = heard_unproven = 0;
	stream_finish(&stream);
	stream.model = model_create(NULL);
	stream.verdict = verdict_create(stream.model, NULL);
	assert_int_equal(model_observe(stream.model, &observer), 0);
	for (size_t at = 0; at < stream.used;) {
		const struct record_header *record = (const void *)(stream.data + at);

		assert_int_equal(model_feed(stream.model, record), 0);
		at += record->size;
	}
	model_finish(stream.model);
}

static void read_twice(__u32 bits)
{
	const struct stream_page page = { 0, 100, 1, bits };

	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, &page, 1);
}

/* Nobody asks it of what is as it must be, whoever else listens. */
static void test_told(void **state)
{
	(void)state;
	faulted(1);
	read_twice(ABSENT_BITS);
	feed_heard();
	assert_int_equal(heard_covered, 1);
	assert_true(heard_unproven > 0);
	assert_int_equal(told_flushes, 0);
	assert_int_equal(told_reads, 0);
	here_anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, 0, 0, false);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_CONFIGURE, 0, 0, false);
	read_twice(PRESENT_BITS);
	feed_heard();
	assert_int_equal(told_flushes, 1);
	assert_int_not_equal(told_reads, 0);
}

/* --- what cannot be judged ---------------------------------------------------------- */

static const struct rule_descriptor unbuilt = {
	.rule = {
		.name = "unbuilt",
		.id = RULE_UNBUILT,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_SNAPSHOT,
		.providers = ~0U,
	},
	.request_ended = all_request_ended,
};
RULE_ENTER(unbuilt);

static void test_unbuilt(void **state)
{
	(void)state;
	faulted(1);
	convert(0, 0, 1, 0);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	assert_string_equal(not_judged(RULE_UNBUILT), "not built yet");
	assert_int_equal(here_count(RULE_UNBUILT), 0);
}

static const struct rule_descriptor needy = {
	.rule = {
		.name = "needy",
		.id = RULE_NEEDY,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY | RULE_NEEDS_SNAPSHOT | RULE_NEEDS_PROMISES |
			 RULE_NEEDS_ANSWERS | RULE_NEEDS_GUEST | RULE_NEEDS_GLOBAL |
			 RULE_NEEDS_CHANGES,
		.providers = ~0U,
		.limited_by = "made.limit",
		.built = true,
	},
};
RULE_ENTER(needy);

/* Reasons that there is no room for are cut, and the first are told. */
static void test_reasons_cut(void **state)
{
	char limit[121] = "";
	const char *reason;

	(void)state;
	memset(limit, 'x', sizeof(limit) - 1);
	stream_fact(&stream, "made.limit", limit);
	faulted(1);
	stream_loss(&stream, 0, RECORD_LOSS_RING_FULL, stream.now - 1000, 7);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	reason = not_judged(RULE_NEEDY);
	assert_non_null(reason);
	assert_int_equal(strlen(reason), sizeof(((struct verdict_not_judged *)NULL)->reason) - 1);
	assert_ptr_equal(strstr(reason, "no snapshot was read; not judged throughout: 7 records"),
			 reason);
	assert_non_null(strstr(reason, limit));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_fires), RULE_TEST(test_silent),	RULE_TEST(test_full),
		RULE_TEST(test_told),  RULE_TEST(test_unbuilt), RULE_TEST(test_reasons_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
