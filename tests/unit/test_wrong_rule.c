// SPDX-License-Identifier: GPL-2.0
/*
 * A rule that is known to be wrong: no page may ever be absent. It must fire wherever a correct
 * kernel does its work, and at that record: else what judges the other rules' tests is broken.
 */
#include "here.h"
#include "rules/rule.h"

#define RULE_WRONG 63

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

#define WRONG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WRONG_TEST(test_fires),
		WRONG_TEST(test_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
