// SPDX-License-Identifier: GPL-2.0
/* --redact: nothing that people have named is left, the same name is the same word, and no verdict differs. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "scene.h"
#include "timed.h"

#include "gmemtrace/run.h"
#include "run/redact.h"

/* What no record may hold afterwards. */
static const char *const originals[] = {
	"guest-of-acme", "acme-vmm",  "/srv/acme",   "acme.img", "acme_trace",
	"acme_driver",	 "acme_hook", "acme-thread", "acme*",	 "4711",
	"acme-later",	 "acme-tail", "acme-late",
};

static bool holds(const void *data, size_t size, const char *text)
{
	return memmem(data, size, text, strlen(text));
}

/* All of the stream, redacted, one record behind the other. */
static struct stream redacted;

static void redact_all(void)
{
	struct redact redact;

	assert_int_equal(redact_init(&redact), 0);
	stream_init(&redacted);
	for (size_t at = 0; at < stream.used;) {
		const struct record_header *record = (const void *)(stream.data + at), *made;

		made = redact_apply(&redact, record);
		assert_non_null(made);
		assert_int_equal(made->kind, record->kind);
		assert_int_equal(made->size % 8, 0);
		assert_true(made->size >= record_stored_size(made->kind));
		assert_int_equal(made->time, record->time);
		stream_add(&redacted, made);
		at += record->size;
	}
	redact_destroy(&redact);
}

/* The @nr-th record of @kind. */
static const void *redacted_find(__u16 kind, size_t nr)
{
	for (size_t at = 0; at < redacted.used;) {
		const struct record_header *record = (const void *)(redacted.data + at);

		if (record->kind == kind && !nr--)
			return record;
		at += record->size;
	}
	fail_msg("no such record of kind %u", kind);
	return NULL;
}

static const char *fact_of(const char *key)
{
	for (size_t nr = 0;; nr++) {
		const struct record_fact *fact = redacted_find(RECORD_FACT, nr);

		if (!strcmp(record_fact_key(fact), key))
			return record_fact_value(fact);
	}
}

static void named(__u64 inode, const char *comm)
{
	size_t before = stream.used;

	stream_inode(&stream, inode, RFC3, 8, false);
	memset(((struct record_inode *)(stream.data + before))->comm, 'Z', RECORD_COMM_LEN);
	strcpy(((struct record_inode *)(stream.data + before))->comm, comm);
}

/* Who answered last of the flush behind @at. */
static void timed_by(size_t at, const char *comm)
{
	while (at < stream.used) {
		struct record_flush_timed *timed = (void *)(stream.data + at);

		if (timed->header.kind == RECORD_FLUSH_TIMED)
			strcpy(timed->late_comm, comm);
		at += timed->header.size;
	}
}

/* One record of a later version: more stands behind what is known. */
static void with_tail(void)
{
	struct {
		struct record_inode inode;
		char more[16];
	} later = { .inode = { .header = { .kind = RECORD_INODE,
					   .size = sizeof(later),
					   .time = stream.now,
					   .inode = 9 },
			       .provider = RFC3,
			       .comm = "acme-vmm" },
		    .more = "acme-tail" };

	stream_add(&stream, &later.inode.header);
}

