// SPDX-License-Identifier: GPL-2.0
/* Reports: the fields that others read, and formats that must not break. */
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "stream.h"
#include "gmemtrace/report.h"

#define G 3
#define T 7
#define PRESENT_DEVIATES                                                                           \
	(RECORD_PAGE_RESIDENT | RECORD_PAGE_PREPARED | RECORD_PAGE_PRESENT | RECORD_PAGE_DEVIATES)

static struct stream stream;
static char *text;
static size_t text_size;
static struct report_folded *folded;
static struct report_live *live;
static bool live_all;

static int setup(void **state)
{
	(void)state;
	stream_init(&stream);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	report_folded_free(folded);
	report_live_free(live);
	folded = NULL;
	live = NULL;
	free(text);
	text = NULL;
	stream_free(&stream);
	return 0;
}

/* Pages 0 to 3 converted; the xarray does not know of the last one if @faulty. */
static void history(bool faulty)
{
	struct stream_page seen[2] = {
		{ 0, 100, 3, PRESENT_DEVIATES },
		{ 3, 103, 1, PRESENT_DEVIATES },
	};

	if (faulty)
		seen[1].bits &= ~(__u32)RECORD_PAGE_DEVIATES;
	stream_inode(&stream, G, RECORD_PROVIDER_RFC3, 64, false);
	for (__u64 i = 0; i < 4; i++)
		stream_fault(&stream, T, G, i, 100 + i);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, true);
	stream_zap(&stream, T, G, 0, 100, 4, true, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, true);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RECORD_PROVIDER_RFC3, false, RECORD_SNAPSHOT_RELEASE, pass,
			    0, 64, seen, 2);
	stream_finish(&stream);
}

static void judge_with(bool faulty, const struct verdict_options *options)
{
	size_t at = 0;

	history(faulty);
	stream.model = model_create(NULL);
	stream.verdict = verdict_create(stream.model, options);
	folded = report_folded_create(stream.model);
	live = report_live_create(stream.model);
	while (at < stream.used) {
		const struct record_header *record = (const void *)(stream.data + at);

		model_feed(stream.model, record);
		at += record->size;
	}
	model_finish(stream.model);
}

static void judge(bool faulty)
{
	judge_with(faulty, NULL);
}

static void written_by(int (*write)(FILE *, const struct verdict *))
{
	FILE *out = open_memstream(&text, &text_size);

	assert_non_null(out);
	assert_int_equal(write(out, stream.verdict), 0);
	fclose(out);
}

static void written(const char *name)
{
	const struct report_format *format = report_format_find(name);
	FILE *out = open_memstream(&text, &text_size);

	assert_non_null(format);
	assert_non_null(out);
	assert_int_equal(report_verdict(out, stream.verdict, format, false), 0);
	fclose(out);
}

static struct json_object *field(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	assert_true(json_object_object_get_ex(object, key, &value));
	return value;
}

static __s64 number(struct json_object *object, const char *key)
{
	return json_object_get_int64(field(object, key));
}

/* A fact may hold any bytes; JSON is UTF-8. */
static void test_json_facts(void **state)
{
	static const char key[] = "command", value[] = "caf\xe9 \x1b[2J caf\xc3\xa9";
	union {
		struct record_fact fact;
		char bytes[128];
	} record = { .fact = {
			     .header = { .kind = RECORD_FACT, .size = sizeof(record) },
			     .key_length = sizeof(key),
			     .value_length = sizeof(value),
		     } };
	struct json_object *object;

	(void)state;
	memcpy(record.fact.text, key, sizeof(key));
	memcpy(record.fact.text + sizeof(key), value, sizeof(value));
	record.fact.header.time = stream.now;
	stream_add(&stream, &record.fact.header);
	judge(false);
	written("json");
	object = json_tokener_parse(text);
	assert_non_null(object);
	assert_string_equal(json_object_get_string(field(field(object, "facts"), "command")),
			    "caf\\xe9 \\x1b[2J caf\xc3\xa9");
	json_object_put(object);
}

