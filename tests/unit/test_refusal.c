// SPDX-License-Identifier: GPL-2.0
/* What libbpf prints where a kernel takes a program not, in words; the messages are as it printed them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gmemtrace/status.h"
#include "sensor/load.h"
#include "sensor/refusal.h"

static const char *words(const struct refusal *refusal, const char *target, int error)
{
	static char text[512];

	refusal_words(refusal, "the sensors", target, error, text, sizeof(text));
	assert_null(strchr(text, '\n'));
	return text;
}

#define assert_says(TEXT, PART) assert_non_null(strstr(TEXT, PART))

/* A field that was renamed: Linux 6.16, before this build knew it. */
static void test_field(void **state)
{
	struct refusal refusal = {};
	const char *text;

	(void)state;
	refusal_take(&refusal,
		     "libbpf: prog 'zap_invalid_exit': -- BEGIN PROG LOAD LOG --\n"
		     "143: (79) r1 = *(u64 *)(r10 -56)      ; R1=ptr_page() R10=fp0\n"
		     "144: <invalid CO-RE relocation>\n"
		     "failed to resolve CO-RE relocation <byte_off> [67] struct page.index "
		     "(0:1:0:1:0 @ offset 16)\n"
		     "processed 48 insns (limit 1000000) max_states_per_insn 0\n"
		     "-- END PROG LOAD LOG --\n");
	refusal_take(&refusal, "libbpf: prog 'zap_invalid_exit': failed to load: -22\n");
	refusal_take(&refusal, "libbpf: failed to load object 'sensors_bpf'\n");
	text = words(&refusal, "set_direct_map_invalid_noflush", -EINVAL);
	assert_says(text, "program zap_invalid_exit (of set_direct_map_invalid_noflush()): "
			  "this kernel has no struct page.index: Invalid argument.");
	assert_says(text, "tried on Linux " REFUSAL_KERNELS ": update it");
	assert_null(strstr(text, "libbpf"));
	/* `gmemtrace features` has all of it, too: what to do stands at its end. */
	assert_true(strlen(text) < sizeof(((struct sensor_feature *)NULL)->reason));
}

/* An argument that the verifier of 6.12 has no type for. */
static void test_verifier(void **state)
{
	struct refusal refusal = {};

	(void)state;
	refusal_take(&refusal,
		     "libbpf: prog 'zap_default_exit': -- BEGIN PROG LOAD LOG --\n"
		     "0: R1=ctx() R10=fp0\n"
		     "; int BPF_PROG(zap_default_exit, struct page *page, int result)\n"
		     "0: (79) r2 = *(u64 *)(r1 +0)\n"
		     "func 'set_direct_map_default_noflush' arg0 type UNKNOWN is not a struct\n"
		     "invalid bpf_context access off=0 size=8\n"
		     "processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0\n"
		     "-- END PROG LOAD LOG --\n");
	assert_string_equal(refusal.program, "zap_default_exit");
	assert_string_equal(refusal.detail,
			    "the verifier says: invalid bpf_context access off=0 size=8");
}

/* The verifier gives up: Linux 6.19 on a program that 6.18 took. */
static void test_too_large(void **state)
{
	struct refusal refusal = {};
	const char *text;

	(void)state;
	refusal_take(&refusal, "libbpf: prog 'snapshot_live': -- BEGIN PROG LOAD LOG --\n"
			       "BPF program is too large. Processed 1000001 insn\n"
			       "processed 1000001 insns (limit 1000000) max_states_per_insn 30\n"
			       "-- END PROG LOAD LOG --\n");
	text = words(&refusal, NULL, -E2BIG);
	assert_says(text, "program snapshot_live: the verifier says: BPF program is too large. "
			  "Processed 1000001 insn: the program is too large");
}

static void test_functions(void **state)
{
	struct refusal hook = {}, kfunc = {};

	(void)state;
	refusal_take(&hook, "libbpf: prog 'flush_all_enter': failed to find kernel BTF type ID of "
			    "'flush_tlb_all': -3\n");
	assert_string_equal(hook.program, "flush_all_enter");
	assert_string_equal(hook.detail, "this kernel's BTF has no function flush_tlb_all");
	refusal_take(&kfunc, "libbpf: extern (func ksym) 'bpf_rdonly_cast': not found in kernel or "
			     "module BTFs\n");
	assert_string_equal(kfunc.detail,
			    "this kernel has no function bpf_rdonly_cast for BPF programs");
}

/* What is skipped on purpose is not refused, and nothing said is no detail. */
static void test_nothing_said(void **state)
{
	struct refusal refusal = {};
	const char *text;

	(void)state;
	refusal_take(&refusal, "libbpf: prog 'create_exit': skipped loading\n");
	assert_string_equal(refusal.program, "");
	text = words(&refusal, NULL, -524);
	assert_says(text, "refuses the sensors: not supported by this kernel (error 524).");
}

/* The first complaint is the cause, however many follow. */
static void test_first_counts(void **state)
{
	struct refusal refusal = {};

	(void)state;
	refusal_take(&refusal,
		     "libbpf: map 'ring': failed to create: Cannot allocate memory(-12)\n");
	refusal_take(&refusal,
		     "libbpf: map 'zaps': failed to create: Cannot allocate memory(-12)\n");
	assert_string_equal(refusal.detail, "the map ring cannot be made");
}