static void fill(void)
{
	static const struct timed flush = { .tid = T, .ns = 1000, .pages = 1, .comm = "acme-vmm" };
	size_t before;

	stream_fact(&stream, "kernel.release", "6.12.117");
	stream_fact(&stream, "command",
		    "/srv/acme/bin/acme-vmm --disk /srv/acme/acme.img acme-vmm");
	stream_fact(&stream, "option.comm", "acme*");
	stream_fact(&stream, "sensor.lost.user.4711", "5");
	stream_fact(&stream, "stuck.7.wait",
		    "is blocked in rwsem_down_write_slowpath < kvm_gmem_fallocate");
	stream_fact(&stream, "stuck.7.others",
		    "8 (acme-thread) runs; 9 (acme-vmm) sleeps in futex_wait");
	stream_fact(&stream, "run.incomplete",
		    "task 7 (acme-vmm) of CMD has been blocked in the kernel for 30s");
	stream_fact(&stream, "later.version", "acme-later");
	named(G, "acme-vmm");
	named(4, "guest-of-acme");
	named(5, "");
	with_tail();
	timed_stack(
		&stream, 1,
		"do_syscall_64;acme_hook_[acme_driver];bpf_prog_0123456789abcdef_acme_trace_[bpf];"
		"kvm_gmem_fallocate_[kvm];flush_tlb_kernel_range");
	stream_caller(&stream, T, 7,
		      "acme_hook_[acme_driver];vfree;set_direct_map_default_noflush");
	before = stream.used;
	timed_flush(&stream, &flush);
	timed_by(before, "acme-late");
	stream_finish(&stream);
	redact_all();
}

static void test_nothing_remains(void **state)
{
	(void)state;
	fill();
	for (size_t i = 0; i < sizeof(originals) / sizeof(originals[0]); i++) {
		assert_true(holds(stream.data, stream.used, originals[i]));
		if (holds(redacted.data, redacted.used, originals[i]))
			fail_msg("%s is still there", originals[i]);
	}
	assert_false(holds(redacted.data, redacted.used, "ZZ"));
	stream_free(&redacted);
}

