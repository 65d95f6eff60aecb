// SPDX-License-Identifier: GPL-2.0
/* What KVM promises of pages of inodes that are not of the series: told, and not judged. */
#include "promises.h"

struct told {
	size_t reads, promised;
	bool is_private;
};

static void on_promise_read(void *context, const struct model_inode *inode,
			    const struct record_promise_read *read)
{
	struct told *told = context;

	assert_int_equal(inode->number, G);
	told->is_private = read->attributes & RECORD_ATTRIBUTE_PRIVATE;
	told->reads++;
}

static void on_promised(void *context, const struct model_promised *promised)
{
	struct told *told = context;

	(void)promised;
	told->promised++;
}

/* A private page that is present, read twice, of an inode of @provider that KVM converts. */
static void told_of(enum record_provider provider, struct told *told, struct model_counts *counts)
{
	const struct model_observer observer = { .context = told,
						 .promise_read = on_promise_read,
						 .promised = on_promised };
	struct stream_page pages[PAGES];
	struct model *model = model_create(NULL);

	*told = (struct told){ 0 };
	present_inode(provider);
	convert_to(GFN, 64, true, 1, 0, 0);
	promise(true);
	for (__u64 i = 0; i < PAGES; i++)
		pages[i] = (struct stream_page){ i, 200 + 2 * i, 1, PRESENT_BITS };
	for (int i = 0; i < 2; i++)
		stream_read(&stream, G, provider, true, RECORD_SNAPSHOT_LIVE, 0, 0, 64, pages,
			    PAGES);
	stream_finish(&stream);
	assert_non_null(model);
	assert_int_equal(model_observe(model, &observer), 0);
	stream_feed(&stream, model);
	assert_int_equal(model_finish(model), 0);
	model_count(model, counts);
	model_free(model);
}

/* What the series promises of private pages nobody else does: whose page it is is told, and nothing held against it. */
static void test_others_promise_nothing(void **state)
{
	static const enum record_provider others[] = { RECORD_PROVIDER_FOLIO_BIT,
						       RECORD_PROVIDER_GMEM_PLAIN };
	struct model_counts counts;
	struct told told;

	(void)state;
	told_of(RFC3, &told, &counts);
	assert_int_equal(told.reads, 2);
	assert_int_equal(told.promised, PAGES);
	assert_true(counts.pages_promised > 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		told_of(others[i], &told, &counts);
		assert_int_equal(told.reads, 2);
		assert_true(told.is_private);
		assert_int_equal(told.promised, 0);
		assert_int_equal(counts.pages_promised, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_others_promise_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
