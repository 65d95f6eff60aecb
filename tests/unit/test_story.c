// SPDX-License-Identifier: GPL-2.0
/*
 * A page's story is what the kernel in play did to it, in the order in which it did it; what a
 * filter leaves out is not missed; and each kind of step, by hand.
 * STORY_SEEDS sets how many histories, STORY_SEED the first.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include "gmemtrace/report.h"
#include "gmemtrace/story.h"
#include "keys.h"
#include "scene.h"
#include "simulator.h"
#include "story/filter.h"

#define WATCHES 3

static unsigned int seeds = 400, seed_first = 1;

/* A model that was fed what a story needs, or everything. */
struct told {
	struct simulator_result judged;
	struct story *story;
	size_t fed;
};

static void filter_learn_all(struct story_filter *filter, const __u8 *stream, size_t used)
{
	const struct record_header *record;

	for (size_t at = 0; at < used; at += record->size) {
		record = (const struct record_header *)(stream + at);
		assert_int_equal(story_filter_learn(filter, record), 0);
	}
}

static struct told tell(const __u8 *stream, size_t used, const struct story_subject *subject,
			bool filtered)
{
	struct told told = { .fed = 0 };
	struct story_filter filter;
	const struct record_header *record, *wanted;

	simulator_judge_begin(&told.judged);
	told.story = story_create(told.judged.model, subject);
	assert_non_null(told.story);
	story_filter_init(&filter, subject);
	filter_learn_all(&filter, stream, used);
	for (size_t at = 0; at < used; at += record->size) {
		record = (const struct record_header *)(stream + at);
		wanted = filtered ? story_filter_apply(&filter, record) : record;
		told.fed += wanted != NULL;
		if (wanted)
			assert_int_equal(model_feed(told.judged.model, wanted), 0);
	}
	assert_int_equal(model_finish(told.judged.model), 0);
	story_filter_free(&filter);
	return told;
}

static void told_free(struct told *told)
{
	story_free(told->story);
	simulator_result_free(&told->judged);
}

/* The states that a story goes through. */
struct states {
	struct simulator_state list[SIMULATOR_STATES_MAX * 2];
	size_t nr;
};

static void states_add(struct states *states, __u32 pfn, bool absent)
{
	struct simulator_state *last = states->nr ? &states->list[states->nr - 1] : NULL;

	if (last ? last->pfn == pfn && last->absent == absent : !pfn)
		return;
	/* Restored on its way out: whether before or after it left its place nobody sees. */
	if (last && !pfn && states->nr > 1 && !last->absent &&
	    states->list[states->nr - 2].pfn == last->pfn && states->list[states->nr - 2].absent)
		states->nr--;
	states->list[states->nr++] = (struct simulator_state){ pfn, absent };
}

static void states_step(struct states *states, const struct story_step *step, bool secret)
{
	__u32 pfn = states->nr ? states->list[states->nr - 1].pfn : 0;

	switch (step->kind) {
	case STORY_JOINED:
		/* Its leave was told of late. */
		if (pfn && pfn != step->pfn)
			states_add(states, 0, false);
		states_add(states, (__u32)step->pfn, false);
		break;
	case STORY_CHANGED:
		if (secret && step->present)
			states_add(states, 0, false);
		else if (!step->result && (pfn || secret))
			states_add(states, (__u32)step->pfn, !step->present);
		break;
	case STORY_LEFT:
		states_add(states, 0, false);
		break;
	default:
		break;
	}
}

static bool states_agree(const struct story *story, const struct simulator_watch *watch)
{
	const struct model_inode *inode = story_inode(story);
	struct states told = { .nr = 0 }, truth = { .nr = 0 };
	const struct story_step *step;

	for (size_t i = 0; (step = story_step(story, i)); i++)
		states_step(&told, step, inode->provider == RECORD_PROVIDER_SECRETMEM);
	for (size_t i = 0; i < watch->nr; i++)
		states_add(&truth, watch->states[i].pfn, watch->states[i].absent);
	if (told.nr == truth.nr) {
		size_t same = 0;

		while (same < told.nr && told.list[same].pfn == truth.list[same].pfn &&
		       told.list[same].absent == truth.list[same].absent)
			same++;
		if (same == told.nr)
			return true;
	}
	for (size_t i = 0; i < told.nr || i < truth.nr; i++)
		print_message("# %zu: told %x%s truth %x%s\n", i,
			      i < told.nr ? told.list[i].pfn : 0xffff,
			      i < told.nr && told.list[i].absent ? " absent" : "",
			      i < truth.nr ? truth.list[i].pfn : 0xffff,
			      i < truth.nr && truth.list[i].absent ? " absent" : "");
	return false;
}

