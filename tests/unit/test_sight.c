// SPDX-License-Identifier: GPL-2.0
/* What a touch that did not make a hook fire says of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/load.h"
#include "sensor/sight.h"
#include "sensors.skel.h"

static __typeof__(*((struct sensors_bpf *)0)->bss) bss;
static struct sensors_bpf skeleton = { .bss = &bss };
static struct load load;

/* Of a hook that is there, when the tool has touched a memfd_secret, and nothing else. */
static enum sight_state touched(size_t program, bool fired)
{
	struct touch touch = { .done = TOUCH_SECRET };
	struct text text = {};
	char words[SIGHT_TEXT_LENGTH];

	bss.sight[program] = fired;
	load.links[program] = (struct bpf_link *)&skeleton;
	return sight_judge(&load, &text, &touch, 0, program, words);
}

static int setup(void **state)
{
	(void)state;
	memset(&bss, 0, sizeof(bss));
	load = (struct load){ .parts = { [LOAD_PART_KERNEL] = &skeleton } };
	return 0;
}

static void test_touched(void **state)
{
	(void)state;
	assert_int_equal(touched(PROGRAM_FLUSH_RANGE_EXIT, true), SIGHT_PROVED);
	assert_int_equal(touched(PROGRAM_FLUSH_RANGE_EXIT, false), SIGHT_BLIND);
	assert_int_equal(touched(PROGRAM_ZAP_INVALID_EXIT, false), SIGHT_BLIND);
	/* Of a routine that only a guest_memfd reaches it says nothing. */
	assert_int_equal(touched(PROGRAM_ZAP_VALID_EXIT, false), SIGHT_UNPROVEN);
}

/* v7 to v12: its pages go out by folio_zap_direct_map(), and in production nobody flushes them. */
static void test_by_folio(void **state)
{
	(void)state;
	load.secret_by_folio = true;
	assert_int_equal(touched(PROGRAM_FLUSH_RANGE_EXIT, true), SIGHT_PROVED);
	assert_int_equal(touched(PROGRAM_FLUSH_RANGE_ENTER, false), SIGHT_UNPROVEN);
	assert_int_equal(touched(PROGRAM_FLUSH_RANGE_EXIT, false), SIGHT_UNPROVEN);
	assert_int_equal(touched(PROGRAM_ZAP_INVALID_EXIT, false), SIGHT_UNPROVEN);
	/* They come back as they always did. */
	assert_int_equal(touched(PROGRAM_ZAP_DEFAULT_EXIT, false), SIGHT_BLIND);
}

/* A routine that KVM passed by, as its parameters say, is not seen, though its call is there. */
static void test_guest(void **state)
{
	struct touch touch = { .done = TOUCH_SECRET | TOUCH_GUEST };
	struct text text = {};
	char words[SIGHT_TEXT_LENGTH];

	(void)state;
	load.links[PROGRAM_GUEST_MAP_EXIT] = (struct bpf_link *)&skeleton;
	assert_int_equal(sight_judge(&load, &text, &touch, 0, PROGRAM_GUEST_MAP_EXIT, words),
			 SIGHT_UNPROVEN);
	assert_string_equal(words, "unproven: KVM entered a page, and by another routine");
	touch.done = TOUCH_SECRET;
	snprintf(touch.guest, sizeof(touch.guest), "KVM_CREATE_VCPU: no");
	assert_int_equal(sight_judge(&load, &text, &touch, 0, PROGRAM_GUEST_MAP_EXIT, words),
			 SIGHT_UNPROVEN);
	assert_string_equal(words, "unproven: KVM_CREATE_VCPU: no");
	bss.sight[PROGRAM_GUEST_MAP_EXIT] = 1;
	assert_int_equal(sight_judge(&load, &text, &touch, 0, PROGRAM_GUEST_MAP_EXIT, words),
			 SIGHT_PROVED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_touched, setup),
		cmocka_unit_test_setup(test_by_folio, setup),
		cmocka_unit_test_setup(test_guest, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
