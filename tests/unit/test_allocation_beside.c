// SPDX-License-Identifier: GPL-2.0
/* Every allocation of sealing, and of whoever observes the model, fails once: nothing crashes, and nothing is made up. */
#include "gmemtrace/export.h"
#include "gmemtrace/flush.h"
#include "gmemtrace/report.h"
#include "gmemtrace/story.h"
#include "scene.h"
#include "sensor/seal.h"
#include "view/board.h"

#ifdef __SANITIZE_ADDRESS__
int main(void)
{
	return 0;
}
#else

#include "allocation.h"

static void sink(void *context, const struct record_header *record)
{
	(void)context;
	(void)record;
}

static int identify(void *context, struct identify_args *identity)
{
	(void)context;
	identity->i_ino = 1;
	identity->provider = RECORD_PROVIDER_RFC3;
	return 0;
}

/* More inodes than the table has room for, announced and met by their zaps in turn. */
static void seal_inodes(struct seal *seal)
{
	for (__u64 i = 0; i < 600; i++) {
		struct record_inode inode = {
			.header = { .kind = RECORD_INODE, .size = sizeof(inode) },
			.i_ino = 1,
			.provider = RFC3,
		};
		struct record_zap zap = {
			.header = { .kind = RECORD_ZAP, .size = sizeof(zap) },
			.i_ino = 1,
			.nr = 1,
			.routine = RECORD_ZAP_VALID,
		};

		inode.header.inode = zap.header.inode = 0xff11000000000000ULL + (i << 12);
		seal_record(seal, i % 2 ? &zap.header : &inode.header);
	}
}

/* An inode that there is no room for has no number; those that had one keep it. */
static void test_sealing(void **state)
{
	const struct sensor_config config = { .page_size = 64 };

	(void)state;
	for (unsigned long at = 1; at <= 6; at++) {
		struct seal seal;

		assert_int_equal(seal_init(&seal, &config), 0);
		seal.sink = sink;
		seal.identify = identify;
		allocations = 0;
		fail_at = (at + 1) / 2;
		fail_on = at % 2;
		failed = false;
		counting = true;
		seal_inodes(&seal);
		counting = false;
		assert_true(failed || at > 2);
		assert_int_equal(seal_number(&seal, 0xff11000000000000ULL, 1), 1);
		seal_destroy(&seal);
	}
}

#define VMS 200

static __u64 vm_sealed; /* of the last promise */

static void sink_vm(void *context, const struct record_header *record)
{
	(void)context;
	vm_sealed = ((const struct record_promise *)record)->vm;
}

static __u64 seal_vm(struct seal *seal, __u64 vm)
{
	const struct record_promise promise = {
		.header = { .kind = RECORD_PROMISE, .size = sizeof(promise) },
		.vm = 0xff11000000000000ULL + (vm << 12),
		.event = RECORD_PROMISE_CONVERT_BEGIN,
	};

	seal_record(seal, &promise.header);
	return vm_sealed;
}

/* The same of VMs. */
static void test_sealing_vms(void **state)
{
	const struct sensor_config config = { .page_size = 64 };

	(void)state;
	for (unsigned long at = 1; at <= 6; at++) {
		__u64 numbers[VMS];
		struct seal seal;

		assert_int_equal(seal_init(&seal, &config), 0);
		seal.sink = sink_vm;
		allocations = 0;
		fail_at = (at + 1) / 2;
		fail_on = at % 2;
		failed = false;
		counting = true;
		for (__u64 vm = 0; vm < VMS; vm++)
			numbers[vm] = seal_vm(&seal, vm);
		assert_true(failed);
		assert_int_equal(numbers[0], at <= 2 ? 0 : 1);
		for (__u64 vm = 0; vm < VMS; vm++)
			assert_true(!numbers[vm] || seal_vm(&seal, vm) == numbers[vm]);
		counting = false;
		seal_destroy(&seal);
	}
}

static bool story_made(struct model *model)
{
	const struct story_subject subject = { .inode = G, .last = 8 };
	struct story *story = story_create(model, &subject);

	counting = false;
	story_free(story);
	return story;
}

static bool page_made(struct model *model)
{
	struct report_page *page = report_page_create(model);

	counting = false;
	report_page_free(page);
	return page;
}

static bool latency_made(struct model *model)
{
	struct flush_latency *latency = flush_latency_create(model, NULL);

	counting = false;
	flush_latency_free(latency);
	return latency;
}

static bool board_made(struct model *model)
{
	struct board *board = board_create(model, NULL, 1000000000);

	counting = false;
	board_free(board);
	return board;
}

static bool export_made(struct model *model)
{
	struct exporter *exporter = export_create(model, EXPORT_NDJSON, stdout);

	counting = false;
	export_free(exporter);
	return exporter;
}

/* Who cannot be made whole is told of nothing: no part of it observes. */
static void test_observers(void **state)
{
	static bool (*const makers[])(struct model *) = { story_made, page_made, latency_made,
							  board_made, export_made };

	(void)state;
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		bool made = false;

		for (unsigned long at = 1; !made; at++) {
			struct model *model = model_create(NULL);
			struct verdict *verdict = verdict_create(model, NULL);
			size_t before = model_observers(model);

			assert_int_equal(before, 1);
			allocations = 0;
			fail_at = at;
			fail_on = false;
			counting = true;
			made = makers[i](model);
			assert_int_equal(model_observers(model) > before, made);
			assert_true(made || at < 100);
			verdict_free(verdict);
			model_free(model);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_sealing),
		RULE_TEST(test_sealing_vms),
		RULE_TEST(test_observers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
