// SPDX-License-Identifier: GPL-2.0
/* Addresses become names, and no address is left of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sensor/stacks.h"

#define BASE 0xffffffff81000000ULL
#define AT(n) (BASE + (n)*0x1000ULL + 5)

static struct stacks stacks;

static void take(uint64_t n, char type, const char *name)
{
	char line[256];

	snprintf(line, sizeof(line), "%llx %c %s\n", (unsigned long long)(BASE + n * 0x1000), type,
		 name);
	assert_int_equal(symbols_take(&stacks.symbols, line), 0);
}

/* A table that is as fresh as can be: nothing is read of this machine. */
static int setup(void **state)
{
	static const char *const names[] = {
		"entry_SYSCALL_64",
		"vfree",
		"flush_tlb_kernel_range",
		"bpf_trampoline_1\t[bpf]",
		"bpf_prog_2_timed\t[bpf]",
		"asm_sysvec_call_function",
		"spin_with_irqs_off\t[mod]",
		"__flush_smp_call_function_queue",
		"do_idle",
		"__change_page_attr",
		"bpf_prog_3_flush_range_enter\t[bpf]",
		"bpf_prog_4_flush_all_enter\t[bpf]",
	};

	(void)state;
	memset(&stacks, 0, sizeof(stacks));
	stacks_init(&stacks, -1, NULL, NULL);
	/* Against the order of addresses. */
	for (size_t i = sizeof(names) / sizeof(names[0]); i > 0; i--)
		take(i - 1, 't', names[i - 1]);
	take(1, 'D', "data_at_the_same_place");
	symbols_sort(&stacks.symbols);
	stacks.symbols.read = 1ULL << 62;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stacks_close(&stacks);
	return 0;
}

static const char *words(const uint64_t *addresses, size_t nr)
{
	static char text[STACKS_TEXT_MAX];

	stacks_words(&stacks, addresses, nr, text);
	return text;
}

static void test_symbols(void **state)
{
	(void)state;
	assert_string_equal(symbols_name(&stacks.symbols, symbols_find(&stacks.symbols, AT(1))),
			    "vfree");
	assert_string_equal(symbols_name(&stacks.symbols, symbols_find(&stacks.symbols, AT(6))),
			    "spin_with_irqs_off_[mod]");
	assert_null(symbols_find(&stacks.symbols, BASE - 1));
	/* Far behind the last: not its routine. */
	assert_null(symbols_find(&stacks.symbols, BASE + (1ULL << 30)));
}

/* The program and its trampoline are not the caller's; a hooked routine is named once. */
static void test_own_frames(void **state)
{
	const uint64_t flush[] = { AT(4), AT(3), AT(2), AT(1), AT(0), 0, AT(9) };
	const uint64_t entered[] = { AT(4), AT(3), AT(1), AT(0) };
	const uint64_t younger[] = { AT(4), AT(2), AT(9), AT(4), AT(9), AT(1) };
	const uint64_t caller[] = { AT(3), AT(2), AT(4), AT(1) };
	const uint64_t hooked[] = { AT(4), AT(3), AT(2), AT(9), AT(3), AT(9), AT(1) };

	(void)state;
	assert_string_equal(words(flush, 7), "entry_SYSCALL_64;vfree;flush_tlb_kernel_range");
	assert_string_equal(words(hooked, 7), "vfree;__change_page_attr;flush_tlb_kernel_range");
	assert_string_equal(words(entered, 4), "entry_SYSCALL_64;vfree");
	/* A trampoline younger than the names lies behind some program's; a program that calls is told. */
	assert_string_equal(words(younger, 6), "vfree;__change_page_attr;flush_tlb_kernel_range");
	assert_string_equal(words(caller, 4),
			    "vfree;bpf_prog_2_timed_[bpf];flush_tlb_kernel_range");
}

