// SPDX-License-Identifier: GPL-2.0
/*
 * Screens of gmemtrace live, cell by cell, over a history of two VMs in a model's own time: what
 * is drawn is what tests/unit/screens has, with the styles below each line. VIEW_WRITE=1 writes
 * them anew. Runs in the top directory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "gmemtrace/report.h"
#include "scene.h"
#include "timed.h"
#include "view/cells.h"
#include "view/view.h"

#define SCREENS "tests/unit/screens"

static void inode_is(__u64 number, enum record_provider provider, bool present, __u64 pages,
		     __u32 vm, const char *comm)
{
	struct record_inode record = {
		.header = { .kind = RECORD_INODE,
			    .size = sizeof(record),
			    .tid = vm,
			    .tgid = vm,
			    .time = stream.now,
			    .inode = number },
		.i_ino = 1000 + number,
		.pages = pages,
		.provider = provider,
		.default_state = present,
		.vm = vm,
	};

	memcpy(record.comm, comm, strnlen(comm, sizeof(record.comm)));
	stream_add(&stream, &record.header);
}

static void beat(int nr)
{
	for (int i = 0; i < nr; i++) {
		stream.now += 100 * MS;
		stream_heartbeat(&stream);
	}
}

/* Pages [first, last] of @inode, whose frames begin at @pfn, made so in one call, flushed in @us. */
static void convert_range(__u32 tid, __u64 inode, __u64 first, __u64 last, __u64 pfn, bool present,
			  __u64 us)
{
	stream_begin(&stream, tid, inode, RECORD_OPERATION_SET_RANGE, first, last, present);
	stream_zap(&stream, tid, inode, first, pfn, (__u32)(last - first + 1), present, 0);
	if (us) {
		struct record_flush flush = {
			.header = { .kind = RECORD_FLUSH,
				    .size = sizeof(flush),
				    .cpu = tid % 4,
				    .tid = tid,
				    .tgid = 100,
				    .time = stream.now + us * 1000 },
			.begin = stream.now,
			.last = ~0ULL >> 20,
			.routine = RECORD_FLUSH_ALL,
			.full = 1,
		};

		stream.now += us * 1000;
		stream_add(&stream, &flush.header);
	}
	stream_end(&stream, tid, inode, RECORD_OPERATION_SET_RANGE, first, last, present);
}

enum moment {
	START, /* inodes are known, nothing has happened */
	FAULTED,
	CONVERTED,
	FAILED, /* a request has */
	VIOLATION, /* a page was made absent and never flushed */
	LOST, /* and records were lost */
	GONE, /* one VM is */
	MANY, /* 200 inodes more */
	THOUSANDS, /* and 5000 */
	COMPARED, /* as CONVERTED, and then one VM was read */
	LATE, /* as CONVERTED, and answers to flushes were timed */
	DIFFERS, /* and a page of it in another state than it is to be, twice */
};

static void history_faulted(void)
{
	for (__u64 i = 0; i < 96; i++)
		stream_fault(&stream, 11, 1, i, 1000 + i);
	for (__u64 i = 0; i < 64; i++)
		stream_join(&stream, 21, 3, i, 5000 + i);
	for (__u64 i = 0; i < 40; i++)
		stream_zap_flush(&stream, 22, 4, i, 7000 + 2 * i, 1, 7000 + 2 * i, 7000 + 2 * i);
	beat(12);
}

static void history_converted(void)
{
	convert_range(11, 1, 8, 23, 1008, true, 0);
	beat(2);
	convert_range(11, 1, 16, 23, 1016, false, 350);
	convert_range(21, 3, 32, 47, 5032, false, 12000);
	beat(10);
}

static void history_failed(void)
{
	stream_begin(&stream, 11, 1, RECORD_OPERATION_SET_RANGE, 40, 47, true);
	stream_request(&stream, RECORD_REQUEST_END, 11, 1, RECORD_OPERATION_SET_RANGE, 40, 47, true,
		       -ENOMEM);
	beat(10);
}

static void history_violation(void)
{
	convert_range(21, 3, 5, 5, 5005, false, 0);
	beat(12);
}

static void history_many(void)
{
	for (__u64 i = 0; i < 200; i++)
		inode_is(100 + i, RFC3, i % 2, 512, 300 + (__u32)i / 20,
			 i % 7 ? "qemu" : "fc\033[2J");
	beat(10);
}

