// SPDX-License-Identifier: GPL-2.0
/* Inodes: announced, doubted, learned, dead; and when all owners are known. */
#include "watch.h"

static const struct model_options exact = { .shadow_ns = 1 };

static void nothing_read(__u64 inode, enum record_provider provider, __u64 first, __u64 nr)
{
	stream_read(&stream, inode, provider, provider == RECORD_PROVIDER_GMEM_PLAIN,
		    RECORD_SNAPSHOT_LIVE, 0, first, nr, NULL, 0);
}

static void lost(__u64 inode, enum record_loss_cause cause, __u64 since)
{
	stream_loss(&stream, inode, cause, since, 1);
}

/* --- announced -------------------------------------------------------------------------- */

/* What is known later is taken over; what kind it is does not change any more. */
static void test_described(void **state)
{
	struct record_inode *again;

	(void)state;
	stream_inode_of(&stream, G, RFC3, 64, 0);
	stream_inode_of(&stream, G, SECRET, 128, 200);
	again = last_record(sizeof(*again));
	again->i_ino = 77;
	memcpy(again->comm, "qemu", 5);
	nothing_read(G, SECRET, 0, 64);
	feed();
	assert_int_equal(watch.met_nr, 1);
	assert_int_equal(inode_of(G)->provider, RFC3);
	assert_int_equal(inode_of(G)->pages, 128);
	assert_int_equal(inode_of(G)->vm, 200);
	assert_int_equal(inode_of(G)->i_ino, 77);
	assert_string_equal(inode_of(G)->comm, "qemu");
	/* One that was met by a call is described by a read. */
	anew();
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, false);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, false);
	nothing_read(G, RFC3, 0, 64);
	((struct record_snapshot *)last_record(sizeof(struct record_snapshot)))->i_ino = 5;
	feed();
	assert_int_equal(inode_of(G)->provider, RFC3);
}

/* Read without ever having been announced, it is met then. */
static void test_read_unannounced(void **state)
{
	(void)state;
	nothing_read(G, RFC3, 0, 64);
	feed();
	assert_int_equal(watch.counts.inodes, 1);
	assert_int_equal(inode_of(G)->provider, RFC3);
}

/* Dead and done with, it is what it was. */
static void test_retired(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_inode_dead(&stream, G);
	stream_inode_dead(&stream, G);
	stream_heartbeat(&stream);
	stream_inode_of(&stream, G, RFC3, 128, 200);
	nothing_read(G, RFC3, 0, 64);
	feed();
	assert_int_equal(inode_of(G)->pages, 64);
	assert_int_equal(watch.dead_nr, 1);
	assert_int_equal(watch.counts.inodes_live, 0);
	assert_int_equal(watch.counts.chunks, 0);
}

/* Losses of those that are done with cost nothing. */
static __u64 memory_of_losses(__u64 nr)
{
	anew();
	for (__u64 i = 1; i <= 8; i++) {
		stream_inode(&stream, i, RFC3, 64, false);
		stream_inode_dead(&stream, i);
	}
	stream_heartbeat(&stream);
	for (__u64 i = 1; i <= nr; i++)
		lost(i, RECORD_LOSS_RING_FULL, SECOND);
	feed();
	return watch.counts.memory;
}

static void test_retired_losses(void **state)
{
	(void)state;
	assert_int_equal(memory_of_losses(1), memory_of_losses(8));
}

/* Its pages leave with it where nobody tells of them; else they are told of. */
static void test_dead(void **state)
{
	static const enum record_provider providers[] = { RFC3, RECORD_PROVIDER_GMEM_PLAIN };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		anew();
		stream_inode(&stream, G, providers[i], 64, false);
		stream_join(&stream, T, G, 0, 100);
		stream_inode_dead(&stream, G);
		feed();
		assert_true(inode_of(G)->dead);
		assert_int_equal(inode_of(G)->resident, providers[i] == RFC3);
	}
}

