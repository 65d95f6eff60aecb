// SPDX-License-Identifier: GPL-2.0
/* What comes from outside: text that moves no cursor, and numbers, sizes and times of options. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "cli/output.h"
#include "run/units.h"
#include "report/escape.h"

static void test_escape(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "plain text, as it is", "plain text, as it is" },
		{ "", "" },
		{ "\x1b[2J\a\n\t\x7f", "\\x1b[2J\\x07\\x0a\\x09\\x7f" },
		{ "größer → 漢 😀", "größer → 漢 😀" },
		{ "\xc2\x9b"
		  "2J",
		  "\\xc2\\x9b2J" }, /* C1: CSI in eight bits */
		{ "\xe2\x80\xae", "\\xe2\\x80\\xae" }, /* turns the line around */
		{ "a\xe2\x80\x8f", "a\\xe2\\x80\\x8f" }, /* so do marks */
		{ "qemu\xe2\x80\x8b", "qemu\\xe2\\x80\\x8b" }, /* would look like another */
		{ "\xef\xbb\xbf\xc2\xad", "\\xef\\xbb\\xbf\\xc2\\xad" },
		{ "\xe2\x80\x8a\xe2\x80\x90", "\xe2\x80\x8a\xe2\x80\x90" }, /* beside them */
		{ "\xff\xfe", "\\xff\\xfe" },
		{ "a\xe2\x82", "a\\xe2\\x82" }, /* cut */
		{ "a\xe4\xbd", "a\\xe4\\xbd" }, /* cut, and the rest of it looks like a letter */
		{ "\xe4\xbd(", "\\xe4\\xbd(" },
		{ "\xc0\x80\xe0\x80\x80", "\\xc0\\x80\\xe0\\x80\\x80" }, /* overlong */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" }, /* a surrogate */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* beyond Unicode */
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(escape_text(out, sizeof(out), cases[i].in), strlen(cases[i].out));
		assert_string_equal(out, cases[i].out);
	}
}

/* Never within a character, nor within an escape. */
static void test_escape_cut(void **state)
{
	char out[8];

	(void)state;
	assert_int_equal(escape_text(out, 7, "abcd→"), 4);
	assert_int_equal(escape_text(out, 8, "abcd→"), 7);
	assert_int_equal(escape_text(out, 8, "abcd\x01"), 4);
	assert_string_equal(out, "abcd");
	assert_int_equal(escape_text(out, 1, "a"), 0);
	assert_string_equal(out, "");
}

static void test_command(void **state)
{
	char *const words[] = { "sh", "-c", "echo\x1b", NULL };
	char out[64];

	(void)state;
	escape_words(out, sizeof(out), words);
	assert_string_equal(out, "sh -c echo\\x1b");
	escape_words(out, 5, words);
	assert_string_equal(out, "sh -");
	escape_words(out, 4, words);
	assert_string_equal(out, "sh ");
}

static void test_sizes(void **state)
{
	uint64_t bytes;

	(void)state;
	assert_int_equal(units_parse_size("4096", &bytes), 0);
	assert_int_equal(bytes, 4096);
	assert_int_equal(units_parse_size("16mb", &bytes), 0);
	assert_int_equal(bytes, 16 << 20);
	assert_int_equal(units_parse_size("1.5KB", &bytes), 0);
	assert_int_equal(bytes, 1536);
	assert_int_equal(units_parse_size("2tb", &bytes), 0);
	assert_int_equal(bytes, 2ULL << 40);
	assert_int_equal(units_parse_size("-1", &bytes), -EINVAL);
	assert_int_equal(units_parse_size("16 mb", &bytes), -EINVAL);
	assert_int_equal(units_parse_size("0x10", &bytes), -EINVAL);
	assert_int_equal(units_parse_size("inf", &bytes), -EINVAL);
	assert_int_equal(units_parse_size("1e400", &bytes), -ERANGE);
	assert_int_equal(units_parse_size("99999999tb", &bytes), -ERANGE);
}

static void test_times(void **state)
{
	uint64_t ns;

	(void)state;
	assert_int_equal(units_parse_time("10", &ns), 0);
	assert_int_equal(ns, 10000000000ULL);
	assert_int_equal(units_parse_time("250ms", &ns), 0);
	assert_int_equal(ns, 250000000);
	assert_int_equal(units_parse_time("0.5s", &ns), 0);
	assert_int_equal(ns, 500000000);
	assert_int_equal(units_parse_time("10min", &ns), 0);
	assert_int_equal(ns, 600000000000ULL);
	assert_int_equal(units_parse_time("10m", &ns), 0);
	assert_int_equal(ns, 600000000000ULL);
	assert_int_equal(units_parse_time("1h", &ns), 0);
	assert_int_equal(ns, 3600000000000ULL);
	assert_int_equal(units_parse_time("soon", &ns), -EINVAL);
	assert_int_equal(units_parse_time("10parsecs", &ns), -EINVAL);
	assert_int_equal(units_parse_time("", &ns), -EINVAL);
}