static void history_thousands(void)
{
	for (__u64 i = 0; i < 5000; i++)
		inode_is(1000 + i, RFC3, i % 2, 512, 1000 + (__u32)i / 50, "firecracker");
	beat(10);
}

/* g1's first pages, of which one is perhaps present in the page tables although it is to be absent. */
static void history_compared(bool differs)
{
	const __u32 absent = RECORD_PAGE_RESIDENT | RECORD_PAGE_PREPARED;
	const __u32 shared = absent | RECORD_PAGE_DEVIATES | RECORD_PAGE_PRESENT;
	const struct stream_page seen[] = {
		{ 0, 1000, 4, absent },
		{ 4, 1004, 1, absent | (differs ? RECORD_PAGE_PRESENT : 0) },
		{ 5, 1005, 3, absent },
		{ 8, 1008, 8, shared },
		{ 16, 1016, 48, absent },
	};

	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, 1, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, seen,
			    sizeof(seen) / sizeof(seen[0]));
	beat(10);
}

/* Of twenty flushes five wait for CPU 1 last, the others for CPU 5; the ring is used meanwhile. */
static void history_late(void)
{
	stream_fact(&stream, "kernel.release", "6.12.117\033[2J");
	stream_fact(&stream, "kernel.cpus", "6");
	stream_fact(&stream, "kernel.flush_ceiling_pages", "33");
	stream_fact(&stream, "sensor.groups", "23");
	for (__u32 i = 0; i < 20; i++) {
		struct timed timed = {
			.tid = 11,
			.cpu = 3,
			.begin = stream.now,
			.ns = i % 4 ? 60000 : 9000000,
			.bits = RECORD_FLUSH_FULL | RECORD_FLUSH_DIRECT,
			.answers_nr = 2,
			.answers = { { .cpu = 2, .asked = 1000, .entered = 9000, .left = 10000 },
				     { .cpu = i % 4 ? 5 : 1,
				       .asked = 1000,
				       .entered = i % 4 ? 50000 : 8000000,
				       .left = i % 4 ? 51000 : 8001000 } },
		};
		struct record_heartbeat heartbeat = {
			.header = { .kind = RECORD_HEARTBEAT, .size = sizeof(heartbeat) },
			.groups = SENSOR_GROUP_VERDICT,
			.ring_bytes = 1000 + 20000 * (__u64)i,
			.produced_bytes = 1000 + 20000 * (__u64)i + (i == 7 ? 70000 : 0),
		};

		timed_flush(&stream, &timed);
		stream.now += 100 * MS;
		heartbeat.header.time = heartbeat.watermark = stream.now;
		stream_add(&stream, &heartbeat.header);
	}
}

static void history_until(enum moment moment)
{
	enum moment last = moment;

	if (last >= COMPARED)
		moment = CONVERTED;
	inode_is(1, RFC3, false, 2072, 107, "qemu-system-x86");
	inode_is(2, RECORD_PROVIDER_GMEM_PLAIN, true, 512, 107, "qemu-system-x86");
	inode_is(3, RFC3, true, 264, 108, "firecracker");
	inode_is(4, SECRET, false, 100000, 108, "firecracker");
	beat(10);
	if (moment >= FAULTED)
		history_faulted();
	if (moment >= CONVERTED)
		history_converted();
	if (moment >= FAILED)
		history_failed();
	if (moment >= VIOLATION)
		history_violation();
	if (moment >= LOST) {
		stream_loss(&stream, 0, RECORD_LOSS_RING_FULL, stream.now - MS, 37);
		beat(10);
	}
	if (moment >= GONE) {
		stream_inode_dead(&stream, 1);
		stream_inode_dead(&stream, 2);
		beat(10);
	}
	if (moment >= MANY)
		history_many();
	if (moment >= THOUSANDS)
		history_thousands();
	if (last == LATE)
		history_late();
	else if (last >= COMPARED)
		history_compared(last == DIFFERS);
}