static void test_json_consistent(void **state)
{
	struct json_object *object;

	(void)state;
	judge(false);
	written("json");
	object = json_tokener_parse(text);
	assert_non_null(object);
	assert_string_equal(json_object_get_string(field(object, "schema")), REPORT_VERDICT_SCHEMA);
	assert_string_equal(json_object_get_string(field(object, "verdict")), "consistent");
	assert_int_equal(number(object, "transitions"), 8);
	assert_int_equal(number(object, "pages"), 64);
	assert_int_equal(number(object, "pages_total"), 64);
	assert_int_equal(number(object, "lost"), 0);
	assert_int_equal(number(object, "missed"), 0);
	assert_int_equal(number(object, "snapshots"), 2);
	assert_int_equal(number(object, "command_status"), 0);
	assert_int_equal(json_object_array_length(field(object, "violations")), 0);
	assert_true(json_object_array_length(field(object, "rules_not_judged")) > 0);
	json_object_put(object);
}

static void test_json_violated(void **state)
{
	struct json_object *object, *violation;

	(void)state;
	judge(true);
	written("json");
	object = json_tokener_parse(text);
	assert_non_null(object);
	assert_string_equal(json_object_get_string(field(object, "verdict")), "violated");
	assert_int_equal(number(object, "exit_status"), 1);
	assert_int_equal(json_object_array_length(field(object, "violations")), 1);
	violation = json_object_array_get_idx(field(object, "violations"), 0);
	assert_string_equal(json_object_get_string(field(violation, "rule")), "declared-mismatch");
	assert_string_equal(json_object_get_string(field(violation, "inode")), "g3");
	assert_int_equal(number(violation, "pgoff_first"), 3);
	assert_int_equal(number(violation, "pgoff_last"), 3);
	assert_int_equal(number(violation, "count"), 1);
	assert_true(json_object_array_length(field(violation, "sources")) >= 3);
	assert_true(json_object_array_length(field(violation, "events")) >= 2);
	json_object_put(object);
}

/* A user who makes inodes as fast as they can does not make the report as long. */
static void test_json_many(void **state)
{
	struct json_object *object;

	(void)state;
	for (__u64 inode = 1; inode <= 10007; inode++)
		stream_inode(&stream, 10 + inode, RECORD_PROVIDER_SECRETMEM, 64, false);
	judge(false);
	written("json");
	object = json_tokener_parse(text);
	assert_non_null(object);
	assert_int_equal(number(object, "inodes"), 10008);
	assert_int_equal(json_object_array_length(field(object, "per_inode")), 10000);
	assert_int_equal(number(object, "per_inode_unlisted"), 8);
	json_object_put(object);
}

static void test_text(void **state)
{
	(void)state;
	judge(true);
	written("tap");
	assert_non_null(strstr(text, "\n1..28\n"));
	assert_non_null(strstr(text, "not ok 1 - declared-mismatch\n  ---\n  message: \""));
	assert_non_null(strstr(text, "\n  violations:\n    - pages: \"g3:0x3\"\n      count: 1\n"
				     "      words: \"The requests on g3 "));
	assert_non_null(strstr(text, "\n        - source: \"xarray\"\n          says: \"absent "));
	assert_non_null(strstr(
		text, "\n          event: \"set_range to present begins, pages 0x0-0x3\"\n"));
	assert_non_null(strstr(text, "\n  ...\nok 2 - applied-mismatch\n"));
	assert_non_null(strstr(text, "\nok 2 - applied-mismatch\n"));
	assert_non_null(strstr(text, "ok 9 - stale-tlb # SKIP "));
	assert_non_null(strstr(text, "not ok 27 - the verdict is violated\n"));
	assert_non_null(strstr(text, "\nok 28 - the command\n"));
}

/* CMD is a test point of its own, whatever the verdict. */
static void test_text_of_command(void **state)
{
	struct record_end *end;

	(void)state;
	judge(false);
	written("tap");
	assert_non_null(strstr(text, "\nok 27 - the verdict is "));
	assert_non_null(strstr(text, "\nok 28 - the command\n"));
	for (__s64 status = -1; status < 8; status += 8) {
		end = (struct record_end *)(stream.data + stream.used - sizeof(*end));
		assert_int_equal(end->header.kind, RECORD_END);
		end->command_status = status;
		verdict_free(stream.verdict);
		model_free(stream.model);
		stream_judge(&stream, NULL);
		written("tap");
		assert_non_null(strstr(
			text, status < 0
				      ? "\nok 28 - the command # SKIP there was none\n"
				      : "\nnot ok 28 - the command\n# it failed with status 7\n"));
	}
}

static void test_junit(void **state)
{
	(void)state;
	judge(true);
	written("junit");
	assert_non_null(strstr(text, "tests=\"28\" failures=\"1\" errors=\"0\""));
	assert_non_null(strstr(text, "<failure type=\"declared-mismatch\""));
	assert_non_null(strstr(text, "</testsuites>"));
}