/* The next that is no read: what else went on in its chunk decides whether one is settled. */
static const struct story_step *step_next(const struct story *story, size_t *at, __u64 *reads)
{
	const struct story_step *step;

	while ((step = story_step(story, (*at)++)) && step->kind == STORY_READ && !step->proven)
		*reads += step->reads;
	return step;
}

static bool steps_same(const struct story_step *one, const struct story_step *other)
{
	return one->kind == other->kind && one->time == other->time && one->pgoff == other->pgoff &&
	       one->nr == other->nr && one->pfn == other->pfn && one->tid == other->tid &&
	       one->present == other->present && one->again == other->again &&
	       one->exposed == other->exposed && one->flush_begin == other->flush_begin &&
	       one->request.operation == other->request.operation &&
	       one->request.result == other->request.result && one->reads == other->reads &&
	       one->differs == other->differs && one->proven == other->proven;
}

static void steps_show(const struct story *story)
{
	const struct story_step *step;

	for (size_t i = 0; (step = story_step(story, i)); i++)
		print_message(
			"# %zu: kind %d at %llu tid %u 0x%llx+%llu pfn %llx present %d again %d "
			"bits %x settled %d reads %llu differs %u declared %d applied %d op %u\n",
			i, (int)step->kind, (unsigned long long)step->time, step->tid,
			(unsigned long long)step->pgoff, (unsigned long long)step->nr,
			(unsigned long long)step->pfn, step->present, step->again, step->bits,
			step->settled, (unsigned long long)step->reads, step->differs,
			(int)step->declared, (int)step->applied, step->request.operation);
}

static void check_filtered(const struct story *whole, const struct story *filtered,
			   unsigned int seed)
{
	size_t at = 0, other = 0;
	__u64 reads = 0, reads_other = 0;

	for (;;) {
		const struct story_step *one = step_next(whole, &at, &reads);
		const struct story_step *two = step_next(filtered, &other, &reads_other);

		if (!one && !two)
			break;
		if (one && two && steps_same(one, two))
			continue;
		steps_show(whole);
		steps_show(filtered);
		fail_msg("seed %u page %llu:0x%llx: step %zu: kind %d at %llu, filtered kind %d at "
			 "%llu",
			 seed, (unsigned long long)story_subject(whole)->inode,
			 (unsigned long long)story_subject(whole)->first, at - 1,
			 one ? (int)one->kind : 0, (unsigned long long)(one ? one->time : 0),
			 two ? (int)two->kind : 0, (unsigned long long)(two ? two->time : 0));
	}
	assert_int_equal(reads, reads_other);
}

static void check_page(const struct simulator_result *result, const struct simulator_watch *watch,
		       unsigned int seed, __u64 *states)
{
	struct story_subject subject = { .about = STORY_PAGES,
					 .inode = watch->inode,
					 .first = watch->pgoff,
					 .last = watch->pgoff };
	struct told whole = tell(result->stream, result->stream_used, &subject, false);
	struct told part = tell(result->stream, result->stream_used, &subject, true);

	if (!states_agree(part.story, watch))
		fail_msg("seed %u page %llu:0x%llx: the story is not what happened", seed,
			 (unsigned long long)watch->inode, (unsigned long long)watch->pgoff);
	check_filtered(whole.story, part.story, seed);
	assert_true(part.fed < whole.fed);
	*states += watch->nr;
	told_free(&whole);
	told_free(&part);
}