static const struct screen_test {
	const char *name;
	enum moment moment;
	int columns, rows;
	bool ascii, replay;
	const char *keys;
} tests[] = {
	{ "table-start-80x24", START, 80, 24, true, false, "" },
	{ "table-faulted-80x24", FAULTED, 80, 24, true, false, "" },
	{ "table-converted-80x24", CONVERTED, 80, 24, true, false, "" },
	{ "table-converted-120x40", CONVERTED, 120, 40, false, false, "" },
	{ "table-converted-200x50", CONVERTED, 200, 50, false, false, "" },
	{ "table-converted-200x50-ascii", CONVERTED, 200, 50, true, false, "" },
	{ "table-compared-160x50", COMPARED, 160, 50, true, false, "" },
	{ "table-compared-200x50", COMPARED, 200, 50, false, false, "" },
	{ "table-differs-200x50", DIFFERS, 200, 50, false, false, "jjj" },
	{ "table-failed-80x24", FAILED, 80, 24, true, false, "" },
	{ "table-violation-80x24", VIOLATION, 80, 24, true, false, "" },
	{ "table-violation-120x40", VIOLATION, 120, 40, false, false, "" },
	{ "table-lost-80x24", LOST, 80, 24, true, true, "" },
	{ "table-lost-replay-120x40", LOST, 120, 40, true, true, "" },
	{ "table-gone-80x24", GONE, 80, 24, true, false, "" },
	{ "table-gone-dead-80x24", GONE, 80, 24, true, false, "d" },
	{ "table-many-80x24", MANY, 80, 24, true, false, "" },
	{ "table-many-end-80x24", MANY, 80, 24, true, false,
	  "<PageDown><PageDown><PageDown><PageDown><PageDown><PageDown><PageDown><PageDown>"
	  "<PageDown><PageDown><PageDown><PageDown><PageDown><PageDown><PageDown>" },
	{ "table-many-200x50", MANY, 200, 50, false, false, "jjjj" },
	{ "table-thousands-200x50", THOUSANDS, 200, 50, false, false, "" },
	{ "table-thousands-filter-80x24", THOUSANDS, 80, 24, true, false, "fg5999<Enter>" },
	{ "table-thousands-exposed-80x24", THOUSANDS, 80, 24, true, false, "sss<PageDown>" },
	{ "table-moved-80x24", CONVERTED, 80, 24, true, false, "jj" },
	{ "table-up-80x24", CONVERTED, 80, 24, true, false, "jjjk<Up><Up><Up><Up>" },
	{ "table-sorted-rate-80x24", CONVERTED, 80, 24, true, false, "s" },
	{ "table-sorted-flush-80x24", CONVERTED, 80, 24, true, false, "ss" },
	{ "table-sorted-resident-least-80x24", CONVERTED, 80, 24, true, false, "ssssS" },
	{ "table-typing-80x24", CONVERTED, 80, 24, true, false, "ffire" },
	{ "table-filter-80x24", CONVERTED, 80, 24, true, false, "/firex<Backspace><Enter>" },
	{ "table-filter-none-80x24", CONVERTED, 80, 24, true, false, "fnobody<Enter>" },
	{ "table-filter-inode-80x24", CONVERTED, 80, 24, true, false, "fg3<Enter>" },
	{ "table-filter-away-80x24", CONVERTED, 80, 24, true, false, "fg3<Enter><Esc>" },
	{ "table-paused-80x24", CONVERTED, 80, 24, true, false, " " },
	{ "table-40x12", CONVERTED, 40, 12, true, false, "" },
	{ "table-lost-40x12", LOST, 40, 12, true, false, "" },
	{ "table-lost-replay-40x12", LOST, 40, 12, true, true, " " },
	{ "table-lost-60x24", LOST, 60, 24, true, true, "" },
	{ "pages-lost-40x24", LOST, 40, 24, true, true, "jjjj<Enter>" },
	{ "flushes-lost-50x24", LOST, 50, 24, true, true, "t" },
	{ "table-1x1", CONVERTED, 1, 1, true, false, "" },
	{ "table-39x11", CONVERTED, 39, 11, true, false, "" },
	{ "pages-faulted-80x24", FAULTED, 80, 24, true, false, "j<Enter>" },
	{ "pages-converted-80x24", CONVERTED, 80, 24, true, false, "j<Enter>" },
	{ "pages-converted-120x40", CONVERTED, 120, 40, false, false, "j<Enter>" },
	{ "pages-converted-200x50", CONVERTED, 200, 50, false, false, "j<Enter>" },
	{ "pages-zoomed-80x24", CONVERTED, 80, 24, true, false, "j<Enter>++++++++" },
	{ "pages-zoomed-out-80x24", CONVERTED, 80, 24, true, false, "j<Enter>+++---" },
	{ "pages-moved-80x24", CONVERTED, 80, 24, true, false,
	  "j<Enter>++++++<Right><Right><Right><Down>" },
	{ "pages-change-80x24", CONVERTED, 80, 24, true, false, "j<Enter>++++++]]]" },
	{ "pages-change-back-80x24", CONVERTED, 80, 24, true, false, "j<Enter>++++++]]][" },
	{ "pages-change-none-80x24", CONVERTED, 80, 24, true, false, "j<Enter>[" },
	{ "pages-dynamic-80x24", CONVERTED, 80, 24, true, false, "jjjj<Enter>" },
	{ "pages-secret-80x24", CONVERTED, 80, 24, true, false, "jjjjj<Enter>" },
	{ "pages-violation-80x24", VIOLATION, 80, 24, true, false, "jjjj<Enter>!" },
	{ "pages-no-violation-80x24", CONVERTED, 80, 24, true, false, "jjjj<Enter>!" },
	{ "pages-lost-80x24", LOST, 80, 24, true, true, "jjjj<Enter>" },
	{ "pages-gone-80x24", GONE, 80, 24, true, false, "dj<Enter>" },
	{ "flushes-start-80x24", START, 80, 24, true, false, "<Tab>" },
	{ "flushes-converted-80x24", CONVERTED, 80, 24, true, false, "<Tab>" },
	{ "flushes-converted-120x40", CONVERTED, 120, 40, false, false, "t" },
	{ "flushes-converted-200x50", CONVERTED, 200, 50, false, false, "t" },
	{ "flushes-late-80x24", LATE, 80, 24, true, false, "t" },
	{ "flushes-late-200x50", LATE, 200, 50, false, false, "t" },
	{ "flushes-back-80x24", CONVERTED, 80, 24, true, false, "<Tab><Tab>" },
	{ "help-80x24", CONVERTED, 80, 24, true, true, "?" },
	{ "help-scrolled-80x24", CONVERTED, 80, 24, true, true, "?<PageDown><Up>" },
	{ "help-small-40x12", CONVERTED, 40, 12, true, false, "?jjj" },
	{ "help-left-80x24", CONVERTED, 80, 24, true, true, "<Tab>?<Esc>" },
};

