// SPDX-License-Identifier: GPL-2.0
/* Metrics: their format, line by line, and what they say of captures and of losses. */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scene.h"
#include "metrics/metrics.h"

#define SERIES_MAX 500
static const struct metrics_moment moment = { .time = 1000.5,
					      .judge_deaths = 2,
					      .map_interval = 3600,
					      .cpu_seconds = { 0.5, 1.5, 2.5, 0.25 } };

static char *text;
static size_t text_size;

/* Feeds the stream as a live run would, and writes what can be said then. */
static void write_metrics(void)
{
	const struct verdict_options options = { .allow_empty = true };
	struct model *model = model_create(NULL);
	struct verdict *verdict = verdict_create(model, &options);
	struct metrics *metrics = metrics_create(model, verdict);
	FILE *out;

	free(text);
	out = open_memstream(&text, &text_size);
	stream_feed(&stream, model);
	model_finish(model);
	assert_int_equal(metrics_write(metrics, &moment, out), 0);
	fclose(out);
	metrics_free(metrics);
	verdict_free(verdict);
	model_free(model);
}

static void capture(const char *name)
{
	const struct record_header *record;
	struct capture_reader *reader;
	char path[96], message[256];

	snprintf(path, sizeof(path), "tests/unit/fixtures/%s", name);
	if (capture_open(path, &reader, message, sizeof(message)))
		fail_msg("%s", message);
	while (capture_next(reader, &record) > 0)
		stream_add(&stream, record);
	capture_reader_close(reader);
	write_metrics();
}

/* The value behind "SERIES "; fails where there is no such line. */
static double value(const char *series)
{
	char wanted[160];
	const char *line;

	snprintf(wanted, sizeof(wanted), "\n%s ", series);
	line = strstr(text, wanted);
	if (!line)
		fail_msg("no series %s", series);
	return strtod(line + strlen(wanted), NULL);
}

/* name{label="value",...} number: returns the length of the name. */
static size_t sample_check(const char *line)
{
	size_t name = strspn(line, "abcdefghijklmnopqrstuvwxyz_");
	const char *at = line + name;
	char *end;

	assert_true(name > 10 && !strncmp(line, "gmemtrace_", 10));
	if (*at == '{') {
		at = strchr(at, '"');
		assert_non_null(at);
		at = strchr(at + 1, '"');
		assert_non_null(at);
		assert_int_equal(at[1], '}');
		at += 2;
	}
	assert_int_equal(*at, ' ');
	(void)strtod(at + 1, &end);
	assert_int_equal(*end, '\n');
	return name;
}

/* Each family has its HELP, then its TYPE, then its samples, and no other's between. */
static void test_format(void **state)
{
	char family[96] = "";
	size_t series = 0;

	(void)state;
	capture("gmem-folio-clean.cap");
	for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
		if (!strncmp(line, "# HELP ", 7)) {
			assert_int_equal(sscanf(line, "# HELP %90s", family), 1);
			assert_null(strstr(strchr(line, '\n'), "# HELP gmemtrace_build_info"));
			continue;
		}
		if (!strncmp(line, "# TYPE ", 7)) {
			assert_int_equal(strncmp(line + 7, family, strlen(family)), 0);
			continue;
		}
		sample_check(line);
		assert_int_equal(strncmp(line, family, strlen(family)), 0);
		series++;
	}
	assert_in_range(series, 50, SERIES_MAX);
	if (getenv("METRICS_OUT")) {
		FILE *out = fopen(getenv("METRICS_OUT"), "w");

		assert_non_null(out);
		fputs(text, out);
		fclose(out);
	}
}

/* Buckets are sums up to their bound, and the last is the count. */
static void test_histograms(void **state)
{
	static const char *const names[] = { "gmemtrace_flush_duration_seconds",
					     "gmemtrace_exposure_seconds" };

	(void)state;
	capture("gmem-folio-clean.cap");
	for (size_t i = 0; i < 2; i++) {
		char series[96];
		double below = 0;

		snprintf(series, sizeof(series), "\n%s_bucket", names[i]);
		for (const char *at = text; (at = strstr(at, series)); at++) {
			double now = strtod(strchr(at, '}') + 1, NULL);

			assert_true(now >= below);
			below = now;
		}
		snprintf(series, sizeof(series), "%s_count", names[i]);
		assert_true(value(series) == below);
		snprintf(series, sizeof(series), "%s_bucket{le=\"+Inf\"}", names[i]);
		assert_true(value(series) == below);
		assert_true(below >= 40);
		snprintf(series, sizeof(series), "%s_sum", names[i]);
		assert_true(value(series) > 0);
	}
}