/* Neither CMD's arguments nor a capture's facts need be text. */
#define HOSTILE "\033[2J\xff<x>&\"#\n\xc3(\xe2\x82\xac\xed\xa0\x80\xc0\xaf\x7f\xc2\x9b%"

static void hostile(void)
{
	stream_fact(&stream, "command", HOSTILE);
	stream_fact(&stream, HOSTILE, "a key");
	stream_programs(&stream);
	stream_fact(&stream, "sensor.program.3", "flush_range_exit");
	stream_fact(&stream, "sensor.sight.3", "unproven: " HOSTILE);
	judge(true);
	verdict_mark_incomplete(stream.verdict, HOSTILE);
}

static void test_github(void **state)
{
	(void)state;
	stream_programs(&stream);
	judge(true);
	written("github");
	assert_ptr_equal(
		text, strstr(text, "::error title=gmemtrace declared-mismatch (1 page)::g3:0x3: "));
	/* One annotation a line, and its proof behind it, folded. */
	assert_ptr_equal(strstr(strchr(text, '\n'), "\n::group::proof of g3:0x3\n  model "),
			 strchr(text, '\n'));
	assert_non_null(strstr(text, " set_range to present begins, pages 0x0-0x3\n"));
	assert_ptr_equal(strstr(text, "::endgroup::\n"), text + text_size - 13);
}

static void test_markdown(void **state)
{
	(void)state;
	hostile();
	written("markdown");
	assert_ptr_equal(text, strstr(text, "## gmemtrace: violated\n\n| rule | pages "));
	assert_non_null(strstr(text, "\n| declared-mismatch | g3:0x3 | 1 | 100 vmm |\n"));
	assert_non_null(
		strstr(text, "\n<details><summary>declared-mismatch at g3:0x3</summary>\n\n"));
	assert_non_null(strstr(text, "\n    xarray     absent (no entry: the default)\n"));
	assert_non_null(strstr(text, "\n- inconclusive: \\\\x1b\\[2J\\\\xff&lt;x&gt;&amp;"));
	assert_non_null(strstr(text, "\nNot judged: "));
}

/* Where all is well that is a line, with what was not judged in it; why it was not is asked for. */
static void test_green(void **state)
{
	judge(false);
	assert_int_equal(verdict_value(stream.verdict), VERDICT_CONSISTENT);
	written("text");
	assert_ptr_equal(text, strstr(text, "CONSISTENT  8 transitions, "));
	assert_ptr_equal(strchr(text, '\n'), text + text_size - 1);
	assert_non_null(strstr(text, " 0 missed; not judged: "));
	assert_non_null(strstr(text, " more (--verbose)   (gmemtrace "));
	free(text);
	written("verbose");
	assert_ptr_equal(text, strstr(text, "CONSISTENT  8 transitions, "));
	assert_non_null(strstr(text, "\nnot judged: orphan-absent: the direct map was not walked"));
	teardown(state);
	stream_init(&stream);
	judge(true);
	written("text");
	assert_non_null(strstr(text, " not judged here: "));
	assert_non_null(strstr(text, " more (--verbose says why)\n"));
	assert_null(strstr(text, "\nnot judged: "));
}

/* A hook that was not seen to fire: what it would have judged was not, in each format that has room for it. */
static void test_half(void **state)
{
	static const struct {
		const char *format, *says;
	} formats[] = {
		{ "text", "; not judged: " },
		{ "verbose", "\nnot judged: exposed: not what guests can reach: the hook "
			     "guest_map_exit is unproven: KVM_CREATE_VCPU: no\n" },
		{ "tap", "\nok 12 - exposed # SKIP not what guests can reach: the hook "
			 "guest_map_exit is unproven: KVM_CREATE_VCPU: no\n" },
		{ "json", "\"not what guests can reach: the hook guest_map_exit is unproven: "
			  "KVM_CREATE_VCPU: no\"" },
		{ "junit",
		  "<skipped message=\"not what guests can reach: the hook guest_map_exit" },
		{ "github", "exposed: not what guests can reach: the hook guest_map_exit" },
	};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		stream.groups |= SENSOR_GROUP_GUEST;
		stream_programs(&stream);
		stream_fact(&stream, "sensor.program.777", "guest_map_exit");
		stream_fact(&stream, "sensor.sight.777", "unproven: KVM_CREATE_VCPU: no");
		judge(false);
		assert_int_equal(verdict_value(stream.verdict), VERDICT_CONSISTENT);
		written(formats[i].format);
		if (!strstr(text, formats[i].says))
			fail_msg("%s does not say it: %s", formats[i].format, text);
		teardown(state);
		stream_init(&stream);
	}
}