#define TESTS_NR (sizeof(tests) / sizeof(tests[0]))

static struct board *board;
static struct view view;

static const char *vm_name(void *context, __u32 vm)
{
	(void)context;
	return vm == 107 ? "web-1" : NULL;
}

static void feed_from(size_t at)
{
	while (at < stream.used) {
		const struct record_header *record = (const void *)(stream.data + at);

		assert_int_equal(model_feed(stream.model, record), 0);
		at += record->size;
	}
}

static void open_view(const struct screen_test *test)
{
	history_until(test->moment);
	stream.model = model_create(NULL);
	stream.verdict = verdict_create(stream.model, NULL);
	board = board_create(stream.model, stream.verdict, SECOND);
	assert_non_null(board);
	feed_from(0);
	view_init(&view);
	view.board = board;
	view.vm_name = test->columns == 120 ? vm_name : NULL;
	view.replay = test->replay;
	strcpy(view.title, test->replay ? "demo.cap" : "live");
	view.first = SECOND;
	view.last = 10 * SECOND;
	view.now = stream.now;
	view.cost_cpu = 0.015;
	view.cost_memory = 41 << 20;
}

static void close_view(void)
{
	view_free(&view);
	board_free(board);
	stream_free(&stream);
	stream_init(&stream);
}

static struct grid drawn(const struct screen_test *test)
{
	struct grid grid;

	board_walk(board, 1000000, true);
	assert_int_equal(grid_init(&grid, test->columns, test->rows, test->ascii), 0);
	view_draw(&view, &grid);
	return grid;
}

/* Keys move in what was drawn before. */
static void press(const struct screen_test *test)
{
	const char *keys = test->keys;
	struct grid grid;
	int key;

	while ((key = view_key_take(&keys))) {
		grid = drawn(test);
		grid_free(&grid);
		view_press(&view, key);
	}
}

static char *screen_text(const struct screen_test *test)
{
	struct grid grid;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	press(test);
	grid = drawn(test);
	grid_write(&grid, out, true);
	fclose(out);
	grid_free(&grid);
	return text;
}

