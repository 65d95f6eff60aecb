// SPDX-License-Identifier: GPL-2.0
/*
 * --vm, --comm, --inode: some inodes' records, and figures that add up to those of all; --pgoff:
 * some pages' violations.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scene.h"

#include "gmemtrace/report.h"
#include "run/filter.h"
#include "bpf/left_out.h"

#define A 100 /* tgids of VMs: A is what the streams of scene.h are made by */
#define B 200
#define NOBODY 300
#define OTHER 4 /* B's inode */

static struct record_header *at(size_t offset)
{
	return (struct record_header *)(stream.data + offset);
}

/* All from @offset on is done by tasks of @tgid. */
static void by(size_t offset, uint32_t tgid)
{
	while (offset < stream.used) {
		at(offset)->tgid = tgid;
		if (at(offset)->kind == RECORD_INODE)
			((struct record_inode *)at(offset))->vm = tgid;
		offset += at(offset)->size;
	}
}

/* A request with a zap and a flush of its own, on @inode by @tid of @tgid. */
static void serve(__u64 inode, __u64 pgoff, __u64 pfn, __u32 tid, uint32_t tgid)
{
	size_t before = stream.used;

	stream_begin(&stream, tid, inode, RECORD_OPERATION_SET_RANGE, pgoff, pgoff, false);
	stream_zap(&stream, tid, inode, pgoff, pfn, 1, false, 0);
	stream_flush(&stream, tid, pfn, pfn, false);
	stream_zap_flush(&stream, tid, inode, pgoff, pfn, 1, pfn, pfn);
	stream_end(&stream, tid, inode, RECORD_OPERATION_SET_RANGE, pgoff, pgoff, false);
	by(before, tgid);
}

/* Two VMs, each with an inode; both serve their own and the other's; somebody flushes besides. */
static void two_vms(void)
{
	size_t before;

	faulted(8);
	by(0, A);
	before = stream.used;
	stream_inode(&stream, OTHER, RFC3, 64, false);
	for (__u64 page = 0; page < 4; page++)
		stream_fault(&stream, 8, OTHER, page, 1000 + 2 * page);
	by(before, B);
	serve(G, 1, 102, T, A);
	serve(OTHER, 1, 1002, 8, B);
	serve(G, 2, 104, 9, B);
	serve(OTHER, 2, 1004, 10, A);
	before = stream.used;
	stream_flush(&stream, T, 0, 0, true);
	by(before, A);
	before = stream.used;
	stream_flush(&stream, 8, 0, 0, true);
	by(before, B);
	before = stream.used;
	stream_flush(&stream, 11, 0, 0, true);
	by(before, NOBODY);
	stream_finish(&stream);
}

/* --- what the sensors leave out is what the filter would drop --------------- */

#define TASKS 6
#define DEPTH 4
#define TIDS 4096 /* apart: two tasks in one slot */

/* A stream of requests within each other by several tasks, on inodes that pass and that do not. */
static void random_stream(unsigned int seed)
{
	static const __u64 inodes[] = { G, OTHER, OTHER + 1, 0 };
	struct {
		__u64 inode;
		enum record_operation operation;
	} open[TASKS][DEPTH];
	int depth[TASKS] = {};

	faulted(2);
	by(0, A);
	for (__u64 inode = OTHER; inode <= OTHER + 1; inode++) {
		size_t before = stream.used;

		stream_inode(&stream, inode, RFC3, 64, false);
		by(before, B);
	}
	for (int step = 0; step < 120; step++) {
		unsigned int task = (unsigned int)rand_r(&seed) % TASKS;
		unsigned int what = (unsigned int)rand_r(&seed) % 8;
		__u32 tid = 10 + task % 4 + (task > 3 ? TIDS : 0);
		__u64 inode = inodes[(unsigned int)rand_r(&seed) % 4];
		size_t before = stream.used;

		if (what < 3 && depth[task] < DEPTH && (inode || depth[task])) {
			open[task][depth[task]].inode = inode;
			open[task][depth[task]].operation = !inode ? RECORD_OPERATION_UPDATE_XARRAY
							    : what ? RECORD_OPERATION_SET_RANGE
								   : RECORD_OPERATION_RELEASE;
			stream_begin(&stream, tid, inode, open[task][depth[task]].operation, 0, 3,
				     false);
			depth[task]++;
		} else if (what < 5 && depth[task]) {
			depth[task]--;
			stream_end(&stream, tid, open[task][depth[task]].inode,
				   open[task][depth[task]].operation, 0, 3, false);
		} else if (what == 5) {
			stream_zap_flush(&stream, tid, inode, 1, 102, 1, 102, 102);
		} else if (what == 6) {
			stream_flush(&stream, tid, 102, 102, false);
		} else if (inode) {
			stream_join(&stream, tid, inode, 5 + (__u64)step % 8, 2000 + (__u64)step);
		}
		by(before, task % 2 ? B : A);
	}
}