/* Violations that are known are shown in every format, and fail in none. */
static void test_allowed(void **state)
{
	const struct verdict_options options = {
		.allow = { [RULE_DECLARED_MISMATCH] = "known since <v3>",
			   [RULE_NEVER_FLUSHED] = "" },
	};
	struct json_object *object, *allowed;

	(void)state;
	judge_with(true, &options);
	assert_int_equal(verdict_value(stream.verdict), VERDICT_CONSISTENT);
	assert_int_equal(verdict_violations(stream.verdict), 0);
	assert_int_equal(verdict_alloweds(stream.verdict), 1);
	written("text");
	assert_non_null(strstr(text, "\nallowed: declared-mismatch  g3:0x3  count 1"));
	assert_non_null(strstr(text, "\n      allowed    known since <v3>\n"));
	assert_non_null(strstr(text, "\nallowed, but not met: never-flushed\n"));
	assert_ptr_equal(text,
			 strstr(text, "CONSISTENT  8 transitions, 64 of 64 pages of 1 inode, "));
	free(text);
	written("tap");
	assert_non_null(strstr(text, "\nnot ok 1 - declared-mismatch # TODO known since <v3>\n"
				     "  ---\n  message: \""));
	assert_non_null(strstr(text, "\n  allowed:\n    - pages: \"g3:0x3\"\n      count: 1\n"));
	assert_non_null(strstr(text, "\nok 27 - the verdict is consistent\n"));
	free(text);
	written("junit");
	assert_non_null(strstr(text, "failures=\"0\" errors=\"0\""));
	assert_non_null(strstr(text, "<skipped message=\"known since &lt;v3&gt;\"/>\n"
				     "\t\t\t<system-out>g3:0x3 count 1: "));
	free(text);
	written("github");
	assert_ptr_equal(text,
			 strstr(text, "::warning title=gmemtrace declared-mismatch::g3:0x3 "));
	assert_null(strstr(text, "::error"));
	free(text);
	written("mail");
	assert_non_null(strstr(text, "\nallowed, as known: 1 cause\n"));
	free(text);
	written("json");
	object = json_tokener_parse(text);
	assert_int_equal(number(object, "exit_status"), 0);
	assert_int_equal(json_object_array_length(field(object, "violations")), 0);
	allowed = json_object_array_get_idx(field(object, "allowed"), 0);
	assert_string_equal(json_object_get_string(field(allowed, "rule")), "declared-mismatch");
	assert_string_equal(json_object_get_string(field(allowed, "reason")), "known since <v3>");
	json_object_put(object);
}

/* Another rule's is not. */
static void test_allowed_another(void **state)
{
	const struct verdict_options options = { .allow = { [RULE_APPLIED_MISMATCH] = "known" } };

	(void)state;
	judge_with(true, &options);
	assert_int_equal(verdict_value(stream.verdict), VERDICT_VIOLATED);
	assert_int_equal(verdict_violations(stream.verdict), 1);
	assert_int_equal(verdict_alloweds(stream.verdict), 0);
	written("tap");
	assert_null(strstr(text, "TODO"));
}

static size_t lines(void)
{
	size_t nr = 0;

	for (const char *at = text; (at = strchr(at, '\n')); at++)
		nr++;
	return nr;
}

/* A cause with all of its events, and a reason that is too long. */
static void test_mail(void **state)
{
	char reason[300] = "";

	(void)state;
	stream_fact(&stream, "command", "gmem-load convert");
	stream_fact(&stream, "kernel.release", "6.12.117");
	stream_fact(&stream, "kernel.config", "KVM=m PREEMPT_DYNAMIC=y");
	judge(true);
	memset(reason, 'x', sizeof(reason) - 1);
	verdict_mark_incomplete(stream.verdict, reason);
	written("mail");
	assert_ptr_equal(text, strstr(text, "Subject: [gmemtrace] violated: declared-mismatch at "
					    "g3:0x3 (6.12.117)\n\n"));
	assert_non_null(strstr(text, "\ndeclared-mismatch at g3:0x3, count 1\n  "));
	assert_non_null(strstr(text, "set_range to present begins, pages 0x0-0x3"));
	assert_non_null(strstr(text, "\nto see it again: gmemtrace check -- gmem-load convert\n"));
	assert_non_null(strstr(text, "\nconfigured: KVM=m PREEMPT_DYNAMIC=y\n"));
	assert_non_null(strstr(text, "\nnot known: xxxx"));
	assert_non_null(strstr(text, "\nnot judged:"));
	assert_true(lines() <= 40);
}