static char *file_text(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;

	if (!file)
		return NULL;
	if (getdelim(&text, &room, '\0', file) < 0) {
		free(text);
		text = NULL;
	}
	fclose(file);
	return text;
}

static void check_screen(const struct screen_test *test)
{
	char path[128], *text, *wanted;
	FILE *file;

	open_view(test);
	text = screen_text(test);
	close_view();
	snprintf(path, sizeof(path), SCREENS "/%s.txt", test->name);
	if (getenv("VIEW_WRITE")) {
		file = fopen(path, "we");
		assert_non_null(file);
		fputs(text, file);
		fclose(file);
	}
	wanted = file_text(path);
	if (!wanted || strcmp(text, wanted) != 0)
		fail_msg("%s is not what is drawn:\n%s", path, text);
	free(wanted);
	free(text);
}

static void test_screens(void **state)
{
	(void)state;
	for (size_t i = 0; i < TESTS_NR; i++)
		check_screen(&tests[i]);
	print_message("# %zu screens\n", TESTS_NR);
}

/* No size tears anything, whichever screen it is; nor does a key that means nothing there. */
static void test_sizes(void **state)
{
	static const char *const keys[] = { "", "j<Enter>", "<Tab>", "?", "jj<Enter>+++<Down>" };

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct screen_test test = { "", VIOLATION, 80, 24, false, true, keys[i] };

		open_view(&test);
		press(&test);
		for (int columns = 1; columns < 260; columns += 13) {
			for (int rows = 1; rows < 80; rows += 5) {
				struct grid grid;

				test.columns = columns;
				test.rows = rows;
				grid = drawn(&test);
				grid_free(&grid);
				for (int key = 1; key < 0x7f; key += 6)
					view_press(&view, key == 'q' ? 0 : key);
			}
		}
		close_view();
	}
}

/* Keys as help and manual call them. */
static const struct {
	const char *name;
	int keys[5];
} key_names[] = {
	{ "arrows", { VIEW_KEY_UP, VIEW_KEY_DOWN, VIEW_KEY_LEFT, VIEW_KEY_RIGHT } },
	{ "Enter", { VIEW_KEY_ENTER } },
	{ "Esc", { VIEW_KEY_ESCAPE } },
	{ "Tab", { VIEW_KEY_TAB } },
	{ "Space", { ' ' } },
	{ "PageUp", { VIEW_KEY_PAGE_UP } },
	{ "PageDown", { VIEW_KEY_PAGE_DOWN } },
	{ "Home", { VIEW_KEY_HOME } },
	{ "End", { VIEW_KEY_END } },
	{ "F1", { VIEW_KEY_HELP } },
};

#define KEYS_NR (VIEW_KEY_CELL - VIEW_KEY_UP + 0x80)

/* Characters, and behind them those that are none. */
static size_t key_place(int key)
{
	return (size_t)(key < 0x80 ? key : key - VIEW_KEY_UP + 0x80);
}

static void keys_named(bool named[KEYS_NR], const char *name)
{
	if (strlen(name) == 1) {
		named[key_place(*name)] = true;
		return;
	}
	for (size_t i = 0; i < sizeof(key_names) / sizeof(key_names[0]); i++) {
		if (strcmp(key_names[i].name, name) != 0)
			continue;
		for (const int *key = key_names[i].keys; *key; key++)
			named[key_place(*key)] = true;
		return;
	}
	fail_msg("no key is called %s", name);
}

static void help_keys(bool named[KEYS_NR])
{
	const struct view_help *help;

	for (size_t i = 0; (help = view_help(i)); i++) {
		char text[64], *rest = text, *word;

		snprintf(text, sizeof(text), "%s", help->keys ? help->keys : "");
		while ((word = strsep(&rest, " "))) {
			size_t length = strlen(word);

			if (length > 1 && word[length - 1] == ',')
				word[length - 1] = '\0';
			if (*word)
				keys_named(named, word);
		}
	}
}

/* Items such as ".It Ic \&? , F1": a comma between them is none. */
static void manual_keys(bool named[KEYS_NR])
{
	char *manual = file_text("man/gmemtrace-live.1"), *rest, *line, *word;

	assert_non_null(manual);
	rest = strstr(manual, ".Sh KEYS\n");
	assert_non_null(rest);
	*strstr(rest, ".Sh FIELDS") = '\0';
	while ((line = strsep(&rest, "\n"))) {
		if (strncmp(line, ".It ", 4) != 0)
			continue;
		line += 4;
		while ((word = strsep(&line, " "))) {
			if (!strcmp(word, "Ic") || !strcmp(word, ","))
				continue;
			keys_named(named, strncmp(word, "\\&", 2) ? word : word + 2);
		}
	}
	free(manual);
}