/* Whether bpf/ writes @record, perhaps changed, while it leaves out inodes of which @out is true. */
static bool written_by_sensors(struct left_out_slot *slots, const bool *out,
			       struct record_header *record)
{
	struct left_out_slot *slot = &slots[left_out_index(record->tid)];
	const struct record_request *request = (const void *)record;

	switch (record->kind) {
	case RECORD_REQUEST_BEGIN:
	case RECORD_REQUEST_END:
		return request->operation == RECORD_OPERATION_RELEASE ||
		       !left_out_request(slot, record->tid, record->inode,
					 record->inode && out[record->inode],
					 record->kind == RECORD_REQUEST_BEGIN, record->time);
	case RECORD_ZAP:
	case RECORD_FLUSH:
		if (left_out_inside(slot, record->tid))
			record->tgid = 0;
		return true;
	case RECORD_JOIN:
		return !out[record->inode];
	default:
		return true;
	}
}

/* A slot is taken from whoever has it for too long, not from one that began on a CPU whose clock is ahead. */
static void test_slot_is_kept(void **state)
{
	const uint64_t since = 5;
	struct left_out_slot slot = {};

	(void)state;
	assert_true(left_out_begin(&slot, 1, 3, since));
	assert_false(left_out_begin(&slot, 2, 3, since - 1));
	assert_false(left_out_begin(&slot, 2, 3, since + LEFT_OUT_STALE_NS - 1));
	assert_true(left_out_inside(&slot, 1));
	assert_true(left_out_begin(&slot, 2, 3, since + LEFT_OUT_STALE_NS));
	assert_true(left_out_inside(&slot, 2));
}

/* What the filter hands on; @delay: records until the sensors have heard of an inode, 0: they never do. */
static char *handed_on(const struct run_options *run, unsigned int delay, size_t *size,
		       size_t *read)
{
	static struct left_out_slot slots[LEFT_OUT_SLOTS_NR];
	char *text = NULL, copy[256];
	FILE *out = open_memstream(&text, size);
	bool left_out[OTHER + 2] = {};
	unsigned int heard = 0;
	struct filter filter;

	memset(slots, 0, sizeof(slots));
	filter_init(&filter, run);
	*read = 0;
	for (size_t offset = 0; offset < stream.used; offset += at(offset)->size) {
		struct record_header *record = (void *)copy;
		const struct record_header *handed;

		assert_true(at(offset)->size <= sizeof(copy));
		memcpy(copy, at(offset), at(offset)->size);
		for (__u64 inode = G; delay && heard >= delay && inode <= OTHER + 1; inode++)
			left_out[inode] = filter_leaves_out(&filter, inode);
		heard++;
		if (!written_by_sensors(slots, left_out, record))
			continue;
		++*read;
		handed = filter_apply(&filter, record);
		if (handed)
			fwrite(handed, handed->size, 1, out);
	}
	filter_destroy(&filter);
	fclose(out);
	return text;
}

static void test_left_out_by_sensors(void **state)
{
	const struct run_options runs[] = { { .vm = A }, { .inode = G }, { .inode = OTHER } };
	size_t spared = 0;

	(void)state;
	for (unsigned int seed = 1; seed <= 1000; seed++) {
		const struct run_options *run = &runs[seed % 3];
		size_t all_size, size, all_read, read;
		char *all, *some;

		random_stream(seed);
		all = handed_on(run, 0, &all_size, &all_read);
		some = handed_on(run, 1 + seed % 60, &size, &read);
		if (size != all_size || memcmp(some, all, size) != 0)
			fail_msg("seed %u: what is handed on is not the same", seed);
		spared += all_read - read;
		free(all);
		free(some);
		stream_free(&stream);
		stream_init(&stream);
	}
	/* And it does leave out something. */
	assert_true(spared > 10000);
}

