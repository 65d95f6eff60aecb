// SPDX-License-Identifier: GPL-2.0
/* What gmemtraced's judge says of violations that were told of and are fewer since. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "daemon/judge.h"
#include "gmemtrace/capture.h"
#include "here.h"
#include "view/board.h"

#define CONVERTED (PRESENT_BITS | DEVIATES)

/* What was said until the metrics say @until. */
struct said {
	unsigned int taken_back, mismatches;
};

static void capture_write(char *path)
{
	struct capture_writer *writer;
	char message[512];

	close(mkstemp(path));
	unlink(path);
	assert_int_equal(capture_create(path, &writer, message, sizeof(message)), 0);
	for (size_t at = 0; at < stream.used;) {
		const struct record_header *record = (const void *)(stream.data + at);

		assert_int_equal(capture_append(writer, record), 0);
		at += record->size;
	}
	assert_int_equal(capture_finish(writer), 0);
	capture_close(writer);
}

static bool said_take(struct said *said, struct judge_message *message, const char *until)
{
	char *text = message->u.text;

	if (message->kind == JUDGE_VIOLATION) {
		said->mismatches +=
			!strcmp(message->u.violation.rule, rule_find(RULE_APPLIED_MISMATCH)->name);
		return false;
	}
	text[message->size < JUDGE_TEXT_MAX ? message->size : JUDGE_TEXT_MAX - 1] = '\0';
	if (message->kind == JUDGE_SAY)
		said->taken_back += strstr(text, "taken back") != NULL;
	return message->kind == JUDGE_METRICS && strstr(text, until);
}

static struct said judged(const char *until)
{
	static struct judge_message message;
	char path[] = "/tmp/gmemtrace-taken-back.XXXXXX";
	const struct judge_options options = { .capture = path, .file = true, .listener = -1 };
	struct said said = { 0 };
	struct pollfd waits = { .events = POLLIN };
	bool done = false;
	pid_t child;
	int bytes;

	stream_finish(&stream);
	capture_write(path);
	child = judge_spawn(&options, &waits.fd);
	assert_true(child > 0);
	while (!done && poll(&waits, 1, 60000) > 0) {
		bytes = judge_receive(waits.fd, &message);
		if (bytes == 0)
			break;
		if (bytes > 0)
			done = said_take(&said, &message, until);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(waits.fd);
	unlink(path);
	assert_true(done);
	return said;
}

static void read_live(const struct stream_page *pages, size_t nr)
{
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, pages, nr);
	heartbeats(4);
}

/* Causes that become one are fewer, and none of them is taken back. */
static void test_one(void **state)
{
	struct stream_page pages[4];
	struct said said;

	(void)state;
	here_anew();
	faulted(4);
	pages_seen(pages, 0, 4, ABSENT_BITS);
	pages[0].bits = pages[2].bits = PRESENT_BITS;
	read_live(pages, 4);
	pages[1].bits = PRESENT_BITS;
	read_live(pages, 4);
	said = judged("{rule=\"applied-mismatch\"} 3");
	assert_int_equal(said.mismatches, 2);
	assert_int_equal(said.taken_back, 0);
}

/* As many as before, but not the same: one is taken back, and what followed from it is told of. */
static void test_other(void **state)
{
	struct stream_page pages[5];
	struct said said;

	(void)state;
	here_anew();
	faulted(4);
	convert(0, 3, 1, 1);
	pages_seen(pages, 0, 5, CONVERTED);
	pages[1].bits = ABSENT_BITS | DEVIATES;
	read_live(pages, 4);
	pages[4].bits = ABSENT_BITS;
	read_live(pages, 5);
	said = judged("{rule=\"applied-mismatch\"} 1");
	assert_int_equal(said.mismatches, 1);
	assert_int_equal(said.taken_back, 1);
}

/* A screen has no more of them than there are. */
static void test_screen(void **state)
{
	const struct record_header *record;
	struct stream_page pages[4];
	struct verdict *verdict;
	struct board *board;
	struct model *model;
	size_t most = 0;

	(void)state;
	here_anew();
	faulted(4);
	convert(0, 3, 1, 1);
	heartbeats(30);
	pages_seen(pages, 0, 4, CONVERTED);
	read_live(pages, 4);
	heartbeats(30);
	model = model_create(NULL);
	verdict = verdict_create(model, NULL);
	board = board_create(model, verdict, SECOND);
	for (size_t at = 0; at < stream.used; at += record->size) {
		record = (const void *)(stream.data + at);
		assert_int_equal(model_feed(model, record), 0);
		most = board->nr && board->inodes[0].violations > most ? board->inodes[0].violations
								       : most;
	}
	assert_int_equal(most, 1);
	assert_int_equal(verdict_violations(verdict), 0);
	assert_int_equal(board->inodes[0].violations, 0);
	board_free(board);
	verdict_free(verdict);
	model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = { RULE_TEST(test_one), RULE_TEST(test_other),
					    RULE_TEST(test_screen) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