static void test_consistent(void **state)
{
	(void)state;
	capture("gmem-folio-clean.cap");
	assert_true(value("gmemtrace_verdict{value=\"consistent\"}") == 1);
	assert_true(value("gmemtrace_verdict{value=\"violated\"}") == 0);
	assert_true(value("gmemtrace_violation_pages_total{rule=\"applied-mismatch\"}") == 0);
	assert_true(value("gmemtrace_transition_pages_total") == 80);
	assert_true(value("gmemtrace_updated_timestamp_seconds") == 1000.5);
}

static void test_violated(void **state)
{
	(void)state;
	capture("gmem-folio-and.cap");
	assert_true(value("gmemtrace_verdict{value=\"violated\"}") == 1);
	assert_true(value("gmemtrace_violation_pages_total{rule=\"applied-mismatch\"}") == 24);
	assert_true(value("gmemtrace_violation_pages_total{rule=\"freed-absent\"}") == 40);
	assert_true(value("gmemtrace_violation_pages_total{rule=\"declared-mismatch\"}") == 0);
}

static void test_lost(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_heartbeat(&stream);
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now, 7);
	heartbeats(3);
	stream_finish(&stream);
	write_metrics();
	assert_true(value("gmemtrace_verdict{value=\"inconclusive\"}") == 1);
	assert_true(value("gmemtrace_lost_records_total{cause=\"ring-full\"}") == 7);
	assert_true(value("gmemtrace_lost_records_total{cause=\"blind\"}") == 0);
	assert_true(value("gmemtrace_inodes{provider=\"rfc3\"}") == 1);
	assert_true(value("gmemtrace_absent_pages{provider=\"rfc3\"}") == 1);
}

/* 64 bits of ns are a million pages that are exposed for five hours: where flushes are off there are such. */
static void test_sum_goes_up(void **state)
{
	const __u64 years = 300ULL * 365 * 86400 * SECOND;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 3; i++) {
		stream_join(&stream, T, G, i, 100 + 2 * i);
		stream_zap(&stream, T, G, i, 100 + 2 * i, 1, false, 0);
	}
	stream.now += years;
	stream_flush(&stream, T, 0, 0, true);
	stream_heartbeat(&stream);
	stream_finish(&stream);
	write_metrics();
	assert_true(value("gmemtrace_exposure_seconds_count") == 3);
	assert_true(value("gmemtrace_exposure_seconds_sum") >= 3 * (double)years / SECOND);
}

/* A file may be as long as it is allowed to be, and no longer: that is no signal, and nothing is left behind. */
static void test_file_limit(void **state)
{
	char directory[] = "/tmp/test-metrics-XXXXXX", path[64], command[96], got[8] = "";
	struct rlimit before, limit;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/a.prom", directory);
	assert_int_equal(metrics_store(path, "abc", 3), 0);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = 4;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(metrics_store(path, "longer", 6), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, SIG_DFL);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fread(got, 1, sizeof(got), file), 3);
	fclose(file);
	snprintf(command, sizeof(command), "[ $(ls %s | wc -l) = 1 ] && rm -r %s", directory,
		 directory);
	assert_int_equal(system(command), 0);
}

static bool judged(const char *rule)
{
	char series[96];

	snprintf(series, sizeof(series), "gmemtrace_rule_judged{rule=\"%s\"}", rule);
	return value(series) == 1;
}

/* A 0 that nobody looked for is told from one that was looked for. */
static void test_judged(void **state)
{
	const struct rule *rule = NULL;

	(void)state;
	capture("gmem-folio-clean.cap");
	assert_true(judged("applied-mismatch"));
	assert_true(judged("freed-absent"));
	assert_false(judged("orphan-absent"));
	/* Each whose pages are counted, and each that notes. */
	while ((rule = rule_next(rule))) {
		if (rule->built)
			(void)judged(rule->name);
	}
}

/* Without page frees, and without one inode, a counter at 0 proves nothing. */
static void test_unjudged(void **state)
{
	struct record_heartbeat plain = {
		.header = { .kind = RECORD_HEARTBEAT, .size = sizeof(plain) },
		.groups = SENSOR_GROUP_VERDICT,
	};

	(void)state;
	stream_heartbeat(&stream);
	stream_finish(&stream);
	write_metrics();
	assert_false(judged("missed-page"));
	assert_false(judged("applied-mismatch"));
	stream_free(&stream);
	stream_init(&stream);
	faulted(1);
	plain.header.time = plain.watermark = stream.now;
	stream_add(&stream, &plain.header);
	stream_finish(&stream);
	write_metrics();
	assert_true(judged("missed-page"));
	assert_false(judged("freed-absent"));
	assert_false(judged("applied-mismatch"));
}