struct figures {
	struct model_counts counts;
	__u64 inode_flushes, inode_flush_ns;
	__u64 folded_ns, folded_count;
};

static __u64 folded_sum(struct report_folded *folded, enum report_weight weight)
{
	char *text = NULL, *line;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	__u64 sum = 0;

	assert_int_equal(report_folded_write(out, folded, weight, REPORT_BY_STACK), 0);
	fclose(out);
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		sum += strtoull(strrchr(line, ' '), NULL, 10);
	free(text);
	return sum;
}

/* What @run leaves of the stream, to its end. */
static void feed_filtered(struct model *model, const struct run_options *run)
{
	struct filter filter;

	filter_init(&filter, run);
	for (size_t offset = 0; offset < stream.used; offset += at(offset)->size) {
		const struct record_header *record = filter_apply(&filter, at(offset));

		if (record)
			assert_int_equal(model_feed(model, record), 0);
	}
	assert_int_equal(model_finish(model), 0);
	filter_destroy(&filter);
}

static struct figures figures_with(const struct run_options *run)
{
	struct model_options options = { .vm = filter_vm(run) };
	struct model *model = model_create(&options);
	struct report_folded *folded = report_folded_create(model);
	const struct model_inode *inode = NULL;
	struct figures figures = {};

	feed_filtered(model, run);
	model_count(model, &figures.counts);
	assert_int_equal(figures.counts.malformed, 0);
	while ((inode = model_inode_next(model, inode))) {
		figures.inode_flushes += inode->flushes;
		figures.inode_flush_ns += inode->flush_ns;
	}
	figures.folded_ns = folded_sum(folded, REPORT_WEIGHT_NS);
	figures.folded_count = folded_sum(folded, REPORT_WEIGHT_COUNT);
	report_folded_free(folded);
	model_free(model);
	return figures;
}

static struct figures figures_of(uint32_t vm)
{
	const struct run_options run = { .vm = vm };

	return figures_with(&run);
}

static void expect_alike(const struct figures *one, const struct figures *other)
{
	assert_int_equal(one->counts.inodes, other->counts.inodes);
	assert_int_equal(one->counts.transitions, other->counts.transitions);
	assert_int_equal(one->counts.requests, other->counts.requests);
	assert_int_equal(one->counts.flushes, other->counts.flushes);
	assert_int_equal(one->inode_flush_ns, other->inode_flush_ns);
	assert_int_equal(one->folded_ns, other->folded_ns);
}

/* The VM, its name and its only inode: three ways to say the same. */
static void test_alike(void **state)
{
	const struct run_options comm = { .comm = "vmm-b" }, pattern = { .comm = "*-?" };
	const struct run_options inode = { .inode = OTHER },
				 both = { .comm = "vm*", .inode = OTHER };
	const struct run_options none = { .comm = "vmm", .inode = OTHER };
	struct figures b, some;
	size_t before;

	(void)state;
	two_vms();
	for (size_t offset = 0; offset < stream.used; offset += at(offset)->size) {
		struct record_inode *record = (void *)at(offset);

		if (record->header.kind == RECORD_INODE && record->header.inode == OTHER)
			memcpy(record->comm, "vmm-b", sizeof("vmm-b"));
	}
	b = figures_of(B);
	assert_true(b.counts.transitions && b.folded_ns);
	some = figures_with(&comm);
	expect_alike(&some, &b);
	some = figures_with(&pattern);
	expect_alike(&some, &b);
	some = figures_with(&inode);
	expect_alike(&some, &b);
	some = figures_with(&both);
	expect_alike(&some, &b);
	some = figures_with(&none);
	assert_int_equal(some.counts.inodes, 0);
	assert_int_equal(some.counts.flushes, 0);
	/* A timed flush is whose the others are. */
	before = stream.used;
	stream_flush(&stream, 8, 0, 0, true);
	by(before, B);
	some = figures_with(&inode);
	assert_int_equal(some.counts.flushes, figures_of(B).counts.flushes);
}

static __u64 timed_seen;

static void on_timed(void *context, const struct record_flush_timed *flush,
		     const struct model_request *request, const struct model_inode *inode)
{
	(void)context;
	(void)flush;
	(void)request;
	(void)inode;
	timed_seen++;
}