static void test_numbers(void **state)
{
	uint64_t number;

	(void)state;
	assert_int_equal(units_parse_number("7", 1, 10, &number), 0);
	assert_int_equal(number, 7);
	assert_int_equal(units_parse_number("11", 1, 10, &number), -ERANGE);
	assert_int_equal(units_parse_number("0", 1, 10, &number), -ERANGE);
	assert_int_equal(units_parse_number("0xa", 1, 10, &number), 0);
	assert_int_equal(number, 10);
	assert_int_equal(units_parse_number("010", 1, 10, &number), 0);
	assert_int_equal(number, 10);
	assert_int_equal(units_parse_number("0x", 0, 10, &number), -EINVAL);
	assert_int_equal(units_parse_number("7x", 1, 10, &number), -EINVAL);
	assert_int_equal(units_parse_number(" 7", 1, 10, &number), -EINVAL);
	assert_int_equal(units_parse_number("+7", 1, 10, &number), -EINVAL);
	assert_int_equal(units_parse_number("99999999999999999999", 1, 10, &number), -ERANGE);
}

/* What is printed is what options take. */
static void test_print(void **state)
{
	static const uint64_t values[] = {
		0, 1, 1000, 250000000, 1500000000, 10000000000ULL, 90000000000ULL
	};
	static const char *const times_printed[] = { "0ns",  "1ns", "1us", "250ms",
						     "1.5s", "10s", "1.5m" };
	char text[UNITS_MAX];
	uint64_t back;

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		assert_string_equal(units_time(text, values[i]), times_printed[i]);
		assert_int_equal(units_parse_time(text, &back), 0);
		assert_int_equal(back, values[i]);
	}
	assert_string_equal(units_size(text, 0), "0b");
	assert_string_equal(units_size(text, 16 << 20), "16mb");
	assert_string_equal(units_size(text, 1536), "1.5kb");
	assert_string_equal(units_size(text, ~0ULL), "16777216tb");
}

/* The true reason of a write that failed, and none where the reader has gone. */
static enum gmemtrace_status written_to(const char *path, char *said, size_t size)
{
	int stderr_before = dup(STDERR_FILENO), pair[2];
	enum gmemtrace_status status;
	struct output *output;
	ssize_t bytes;

	assert_int_equal(pipe(pair), 0);
	dup2(pair[1], STDERR_FILENO);
	close(pair[1]);
	output = output_open(path);
	/* More than stdio holds back, so that a write fails before the end and is forgotten. */
	for (int i = 0; i < 100000; i++)
		fputs("something", output_stream(output));
	status = output_close(output, ferror(output_stream(output)) ? -EIO : 0);
	dup2(stderr_before, STDERR_FILENO);
	close(stderr_before);
	bytes = read(pair[0], said, size - 1);
	close(pair[0]);
	said[bytes < 0 ? 0 : bytes] = '\0';
	return status;
}

static void test_output_full(void **state)
{
	char said[512];

	(void)state;
	assert_int_equal(written_to("/dev/full", said, sizeof(said)), GMEMTRACE_ERROR);
	assert_string_equal(said, "gmemtrace: /dev/full: cannot write all of it: "
				  "No space left on device\n");
	assert_int_equal(written_to("/dev/null", said, sizeof(said)), GMEMTRACE_CONSISTENT);
	assert_string_equal(said, "");
}

static void test_output_head(void **state)
{
	int stdout_before = dup(STDOUT_FILENO), pair[2];
	enum gmemtrace_status status;
	char said[512];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(pair), 0);
	dup2(pair[1], STDOUT_FILENO);
	close(pair[0]);
	close(pair[1]);
	status = written_to("-", said, sizeof(said));
	dup2(stdout_before, STDOUT_FILENO);
	close(stdout_before);
	assert_int_equal(status, GMEMTRACE_CONSISTENT);
	assert_string_equal(said, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),	    cmocka_unit_test(test_escape_cut),
		cmocka_unit_test(test_command),	    cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_times),	    cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_print),	    cmocka_unit_test(test_output_full),
		cmocka_unit_test(test_output_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
