// SPDX-License-Identifier: GPL-2.0
/* Which inodes are read, and when, of more than can be read at once. */
#include "scene.h"

#include "run/snapshots.h"

#define INODES 1000

static struct snapshots snapshots;
static size_t asked[INODES + 1]; /* by number */
static struct record_snapshot answers[SNAPSHOTS_FLYING];
static size_t answers_nr;

int __wrap_sensor_client_snapshot(struct sensor_client *client, uint64_t inode, uint64_t first,
				  uint64_t nr, uint32_t pass, uint64_t snapshot);

/* The sensors' owner: it answers when it is let. */
int __wrap_sensor_client_snapshot(struct sensor_client *client, uint64_t inode, uint64_t first,
				  uint64_t nr, uint32_t pass, uint64_t snapshot)
{
	(void)client;
	(void)first;
	(void)nr;
	(void)pass;
	assert_true(inode && inode <= INODES);
	assert_true(answers_nr < SNAPSHOTS_FLYING);
	asked[inode]++;
	answers[answers_nr++] = (struct record_snapshot){
		.header = { .kind = RECORD_SNAPSHOT_END,
			    .size = sizeof(answers[0]),
			    .inode = inode },
		.inode_pages = 1,
		.snapshot = snapshot,
	};
	return 0;
}

static void answer_all(uint64_t now)
{
	for (size_t i = 0; i < answers_nr; i++)
		assert_int_equal(snapshots_note(&snapshots, &answers[i].header, now), 0);
	answers_nr = 0;
}

static void meet(uint64_t number)
{
	const struct record_inode inode = {
		.header = { .kind = RECORD_INODE, .size = sizeof(inode), .inode = number },
		.pages = 1,
		.provider = SECRET,
		.before_attach = 1,
	};

	assert_int_equal(snapshots_note(&snapshots, &inode.header, 0), 0);
}

/* @steps of 20 ms, each with its answers. */
static void steps(size_t nr)
{
	struct model *model = model_create(NULL);

	assert_non_null(model);
	for (size_t step = 1; step <= nr; step++) {
		assert_int_equal(snapshots_ask(&snapshots, NULL, model, step * 20 * MS), 0);
		answer_all(step * 20 * MS);
	}
	model_free(model);
}

static int snapshots_setup(void **state)
{
	(void)state;
	memset(asked, 0, sizeof(asked));
	answers_nr = 0;
	/* They are due again long before all have been read. */
	snapshots_init(&snapshots, 100 * MS);
	return 0;
}

static int snapshots_teardown(void **state)
{
	(void)state;
	snapshots_destroy(&snapshots);
	return 0;
}

/* Each is read once before any is read again. */
static void test_many(void **state)
{
	(void)state;
	for (uint64_t number = 1; number <= INODES; number++)
		meet(number);
	steps(INODES / SNAPSHOTS_FLYING + 1);
	for (uint64_t number = 1; number <= INODES; number++) {
		assert_true(asked[number] >= 1);
		assert_true(asked[number] <= 2);
	}
}

static void test_few(void **state)
{
	(void)state;
	for (uint64_t number = 1; number <= 3; number++)
		meet(number);
	steps(51);
	for (uint64_t number = 1; number <= 3; number++)
		assert_int_equal(asked[number], 11);
	assert_int_equal(asked[4], 0);
}

/* One that goes takes nobody's turn but its own. */
static void test_gone(void **state)
{
	struct record_inode dead = {
		.header = { .kind = RECORD_INODE, .size = sizeof(dead) },
		.provider = SECRET,
		.dead = 1,
	};

	(void)state;
	for (uint64_t number = 1; number <= 100; number++)
		meet(number);
	steps(1);
	for (uint64_t number = 1; number <= 90; number++) {
		dead.header.inode = number;
		assert_int_equal(snapshots_note(&snapshots, &dead.header, 0), 0);
	}
	steps(2);
	for (uint64_t number = 91; number <= 100; number++)
		assert_int_equal(asked[number], 1);
}

static void die(uint64_t number)
{
	const struct record_inode dead = {
		.header = { .kind = RECORD_INODE, .size = sizeof(dead), .inode = number },
		.provider = SECRET,
		.dead = 1,
	};

	assert_int_equal(snapshots_note(&snapshots, &dead.header, 0), 0);
}

/* Whoever goes, in whatever order, is whom nobody reads any more; others come meanwhile. */
static void test_come_and_go(void **state)
{
	uint64_t pages;

	(void)state;
	for (uint64_t number = 1; number <= INODES; number++) {
		meet(number);
		if (number % 7 == 0)
			die(number - number % 3);
		if (number % 11 == 0)
			die(number / 11);
	}
	/* Twice is once, and of whom nobody has heard it means nothing. */
	die(7);
	die(INODES + 1);
	steps(2 * INODES / SNAPSHOTS_FLYING);
	assert_int_equal(snapshots_left(&snapshots, &pages), 0);
	for (uint64_t number = 1; number <= INODES; number++) {
		bool gone = number <= INODES / 11;

		for (uint64_t at = 7; at <= INODES; at += 7)
			gone |= at - at % 3 == number;
		assert_int_equal(!asked[number], gone);
	}
}

#define SNAPSHOTS_TEST(test)                                                                       \
	cmocka_unit_test_setup_teardown(test, snapshots_setup, snapshots_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SNAPSHOTS_TEST(test_many),
		SNAPSHOTS_TEST(test_few),
		SNAPSHOTS_TEST(test_gone),
		SNAPSHOTS_TEST(test_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