static __u64 timed_with(const struct run_options *run)
{
	const struct model_observer observer = { .flush_timed = on_timed };
	struct model_options options = { .vm = filter_vm(run) };
	struct model *model = model_create(&options);

	timed_seen = 0;
	assert_int_equal(model_observe(model, &observer), 0);
	feed_filtered(model, run);
	model_free(model);
	return timed_seen;
}

static void add_timed(__u32 tid, __u32 tgid)
{
	struct record_flush_timed flush = {
		.header = { .kind = RECORD_FLUSH_TIMED,
			    .size = sizeof(flush),
			    .tid = tid,
			    .tgid = tgid,
			    .time = stream.now + 100 },
		.begin = stream.now,
		.end = stream.now + 100,
		.last = 10,
		.pages = 10,
		.routine = RECORD_FLUSH_RANGE,
	};

	stream.now += 200;
	stream_add(&stream, &flush.header);
}

/* Timed flushes are whose others are: what serves another VM's inode is not the task's. */
static void test_timed(void **state)
{
	const struct run_options a = { .vm = A }, b = { .vm = B }, inode = { .inode = G };
	const struct run_options all = { .vm = 0 };
	size_t before;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	by(0, A);
	before = stream.used;
	stream_inode(&stream, OTHER, RFC3, 64, false);
	by(before, B);
	add_timed(T, A);
	add_timed(8, B);
	add_timed(9, NOBODY);
	stream_begin(&stream, T, OTHER, RECORD_OPERATION_SET_RANGE, 0, 0, false);
	add_timed(T, A);
	stream_end(&stream, T, OTHER, RECORD_OPERATION_SET_RANGE, 0, 0, false);
	stream_finish(&stream);
	assert_int_equal(timed_with(&all), 4);
	assert_int_equal(timed_with(&a), 1);
	assert_int_equal(timed_with(&b), 2);
	assert_int_equal(timed_with(&inode), 1);
}

static enum verdict_value value_with(const struct run_options *run,
				     const struct verdict_options *wanted, __u64 *left_out)
{
	struct model_options options = { .vm = filter_vm(run) };
	struct model *model = model_create(&options);
	struct verdict *verdict = verdict_create(model, wanted);
	enum verdict_value value;

	feed_filtered(model, run);
	value = verdict_value(verdict);
	*left_out = verdict_left_out(verdict);
	assert_int_equal(verdict_rule_count(verdict, RULE_FREED_ABSENT),
			 value == VERDICT_VIOLATED ? 1 : 0);
	verdict_free(verdict);
	model_free(model);
	return value;
}

/* Page 2 of G is freed absent; OTHER is as it should be. */
static void test_verdict(void **state)
{
	const struct run_options all = { .vm = 0 }, g = { .inode = G }, other = { .inode = OTHER };
	const struct run_options none = { .comm = "nobody" };
	struct verdict_options options = { .allow_empty = true };
	size_t before;
	__u64 left;

	(void)state;
	faulted(4);
	before = stream.used;
	stream_inode(&stream, OTHER, RFC3, 64, false);
	stream_fault(&stream, 8, OTHER, 0, 1000);
	by(before, B);
	stream_page_free(&stream, T, 104, true);
	stream.now += SECOND;
	stream_finish(&stream);
	assert_int_equal(value_with(&all, &options, &left), VERDICT_VIOLATED);
	assert_int_equal(value_with(&g, &options, &left), VERDICT_VIOLATED);
	/* The page was not another's, nor is it nobody's. */
	assert_int_not_equal(value_with(&other, &options, &left), VERDICT_VIOLATED);
	assert_int_not_equal(value_with(&none, &options, &left), VERDICT_VIOLATED);
	assert_int_equal(left, 0);
	options.pages_only = true;
	options.pgoff_first = options.pgoff_last = 2;
	assert_int_equal(value_with(&all, &options, &left), VERDICT_VIOLATED);
	assert_int_equal(left, 0);
	options.pgoff_first = 3;
	options.pgoff_last = 9;
	assert_int_not_equal(value_with(&all, &options, &left), VERDICT_VIOLATED);
	assert_int_equal(left, 1);
	options.pgoff_first = 0;
	options.pgoff_last = 1;
	assert_int_not_equal(value_with(&g, &options, &left), VERDICT_VIOLATED);
	assert_int_equal(left, 1);
}