static bool view_same(const struct view *one, const struct view *other)
{
	return one->wish == other->wish && one->screen == other->screen &&
	       one->sort == other->sort && one->reverse == other->reverse &&
	       one->dead == other->dead && one->paused == other->paused &&
	       one->typing == other->typing && one->inode == other->inode && one->vm == other->vm &&
	       one->top == other->top && one->page == other->page && one->unit == other->unit &&
	       one->speed == other->speed && !strcmp(one->filter, other->filter) &&
	       !strcmp(one->message, other->message);
}

/* Whether the key does anything where those of @keys were pressed before. */
static bool key_does(const char *keys, int key)
{
	struct screen_test test = { "", LOST, 80, 24, true, true, keys };
	struct view before;
	struct grid grid;
	bool does;

	open_view(&test);
	view.now = 5 * SECOND;
	press(&test);
	grid = drawn(&test);
	grid_free(&grid);
	*view.message = '\0';
	view.wish = VIEW_WISH_NOTHING;
	before = view;
	view_press(&view, key);
	does = !view_same(&before, &view);
	close_view();
	return does;
}

static bool key_does_anywhere(int key)
{
	static const char *const places[] = {
		"", "jjjj<Enter>jl", "jjjj<Enter>+", "t", "?", "?<PageDown>", "jj"
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (key_does(places[i], key))
			return true;
	}
	return false;
}

/* Help and manual name the same keys; each of them does something, and no other does. */
static void test_keys_named(void **state)
{
	bool help[KEYS_NR] = { false }, manual[KEYS_NR] = { false };

	(void)state;
	help_keys(help);
	manual_keys(manual);
	for (int key = 1; key < VIEW_KEY_CELL; key = key == 0x7e ? VIEW_KEY_UP : key + 1) {
		bool named = help[key_place(key)];

		if (named != manual[key_place(key)])
			fail_msg("key %d ('%c') is named by one of help and manual alone", key,
				 key);
		if (named != key_does_anywhere(key))
			fail_msg("key %d ('%c') is %snamed and does %s", key, key,
				 named ? "" : "not ", named ? "nothing" : "something");
	}
}

/* That records were lost, and that something is violated, stands on every screen that shows anything. */
static void test_loss_shown(void **state)
{
	static const char *const keys[] = { "", "j<Enter>", "t", "?" };
	struct screen_test test = { "", LOST, 80, 24, true, false, "" };

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		test.replay = i % 2;
		test.keys = keys[i];
		open_view(&test);
		press(&test);
		for (test.columns = 40; test.columns < 220; test.columns++) {
			struct grid grid = drawn(&test);
			char *text = NULL;
			size_t size;
			FILE *out = open_memstream(&text, &size);

			grid_write(&grid, out, false);
			fclose(out);
			*strchr(text, '\n') = '\0';
			if (!strstr(text, "VIOLATED (1)   lost 37"))
				fail_msg("%d columns: %s", test.columns, text);
			free(text);
			grid_free(&grid);
		}
		close_view();
	}
}

/* Pages that all lie by themselves, more than the wide table's map looks at: of the rest it says nothing. */
static void test_many_runs(void **state)
{
	struct screen_test test = { "", START, 200, 50, true, false, "j" };
	size_t used, unknown = 0;
	char *text;

	(void)state;
	open_view(&test);
	used = stream.used;
	inode_is(9, SECRET, false, 1 << 17, 90, "scattered");
	for (__u64 i = 0; i < 6000; i++)
		stream_zap_flush(&stream, 22, 9, i, 20000 + 2 * i, 1, 20000 + 2 * i, 20000 + 2 * i);
	beat(12);
	feed_from(used);
	text = screen_text(&test);
	for (const char *at = strstr(text, "--- s9"); at && *at && strncmp(at, "--- last", 8) != 0;
	     at++)
		unknown += *at == '?';
	/* Cells from where it stopped on, and the legend's. */
	assert_true(unknown > 400);
	assert_non_null(strstr(text, "     0  ########"));
	free(text);
	test.keys = "<Enter>";
	text = screen_text(&test);
	assert_null(strstr(text, "????????"));
	free(text);
	close_view();
}

