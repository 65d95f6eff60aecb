// SPDX-License-Identifier: GPL-2.0
/* What a kernel's BTF says of the functions that are hooked, on BTF made for the purpose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/kallsyms.h"
#include "sensor/kernel.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#include "bpf/compound.h"

/* int NAME(TYPE *page, ...) with @others more parameters; TYPE const where @constant. */
static void function_add(struct btf *btf, const char *name, int type, bool constant, int others)
{
	int number = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	int pointer, prototype;

	assert_true(number > 0);
	if (constant)
		type = btf__add_const(btf, type);
	pointer = btf__add_ptr(btf, type);
	prototype = btf__add_func_proto(btf, number);
	assert_true(pointer > 0 && prototype > 0);
	assert_int_equal(btf__add_func_param(btf, "page", pointer), 0);
	for (int i = 0; i < others; i++)
		assert_int_equal(btf__add_func_param(btf, "more", number), 0);
	assert_true(btf__add_func(btf, name, BTF_FUNC_STATIC, prototype) > 0);
}

static struct btf *btf_make(void)
{
	struct btf *btf = btf__new_empty();

	assert_non_null(btf);
	return btf;
}

/* Until 7.3 in every stock kernel. */
static void test_zap_of_page(void **state)
{
	struct kernel kernel = { .vmlinux = btf_make() };
	int page = btf__add_struct(kernel.vmlinux, "page", 64);

	(void)state;
	function_add(kernel.vmlinux, "set_direct_map_invalid_noflush", page, false, 0);
	assert_false(kernel_zap_takes_address(&kernel));
	btf__free(kernel.vmlinux);
}

/* From v10 of the series on: const void *, of which a pointer to a const struct must be told apart. */
static void test_zap_of_address(void **state)
{
	struct kernel kernel = { .vmlinux = btf_make() };

	(void)state;
	function_add(kernel.vmlinux, "set_direct_map_invalid_noflush", 0, true, 0);
	assert_true(kernel_zap_takes_address(&kernel));
	btf__free(kernel.vmlinux);
}

static void test_zap_of_const_page(void **state)
{
	struct kernel kernel = { .vmlinux = btf_make() };
	int page = btf__add_struct(kernel.vmlinux, "page", 64);

	(void)state;
	function_add(kernel.vmlinux, "set_direct_map_invalid_noflush", page, true, 0);
	assert_false(kernel_zap_takes_address(&kernel));
	btf__free(kernel.vmlinux);
}

/* A function fits by its name and by as many parameters as its program decodes. */
static void test_has_function(void **state)
{
	struct kernel kernel = { .vmlinux = btf_make() };
	int page = btf__add_struct(kernel.vmlinux, "page", 64);

	(void)state;
	function_add(kernel.vmlinux, "set_direct_map_valid_noflush", page, false, 2);
	assert_true(kernel_has_function(&kernel, "set_direct_map_valid_noflush", 3));
	assert_false(kernel_has_function(&kernel, "set_direct_map_valid_noflush", 2));
	assert_false(kernel_has_function(&kernel, "set_direct_map_default_noflush", 3));
	btf__free(kernel.vmlinux);
}

/* By a pointer, or from 7.3 on by a mask, for folios of 2 MiB and of 1 GiB in either layout of vmemmap. */
static void test_compound(void **state)
{
	static const uint64_t bases[] = { 0xffffea0000000000ULL, 0xffd4000000000000ULL };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		uint64_t head = bases[i] + 512 * 64 * 7ULL, gigantic = bases[i] + (64ULL << 18) * 3;

		assert_int_equal(compound_first(head, 0), head);
		assert_int_equal(compound_first(head, 0xdead0000ULL), head);
		assert_int_equal(compound_first(head + 64, head | 1), head);
		assert_int_equal(compound_first(head + 511 * 64, ~(512 * 64 - 1ULL) | 1), head | 0);
		assert_int_equal(compound_first(gigantic + 77 * 64, ~((64ULL << 18) - 1) | 1),
				 gigantic);
	}
}