static void test_mail_consistent(void **state)
{
	(void)state;
	judge(false);
	written("mail");
	assert_ptr_equal(text, strstr(text, "Subject: [gmemtrace] consistent (unknown)\n\n"));
	assert_non_null(strstr(text, "\nto see it again: no command was traced\n"));
	assert_null(strstr(text, "configured"));
	assert_null(strstr(text, "not known"));
}

/* The routines are another's than the release says: also where all is well, and by the newest that was told. */
static void test_livepatched(void **state)
{
	struct json_object *object, *names;

	(void)state;
	judge(false);
	written("text");
	assert_null(strstr(text, "live-patched"));
	free(text);
	written("json");
	object = json_tokener_parse(text);
	assert_int_equal(json_object_array_length(field(object, "live_patched")), 0);
	json_object_put(object);
	teardown(state);
	setup(state);
	stream_fact(&stream, RECORD_FACT_LIVEPATCHED, "kvm_gmem_fallocate");
	stream_fact(&stream, RECORD_FACT_LIVEPATCHED, "kvm_gmem_fallocate memory_failure");
	judge(false);
	stream_expect(&stream, VERDICT_CONSISTENT);
	written("text");
	assert_non_null(strstr(text, "\nlive-patched: kvm_gmem_fallocate memory_failure: calls are "
				     "traced as ever"));
	free(text);
	written("mail");
	assert_non_null(strstr(text, "\nlive-patched: kvm_gmem_fallocate memory_failure\n"));
	free(text);
	written("json");
	object = json_tokener_parse(text);
	names = field(object, "live_patched");
	assert_int_equal(json_object_array_length(names), 2);
	assert_string_equal(json_object_get_string(json_object_array_get_idx(names, 1)),
			    "memory_failure");
	json_object_put(object);
}

static void test_consistent_is_quiet(void **state)
{
	(void)state;
	stream_programs(&stream);
	judge(false);
	written("github");
	assert_int_equal(text_size, 0);
	free(text);
	written("tap");
	assert_null(strstr(text, "not ok"));
}

static int write_folded(FILE *out, const struct verdict *verdict)
{
	(void)verdict;
	return report_folded_write(out, folded, REPORT_WEIGHT_COUNT, REPORT_BY_STACK);
}

static int write_exposure(FILE *out, const struct verdict *verdict)
{
	(void)verdict;
	return report_folded_write(out, folded, REPORT_WEIGHT_EXPOSURE, REPORT_BY_VM);
}

static int write_live(FILE *out, const struct verdict *verdict)
{
	(void)verdict;
	return report_live_heading(out) || report_live_lines(out, live, live_all);
}

static void test_folded(void **state)
{
	(void)state;
	judge(false);
	written_by(write_folded);
	assert_string_equal(text, "vmm-100;g3;configure;flush_range 4\n");
	free(text);
	written_by(write_exposure);
	/* Four zaps, each flushed after half a microsecond. */
	assert_string_equal(text, "vmm-100 2000\n");
}

static int write_live_json(FILE *out, const struct verdict *verdict)
{
	(void)verdict;
	return report_live_json(out, live, true);
}