/* Who puts a page back: as many names, from the innermost, as there is room for. */
static void test_caller(void **state)
{
	__u64 addresses[RECORD_CALLER_FRAMES_NR] = { AT(4), AT(3), AT(9), AT(1), AT(0) };
	char text[RECORD_CALLER_TEXT_MAX];

	(void)state;
	stacks_caller(&stacks, addresses, text);
	assert_string_equal(text, "entry_SYSCALL_64;vfree;__change_page_attr");
	addresses[2] = AT(1);
	for (size_t i = 3; i < RECORD_CALLER_FRAMES_NR; i++)
		addresses[i] = AT(9);
	/* Thirteen of nineteen bytes, and the innermost; one more does not fit. */
	stacks_caller(&stacks, addresses, text);
	assert_int_equal(strlen(text), 13 * 19 + 5);
	addresses[2] = AT(9);
	stacks_caller(&stacks, addresses, text);
	assert_int_equal(strlen(text), 13 * 19 - 1);
	assert_int_equal(strncmp(text, "__change_page_attr;", 19), 0);
}

/*
 * From 7.3 on the routine has no frame of its own, and the trampoline may be named
 * as whatever lies before it: a module's routine, or our program itself.
 */
static void test_entered_without_frame(void **state)
{
	const uint64_t plain[] = { AT(10), AT(3), AT(1), AT(0) };
	const uint64_t younger[] = { AT(10), AT(10), AT(4), AT(2), AT(1) };
	const uint64_t module[] = { AT(10), AT(6), AT(1), AT(0) };
	const uint64_t ours[] = { AT(11), AT(11) + 64, AT(9), AT(1) };
	const uint64_t inner[] = { AT(4), AT(10), AT(10) + 64, AT(6), AT(1) };
	const uint64_t framed[] = { AT(10), AT(6), AT(2), AT(1) };
	const uint64_t nobody[] = { AT(10), AT(3) };

	(void)state;
	assert_string_equal(words(plain, 4), "entry_SYSCALL_64;vfree;flush_tlb_kernel_range");
	assert_string_equal(words(module, 4), "entry_SYSCALL_64;vfree;flush_tlb_kernel_range");
	assert_string_equal(words(ours, 4), "vfree;__change_page_attr;flush_tlb_all");
	/* A module that flushes itself is told. */
	assert_string_equal(words(inner, 5),
			    "vfree;spin_with_irqs_off_[mod];flush_tlb_kernel_range");
	assert_string_equal(words(framed, 4), "vfree;flush_tlb_kernel_range");
	/* What our program calls reads as it, and its trampoline as another of ours. */
	assert_string_equal(words(younger, 5), "vfree;flush_tlb_kernel_range");
	assert_string_equal(words(nobody, 2), "[user_space]");
}

/* What the interrupt met, not the interrupt. */
static void test_interrupted(void **state)
{
	const uint64_t kernel[] = { AT(4), AT(7), AT(5), AT(6), AT(0) };
	const uint64_t user[] = { AT(4), AT(7), AT(5) };
	const uint64_t idle[] = { AT(4), AT(7), AT(8) };

	(void)state;
	assert_string_equal(words(kernel, 5), "entry_SYSCALL_64;spin_with_irqs_off_[mod]");
	assert_string_equal(words(user, 3), "[user_space]");
	assert_string_equal(words(idle, 3), "do_idle");
}

static void test_unknown(void **state)
{
	const uint64_t stack[] = { AT(2), 0x1000, AT(0) };

	(void)state;
	assert_string_equal(words(stack, 3), "entry_SYSCALL_64;[unknown];flush_tlb_kernel_range");
	assert_string_equal(words(stack, 0), "");
}

/* Too deep: the outermost are cut off, never the text's end. */
static void test_long(void **state)
{
	uint64_t stack[STACK_FRAMES_MAX];
	char name[128];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	take(20, 'T', name);
	symbols_sort(&stacks.symbols);
	for (size_t i = 0; i < STACK_FRAMES_MAX; i++)
		stack[i] = AT(20);
	stack[0] = AT(2);
	assert_true(strlen(words(stack, STACK_FRAMES_MAX)) < STACKS_TEXT_MAX);
	assert_non_null(strstr(words(stack, STACK_FRAMES_MAX), ";flush_tlb_kernel_range"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_symbols, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own_frames, setup, teardown),
		cmocka_unit_test_setup_teardown(test_caller, setup, teardown),
		cmocka_unit_test_setup_teardown(test_entered_without_frame, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interrupted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
