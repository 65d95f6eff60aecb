// SPDX-License-Identifier: GPL-2.0
/* Every allocation of a report in JSON fails, once or from there on: it is written whole, or not, and that is said. */
#include <errno.h>

#include "gmemtrace/flush.h"
#include "gmemtrace/report.h"
#include "gmemtrace/story.h"
#include "scene.h"

#ifdef __SANITIZE_ADDRESS__
int main(void)
{
	return 0;
}
#else

#include "allocation.h"

struct reports {
	struct story *story;
	struct flush_latency *latency;
};

static int verdict_write(FILE *out, const struct reports *reports)
{
	(void)reports;
	return report_verdict(out, stream.verdict, report_format_find("json"), false);
}

static int story_write(FILE *out, const struct reports *reports)
{
	return report_story_json(out, reports->story, stream.verdict);
}

static int latency_write(FILE *out, const struct reports *reports)
{
	return report_latency_json(out, reports->latency);
}

/* What has changed since the last call is told of: each call is a first one. */
static int live_write(FILE *out, const struct reports *reports)
{
	struct report_live *live = report_live_create(stream.model);
	int error = live ? report_live_json(out, live, true) : -ENOMEM;

	(void)reports;
	report_live_free(live);
	return error;
}

static char whole[1 << 20], text[1 << 20];

/* @at: 0 for none. The stream has its buffer. Whether all of it was written. */
static bool write_at(int (*write)(FILE *, const struct reports *), const struct reports *reports,
		     unsigned long at, bool on, char *buffer)
{
	FILE *out = fmemopen(buffer, sizeof(text), "w");
	char room[BUFSIZ];
	int error;

	setbuf(out, room);
	allocations = 0;
	fail_at = at;
	fail_on = on;
	failed = false;
	counting = true;
	error = write(out, reports);
	counting = false;
	fclose(out);
	if (error)
		assert_int_equal(error, -ENOMEM);
	else if (at && strcmp(buffer, whole))
		fail_msg("allocation %lu: %zu of %zu bytes", at, strlen(buffer), strlen(whole));
	else
		assert_true(strlen(buffer) > 100);
	if (error)
		assert_true(failed);
	return !error && !failed;
}

static void sweep(int (*write)(FILE *, const struct reports *), const struct reports *reports)
{
	unsigned long at, refused = 0;

	assert_true(write_at(write, reports, 0, false, whole));
	for (int on = 0; on < 2; on++) {
		for (at = 1; !write_at(write, reports, at, on, text); at++)
			refused++;
		assert_true(at > 20);
	}
	assert_true(refused > 40);
}

static void test_json(void **state)
{
	const struct story_subject subject = { .inode = G, .last = 8 };
	struct reports reports;

	(void)state;
	faulted(16);
	convert(0, 15, 3, 2);
	stream_finish(&stream);
	stream.model = model_create(NULL);
	stream.verdict = verdict_create(stream.model, NULL);
	reports.story = story_create(stream.model, &subject);
	reports.latency = flush_latency_create(stream.model, NULL);
	stream_feed(&stream, stream.model);
	assert_int_equal(model_finish(stream.model), 0);
	sweep(verdict_write, &reports);
	sweep(story_write, &reports);
	sweep(latency_write, &reports);
	sweep(live_write, &reports);
	story_free(reports.story);
	flush_latency_free(reports.latency);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