/* What a line says of how long pages were exposed, and of what was found so far. */
static void test_live_judged(void **state)
{
	static const struct {
		bool faulty, judged;
		const char *inode, *total;
	} cases[] = {
		{ false, false, "\"violations\":0,\"verdict\":null}", "\"verdict\":null}" },
		{ false, true, "\"violations\":0,\"verdict\":\"consistent\"}",
		  "\"verdict\":\"consistent\"}" },
		{ true, true, "\"verdict\":\"violated\"}", "\"verdict\":\"violated\"}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		judge(cases[i].faulty);
		report_live_judged(live, cases[i].judged ? stream.verdict : NULL);
		written_by(write_live_json);
		assert_non_null(strstr(text, cases[i].inode));
		assert_non_null(strstr(strstr(text, "\"inode\":null"), cases[i].total));
		/* Half a microsecond each. */
		if (!cases[i].faulty)
			assert_non_null(strstr(text, "\"exposures\":4,\"exposure_p99_ns\":500,"));
		free(text);
		/* Those of the next interval alone. */
		written_by(write_live_json);
		assert_null(strstr(text, "\"exposures\":4"));
		teardown(state);
		setup(state);
	}
}

static void test_live(void **state)
{
	(void)state;
	judge(false);
	written_by(write_live);
	assert_non_null(strstr(text, " VERDICT"));
	assert_non_null(strstr(text, "INODE"));
	assert_non_null(strstr(text, " g3 "));
	assert_non_null(strstr(text, " total "));
	/* Nothing has happened since: only the total is left, unless all is asked for. */
	free(text);
	written_by(write_live);
	assert_null(strstr(text, " g3 "));
	assert_non_null(strstr(text, " total "));
	live_all = true;
	free(text);
	written_by(write_live);
	assert_non_null(strstr(text, " g3 "));
	live_all = false;
}

/* A task may call itself anything. */
static void test_hostile_name(void **state)
{
	struct record_inode inode = {
		.header = { .kind = RECORD_INODE, .size = sizeof(inode), .time = 1, .inode = 9 },
		.pages = 1,
		.provider = RECORD_PROVIDER_RFC3,
		.comm = "\033[31m\";\n<x>\xff",
	};
	struct json_object *object;

	(void)state;
	stream_add(&stream, &inode.header);
	judge(false);
	written("json");
	object = json_tokener_parse(text);
	assert_non_null(object);
	json_object_put(object);
	free(text);
	written_by(write_live);
	assert_null(strchr(text, '\033'));
	assert_null(strchr(text, '\xff'));
}

/* No control character but newlines and tabs, and nothing that is not UTF-8. */
static void expect_clean(void)
{
	assert_true(text_size == strlen(text));
	for (const char *at = text; *at; at++)
		assert_true((unsigned char)*at >= ' ' || *at == '\n' || *at == '\t');
	assert_null(strchr(text, '\xff'));
	assert_null(strchr(text, '\xc0'));
	assert_null(strchr(text, '\x7f'));
	assert_null(strstr(text, "\xc2\x9b"));
	assert_null(strstr(text, "\xed\xa0"));
}

static void test_hostile_text(void **state)
{
	const struct report_format *format = NULL;
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object;

	(void)state;
	hostile();
	while ((format = report_format_next(format))) {
		free(text);
		written(format->name);
		expect_clean();
	}
	/* A point a line, and no directive that is not ours. */
	free(text);
	written("tap");
	assert_non_null(strstr(text, "# SKIP it rests on the hook flush_range_exit, which is "
				     "unproven: \\\\x1b[2J\\\\xff<x>&\"\\#\\\\x0a"));
	free(text);
	written("junit");
	assert_non_null(strstr(text, "\\xff&lt;x&gt;&amp;&quot;#"));
	free(text);
	written("json");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, text, -1);
	assert_non_null(object);
	json_object_put(object);
	json_tokener_free(tokener);
}

static void test_full_disk(void **state)
{
	FILE *out;

	(void)state;
	judge(true);
	out = fopen("/dev/full", "w");
	assert_non_null(out);
	assert_true(report_verdict(out, stream.verdict, report_format_find("json"), false) < 0);
	fclose(out);
}

#define REPORT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		REPORT_TEST(test_json_facts),
		REPORT_TEST(test_json_consistent),
		REPORT_TEST(test_json_violated),
		REPORT_TEST(test_json_many),
		REPORT_TEST(test_text),
		REPORT_TEST(test_text_of_command),
		REPORT_TEST(test_junit),
		REPORT_TEST(test_github),
		REPORT_TEST(test_markdown),
		REPORT_TEST(test_green),
		REPORT_TEST(test_half),
		REPORT_TEST(test_allowed),
		REPORT_TEST(test_allowed_another),
		REPORT_TEST(test_mail),
		REPORT_TEST(test_mail_consistent),
		REPORT_TEST(test_livepatched),
		REPORT_TEST(test_consistent_is_quiet),
		REPORT_TEST(test_folded),
		REPORT_TEST(test_live_judged),
		REPORT_TEST(test_live),
		REPORT_TEST(test_hostile_name),
		REPORT_TEST(test_hostile_text),
		REPORT_TEST(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