/* What was judged in part is judged: its pages are proven, though not all of them. */
static void test_partly_judged(void **state)
{
	(void)state;
	faulted(1);
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now, 7);
	heartbeats(3);
	stream_finish(&stream);
	write_metrics();
	assert_true(judged("missed-page"));
	/* Nobody looked which CPUs answer, which is a part of it. */
	assert_true(judged("flush-mismatch"));
	/* And all of another. */
	assert_false(judged("stale-tlb"));
}

/* A walk of the direct map that ended, and one that did not. */
static void test_walk_judged(void **state)
{
	struct record_map_begin begin = {
		.header = { .kind = RECORD_MAP_BEGIN, .size = sizeof(begin) },
		.pfn_nr = 1000,
	};
	struct record_map_end end = { .header = { .kind = RECORD_MAP_END, .size = sizeof(end) } };

	(void)state;
	for (int broken = 0; broken < 3; broken++) {
		stream_free(&stream);
		stream_init(&stream);
		begin.header.time = stream.now;
		stream_add(&stream, &begin.header);
		end.header.time = ++stream.now;
		end.result = broken == 1 ? -EINTR : 0;
		end.unread = broken == 2 ? 8 : 0;
		stream_add(&stream, &end.header);
		stream_finish(&stream);
		write_metrics();
		assert_int_equal(judged("orphan-absent"), broken != 1);
	}
}

static void test_orphans(void **state)
{
	(void)state;
	capture("gmem-folio-clean.cap");
	assert_true(value("gmemtrace_map_walks_total") == 0);
	assert_true(value("gmemtrace_orphan_pages") == 0);
	stream_free(&stream);
	stream_init(&stream);
	capture("orphans.cap");
	assert_true(value("gmemtrace_map_walks_total") == 1);
	assert_true(value("gmemtrace_judge_deaths_total") == 2);
	assert_true(value("gmemtrace_map_interval_seconds") == 3600);
	assert_true(value("gmemtrace_orphan_pages") == 116);
	assert_true(value("gmemtrace_map_walk_seconds") > 0.001);
	assert_true(value("gmemtrace_map_walk_seconds") < 10);
	assert_true(judged("orphan-absent"));
}

/* What all of it costs, and what the judge alone does, as it was told of before. */
static void test_cost(void **state)
{
	(void)state;
	capture("gmem-folio-clean.cap");
	assert_true(value("gmemtrace_reader_cpu_seconds_total") == 0.25);
	assert_true(value("gmemtrace_process_cpu_seconds_total{process=\"parent\"}") == 0.5);
	assert_true(value("gmemtrace_process_cpu_seconds_total{process=\"owner\"}") == 1.5);
	assert_true(value("gmemtrace_process_cpu_seconds_total{process=\"server\"}") == 2.5);
	assert_true(value("gmemtrace_process_cpu_seconds_total{process=\"judge\"}") == 0.25);
}

/* Whole or not at all; what cannot be written leaves nothing behind. */
static void test_file(void **state)
{
	char directory[] = "/tmp/test-metrics-XXXXXX", path[64], link[64], command[96], got[8] = "";
	struct stat status;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/a.prom", directory);
	assert_int_equal(metrics_store(path, "older", 5), 0);
	assert_int_equal(metrics_store(path, "abc", 3), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0644);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fread(got, 1, sizeof(got), file), 3);
	fclose(file);
	assert_string_equal(got, "abc");
	assert_int_equal(metrics_storable(path), 0);
	assert_int_equal(metrics_storable(""), -EINVAL);
	assert_int_equal(metrics_storable(directory), -EISDIR);
	/* What is no file is not replaced: a device, and a link such as /dev/stdout is. */
	assert_int_equal(metrics_storable("/dev/null"), -EEXIST);
	snprintf(link, sizeof(link), "%s/link", directory);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(metrics_storable(link), -EEXIST);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(metrics_storable("/nowhere/a.prom"), -ENOENT);
	assert_int_equal(metrics_store("/nowhere/a.prom", "abc", 3), -ENOENT);
	assert_int_equal(metrics_store("/dev/full/a.prom", "abc", 3), -ENOTDIR);
	snprintf(command, sizeof(command), "[ $(ls %s | wc -l) = 1 ] && rm -r %s", directory,
		 directory);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_format),	       RULE_TEST(test_histograms),
		RULE_TEST(test_consistent),    RULE_TEST(test_violated),
		RULE_TEST(test_lost),	       RULE_TEST(test_file),
		RULE_TEST(test_sum_goes_up),   RULE_TEST(test_file_limit),
		RULE_TEST(test_judged),	       RULE_TEST(test_unjudged),
		RULE_TEST(test_partly_judged), RULE_TEST(test_walk_judged),
		RULE_TEST(test_cost),	       RULE_TEST(test_orphans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
