// SPDX-License-Identifier: GPL-2.0
/* Who holds what, from a tree that looks like /proc. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "holders/scan.h"
#include "holders/tables.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

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

static void take_nothing(void *context, const struct holder *holder)
{
	(void)context;
	(void)holder;
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

static void thread_dir(const char *name)
{
	char part[64];

	directory(name);
	snprintf(part, sizeof(part), "%s/fd", name);
	directory(part);
	snprintf(part, sizeof(part), "%s/fdinfo", name);
	directory(part);
}

static void descriptor(const char *task, int number, const char *target, const char *info)
{
	char part[64];

	snprintf(part, sizeof(part), "%s/fd/%d", task, number);
	link_to(part, target);
	snprintf(part, sizeof(part), "%s/fdinfo/%d", task, number);
	file(part, info);
}

/* 60 has a thread that shares all of it, and one with a table of its own; of 80 only a thread is left. */
static void threads_make(void)
{
	thread_dir("60");
	file("60/comm", "parted\n");
	file("60/maps", "");
	file("60/stat", "60 (a) Z) S 1 60\n");
	descriptor("60", 5, "anon_inode:[kvm-gmem]", "ino:\t90\n");
	directory("60/task");
	thread_dir("60/task/60");
	descriptor("60/task/60", 5, "anon_inode:[kvm-gmem]", "ino:\t90\n");
	thread_dir("60/task/61");
	descriptor("60/task/61", 5, "anon_inode:[kvm-gmem]", "ino:\t90\n");
	thread_dir("60/task/62");
	descriptor("60/task/62", 5, "anon_inode:[kvm-gmem]", "ino:\t91\n");
	directory("60/task/63"); /* ended while we looked */
	directory("80");
	file("80/comm", "orphaned\n");
	file("80/stat", "80 (orphaned) Z 1 80\n");
	directory("80/task");
	directory("80/task/80");
	thread_dir("80/task/81");
	descriptor("80/task/81", 3, "/secretmem (deleted)", "ino:\t92\n");
	file("80/task/81/maps", "7f0000000000-7f0000002000 rw-s 00000000 00:0e 92 /secretmem\n");
	thread_dir("80/task/82");
	file("80/task/82/maps", "7f0000000000-7f0000002000 rw-s 00000000 00:0e 92 /secretmem\n");
}

static void assert_found(size_t i, pid_t pid, pid_t thread, uint64_t i_ino, int number)
{
	assert_int_equal(found[i].pid, pid);
	assert_int_equal(found[i].thread, thread);
	assert_int_equal(found[i].i_ino, i_ino);
	assert_int_equal(found[i].descriptor, number);
}

static void test_threads(void **state)
{
	struct holders_seen seen;

	(void)state;
	threads_make();
	found_nr = 0;
	assert_int_equal(holders_scan(root, take, NULL, &seen), 0);
	assert_int_equal(found_nr, 7);
	assert_found(3, 60, 0, 90, 5);
	assert_found(4, 60, 62, 91, 5);
	assert_found(5, 80, 0, 92, -1);
	assert_int_equal(found[5].end - found[5].begin, 0x2000);
	assert_found(6, 80, 81, 92, 3);
	assert_int_equal(seen.unread, 1);
	assert_int_equal(seen.threads_unread, 0);
	/* One that may not be read is no thread without descriptors. */
	directory("60/task/65");
	file("60/task/65/fd", "");
	assert_int_equal(holders_scan(root, take_nothing, NULL, &seen), 0);
	assert_int_equal(seen.threads_unread, 1);
}

struct part {
	pthread_barrier_t barrier;
	bool parts;
	pid_t thread;
	int secret;
};

static void *part_run(void *argument)
{
	struct part *part = argument;

	part->thread = (pid_t)syscall(SYS_gettid);
	if (part->parts)
		(void)unshare(CLONE_FILES);
	pthread_barrier_wait(&part->barrier);
	pthread_barrier_wait(&part->barrier);
	return NULL;
}