static void test_sum(void **state)
{
	struct figures all, a, b, nobody;

	(void)state;
	two_vms();
	all = figures_of(0);
	a = figures_of(A);
	b = figures_of(B);
	nobody = figures_of(NOBODY);
	assert_int_equal(a.counts.inodes, 1);
	assert_int_equal(b.counts.inodes, 1);
	assert_int_equal(a.counts.transitions + b.counts.transitions, all.counts.transitions);
	assert_int_equal(a.counts.requests + b.counts.requests, all.counts.requests);
	assert_int_equal(a.counts.pages + b.counts.pages, all.counts.pages);
	assert_int_equal(a.inode_flushes + b.inode_flushes, all.inode_flushes);
	assert_int_equal(a.inode_flush_ns + b.inode_flush_ns, all.inode_flush_ns);
	assert_int_equal(nobody.counts.flushes, 1);
	assert_int_equal(a.counts.flushes + b.counts.flushes + 1, all.counts.flushes);
	assert_int_equal(a.folded_count + b.folded_count + 1, all.folded_count);
	assert_int_equal(a.folded_ns + b.folded_ns + nobody.folded_ns, all.folded_ns);
	assert_true(a.counts.flushes > b.counts.flushes);
}

/* Another VM's flush still ends an exposure of ours. */
static void test_foreign_flush(void **state)
{
	struct figures a;
	size_t before;

	(void)state;
	faulted(2);
	stream_zap(&stream, T, G, 0, 100, 1, true, 0);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	by(0, A);
	before = stream.used;
	stream_flush(&stream, 8, 0, 0, true);
	by(before, B);
	stream_finish(&stream);
	a = figures_of(A);
	assert_int_equal(a.counts.flushes, figures_of(0).counts.flushes - 1);
	stream_judge(&stream, NULL);
	assert_int_equal(model_inode_find(stream.model, G)->exposed, 0);
}

/* Whose an inode is may be learned late: then it is as old as that. */
static void test_late(void **state)
{
	struct filter filter = { .vm = A };
	const struct record_header *record;
	size_t second;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	by(0, B);
	second = stream.used;
	stream_inode(&stream, G, RFC3, 64, false);
	by(second, A);
	assert_null(filter_apply(&filter, at(0)));
	assert_int_equal(filter.inodes, 0);
	record = filter_apply(&filter, at(second));
	assert_non_null(record);
	assert_int_equal(((const struct record_inode *)record)->before_attach, 1);
	assert_int_equal(filter.inodes, 1);
	filter_destroy(&filter);
}

/* Losses of others are counted apart, those of nobody's inode concern everybody. */
static void test_losses(void **state)
{
	struct filter filter = { .vm = A };
	size_t other, none;

	(void)state;
	stream_inode(&stream, OTHER, RFC3, 64, false);
	by(0, B);
	other = stream.used;
	stream_loss(&stream, OTHER, RECORD_LOSS_RING_FULL, 1, 7);
	none = stream.used;
	stream_loss(&stream, 0, RECORD_LOSS_RING_FULL, 1, 3);
	filter_apply(&filter, at(0));
	assert_null(filter_apply(&filter, at(other)));
	assert_int_equal(filter.elsewhere, 7);
	assert_ptr_equal(filter_apply(&filter, at(none)), at(none));
	filter_destroy(&filter);
}

/* Another VM's page is a page of nobody's that is known. */
static void test_foreign_zap(void **state)
{
	struct filter filter = { .vm = A };
	const struct record_header *record;
	size_t zap;

	(void)state;
	stream_inode(&stream, OTHER, RFC3, 64, false);
	by(0, B);
	zap = stream.used;
	stream_zap(&stream, 8, OTHER, 5, 777, 2, false, 0);
	filter_apply(&filter, at(0));
	record = filter_apply(&filter, at(zap));
	assert_non_null(record);
	assert_int_equal(record->inode, 0);
	assert_int_equal(((const struct record_zap *)record)->pgoff, 0);
	assert_int_equal(((const struct record_zap *)record)->page, 777);
	filter_destroy(&filter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slot_is_kept),
		RULE_TEST(test_left_out_by_sensors),
		RULE_TEST(test_sum),
		RULE_TEST(test_foreign_flush),
		RULE_TEST(test_late),
		RULE_TEST(test_losses),
		RULE_TEST(test_foreign_zap),
		RULE_TEST(test_alike),
		RULE_TEST(test_timed),
		RULE_TEST(test_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
