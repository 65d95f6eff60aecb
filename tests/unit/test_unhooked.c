// SPDX-License-Identifier: GPL-2.0
/* Pages that come, or are changed, by what no hook knows: nobody is accused of it, and nothing is green by it. */
#include "gmemtrace/story.h"
#include "here.h"

#define RANGE RECORD_OPERATION_SET_RANGE
#define CONVERTED (PRESENT_BITS | DEVIATES)

static void read_pages(__u64 inode, enum record_snapshot_origin origin,
		       const struct stream_page *pages)
{
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, inode, RFC3, false, origin, pass, 0, 64, pages, 4);
}

/* Pages 0 to 3 were converted, as far as anybody told but for page 1; enough time goes by for it to be final. */
static void missed(bool final)
{
	here_anew();
	faulted(4);
	convert(0, 3, 1, 1);
	for (int i = 0; final && i < 4; i++) {
		stream.now += SECOND;
		stream_heartbeat(&stream);
	}
}

static __u64 contradicted(void)
{
	struct model_counts counts;

	model_count(stream.model, &counts);
	return counts.contradicted;
}

static void expect_judged(enum verdict_value value, size_t violations, __u64 pages)
{
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect(&stream, value);
	assert_int_equal(verdict_violations(stream.verdict), violations);
	assert_int_equal(contradicted(), pages);
}

/* It is as it must be, and nobody told who made it so: what was said of it is taken back, final or not. */
static void test_taken_back(void **state)
{
	struct stream_page pages[4];

	(void)state;
	for (int origin = RECORD_SNAPSHOT_LIVE; origin <= RECORD_SNAPSHOT_RELEASE; origin++) {
		for (int final = 0; final < 2; final++) {
			missed(final);
			pages_seen(pages, 0, 4, CONVERTED);
			read_pages(G, (enum record_snapshot_origin)origin, pages);
			expect_judged(VERDICT_INCONCLUSIVE, 0, 1);
			assert_true(reason_has("1 page came or changed by what no sensor knows"));
			/* Who counted it does not count back. */
			assert_int_equal(verdict_rule_count(stream.verdict, RULE_MISSED_PAGE), 0);
			assert_int_equal(verdict_rule_told(stream.verdict, RULE_MISSED_PAGE),
					 final);
			/* The control. */
			missed(final);
			pages[1].bits = ABSENT_BITS | DEVIATES;
			read_pages(G, (enum record_snapshot_origin)origin, pages);
			expect_judged(VERDICT_VIOLATED, 1, 0);
		}
	}
}

/* Nobody is accused by what such an inode's pages were before, from then on either; of another's, yes. */
static void test_of_one_inode(void **state)
{
	struct stream_page pages[4];

	(void)state;
	missed(false);
	pages_seen(pages, 0, 4, CONVERTED);
	read_pages(G, RECORD_SNAPSHOT_LIVE, pages);
	stream_begin(&stream, T, G, RANGE, 0, 0, false);
	stream_end(&stream, T, G, RANGE, 0, 0, false);
	expect_judged(VERDICT_INCONCLUSIVE, 0, 1);

	missed(false);
	stream_inode(&stream, 9, RFC3, 64, false);
	stream_fault(&stream, T, 9, 0, 500);
	stream_begin(&stream, T, 9, RANGE, 0, 0, true);
	stream_end(&stream, T, 9, RANGE, 0, 0, true);
	read_pages(G, RECORD_SNAPSHOT_LIVE, pages);
	expect_judged(VERDICT_VIOLATED, 1, 1);
	assert_int_equal(verdict_violation(stream.verdict, 0)->inode->number, 9);
}