/* By @rule, 0 any, or by the rule of what it follows from, which then says so. */
static bool accused(const struct verdict *verdict, __u32 rule, __u64 inode, __u64 pgoff)
{
	const struct verdict_violation *violation;

	for (size_t i = 0; (violation = verdict_violation(verdict, i)); i++) {
		if (violation->inode && violation->inode->number == inode &&
		    (!rule || violation->rule->id == rule ||
		     strstr(violation->words, "What follows")) &&
		    violation->pgoff_known && violation->pgoff_first <= pgoff &&
		    pgoff <= violation->pgoff_last)
			return true;
	}
	return false;
}

/* Whom a fault hit is accused on what a story needs alone; whom none hit is not. */
static void check_hit(const struct simulator_result *result, const struct simulator_hit *hit,
		      unsigned int seed)
{
	struct story_subject subject = {
		.about = STORY_PAGES, .inode = hit->inode, .first = hit->pgoff, .last = hit->pgoff
	};
	struct told told = tell(result->stream, result->stream_used, &subject, true);

	if (accused(told.judged.verdict, hit->rule, hit->inode, hit->pgoff) != (hit->rule != 0))
		fail_msg("seed %u page %llu:0x%llx: rule %u", seed, (unsigned long long)hit->inode,
			 (unsigned long long)hit->pgoff, hit->rule);
	told_free(&told);
}

static size_t check_hits(const struct simulator_result *result, unsigned int seed)
{
	size_t checked = 0;

	for (size_t i = 0; i < result->hits_nr && checked < 2; i++) {
		if (result->hits[i].pgoff == SIMULATOR_PGOFF_UNKNOWN || !result->hits[i].inode)
			continue;
		check_hit(result, &result->hits[i], seed);
		checked++;
	}
	return checked;
}

/* The pages of a correct kernel, and of one that makes mistakes: what was done is what is told. */
static void test_truth(void **state)
{
	__u64 states = 0, hits = 0;

	(void)state;
	for (unsigned int seed = seed_first; seed < seed_first + seeds; seed++) {
		struct simulator_watch watches[WATCHES] = { { .inode = 0 } };
		struct simulator_options options = { .seed = seed,
						     .keep = true,
						     .steps = 5000,
						     .watches = watches,
						     .watches_nr = WATCHES };
		struct simulator_result result;

		if (seed % 2)
			options.fault = (enum simulator_fault)(seed / 2 % FAULT_NR);
		for (unsigned int i = 0; i < WATCHES; i++) {
			watches[i].inode = 1 + (seed + i * 2) % 6;
			watches[i].pgoff = (seed / 6 + i * 7) % 48;
		}
		simulator_run(&options, &result);
		for (unsigned int i = 0; i < WATCHES; i++) {
			struct simulator_hit none = { RULE_NONE, watches[i].inode,
						      watches[i].pgoff };

			check_page(&result, &watches[i], seed, &states);
			if (!options.fault)
				check_hit(&result, &none, seed);
		}
		hits += check_hits(&result, seed);
		simulator_result_free(&result);
	}
	print_message("# %u histories, %llu states of pages told, %llu pages hit by a fault\n",
		      seeds, (unsigned long long)states, (unsigned long long)hits);
	assert_true(states > seeds && hits > seeds / 20);
}

/* The story by hand: of page @first of inode G, or of a frame. */
static char *told_text(const struct story_subject *subject, bool json)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct told told;

	assert_non_null(out);
	stream_finish(&stream);
	told = tell(stream.data, stream.used, subject, true);
	if (json)
		report_story_json(out, told.story, told.judged.verdict);
	else
		report_story_text(out, told.story, told.judged.verdict, true);
	fclose(out);
	if (json)
		keys_said(text);
	told_free(&told);
	return text;
}

static const struct story_subject page_5 = {
	.about = STORY_PAGES, .letter = 'g', .inode = G, .first = 5, .last = 5
};

static void has(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("no \"%s\" in:\n%s", words, text);
}

static void has_not(const char *text, const char *words)
{
	if (strstr(text, words))
		fail_msg("\"%s\" in:\n%s", words, text);
}