/* A VM exits while its inode is selected, or its map is on: what is shown says so, and every key still works. */
static void test_vm_exits(void **state)
{
	static const char *const keys[] = { "jj", "jj<Enter>", "jj<Enter>++<Down>", "t", "fg1" };
	static const char *const later[] = { "", "w", "!]+", "<Esc>d<Up><Up>", "<Enter>j<Enter>" };
	struct screen_test test = { "", CONVERTED, 80, 24, true, false, "" };

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t used;
		char *text;

		test.keys = keys[i];
		open_view(&test);
		press(&test);
		used = stream.used;
		stream_inode_dead(&stream, 1);
		stream_inode_dead(&stream, 2);
		beat(12);
		feed_from(used);
		test.keys = later[i];
		text = screen_text(&test);
		if (view.screen == VIEW_PAGES)
			assert_non_null(strstr(text, "GONE"));
		assert_non_null(strstr(text, "lost 0"));
		free(text);
		close_view();
	}
}

/* What is wished for is the owner's to do. */
static void test_wishes(void **state)
{
	struct screen_test test = { "", LOST, 80, 24, true, true, "jjjj<Enter>" };

	(void)state;
	open_view(&test);
	press(&test);
	view_press(&view, 'w');
	assert_int_equal(view.wish, VIEW_WISH_STORY);
	view_press(&view, 'v');
	assert_int_equal(view.wish, VIEW_WISH_VERDICT);
	view_press(&view, '>');
	assert_int_equal(view.wish, VIEW_WISH_SEEK);
	assert_int_equal(view.seek, view.now + SECOND);
	assert_false(view.seek_before);
	view_press(&view, '<');
	assert_true(view.seek_before);
	assert_int_equal(view.seek, view.now - SECOND);
	view_press(&view, 'g');
	assert_int_equal(view.seek, view.first);
	view_press(&view, VIEW_KEY_END);
	assert_int_equal(view.seek, view.last);
	view_press(&view, '.');
	assert_int_equal(view.wish, VIEW_WISH_STEP);
	assert_true(view.paused);
	view_press(&view, ' ');
	assert_false(view.paused);
	view_press(&view, ')');
	assert_true(view.speed == 2);
	view_press(&view, '(');
	view_press(&view, '(');
	assert_true(view.speed == 0.5);
	view_press(&view, '{');
	assert_int_equal(view.wish, VIEW_WISH_SEEK);
	assert_true(view.seek < view.now);
	assert_false(view.seek_before);
	/* Behind it by a heartbeat it has come to it. */
	view.now = view.seek + 50 * MS;
	view_press(&view, '{');
	assert_true(view.wish != VIEW_WISH_SEEK || view.seek < view.now - 50 * MS);
	view.now = stream.now;
	view_press(&view, '}');
	assert_int_equal(view.wish, VIEW_WISH_NOTHING);
	view_press(&view, 'q');
	assert_int_equal(view.wish, VIEW_WISH_QUIT);
	close_view();
}

/* A click selects what is drawn there, a row of the table or a cell of the map; beside them nothing. */
static void test_clicks(void **state)
{
	struct screen_test test = { "", CONVERTED, 80, 24, true, false, "" };
	struct grid grid;

	(void)state;
	open_view(&test);
	grid = drawn(&test);
	grid_free(&grid);
	view_press(&view, VIEW_KEY_CELL + view_cell(8, 30));
	assert_int_equal(view.vm, 108);
	view_press(&view, VIEW_KEY_CELL + view_cell(9, 30));
	assert_int_equal(view.inode, 3);
	view_press(&view, VIEW_KEY_CELL + view_cell(23, 3));
	assert_int_equal(view.inode, 3);
	view_press(&view, VIEW_KEY_ENTER);
	grid = drawn(&test);
	grid_free(&grid);
	/* 64 cells a row, of a page each: after eight of them one column is left out. */
	view_press(&view, VIEW_KEY_CELL + view_cell(view.first_row + 1, 8 + 9));
	assert_int_equal(view.page, 64 + 8);
	view_press(&view, VIEW_KEY_CELL + view_cell(view.first_row, 8));
	assert_int_equal(view.page, 0);
	view_press(&view, VIEW_KEY_CELL + view_cell(view.first_row, 8 + 63 + 7));
	assert_int_equal(view.page, 63);
	/* Between groups, before the first, behind the last, above, and where the inode has no page. */
	view_press(&view, VIEW_KEY_CELL + view_cell(view.first_row, 8 + 8));
	view_press(&view, VIEW_KEY_CELL + view_cell(view.first_row, 7));
	view_press(&view, VIEW_KEY_CELL + view_cell(view.first_row, 79));
	view_press(&view, VIEW_KEY_CELL + view_cell(view.first_row - 1, 8));
	view_press(&view, VIEW_KEY_CELL + view_cell(view.first_row + 4, 8 + 9));
	assert_int_equal(view.page, 63);
	close_view();
}