/* A task may be called by what stands behind its name. */
static void test_name_like_its_end(void **state)
{
	static const struct {
		const char *was, *is;
	} texts[] = {
		{ "task 7 (a) of CMD acme) of CMD has been blocked",
		  "task 7 (name-1) of CMD has been blocked" },
		{ "task 7 () of CMD ) of CMD has been blocked",
		  "task 7 (name-1) of CMD has been blocked" },
		{ "task 7 (acme (acme)) of CMD has been blocked, acme) of CMD ",
		  "task 7 (name-1) of CMD has been blocked, acme) of CMD " },
		{ "it has ended (--timeout)", "it has ended (--timeout)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		stream_fact(&stream, "run.incomplete", texts[i].was);
		redact_all();
		assert_string_equal(fact_of("run.incomplete"), texts[i].is);
		stream_free(&redacted);
		stream_free(&stream);
		stream_init(&stream);
	}
}

static void test_same_name_same_word(void **state)
{
	const struct record_flush_timed *timed;
	const char *comm;

	(void)state;
	fill();
	comm = ((const struct record_inode *)redacted_find(RECORD_INODE, 0))->comm;
	timed = redacted_find(RECORD_FLUSH_TIMED, 0);
	assert_string_equal(comm, "name-1");
	assert_string_equal(timed->comm, comm);
	assert_int_equal(strncmp(timed->late_comm, "name-", 5), 0);
	assert_string_not_equal(timed->late_comm, comm);
	assert_string_equal(fact_of("command"), "name-1 name-2 name-3 name-1");
	assert_string_equal(((const struct record_inode *)redacted_find(RECORD_INODE, 3))->comm,
			    comm);
	assert_string_not_equal(((const struct record_inode *)redacted_find(RECORD_INODE, 1))->comm,
				comm);
	assert_string_equal(((const struct record_inode *)redacted_find(RECORD_INODE, 2))->comm,
			    "");
	stream_free(&redacted);
}

/* What a developer needs is as it was. */
static void test_rest_stays(void **state)
{
	const struct record_caller *caller;
	const char *stack;

	(void)state;
	fill();
	caller = redacted_find(RECORD_CALLER, 0);
	assert_int_equal(caller->page, 7);
	assert_non_null(
		strstr(record_caller_text(caller), "];vfree;set_direct_map_default_noflush"));
	assert_string_equal(fact_of("kernel.release"), "6.12.117");
	assert_string_equal(fact_of("stuck.7.wait"),
			    "is blocked in rwsem_down_write_slowpath < kvm_gmem_fallocate");
	assert_non_null(strstr(fact_of("stuck.7.others"), ") sleeps in futex_wait"));
	assert_string_equal(fact_of("run.incomplete"),
			    "task 7 (name-1) of CMD has been blocked in the kernel for 30s");
	assert_string_equal(fact_of("later.version"), REDACT_WORD);
	stack = record_stack_text(redacted_find(RECORD_STACK, 0));
	assert_non_null(stack);
	assert_int_equal(strncmp(stack, "do_syscall_64;name-", 19), 0);
	assert_non_null(strstr(stack, "];kvm_gmem_fallocate_[kvm];flush_tlb_kernel_range"));
	stream_free(&redacted);
}

/* What cannot be read as a text does not come through as bytes. */
static void test_torn_texts(void **state)
{
	struct {
		struct record_fact fact;
		char text[24];
	} fact = { .fact = { .header = { .kind = RECORD_FACT, .size = sizeof(fact) },
			     .key_length = 100,
			     .value_length = 1 },
		   .text = "acme-vmm" };
	struct {
		struct record_stack stack;
		char text[24];
	} stack = { .stack = { .header = { .kind = RECORD_STACK, .size = sizeof(stack) },
			       .id = 1,
			       .length = 100 },
		    .text = "acme_hook_[acme_driver]" };

	(void)state;
	stream_add(&stream, &fact.fact.header);
	stream_add(&stream, &stack.stack.header);
	redact_all();
	assert_false(holds(redacted.data, redacted.used, "acme"));
	stream_free(&redacted);
}

/* Words of the verdict, and its status; @path is replayed, and copied to @copy where that is not NULL. */
static void judge(const char *path, const char *copy, enum verdict_value *value, size_t *violations,
		  __u64 *pages)
{
	struct run_options options = { .file = path, .capture = copy, .redact = copy };
	const struct verdict_violation *found;
	struct run_result result;
	struct verdict *verdict;
	struct run *run;

	assert_int_equal(run_open(&run, &options), 0);
	verdict = verdict_create(run_model(run), NULL);
	assert_int_equal(run_source(run, verdict, &result), 0);
	assert_int_equal(result.failure, 0);
	assert_true(result.whole);
	assert_int_equal(result.captured.records != 0, copy != NULL);
	*value = verdict_value(verdict);
	*pages = 0;
	for (*violations = 0; (found = verdict_violation(verdict, *violations)); (*violations)++)
		*pages += found->count * found->rule->id + found->pgoff_first;
	verdict_free(verdict);
	run_close(run);
}

/* Real captures: each verdict is what it was, and so are its violations. */
static void test_fixtures(void **state)
{
	DIR *directory = opendir("tests/unit/fixtures");
	char copy[] = "/tmp/redact-XXXXXX";
	const struct dirent *entry;
	int file = mkstemp(copy);
	size_t judged = 0;

	(void)state;
	assert_non_null(directory);
	assert_true(file >= 0);
	while ((entry = readdir(directory))) {
		enum verdict_value before, during, after;
		size_t violations[3];
		__u64 pages[3];
		char path[300];

		if (!strstr(entry->d_name, ".cap"))
			continue;
		snprintf(path, sizeof(path), "tests/unit/fixtures/%s", entry->d_name);
		judge(path, NULL, &before, &violations[0], &pages[0]);
		judge(path, copy, &during, &violations[1], &pages[1]);
		judge(copy, NULL, &after, &violations[2], &pages[2]);
		assert_int_equal(during, before);
		assert_int_equal(after, before);
		assert_int_equal(violations[2], violations[0]);
		assert_int_equal(pages[2], pages[0]);
		judged++;
	}
	assert_true(judged > 20);
	closedir(directory);
	close(file);
	unlink(copy);
}

#define REDACT_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		REDACT_TEST(test_nothing_remains),     REDACT_TEST(test_name_like_its_end),
		REDACT_TEST(test_same_name_same_word), REDACT_TEST(test_rest_stays),
		REDACT_TEST(test_torn_texts),	       REDACT_TEST(test_fixtures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