/* A whole life, and whose the frame was then. */
static void test_life(void **state)
{
	char *text;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_inode(&stream, G + 1, RFC3, 64, false);
	stream_fault(&stream, T, G, 5, 100);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 4, 9, true);
	stream_zap(&stream, T, G, 5, 100, 1, true, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 4, 9, true);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 5, 5, false);
	stream_leave(&stream, T, 100);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 5, 5, false);
	stream_fault(&stream, T, G + 1, 9, 100);
	stream_heartbeat(&stream);
	text = told_text(&page_5, false);
	has(text, "g3:0x5 of VM 100 (vmm): rfc3, absent by default");
	has(text, "faulted in         pfn 0x64 (task 7, CPU 3)");
	has(text, "made absent        by configure 0x5 (task 7, CPU 3)");
	has(text, "flushed            after ");
	has(text, "by a flush of 1 page (task 7, CPU 3)");
	has(text, "made present       by set_range 0x4-0x9 (task 7, CPU 3); needs no flush");
	has(text, "left the inode     by fallocate 0x5 (task 7, CPU 3)");
	has(text, "its frame went on  pfn 0x64 is g4:0x9 from here on");
	has(text, "nothing backs it: its frame has left");
	has(text, "never left unflushed");
	has_not(text, "VIOLATED");
	free(text);
}

static void test_frame(void **state)
{
	static const struct story_subject frame = { .about = STORY_FRAME, .pfn = 100 };
	char *text;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 5, 100);
	stream_zap(&stream, T, G, 5, 100, 1, true, 0);
	stream_leave(&stream, T, 100);
	stream_fault(&stream, T, G, 9, 100);
	stream_fault(&stream, T, G, 7, 101);
	stream_heartbeat(&stream);
	text = told_text(&frame, false);
	has(text, "pfn 0x64, last g3:0x9 of VM 100");
	has(text, "pfn 0x64 as g3:0x5");
	has(text, "pfn 0x64 as g3:0x9");
	has_not(text, "0x7");
	free(text);
}

/* What is told of a page that was made absent, and never flushed by whoever did it. */
static char *unflushed(bool called)
{
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 5, 100);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 5, 5, false);
	stream_zap(&stream, T, G, 5, 100, 1, false, 0);
	if (called)
		stream_call(&stream, T);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 5, 5, false);
	heartbeats(4);
	return told_text(&page_5, false);
}

static void test_unflushed(void **state)
{
	char *text = unflushed(false);

	(void)state;
	has(text, "VIOLATED: never-flushed");
	has(text, "NOT FLUSHED        by set_range 0x5 (task 7, CPU 3) has ended without a flush");
	has(text, "absent in the page tables, and no flush has covered it since");
	has(text, "NOT FLUSHED since");
	free(text);
}

/* Its task had all CPUs run something before it ended: nobody knows. */
static void test_otherwise(void **state)
{
	char *text = unflushed(true);

	(void)state;
	has(text, "has ended, unless what it had all CPUs run was a flush");
	has_not(text, "without a flush");
	has_not(text, "VIOLATED");
	free(text);
}

static void test_failed(void **state)
{
	char *text;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 5, 100);
	stream_request(&stream, RECORD_REQUEST_BEGIN, T, G, RECORD_OPERATION_SET_RANGE, 5, 5, true,
		       0);
	stream_request(&stream, RECORD_REQUEST_END, T, G, RECORD_OPERATION_SET_RANGE, 5, 5, true,
		       -ENOMEM);
	stream_heartbeat(&stream);
	text = told_text(&page_5, false);
	has(text,
	    "request failed     by set_range 0x5 (task 7, CPU 3) to present: Cannot allocate");
	has(text, "out of the direct map; what is declared is not known");
	free(text);
}