/* What a read proves, and not how the pages were before, stands. */
static void test_stands(void **state)
{
	struct stream_page pages[4];

	(void)state;
	missed(false);
	pages_seen(pages, 0, 4, CONVERTED);
	pages[1].bits = pages[3].bits = ABSENT_BITS | DEVIATES;
	read_pages(G, RECORD_SNAPSHOT_LIVE, pages);
	pages[1].bits = CONVERTED;
	read_pages(G, RECORD_SNAPSHOT_LIVE, pages);
	/* Nor what was seen to happen. */
	stream_zap_flush(&stream, T + 1, G, 2, 104, 1, 104, 104);
	expect_judged(VERDICT_VIOLATED, 3, 1);
	assert_int_equal(here_count(RULE_APPLIED_MISMATCH), 2);
	assert_int_equal(here_count(RULE_UNEXPECTED_ZAP), 1);
	/* Of what is not shown nothing was told, so nothing is counted back. */
	missed(true);
	pages_seen(pages, 0, 4, CONVERTED);
	read_pages(G, RECORD_SNAPSHOT_LIVE, pages);
	stream_finish(&stream);
	stream_judge_with(&stream, NULL,
			  &(const struct verdict_options){
				  .pages_only = true, .pgoff_first = 2, .pgoff_last = 3 });
	assert_int_equal(verdict_rule_told(stream.verdict, RULE_MISSED_PAGE), 0);
}

/* A loss that is told of behind the read explains what it shows: what was proved before stands. */
static void test_lost_behind(void **state)
{
	struct stream_page pages[4];

	(void)state;
	for (int lost = 0; lost < 4; lost++) {
		bool dies = lost == 3;

		missed(true);
		pages_seen(pages, 0, 4, CONVERTED);
		read_pages(G, dies ? RECORD_SNAPSHOT_RELEASE : RECORD_SNAPSHOT_LIVE, pages);
		for (__u64 i = 0; dies && i < 4; i++)
			stream_leave(&stream, T, 100 + 2 * i);
		if (dies)
			stream_inode_dead(&stream, G);
		stream_heartbeat(&stream);
		if (lost)
			stream_loss(&stream, lost == 1 ? G : 0, RECORD_LOSS_RING_FULL,
				    stream.now - 100 * 1000, 1);
		/* Of one that is gone the page stays counted: it makes nothing green. */
		expect_judged(lost ? VERDICT_VIOLATED : VERDICT_INCONCLUSIVE, lost > 0,
			      !lost || dies);
	}
}

/* What only followed from what is taken back does not go with it: reads have proved it. */
static void test_followed(void **state)
{
	struct stream_page pages[5];

	(void)state;
	for (int contradicts = 0; contradicts < 2; contradicts++) {
		missed(true);
		pages_seen(pages, 0, 5, CONVERTED);
		pages[1].bits = ABSENT_BITS | DEVIATES;
		read_pages(G, RECORD_SNAPSHOT_LIVE, pages);
		heartbeats(4);
		/* Nobody told of its coming. */
		pages[4].bits = ABSENT_BITS;
		for (__u32 pass = 0; contradicts && pass < 2; pass++)
			stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64,
				    pages, 5);
		expect_judged(VERDICT_VIOLATED, 1, contradicts);
		assert_int_equal(here_count(RULE_MISSED_PAGE), !contradicts);
		assert_int_equal(here_count(RULE_APPLIED_MISMATCH), contradicts);
		assert_int_equal(verdict_rule_count(stream.verdict, RULE_APPLIED_MISMATCH),
				 contradicts);
	}
}

/* Where nobody is accused it is not green, either: of what made them absent nobody knows whether it was flushed. */
static void test_not_green(void **state)
{
	struct stream_page pages[4];

	(void)state;
	here_anew();
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 4; i++)
		stream_join(&stream, T, G, i, 100 + 2 * i);
	stream_heartbeat(&stream);
	pages_seen(pages, 0, 4, ABSENT_BITS);
	read_pages(G, RECORD_SNAPSHOT_RELEASE, pages);
	expect_judged(VERDICT_INCONCLUSIVE, 0, 4);
}