/* What was met by a call turns out to be older than the sensors: it is learned anew. */
static void test_older_than_met(void **state)
{
	__u64 found;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, false);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, false);
	stream_heartbeat(&stream);
	found = stream.now;
	stream_inode(&stream, G, RFC3, 64, true);
	stream.now += MS;
	stream_inode(&stream, G, RFC3, 64, true);
	stream_heartbeat(&stream);
	nothing_read(G, RFC3, 0, 64);
	feed_with(&(struct model_options){ .shadow_ns = 5 * MS });
	assert_true(inode_of(G)->before_attach);
	assert_int_equal(page_at(G, 0).declared, MODEL_EITHER);
	/* Found when it was found first. */
	assert_true(model_doubtful(stream.model, inode_of(G), found + 5 * MS - 1, found + 6 * MS));
	assert_false(model_doubtful(stream.model, inode_of(G), found + 5 * MS, found + 6 * MS));
	/* A call that began before may run on for a shadow's time. */
	assert_int_equal(watch.read[0].shadow_until, found + 5 * MS);
}

/* --- doubted ------------------------------------------------------------------------------- */

/* What comes behind a loss is not known from its start; behind a call seen in part it is. */
static void met_after(bool loss)
{
	anew();
	stream_inode(&stream, 8, RFC3, 64, false);
	stream_heartbeat(&stream);
	stream.now += 5 * SECOND;
	if (loss)
		lost(8, RECORD_LOSS_RING_FULL, stream.now);
	else
		stream_end(&stream, T, 8, RECORD_OPERATION_SET_RANGE, 0, 0, true);
	stream_heartbeat(&stream);
	stream_inode(&stream, G, RFC3, 64, false);
	feed();
	assert_int_equal(watch.doubt_nr, 1);
	assert_int_equal(page_at(G, 0).declared, loss ? MODEL_EITHER : MODEL_ABSENT);
}

static void test_met_after_loss(void **state)
{
	(void)state;
	met_after(true);
	met_after(false);
}

/* A call that began in what was lost may run on, in an inode that is met later as well. */
static void test_shadow_of_all(void **state)
{
	__u64 until;

	(void)state;
	stream_inode(&stream, 8, RFC3, 64, false);
	stream_heartbeat(&stream);
	until = stream.now;
	lost(0, RECORD_LOSS_RING_FULL, until);
	stream_inode(&stream, G, RFC3, 64, false);
	stream_heartbeat(&stream);
	nothing_read(8, RFC3, 0, 64);
	nothing_read(G, RFC3, 0, 64);
	stream.now += 5 * SECOND;
	nothing_read(G, RFC3, 0, 64);
	stream_read(&stream, 8, RFC3, false, RECORD_SNAPSHOT_RELEASE, 0, 0, 64, NULL, 0);
	feed();
	assert_int_equal(watch.read_nr, 4);
	assert_int_equal(watch.read[0].shadow_until, until + 2 * SECOND);
	assert_int_equal(watch.read[1].shadow_until, until + 2 * SECOND);
	/* When it is over there is none, and at a release there is none. */
	assert_int_equal(watch.read[2].shadow_until, 0);
	assert_int_equal(watch.read[3].shadow_until, 0);
}

static void test_shadow_at_release(void **state)
{
	struct stream_page page = { 0, 100, 1, ABSENT_BITS };

	(void)state;
	stream_inode(&stream, G, RFC3, 1024, true);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 1024, &page, 1);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_RELEASE, 0, 0, 1024, &page, 1);
	feed();
	for (size_t i = 0; i < watch.read_nr; i++)
		assert_int_equal(!watch.read[i].shadow_until,
				 watch.read[i].origin == RECORD_SNAPSHOT_RELEASE);
}