/* What nobody touched, what was there before, and what was lost: each says so. */
static void test_silence(void **state)
{
	char *text;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 6, 100);
	stream_heartbeat(&stream);
	text = told_text(&page_5, false);
	has(text, "nothing backs it: nobody has touched it");
	has_not(text, "not known  ");
	has_not(text, "faulted in");
	free(text);
	stream_free(&stream);
	stream_init(&stream);
	stream_inode(&stream, G, RFC3, 64, true);
	stream_heartbeat(&stream);
	text = told_text(&page_5, false);
	has(text, "not known  before 1.000000 s: g3 existed before the sensors were armed");
	free(text);
	stream_free(&stream);
	stream_init(&stream);
	stream_inode(&stream, G, RFC3, 64, false);
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now, 12);
	stream_heartbeat(&stream);
	text = told_text(&page_5, false);
	has(text, "INCONCLUSIVE: something was lost.");
	has(text, "LOST               12 records or calls (ring-full)");
	has(text, "not known  what was lost (ring-full)");
	free(text);
	stream_free(&stream);
	stream_init(&stream);
	stream_inode(&stream, G, RFC3, 64, false);
	stream_loss(&stream, 0, RECORD_LOSS_CLIENT_SLOW, stream.now, 7);
	stream_heartbeat(&stream);
	text = told_text(&page_5, false);
	has(text, "not known  what was dropped for a reader that was too slow: 7 records");
	free(text);
}

static void test_json(void **state)
{
	struct json_object *object, *value;
	char *text;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 5, 100);
	stream_heartbeat(&stream);
	text = told_text(&page_5, true);
	object = json_tokener_parse(text);
	assert_non_null(object);
	assert_true(json_object_object_get_ex(object, "schema", &value));
	assert_string_equal(json_object_get_string(value), REPORT_STORY_SCHEMA);
	assert_true(json_object_object_get_ex(object, "steps", &value));
	/* met, joined, made absent, flushed */
	assert_int_equal(json_object_array_length(value), 4);
	value = json_object_array_get_idx(value, 2);
	assert_true(json_object_object_get_ex(value, "to", &value));
	assert_string_equal(json_object_get_string(value), "absent");
	json_object_put(object);
	free(text);
}

/* What was lost is a step of its own. */
static void test_json_lost(void **state)
{
	char *text;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 5, 100);
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now, 12);
	stream_heartbeat(&stream);
	text = told_text(&page_5, true);
	has(text, "\"cause\":");
	free(text);
}

static void test_parse(void **state)
{
	struct story_subject subject;

	(void)state;
	assert_int_equal(story_parse("g6:0x104", &subject), 0);
	assert_int_equal(subject.about, STORY_PAGES);
	assert_int_equal(subject.inode, 6);
	assert_int_equal(subject.first, 0x104);
	assert_int_equal(subject.last, 0x104);
	/* A zero in front of a number is no more than that. */
	assert_int_equal(story_parse("g010:010-0x010", &subject), 0);
	assert_int_equal(subject.inode, 10);
	assert_int_equal(subject.first, 10);
	assert_int_equal(subject.last, 16);
	assert_int_equal(story_parse("s1:0-0xfff", &subject), 0);
	assert_int_equal(subject.last, 0xfff);
	assert_int_equal(story_parse("s1:0-0x1000", &subject), -E2BIG);
	assert_int_equal(story_parse("pfn:0x6e5c", &subject), 0);
	assert_int_equal(subject.pfn, 0x6e5c);
	assert_int_equal(story_parse("1234:0x7f0000001000", &subject), 0);
	assert_int_equal(subject.about, STORY_ADDRESS);
	assert_int_equal(subject.pid, 1234);
	for (const char *const *bad =
		     (const char *const[]){ "", "g", "g:1", "g6", "g6:", "g0:1", "g6:1-", "g6:2-1",
					    "g6:-1", "x6:1", "pfn:", "pfn:1x", "pfn:-1",
					    "1234:", "0:0x10", "1234", "g6:1 ",
					    "g6:99999999999999999999", NULL };
	     *bad; bad++)
		assert_int_equal(story_parse(*bad, &subject), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_life),	      RULE_TEST(test_frame),
		RULE_TEST(test_unflushed),    RULE_TEST(test_failed),
		RULE_TEST(test_otherwise),    RULE_TEST(test_silence),
		RULE_TEST(test_json),	      RULE_TEST(test_json_lost),
		cmocka_unit_test(test_parse), cmocka_unit_test(test_truth),
	};
	const char *value = getenv("STORY_SEEDS");

	if (value)
		seeds = (unsigned int)strtoul(value, NULL, 0);
	value = getenv("STORY_SEED");
	if (value)
		seed_first = (unsigned int)strtoul(value, NULL, 0);
	keys_only("test_json*");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