/* What was read from a failed page's entry, or after a loss that is told of later, contradicts nothing. */
static void test_explained(void **state)
{
	struct stream_page pages[4];

	(void)state;
	missed(false);
	pages_seen(pages, 0, 4, CONVERTED);
	pages[1].bits |= RECORD_PAGE_POISONED;
	read_pages(G, RECORD_SNAPSHOT_LIVE, pages);
	expect_judged(VERDICT_VIOLATED, 1, 0);

	missed(false);
	pages_seen(pages, 0, 4, CONVERTED);
	read_pages(G, RECORD_SNAPSHOT_LIVE, pages);
	stream_loss(&stream, 0, RECORD_LOSS_RING_FULL, SECOND, 3);
	expect_judged(VERDICT_INCONCLUSIVE, 0, 0);

	/* What was lost only after it was read is no reason. */
	missed(false);
	read_pages(G, RECORD_SNAPSHOT_LIVE, pages);
	stream_heartbeat(&stream);
	stream.now += SECOND;
	stream_loss(&stream, 0, RECORD_LOSS_RING_FULL, stream.now - 1000, 3);
	expect_judged(VERDICT_INCONCLUSIVE, 0, 1);
}

/* What is missing of the history is not a loss: whoever tells of losses tells of none. */
static void test_not_lost(void **state)
{
	const struct story_subject subject = {
		.about = STORY_PAGES, .inode = G, .first = 1, .last = 1
	};
	struct stream_page pages[4];
	struct model *model = model_create(NULL);
	struct story *story = story_create(model, &subject);
	const struct record_header *record;
	const struct story_step *step;

	(void)state;
	missed(false);
	pages_seen(pages, 0, 4, CONVERTED);
	read_pages(G, RECORD_SNAPSHOT_LIVE, pages);
	stream_finish(&stream);
	for (size_t at = 0; at < stream.used; at += record->size) {
		record = (const void *)(stream.data + at);
		assert_int_equal(model_feed(model, record), 0);
	}
	assert_int_equal(model_finish(model), 0);
	assert_true(story_steps(story) > 0);
	for (size_t i = 0; (step = story_step(story, i)); i++)
		assert_int_not_equal(step->kind, STORY_LOST);
	story_free(story);
	model_free(model);
}

/* Another page stands in its place, and nobody told of its coming: requests that change it change nobody else's. */
static void replaced(__u64 inode, __u32 bits)
{
	struct stream_page pages[4];

	here_anew();
	faulted(4);
	stream_inode(&stream, 9, RFC3, 64, false);
	pages_seen(pages, 0, 4, ABSENT_BITS);
	read_pages(G, RECORD_SNAPSHOT_LIVE, pages);
	stream_begin(&stream, T, inode, RANGE, 0, 0, true);
	stream_zap(&stream, T, 0, 0, 500, 1, true, 0);
	stream_end(&stream, T, inode, RANGE, 0, 0, true);
	for (int i = 0; i < 4; i++) {
		stream.now += SECOND;
		stream_heartbeat(&stream);
	}
	pages[1] = (struct stream_page){ 1, 500, 1, bits };
	read_pages(G, RECORD_SNAPSHOT_LIVE, pages);
}

static void test_came(void **state)
{
	(void)state;
	for (__u64 inode = G; inode <= 9; inode += 9 - G) {
		replaced(inode, ABSENT_BITS);
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		assert_int_equal(here_count(RULE_FOREIGN_PAGE), 0);
		assert_int_equal(contradicted(), 1);
	}
	/* One that is not prepared may be on its way. */
	replaced(9, RECORD_PAGE_RESIDENT | RECORD_PAGE_PRESENT);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	assert_int_equal(here_count(RULE_FOREIGN_PAGE), 1);
	assert_int_equal(contradicted(), 0);
}