static void take_secret(void *context, const struct holder *holder)
{
	struct part *part = context;

	if (holder->pid == getpid() && holder->thread == part->thread &&
	    holder->descriptor == part->secret)
		part->secret = -1;
}

/* A real thread, whose table is its own or the process's, by what the kernel says. */
static void thread_met(bool parts)
{
	struct part part = { .parts = parts };
	struct tables tables = { 0 };
	struct holders_seen seen;
	enum tables_answer answer;
	pthread_t thread;

	part.secret = (int)syscall(SYS_memfd_secret, 0);
	assert_int_equal(pthread_barrier_init(&part.barrier, NULL, 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, part_run, &part), 0);
	pthread_barrier_wait(&part.barrier);
	assert_int_equal(tables_meet(&tables, getpid()), TABLES_NEW);
	answer = tables_meet(&tables, part.thread);
	if (answer != TABLES_UNTOLD)
		assert_int_equal(answer, parts ? TABLES_NEW : TABLES_KNOWN);
	else
		print_message("this kernel does not compare tables\n");
	tables_free(&tables);
	if (part.secret >= 0 && parts) {
		close(part.secret);
		assert_int_equal(holders_scan("/proc", take_secret, &part, &seen), 0);
		assert_int_equal(part.secret, -1);
	} else if (part.secret >= 0) {
		close(part.secret);
	} else {
		print_message("this kernel has no memfd_secret\n");
	}
	pthread_barrier_wait(&part.barrier);
	pthread_join(thread, NULL);
}

static void test_real_threads(void **state)
{
	(void)state;
	thread_met(false);
	thread_met(true);
}

static void test_no_proc(void **state)
{
	struct holders_seen seen;

	(void)state;
	assert_int_equal(holders_scan("/nowhere", take, NULL, &seen), -ENOENT);
}

static void list_mapping(struct holders_list *list, pid_t pid, uint64_t i_ino, char letter,
			 uint64_t pages)
{
	const struct holder holder = {
		.pid = pid,
		.i_ino = i_ino,
		.letter = letter,
		.descriptor = -1,
		.begin = 0x10000,
		.end = 0x10000 + pages * HOLDER_PAGE_BYTES,
	};

	holders_list_add(list, &holder);
}

static void list_descriptor(struct holders_list *list, pid_t pid, uint64_t i_ino, int descriptor)
{
	const struct holder holder = {
		.pid = pid,
		.i_ino = i_ino,
		.letter = 's',
		.descriptor = descriptor,
	};

	holders_list_add(list, &holder);
}

/* Mappings of one process and one inode are one entry; descriptors, and what others have, stay apart. */
static void test_list(void **state)
{
	struct holders_list list = { 0 };

	(void)state;
	list_descriptor(&list, 7, 77, 3);
	list_descriptor(&list, 7, 77, 4);
	for (int i = 0; i < 20000; i++) {
		list_mapping(&list, 7, 77, 's', 2);
		list_mapping(&list, 7, 78, 's', 1);
	}
	list_mapping(&list, 7, 77, 'g', 5);
	list_descriptor(&list, 8, 77, 3);
	list_mapping(&list, 8, 77, 's', 9);
	assert_int_equal(list.nr, 7);
	assert_false(list.failed);
	assert_int_equal(list.entries[1].mappings, 0);
	assert_int_equal(list.entries[1].holder.descriptor, 4);
	assert_int_equal(list.entries[2].mappings, 20000);
	assert_int_equal(list.entries[2].mapped_pages, 40000);
	assert_int_equal(list.entries[3].mapped_pages, 20000);
	assert_int_equal(list.entries[4].mapped_pages, 5);
	assert_int_equal(list.entries[6].holder.pid, 8);
	assert_int_equal(list.entries[6].mappings, 1);
	assert_int_equal(list.entries[6].mapped_pages, 9);
	holders_list_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scan),	     cmocka_unit_test(test_threads),
		cmocka_unit_test(test_real_threads), cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_no_proc),	     cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, tree_make, tree_remove);
}