/* Nor is this, where memory is limited. */
static void test_memory(void **state)
{
	struct refusal refusal = {};

	(void)state;
	refusal_take(&refusal,
		     "libbpf: map 'ring': failed to create: Cannot allocate memory(-12)\n");
	assert_string_equal(words(&refusal, NULL, -ENOMEM),
			    "no memory for the sensors (the map ring cannot be made): "
			    "raise the cgroup's memory.max, or take a smaller --ring");
	refusal_take(&refusal, "libbpf: prog 'zap_exit': failed to load: -12\n");
	assert_null(strstr(words(&refusal, NULL, -ENOMEM), "update it"));
}

/* By lockdown, where no securityfs is mounted that says so: as old and as new verifiers put it. */
static void test_lockdown(void **state)
{
	static const char *const logs[] = {
		"unknown func bpf_probe_read_kernel#113",
		"program of this type cannot use helper bpf_probe_read_kernel#113",
	};
	struct refusal refusal;
	const char *text;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char message[256];

		refusal = (struct refusal){};
		snprintf(message, sizeof(message),
			 "libbpf: prog 'facts_read': -- BEGIN PROG LOAD LOG --\n"
			 "%s\n"
			 "processed 12 insns (limit 1000000) max_states_per_insn 0\n"
			 "-- END PROG LOAD LOG --\n",
			 logs[i]);
		refusal_take(&refusal, message);
		text = words(&refusal, NULL, -EINVAL);
		assert_says(text, "lockdown=integrity or none");
		assert_null(strstr(text, "update it"));
	}
	/* A control: what is wrong with a call of it is no lockdown. */
	refusal = (struct refusal){};
	refusal_take(&refusal, "libbpf: prog 'facts_read': -- BEGIN PROG LOAD LOG --\n"
			       "invalid access in func bpf_probe_read_kernel#113\n"
			       "processed 12 insns (limit 1000000) max_states_per_insn 0\n"
			       "-- END PROG LOAD LOG --\n");
	text = words(&refusal, NULL, -EACCES);
	assert_null(strstr(text, "lockdown"));
	assert_says(text, "update it");
}

/* That is no fault of the kernel's, and nothing to report. */
static void test_files(void **state)
{
	struct refusal refusal = { .program = "zap_exit", .detail = "it gives no memory" };
	const char *text = words(&refusal, NULL, -EMFILE);

	(void)state;
	assert_says(text, "too many open files for the sensors: raise the hard limit");
	assert_null(strstr(text, "Linux"));
}

static uint32_t refused(const char *message)
{
	struct refusal refusal = {};

	refusal_take(&refusal, message);
	return load_refused(&refusal);
}

/* Whose program it was, of the plain ones too: the tracer does without those that watch CPUs, and for nothing else. */
static void test_groups(void **state)
{
	(void)state;
	assert_int_equal(refused("libbpf: prog 'witness_asked': failed to load: -13\n"),
			 SENSOR_GROUP_WITNESS);
	assert_true(refused("libbpf: prog 'zap_invalid_exit_plain': failed to load: -13\n") &
		    SENSOR_GROUP_VERDICT);
	assert_int_equal(refused("libbpf: prog 'somebody_elses': failed to load: -13\n"), 0);
	assert_int_equal(refused("libbpf: map 'ring': failed to create: Cannot allocate "
				 "memory(-12)\n"),
			 0);
}

/* What a kernel says of a routine that all tracing needs; @parameters < 0: it has none of that name. */
static const char *hook_says(int parameters)
{
	static struct sensor_failure failure;
	const struct sensor_options options = { .groups = SENSOR_GROUP_VERDICT };
	struct kernel kernel = { .vmlinux = btf__new_empty() };
	struct load load = {};
	int number, prototype;

	assert_non_null(kernel.vmlinux);
	number = btf__add_int(kernel.vmlinux, "int", 4, BTF_INT_SIGNED);
	prototype = btf__add_func_proto(kernel.vmlinux, number);
	for (int i = 0; i < parameters; i++)
		assert_int_equal(btf__add_func_param(kernel.vmlinux, "more", number), 0);
	if (parameters >= 0)
		assert_true(btf__add_func(kernel.vmlinux, "set_direct_map_invalid_noflush",
					  BTF_FUNC_GLOBAL, prototype) > 0);
	assert_true(load_kernel_part(&load, &kernel, &options, &failure) < 0);
	load_close(&load);
	btf__free(kernel.vmlinux);
	assert_int_equal(failure.status, GMEMTRACE_CANNOT_RUN);
	return failure.message;
}

/* A newer kernel's routine, of another name or with one parameter more: seen before libbpf is asked. */
static void test_hook(void **state)
{
	(void)state;
	assert_says(hook_says(-1), " has no set_direct_map_invalid_noflush() in its BTF");
	assert_says(hook_says(2), " has set_direct_map_invalid_noflush(), but not with the "
				  "1 parameter that is read");
	for (int parameters = -1; parameters <= 2; parameters += 3)
		assert_says(hook_says(parameters), "tried on Linux " REFUSAL_KERNELS ": update it");
	/* A control: the next one is what is missing. */
	assert_says(hook_says(1), "set_direct_map_default_noflush()");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_field),	     cmocka_unit_test(test_verifier),
		cmocka_unit_test(test_too_large),    cmocka_unit_test(test_functions),
		cmocka_unit_test(test_nothing_said), cmocka_unit_test(test_first_counts),
		cmocka_unit_test(test_files),	     cmocka_unit_test(test_groups),
		cmocka_unit_test(test_memory),	     cmocka_unit_test(test_hook),
		cmocka_unit_test(test_lockdown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