/* A story is wrapped and scrolled, and what is wrong in it is seen. */
static void test_story(void **state)
{
	struct screen_test test = { "", CONVERTED, 40, 14, true, false, "j<Enter>" };
	struct grid grid;
	char *text = NULL;
	size_t size;
	FILE *out;

	(void)state;
	open_view(&test);
	press(&test);
	view_tell(&view, strdup("one\ntwo words that do not fit into forty columns\n"
				"3\n4\n5\n6\n7\n8\nNOT FLUSHED since\n10\n"));
	grid = drawn(&test);
	out = open_memstream(&text, &size);
	grid_write(&grid, out, false);
	fclose(out);
	assert_non_null(strstr(text, "one\ntwo words"));
	assert_null(strstr(text, "NOT FLUSHED"));
	grid_free(&grid);
	free(text);
	for (int i = 0; i < 20; i++)
		view_press(&view, VIEW_KEY_DOWN);
	grid = drawn(&test);
	out = open_memstream(&text, &size);
	grid_write(&grid, out, true);
	fclose(out);
	assert_non_null(strstr(text, "NOT FLUSHED since\n\tfffff"));
	assert_null(strstr(text, "one\n"));
	grid_free(&grid);
	free(text);
	view_press(&view, VIEW_KEY_ESCAPE);
	assert_int_equal(view.screen, VIEW_PAGES);
	view_press(&view, VIEW_KEY_ESCAPE);
	assert_int_equal(view.screen, VIEW_TABLE);
	close_view();
}

/* Latencies, by quarters of powers of two. */
static void test_histogram(void **state)
{
	struct board_histogram histogram = { .total = { 0 } };

	(void)state;
	assert_int_equal(histogram_quantile(&histogram, 0.5), 0);
	for (size_t i = 1; i < BOARD_BUCKETS; i++)
		assert_true(histogram_floor(i) > histogram_floor(i - 1));
	for (__u64 ns = 1; ns < 1ULL << 30; ns += ns / 3 + 1) {
		struct board_histogram one = { .total = { 0 } };
		__u64 floor;

		histogram_add(&one, ns, 1);
		floor = histogram_quantile(&one, 0.5);
		assert_true(floor <= ns && ns - floor <= ns / 4);
		assert_int_equal(histogram_most(&one), ns);
	}
	histogram_add(&histogram, 1000, 99);
	histogram_add(&histogram, 1000000, 1);
	assert_true(histogram_quantile(&histogram, 0.5) <= 1000);
	assert_true(histogram_quantile(&histogram, 0.99) > 800000);
}

/* A row for what is left over, and none where nothing is. */
static void test_rows(void **state)
{
	struct model_inode inode = { .pages = 128 };
	struct cells cells = { .inode = &inode, .columns = 64, .rows = 8, .unit = 1 };

	(void)state;
	assert_int_equal(cells_rows(&cells), 2);
	inode.pages = 129;
	assert_int_equal(cells_rows(&cells), 3);
	cells.unit = 2;
	assert_int_equal(cells_rows(&cells), 2);
	inode.pages = 1 << 20;
	assert_int_equal(cells_rows(&cells), 8);
	inode.pages = 0;
	assert_int_equal(cells_rows(&cells), 0);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		RULE_TEST(test_screens),    RULE_TEST(test_sizes),    RULE_TEST(test_wishes),
		RULE_TEST(test_loss_shown), RULE_TEST(test_vm_exits), RULE_TEST(test_many_runs),
		RULE_TEST(test_keys_named), RULE_TEST(test_clicks),   RULE_TEST(test_story),
		RULE_TEST(test_histogram),  RULE_TEST(test_rows),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