/* v7 to v12 of the series: what tells it, by either of its routines, and not by their relatives. */
static void test_marks_folios(void **state)
{
	static const struct {
		const char *function;
		bool marks;
	} cases[] = {
		{ "folio_zap_direct_map", true },
		{ "kvm_gmem_folio_zap_direct_map", true },
		{ "kvm_gmem_folio_set_direct_map", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kernel kernel = { .vmlinux = btf_make() };
		int folio = btf__add_struct(kernel.vmlinux, "folio", 64);

		function_add(kernel.vmlinux, cases[i].function, folio, false, 0);
		assert_int_equal(kernel_marks_folios(&kernel), cases[i].marks);
		assert_true(kernel_has_routine(&kernel, cases[i].function));
		btf__free(kernel.vmlinux);
	}
}

static void test_has_types(void **state)
{
	struct kernel kernel = { .vmlinux = btf_make() };

	(void)state;
	assert_true(btf__add_enum(kernel.vmlinux, "mapping_flags", 4) > 0);
	assert_int_equal(btf__add_enum_value(kernel.vmlinux, "AS_EIO", 0), 0);
	assert_int_equal(btf__add_enum_value(kernel.vmlinux, "AS_NO_DIRECT_MAP", 12), 0);
	assert_true(btf__add_struct(kernel.vmlinux, "kvm_gmem_inode_private", 32) > 0);
	assert_true(kernel_has_enumerator(&kernel, "AS_NO_DIRECT_MAP"));
	assert_false(kernel_has_enumerator(&kernel, "AS_NO_DIRECT"));
	assert_true(kernel_has_struct(&kernel, "kvm_gmem_inode_private"));
	assert_false(kernel_has_struct(&kernel, "mapping_flags"));
	btf__free(kernel.vmlinux);
}

/* What is said of a /proc/kallsyms with these lines; "": nothing is missing. */
static const char *symbols_say(const char *lines)
{
	static struct sensor_failure failure;
	struct kernel kernel = { .vmlinux = NULL };
	FILE *file = fmemopen((void *)lines, strlen(lines), "r");
	int error;

	assert_non_null(file);
	kernel_take_symbols(&kernel, file);
	fclose(file);
	failure.message[0] = '\0';
	error = kernel_check_symbols(&kernel, &failure);
	assert_int_equal(!error, !failure.message[0]);
	return failure.message;
}

/* Hidden addresses are the operator's to show; data that was left out is the kernel's builder's. */
static void test_symbols(void **state)
{
	(void)state;
	assert_string_equal(symbols_say("ffffffff81000000 T _stext\n"
					"ffffffff82a5d540 D init_mm\n"),
			    "");
	assert_non_null(strstr(symbols_say("0000000000000000 T _stext\n"
					   "0000000000000000 D init_mm\n"),
			       "shows no addresses: set kernel.kptr_restrict"));
	assert_non_null(strstr(symbols_say("ffffffff81000000 T _stext\n"),
			       "no init_mm: boot a kernel built with CONFIG_KALLSYMS_ALL=y"));
}

/* Symbols of per-CPU data may lie at 0 where others' addresses are shown; what is looked at is read again. */
static void test_symbols_hidden(void **state)
{
	static const char shown[] = "0000000000000000 A fixed_percpu_data\n"
				    "0000000000001000 A cpu_debug_store\n",
			  hidden[] = "0000000000000000 A fixed_percpu_data\n"
				     "0000000000000000 T _stext\n";
	FILE *file = fmemopen((void *)shown, strlen(shown), "r");
	char line[64];

	(void)state;
	assert_false(kallsyms_hidden(file));
	assert_string_equal(fgets(line, sizeof(line), file),
			    "0000000000000000 A fixed_percpu_data\n");
	fclose(file);
	file = fmemopen((void *)hidden, strlen(hidden), "r");
	assert_true(kallsyms_hidden(file));
	fclose(file);
}

/* Takes all of @lines as /proc/kallsyms. */
static void symbols_give(struct kernel *kernel, const char *lines)
{
	FILE *file = fmemopen((void *)lines, strlen(lines), "r");

	assert_non_null(file);
	kernel_take_symbols(kernel, file);
	fclose(file);
}

/* With CFI there is a second name in front of each routine; before 6.1 static names had a suffix, too. */
static void test_symbols_cfi(void **state)
{
	struct kernel kernel = {};

	(void)state;
	symbols_give(&kernel, "ffffffff81000000 t __cfi_do_kernel_range_flush\n"
			      "ffffffff81000010 t do_kernel_range_flush.llvm.1234567890\n"
			      "ffffffff82000000 d secretmem_iops.llvm.99\n"
			      "ffffffffc0000000 d kvm_gmem_iops.llvm.7\t[kvm]\n"
			      "ffffffff81000020 t do_flush_tlb_all.part.0\n"
			      "ffffffff82000030 D init_mm.llvm.1.cold\n");
	assert_int_equal(kernel_symbol(&kernel, "do_kernel_range_flush"), 0xffffffff81000010);
	assert_int_equal(kernel_symbol(&kernel, "secretmem_iops"), 0xffffffff82000000);
	assert_int_equal(kernel_symbol(&kernel, "kvm_gmem_iops"), 0xffffffffc0000000);
	assert_int_equal(kernel_symbol(&kernel, "do_flush_tlb_all"), 0);
	assert_int_equal(kernel_symbol(&kernel, "init_mm"), 0);
}

/* A name that others have as well: kvm's own, whichever comes last. */
static void test_symbols_of_kvm(void **state)
{
	struct kernel module = {}, built_in = {}, other = {};

	(void)state;
	symbols_give(&module, "ffffffff82000000 d vm_list\n"
			      "ffffffffc0000000 B vm_list\t[kvm]\n"
			      "ffffffffc0001000 b vm_list\t[kvm_like]\n"
			      "ffffffffc0002000 b kvm_gmem_iops\t[kvm_like]\n");
	assert_int_equal(kernel_symbol(&module, "vm_list"), 0xffffffffc0000000);
	assert_int_equal(kernel_symbol(&module, "kvm_gmem_iops"), 0xffffffffc0002000);
	symbols_give(&built_in, "ffffffff82000000 D vm_list\n");
	assert_int_equal(kernel_symbol(&built_in, "vm_list"), 0xffffffff82000000);
	symbols_give(&other, "ffffffffc0001000 b vm_list\t[gunyah]\n");
	assert_int_equal(kernel_symbol(&other, "vm_list"), 0);
}

/* Built in: its routines and types are the kernel's own. A module whose BTF was stripped shows by its symbols alone. */
static void test_kvm(void **state)
{
	struct kernel built_in = { .vmlinux = btf_make() }, module = { .vmlinux = btf_make() };
	int number = btf__add_struct(built_in.vmlinux, "inode", 8);

	(void)state;
	assert_int_equal(kernel_kvm(&built_in), KERNEL_KVM_NONE);
	function_add(built_in.vmlinux, "kvm_init", number, false, 2);
	assert_int_equal(kernel_kvm(&built_in), KERNEL_KVM_BUILT_IN);
	assert_false(kernel_describes_gmem(&built_in));
	function_add(built_in.vmlinux, "kvm_gmem_release", number, false, 1);
	btf__add_struct(built_in.vmlinux, "kvm_gmem", 64);
	assert_true(kernel_describes_gmem(&built_in));
	assert_true(kernel_has_function(&built_in, "kvm_gmem_release", 2));
	assert_true(kernel_has_struct(&built_in, "kvm_gmem"));

	symbols_give(&module, "ffffffffc0000000 d kvm_gmem_iops\t[kvm]\n");
	assert_int_equal(kernel_kvm(&module), KERNEL_KVM_STRIPPED);
	assert_false(kernel_describes_gmem(&module));
	module.kvm = btf__new_empty_split(module.vmlinux);
	assert_int_equal(kernel_kvm(&module), KERNEL_KVM_MODULE);
	kernel_close(&built_in);
	kernel_close(&module);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zap_of_page),	  cmocka_unit_test(test_zap_of_address),
		cmocka_unit_test(test_zap_of_const_page), cmocka_unit_test(test_has_function),
		cmocka_unit_test(test_compound),	  cmocka_unit_test(test_marks_folios),
		cmocka_unit_test(test_has_types),	  cmocka_unit_test(test_symbols),
		cmocka_unit_test(test_symbols_hidden),	  cmocka_unit_test(test_symbols_cfi),
		cmocka_unit_test(test_symbols_of_kvm),	  cmocka_unit_test(test_kvm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