/* Alike or not, and nothing left of it when it is over. */
static void test_shadow_of_pages(void **state)
{
	static const struct stream_page page = { 0, 100, 1, PRESENT_BITS };
	__u64 until;

	(void)state;
	for (int resident = 0; resident < 2; resident++) {
		anew();
		stream_inode(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, 64, true);
		for (int i = 0; i < 2; i++) {
			stream_read(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, true,
				    RECORD_SNAPSHOT_LIVE, 0, 0, 64, &page, resident);
			stream.now += 3 * SECOND;
		}
		feed();
		assert_true(watch.read[0].shadow_until > watch.read[0].begin);
		assert_int_equal(watch.read[watch.read_nr - 1].shadow_until, 0);
	}
	/* Released while it lasts. */
	anew();
	stream_inode(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, 64, true);
	stream_read(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, true, RECORD_SNAPSHOT_RELEASE, 0, 0, 64,
		    NULL, 0);
	feed();
	assert_int_equal(watch.read[0].shadow_until, 0);
	/* Met while an older shadow lasts longer. */
	anew();
	stream_inode(&stream, 8, RFC3, 64, false);
	stream_heartbeat(&stream);
	stream.now += 50 * MS;
	lost(0, RECORD_LOSS_RING_FULL, SECOND);
	until = stream.now - 1000 + 2 * SECOND;
	stream.now -= 20 * MS;
	stream_inode(&stream, G, RFC3, 64, true);
	stream.now += 50 * MS;
	nothing_read(G, RFC3, 0, 64);
	feed();
	assert_int_equal(watch.read[0].shadow_until, until);
}

static bool doubtful(__u64 since, __u64 until)
{
	return model_doubtful(stream.model, NULL, since, until);
}

/* A gap in the stream: from the last watermark, or from before where that is told, to the second
 * heartbeat behind it. */
static void test_gap(void **state)
{
	__u64 horizon;

	(void)state;
	stream.now = 10 * SECOND;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_heartbeat(&stream);
	horizon = stream.now - 1000;
	stream.now = horizon + 10 * MS;
	lost(0, RECORD_LOSS_CLIENT_SLOW, horizon + 5 * MS);
	stream.now = horizon + 100 * MS;
	stream_heartbeat(&stream);
	stream.now = horizon + 200 * MS;
	stream_heartbeat(&stream);
	stream.now = horizon + 300 * MS;
	feed_with(&exact);
	assert_false(doubtful(horizon - 2 * MS, horizon - MS));
	assert_true(doubtful(horizon + MS, horizon + 2 * MS));
	assert_true(doubtful(horizon + 50 * MS, horizon + 51 * MS));
	assert_true(doubtful(horizon + 150 * MS, horizon + 151 * MS));
	assert_false(doubtful(horizon + 250 * MS, horizon + 251 * MS));
}

/* The oldest of two that are told of is where it begins. */
static void test_gap_older(void **state)
{
	__u64 horizon;

	(void)state;
	stream.now = 10 * SECOND;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_heartbeat(&stream);
	horizon = stream.now - 1000;
	lost(0, RECORD_LOSS_CLIENT_SLOW, horizon);
	stream.now = horizon - 8 * MS;
	lost(0, RECORD_LOSS_CLIENT_SLOW, horizon - 10 * MS);
	stream.now = horizon + 100 * MS;
	lost(0, RECORD_LOSS_CLIENT_SLOW, horizon + 90 * MS);
	feed_with(&exact);
	assert_false(doubtful(horizon - 12 * MS, horizon - 11 * MS));
	assert_true(doubtful(horizon - 9 * MS, horizon - 9 * MS));
	assert_true(doubtful(horizon - 5 * MS, horizon - 4 * MS));
}

/* --- how much was not compared ------------------------------------------------------------------ */

static __u64 uncompared(void)
{
	feed_with(&exact);
	return model_pages_uncompared(stream.model);
}

