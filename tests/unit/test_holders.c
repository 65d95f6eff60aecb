// SPDX-License-Identifier: GPL-2.0
/* Who holds what, from a tree that looks like /proc. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "holders/scan.h"

static char root[] = "/tmp/test-holders-XXXXXX";
static struct holder found[16];
static size_t found_nr;

static char *in_root(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

static void directory(const char *name)
{
	assert_int_equal(mkdir(in_root(name), 0700), 0);
}

static void file(const char *name, const char *text)
{
	FILE *stream = fopen(in_root(name), "w");

	assert_non_null(stream);
	fputs(text, stream);
	fclose(stream);
}

static void link_to(const char *name, const char *target)
{
	assert_int_equal(symlink(target, in_root(name)), 0);
}

static void mapped_alike(void)
{
	FILE *maps = fopen(in_root("31/maps"), "w");

	assert_non_null(maps);
	fputs("00500000-00501000 r--s 00000000 08:01 77 /secretmem\n"
	      "00600000-00601000 r--s 00000000 08:01 79 /",
	      maps);
	for (size_t i = 0; i < 511 - 42; i++)
		fputc('x', maps);
	fputs("00700000-00701000 r--s 00000000 00:0e 77 /secretmem\n", maps);
	fclose(maps);
}

/* 7 holds a secret by descriptor and mapping; 12 a guest_memfd; 30 and 31 nothing of ours; 40 is closed to us. */
static int tree_make(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(root));
	directory("7");
	directory("7/fd");
	directory("7/fdinfo");
	file("7/comm", "keeper\n");
	link_to("7/fd/3", "/secretmem (deleted)");
	file("7/fdinfo/3", "pos:\t0\nflags:\t02000002\nmnt_id:\t9\nino:\t77\n");
	link_to("7/fd/4", "/secretmember"); /* a control */
	file("7/fdinfo/4", "ino:\t78\n");
	/* So anybody may call a file of his own. */
	link_to("7/fd/5", "/tmp/[kvm-gmem]");
	file("7/fdinfo/5", "ino:\t77\n");
	link_to("7/fd/6", "/memfd:[kvm-gmem] (deleted)");
	file("7/fdinfo/6", "ino:\t77\n");
	file("7/maps", "7f0000000000-7f0000003000 rw-s 00000000 00:0e 77          "
		       "               /secretmem (deleted)\n"
		       "7f0000010000-7f0000011000 rw-p 00000000 00:00 0 \n");
	directory("12");
	directory("12/fd");
	directory("12/fdinfo");
	file("12/comm", "vmm\n");
	link_to("12/fd/9", "anon_inode:[kvm-gmem]");
	file("12/fdinfo/9", "ino:\t77\n"); /* the same number in another file system */
	file("12/maps", "");
	directory("30");
	directory("30/fd");
	file("30/comm", "other\n");
	file("30/maps", "00400000-00401000 r-xp 00000000 08:01 5 /bin/true\n");
	directory("31");
	directory("31/fd");
	file("31/comm", "alike\n");
	/* A file on a disk, and one whose name reads as a line when it is cut. */
	mapped_alike();
	file("40", "");
	directory("50"); /* ended while we looked */
	directory("1");
	directory("1/fd");
	file("1/comm", "init\n");
	file("1/maps", "");
	directory("self");
	directory("self/ns");
	link_to("self/ns/pid", "pid:[4026531836]");
	file("version", "not a process");
	return 0;
}

static int tree_remove(void **state)
{
	char command[300];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

static void take(void *context, const struct holder *holder)
{
	(void)context;
	assert_true(found_nr < sizeof(found) / sizeof(found[0]));
	found[found_nr++] = *holder;
}

static void test_scan(void **state)
{
	struct holders_seen seen;

	(void)state;
	found_nr = 0;
	assert_int_equal(holders_scan(root, take, NULL, &seen), 0);
	assert_int_equal(found_nr, 3);
	assert_int_equal(found[0].pid, 7);
	assert_string_equal(found[0].comm, "keeper");
	assert_int_equal(found[0].letter, 's');
	assert_int_equal(found[0].i_ino, 77);
	assert_int_equal(found[0].descriptor, 3);
	assert_int_equal(found[1].pid, 7);
	assert_int_equal(found[1].descriptor, -1);
	assert_int_equal(found[1].i_ino, 77);
	assert_int_equal(found[1].end - found[1].begin, 0x3000);
	assert_int_equal(found[2].pid, 12);
	assert_int_equal(found[2].letter, 'g');
	assert_int_equal(found[2].descriptor, 9);
	assert_int_equal(seen.processes, 7);
	assert_int_equal(seen.unread, 1);
	assert_false(seen.hidden);
}

/* What is not to be seen is not nobody. */
static void test_hidden(void **state)
{
	struct holders_seen seen;
	char first[256];

	(void)state;
	found_nr = 0;
	assert_int_equal(unlink(in_root("self/ns/pid")), 0);
	assert_int_equal(holders_scan(root, take, NULL, &seen), 0);
	assert_false(seen.hidden); /* a kernel without namespaces */
	link_to("self/ns/pid", "pid:[4026532281]");
	found_nr = 0;
	assert_int_equal(holders_scan(root, take, NULL, &seen), 0);
	assert_true(seen.hidden);
	assert_int_equal(unlink(in_root("self/ns/pid")), 0);
	link_to("self/ns/pid", "pid:[4026531836]");
	snprintf(first, sizeof(first), "%s", in_root("1"));
	assert_int_equal(rename(first, in_root("one")), 0);
	found_nr = 0;
	assert_int_equal(holders_scan(root, take, NULL, &seen), 0);
	assert_true(seen.hidden);
}

static void test_no_proc(void **state)
{
	struct holders_seen seen;

	(void)state;
	assert_int_equal(holders_scan("/nowhere", take, NULL, &seen), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_no_proc),
	};

	return cmocka_run_group_tests(tests, tree_make, tree_remove);
}