/* Nor of its going from where the history has it: that is another inode's. */
static void test_moved(void **state)
{
	struct stream_page pages[4];

	(void)state;
	for (int moved = 0; moved < 2; moved++) {
		missed(false);
		stream_inode(&stream, 9, RFC3, 64, false);
		stream_fault(&stream, T, 9, 0, 500);
		stream_begin(&stream, T, G, RANGE, 1, 1, true);
		stream_zap(&stream, T, 0, 0, 500, 1, true, 0);
		stream_end(&stream, T, G, RANGE, 1, 1, true);
		heartbeats(4);
		pages_seen(pages, 0, 4, CONVERTED);
		if (moved)
			pages[1].pfn = 500;
		else
			pages[1].bits = ABSENT_BITS | DEVIATES;
		read_pages(G, RECORD_SNAPSHOT_LIVE, pages);
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		assert_int_equal(here_count(RULE_FOREIGN_PAGE), !moved);
		assert_int_equal(contradicted(), moved);
	}
}

/* Of what comes later no read tells any more: it goes before the next one. */
static void test_came_later(void **state)
{
	struct stream_page pages[4];

	(void)state;
	for (int contradicts = 0; contradicts < 2; contradicts++) {
		here_anew();
		faulted(4);
		stream_inode(&stream, 9, RFC3, 64, false);
		pages_seen(pages, 0, 4, ABSENT_BITS);
		if (contradicts)
			pages[1].pfn = 500;
		read_pages(G, RECORD_SNAPSHOT_LIVE, pages);
		heartbeats(4);
		stream_begin(&stream, T, 9, RANGE, 0, 0, true);
		stream_zap(&stream, T, 0, 0, 600, 1, true, 0);
		stream_end(&stream, T, 9, RANGE, 0, 0, true);
		heartbeats(4);
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		assert_int_equal(here_count(RULE_FOREIGN_PAGE), !contradicts);
		assert_int_equal(contradicted(), contradicts);
	}
}

/* A call from before the sensors tells of nothing, and may run on for a while. */
static void test_older(void **state)
{
	const struct stream_page pages[4] = { { 0, 100, 1, ABSENT_BITS } };
	struct stream_page none[4];

	(void)state;
	for (int later = 0; later < 3; later++) {
		here_anew();
		stream_inode(&stream, G, RFC3, 64, true);
		stream_heartbeat(&stream);
		stream.now += later == 2 ? 10 * SECOND : 0;
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, none, 0);
		stream.now += later == 1 ? 10 * SECOND : 0;
		for (__u32 pass = 1; pass < 3; pass++)
			stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64,
				    pages, 1);
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		assert_int_equal(contradicted(), later == 2);
	}
}

/* A whole chunk of pages alike. */
static void alike(__u32 history, __u32 bits)
{
	const struct stream_page pages[] = { { 0, 0x1000, 512, bits } };

	here_anew();
	stream_inode(&stream, G, RFC3, 512, false);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 512,
			    &(const struct stream_page){ 0, 0x1000, 512, history }, 1);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 512, pages, 1);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

static void test_alike(void **state)
{
	(void)state;
	/* Came, told by nobody. */
	alike(ABSENT_BITS, ABSENT_BITS);
	assert_int_equal(contradicted(), 512);
	assert_int_equal(verdict_value(stream.verdict), VERDICT_INCONCLUSIVE);
	/* And then it is otherwise than it was, by nobody. */
	alike(RECORD_PAGE_RESIDENT | RECORD_PAGE_PRESENT, ABSENT_BITS);
	assert_int_equal(contradicted(), 512);
	alike(RECORD_PAGE_RESIDENT | RECORD_PAGE_PRESENT,
	      RECORD_PAGE_RESIDENT | RECORD_PAGE_PRESENT);
	assert_int_equal(contradicted(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_taken_back),   RULE_TEST(test_stands),
		RULE_TEST(test_of_one_inode), RULE_TEST(test_not_green),
		RULE_TEST(test_explained),    RULE_TEST(test_came),
		RULE_TEST(test_alike),	      RULE_TEST(test_not_lost),
		RULE_TEST(test_followed),     RULE_TEST(test_lost_behind),
		RULE_TEST(test_came_later),   RULE_TEST(test_older),
		RULE_TEST(test_moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