static void test_uncompared(void **state)
{
	(void)state;
	/* Known from its start, and nothing happened. */
	stream_inode(&stream, G, RFC3, 64, false);
	assert_int_equal(uncompared(), 0);
	/* Older than the sensors, and nobody has read it. */
	anew();
	stream_inode(&stream, G, RFC3, 64, true);
	assert_int_equal(uncompared(), 64);
	/* It was on its way out when they came. */
	anew();
	stream_inode(&stream, G, RFC3, 64, true);
	stream_inode_dead(&stream, G);
	assert_int_equal(uncompared(), 0);
	/* It was not. */
	anew();
	stream_inode(&stream, G, RFC3, 64, true);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, false);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, false);
	stream_inode_dead(&stream, G);
	assert_int_equal(uncompared(), 64);
	anew();
	stream_inode(&stream, G, RFC3, 64, true);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stream_inode_dead(&stream, G);
	assert_int_equal(uncompared(), 64);
	anew();
	stream_inode(&stream, G, RFC3, 64, true);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, false);
	assert_int_equal(uncompared(), 64);
	anew();
	stream_inode(&stream, G, RFC3, 64, true);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	assert_int_equal(uncompared(), 64);
	/* Met behind a loss. */
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	lost(G, RECORD_LOSS_RING_FULL, SECOND);
	assert_int_equal(uncompared(), 64);
	/* All was compared once, and a page wants to be again. */
	anew();
	stream_inode(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, 64, true);
	nothing_read(G, RECORD_PROVIDER_GMEM_PLAIN, 0, 64);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, false);
	nothing_read(G, RECORD_PROVIDER_GMEM_PLAIN, 0, 64);
	assert_int_equal(uncompared(), 0);
}

/* What was so when it died stays so. */
static void test_uncompared_dead(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_fault(&stream, T, G, 1, 101);
	stream_heartbeat(&stream);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64,
		    &(struct stream_page){ 0, 100, 2, ABSENT_BITS }, 1);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 5, 5, false);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64,
		    &(struct stream_page){ 0, 100, 2, ABSENT_BITS }, 1);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 5, 5, false);
	stream_inode_dead(&stream, G);
	stream_leave(&stream, T, 100);
	feed();
	assert_int_equal(inode_of(G)->resident, 1);
	assert_int_equal(inode_of(G)->uncompared, 0);
	assert_int_equal(model_pages_uncompared(stream.model), 0);
	/* Nobody can read it again. */
	assert_int_equal(watch.counts.pages_unsettled, 0);
	assert_int_equal(watch.counts.pages_inconclusive, 1);
}

/* --- whether all owners are known -------------------------------------------------------------- */

static bool complete(void)
{
	feed_with(&exact);
	return model_owners_complete(stream.model);
}

/* One that began unknown, of three chunks, and what was read of it. */
static void learning(enum record_provider provider)
{
	anew();
	stream_inode(&stream, G, provider, 1200, true);
	stream.now += MS;
	stream_heartbeat(&stream);
}

static void one_read(__u64 first, __u64 nr, __u64 pgoff)
{
	struct stream_page page = { pgoff, 5000 + pgoff, 1, PRESENT_BITS };

	stream_read(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, true, RECORD_SNAPSHOT_LIVE, 0, first,
		    nr, &page, 1);
}

static void test_owners(void **state)
{
	const enum record_provider plain = RECORD_PROVIDER_GMEM_PLAIN;

	(void)state;
	/* Known from the start, there is nothing to learn. */
	stream_inode(&stream, G, plain, 1200, false);
	assert_true(complete());
	/* Not read at all; read as empty; with a page in it; but for the last page. */
	learning(plain);
	assert_false(complete());
	learning(plain);
	nothing_read(G, plain, 0, 1200);
	assert_true(complete());
	learning(plain);
	one_read(0, 1200, 5);
	assert_true(complete());
	learning(plain);
	one_read(0, 1199, 1100);
	assert_false(complete());
	/* The first chunk; the first two, of which one is empty; the last two. */
	learning(plain);
	one_read(0, 512, 5);
	assert_false(complete());
	learning(plain);
	one_read(0, 1024, 5);
	assert_false(complete());
	learning(plain);
	one_read(512, 688, 600);
	assert_false(complete());
	learning(plain);
	nothing_read(G, plain, 512, 688);
	assert_false(complete());
	learning(plain);
	one_read(512, 688, 600);
	nothing_read(G, plain, 0, 512);
	assert_true(complete());
	/* Dead, it has none. */
	learning(plain);
	stream_inode_dead(&stream, G);
	stream_inode(&stream, 9, plain, 64, false);
	assert_true(complete());
}

