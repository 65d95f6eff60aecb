// SPDX-License-Identifier: GPL-2.0
/* A hook that the kernel does not attach: who can do without goes on, and what rests on it is not judged. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <bpf/btf.h>

#include "scene.h"
#include "sensor/internal.h"
#include "sensor/refusal.h"
#include "sensors.skel.h"

static const char *refused; /* a program, "": none */
static int refused_with;
static size_t attached, detached;

struct bpf_link *__wrap_bpf_program__attach(const struct bpf_program *program);
int __wrap_bpf_link__destroy(struct bpf_link *link);

struct bpf_link *__wrap_bpf_program__attach(const struct bpf_program *program)
{
	if (!strcmp(bpf_program__name(program), refused)) {
		errno = refused_with;
		return NULL;
	}
	attached++;
	return (struct bpf_link *)program;
}

int __wrap_bpf_link__destroy(struct bpf_link *link)
{
	detached += link != NULL;
	return 0;
}

static struct sensor sensor;
static struct sensor_failure failure;

static void told(void *context, const struct record_header *record)
{
	(void)context;
	(void)record;
}

static int attach_setup(void **state)
{
	setup(state);
	memset(&sensor, 0, sizeof(sensor));
	sensor.sink = told;
	sensor.kernel.vmlinux = btf__new_empty();
	for (size_t part = 0; part < LOAD_PART_NR; part++) {
		sensor.load.parts[part] = sensors_bpf__open();
		assert_non_null(sensor.load.parts[part]);
	}
	attached = detached = 0;
	return 0;
}

static int attach_teardown(void **state)
{
	teardown(state);
	for (size_t part = 0; part < LOAD_PART_NR; part++)
		sensors_bpf__destroy(sensor.load.parts[part]);
	for (size_t i = 0; i < sensor.facts_nr; i++)
		free(sensor.facts[i]);
	btf__free(sensor.kernel.vmlinux);
	return 0;
}

/* Attaches all of @part, but for the program called @name. */
static int attach(enum load_part part, const char *name, int error)
{
	refused = name;
	refused_with = error;
	return load_attach(&sensor.load, part, &failure);
}

/* What is told of a program, behind its name. */
static const char *state_of(size_t program)
{
	char key[64];

	snprintf(key, sizeof(key), "sensor.program.%zu", program);
	for (size_t i = 0; i < sensor.facts_nr; i++) {
		const struct record_fact *fact = sensor.facts[i];

		if (!strcmp(fact->text, key))
			return fact->text + fact->key_length + strlen(load_programs[program].name);
	}
	return NULL;
}

static void test_all(void **state)
{
	(void)state;
	assert_int_equal(attach(LOAD_PART_KERNEL, "", 0), 0);
	assert_int_equal(attach(LOAD_PART_INODES, "", 0), 0);
	assert_int_equal(load_left_out(&sensor.load), 0);
	assert_int_equal(detached, 0);
}

/* One that all tracing needs, and what to do. */
static void test_required(void **state)
{
	(void)state;
	assert_int_equal(attach(LOAD_PART_KERNEL, "flush_range_exit", EBUSY), -EBUSY);
	assert_non_null(strstr(failure.message, "refuses the hook on flush_tlb_kernel_range: "));
	assert_non_null(strstr(failure.message, "tried on Linux " REFUSAL_KERNELS ": update it"));
	/* Nor is it the kernel's fault where descriptors are short. */
	assert_int_equal(attach(LOAD_PART_INODES, "set_range_exit", EMFILE), -EMFILE);
	assert_non_null(strstr(failure.message, "raise the hard limit"));
	/* Sums would lack a part, and not show it. */
	assert_int_equal(attach(LOAD_PART_KERNEL, "summary_valid_exit", EBUSY), -EBUSY);
}

/* Its end is left out, and so is its begin; all others are there. */
static void test_optional(void **state)
{
	size_t whole;

	(void)state;
	assert_int_equal(attach(LOAD_PART_INODES, "", 0), 0);
	whole = attached;
	attached = 0;
	assert_int_equal(attach(LOAD_PART_INODES, "fallocate_exit", EBUSY), 0);
	assert_int_equal(attached - detached, whole - 2);
	assert_null(sensor.load.links[PROGRAM_FALLOCATE_ENTER]);
	assert_null(sensor.load.links[PROGRAM_FALLOCATE_EXIT]);
	assert_non_null(sensor.load.links[PROGRAM_SET_RANGE_EXIT]);
	tell_programs(&sensor);
	assert_string_equal(state_of(PROGRAM_FALLOCATE_ENTER), " refused: Device or resource busy");
	assert_string_equal(state_of(PROGRAM_FALLOCATE_EXIT), " refused: Device or resource busy");
	assert_string_equal(state_of(PROGRAM_SET_RANGE_EXIT), " off");
}

/* What only some ask for is one sensor: half of it is none. */
static void test_group(void **state)
{
	(void)state;
	assert_int_equal(attach(LOAD_PART_KERNEL, "witness_answered", E2BIG), 0);
	assert_null(sensor.load.links[PROGRAM_WITNESS_RANGE_ENTER]);
	assert_null(sensor.load.links[PROGRAM_STALE_READ]);
	assert_non_null(sensor.load.links[PROGRAM_FLUSH_RANGE_EXIT]);
	assert_int_equal(load_left_out(&sensor.load), SENSOR_GROUP_WITNESS);
	tell_programs(&sensor);
	assert_string_equal(state_of(PROGRAM_STALE_READ),
			    " off: other tracers hold all the places that a routine has");
	/* One that stands alone. */
	assert_int_equal(attach(LOAD_PART_KERNEL, "schedule_bug_enter", EBUSY), 0);
	tell_programs(&sensor);
	assert_string_equal(state_of(PROGRAM_SCHEDULE_BUG_ENTER), " off: Device or resource busy");
}

/* What is told makes no green, and no accusation of what the others did not see. */
static void test_not_judged(void **state)
{
	stream_programs(&stream);
	stream_fact(&stream, "sensor.program.777",
		    "fallocate_exit refused: Device or resource busy");
	faulted(4);
	convert(0, 3, 1, 1); /* page 1 is missed */
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict_violations(stream.verdict), 0);
	assert_true(reason_has("this kernel does not let fallocate_exit be hooked: Device or"));
	assert_non_null(strstr(not_judged(RULE_MISSED_PAGE), "does not let fallocate_exit be"));
	assert_non_null(
		strstr(not_judged(RULE_APPLIED_MISMATCH), "does not let fallocate_exit be"));
	/* The control: attached after all. */
	teardown(state);
	setup(state);
	stream_programs(&stream);
	stream_fact(&stream, "sensor.program.777",
		    "fallocate_exit refused: Device or resource busy");
	stream_fact(&stream, "sensor.program.777", "fallocate_exit");
	faulted(4);
	convert(0, 3, 1, 1);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect(&stream, VERDICT_VIOLATED);
}

int main(void)
{
#define ATTACH_TEST(test) cmocka_unit_test_setup_teardown(test, attach_setup, attach_teardown)
	const struct CMUnitTest tests[] = {
		ATTACH_TEST(test_all),	 ATTACH_TEST(test_required),   ATTACH_TEST(test_optional),
		ATTACH_TEST(test_group), ATTACH_TEST(test_not_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
