// SPDX-License-Identifier: GPL-2.0
/* What is mapped at an address, from the text of a /proc/PID/maps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "run/address.h"

static const char maps_text[] =
	"55d0c0000000-55d0c0021000 rw-p 00000000 00:00 0                          [heap]\n"
	"7f0000000000-7f0000010000 rw-s 00003000 00:0f 4711                       /secretmem "
	"(deleted)\n"
	"7f0000020000-7f0000030000 rw-s 00000000 00:10 4712                       "
	"anon_inode:[kvm-gmem]\n"
	"7f0000030000-7f0000031000 rw-s 00100000 00:10 4713                       /[kvm-gmem] "
	"(deleted)\n"
	"7f0000040000-7f0000041000 rw-s 00000000 00:01 4714                       /memfd:secretmem "
	"(deleted)\n"
	"7f0000050000-7f0000051000 r--p 00000000 08:01 4715                       /secretmem\n"
	"7f0000060000-7f0000061000 r--p 00000000 00:2b 4716                       "
	"/secretmem-notes\n"
	"7f0000070000-7f0000071000 rw-p 00000000 00:00 0 \n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

static const struct {
	uint64_t address;
	bool mapped, ours;
	uint64_t i_ino, pgoff;
} cases[] = {
	{ 0x7effffffffff, false, false, 0, 0 },	   { 0x7f0000000000, true, true, 4711, 3 },
	{ 0x7f000000ffff, true, true, 4711, 18 },  { 0x7f0000010000, false, false, 0, 0 },
	{ 0x7f0000021fff, true, true, 4712, 1 },   { 0x7f0000030000, true, true, 4713, 0x100 },
	{ 0x7f0000040000, true, false, 4714, 0 }, /* a memfd that is called so */
	{ 0x7f0000050000, true, false, 4715, 0 }, /* a file on a disk */
	{ 0x7f0000060000, true, false, 4716, 0 }, /* one that begins like it */
	{ 0x7f0000070000, true, false, 0, 0 },	   { 0x55d0c0000000, true, false, 0, 0 },
	{ 0xffffffffff600000, true, false, 0, 0 }, { 0, false, false, 0, 0 },
	{ UINT64_MAX, false, false, 0, 0 },
};

static void test_find(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		FILE *maps = fmemopen((void *)maps_text, sizeof(maps_text) - 1, "r");
		struct address_page page;

		assert_non_null(maps);
		assert_int_equal(address_find(maps, cases[i].address, &page), cases[i].mapped);
		fclose(maps);
		assert_int_equal(page.ours, cases[i].ours);
		assert_int_equal(page.i_ino, cases[i].i_ino);
		if (page.ours)
			assert_int_equal(page.pgoff, cases[i].pgoff);
	}
}

static void test_garbage(void **state)
{
	char text[] = "no maps\n\n7f0-\n7f0000000000-7f0000010000\n\xff\xff 00:00 1 x\n";
	FILE *maps = fmemopen(text, sizeof(text) - 1, "r");
	struct address_page page;

	(void)state;
	assert_non_null(maps);
	assert_false(address_find(maps, 0x7f0000000000, &page));
	fclose(maps);
}

static void test_no_guest(void **state)
{
	(void)state;
	assert_int_equal(address_guest_files((uint32_t)getpid()), 0);
	assert_int_equal(address_guest_files(1U << 22), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_no_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
