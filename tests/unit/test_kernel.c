// SPDX-License-Identifier: GPL-2.0
/* What a kernel's BTF says of the functions that are hooked, on BTF made for the purpose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/kernel.h"

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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zap_of_page),
		cmocka_unit_test(test_zap_of_address),
		cmocka_unit_test(test_zap_of_const_page),
		cmocka_unit_test(test_has_function),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