/* Of several gigabytes some of which nobody touched. */
static void test_owners_regions(void **state)
{
	const enum record_provider plain = RECORD_PROVIDER_GMEM_PLAIN;
	const __u64 region = 1ULL << 18;

	(void)state;
	/* The second alone. */
	stream_inode(&stream, G, plain, 2 * region, true);
	stream.now += MS;
	nothing_read(G, plain, region, region);
	assert_false(complete());
	for (int last = 0; last < 2; last++) {
		anew();
		stream_inode(&stream, G, plain, 2 * region + 10, true);
		stream.now += MS;
		nothing_read(G, plain, 0, region);
		nothing_read(G, plain, region, region);
		if (last)
			nothing_read(G, plain, 2 * region, 10);
		assert_int_equal(complete(), last);
	}
}

/* A dead one that still has a page, not learned, hides nobody's. */
static void test_owners_dead(void **state)
{
	(void)state;
	learning(RFC3);
	stream_join(&stream, T, G, 0, 100);
	stream_inode_dead(&stream, G);
	assert_true(complete());
}

/* While a call from before may run, or where something was lost or was not understood. */
static void test_owners_doubted(void **state)
{
	const enum record_provider plain = RECORD_PROVIDER_GMEM_PLAIN;
	const struct model_options shadow = { .shadow_ns = SECOND };

	(void)state;
	learning(plain);
	nothing_read(G, plain, 0, 1200);
	feed_with(&shadow);
	assert_false(model_owners_complete(stream.model));
	learning(plain);
	nothing_read(G, plain, 0, 1200);
	stream.now += 2 * SECOND;
	feed_with(&shadow);
	assert_true(model_owners_complete(stream.model));
	anew();
	stream_inode(&stream, G, plain, 64, false);
	stream_inode(&stream, 9, plain, 64, false);
	lost(9, RECORD_LOSS_RING_FULL, SECOND);
	nothing_read(9, plain, 0, 64);
	assert_false(complete());
	anew();
	stream_inode(&stream, G, plain, 64, false);
	stream_join(&stream, T, 0, 0, 100);
	assert_false(complete());
}

static void test_owner(void **state)
{
	const struct model_inode *inode;
	__u64 pgoff;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 5, 105);
	stream_join(&stream, T, G, 6, 106);
	stream_leave(&stream, T, 106);
	feed();
	assert_true(model_owner(stream.model, 105, &inode, &pgoff));
	assert_ptr_equal(inode, inode_of(G));
	assert_int_equal(pgoff, 5);
	assert_false(model_owner(stream.model, 106, &inode, &pgoff));
	assert_null(inode);
	assert_false(model_owner(stream.model, 107, &inode, &pgoff));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_described),
		RULE_TEST(test_read_unannounced),
		RULE_TEST(test_retired),
		RULE_TEST(test_retired_losses),
		RULE_TEST(test_dead),
		RULE_TEST(test_older_than_met),
		RULE_TEST(test_met_after_loss),
		RULE_TEST(test_shadow_of_all),
		RULE_TEST(test_shadow_at_release),
		RULE_TEST(test_gap),
		RULE_TEST(test_shadow_of_pages),
		RULE_TEST(test_gap_older),
		RULE_TEST(test_owners),
		RULE_TEST(test_uncompared),
		RULE_TEST(test_uncompared_dead),
		RULE_TEST(test_owners_regions),
		RULE_TEST(test_owners_dead),
		RULE_TEST(test_owners_doubted),
		RULE_TEST(test_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
