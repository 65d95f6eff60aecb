// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sensor/sight.h"

/* Where pages are of one folio, or of many, or not changed at all: not the same routines. */
#define TOUCH_SURE (TOUCH_SECRET | TOUCH_GMEM)
#define FTRACE_ENABLED "/proc/sys/kernel/ftrace_enabled"

bool sight_is_off(void)
{
	FILE *file = fopen(FTRACE_ENABLED, "re");
	int enabled = 1;

	if (!file)
		return false;
	if (fscanf(file, "%d", &enabled) != 1)
		enabled = 1;
	fclose(file);
	return !enabled;
}

int sight_check(struct sensor_failure *failure)
{
	if (!sight_is_off())
		return 0;
	return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, -EPERM,
			   "kernel.ftrace_enabled is 0: hooks attach and never fire; set it to 1 "
			   "(sysctl kernel.ftrace_enabled=1)");
}

/* Why no touch has reached a program that one could reach. */
static const char *touch_reason(const struct touch *touch, uint32_t steps)
{
	if (steps & TOUCH_SECRET)
		return touch->secret;
	if (steps & TOUCH_GUEST)
		return steps & touch->done ? "KVM entered a page, and by another routine"
					   : touch->guest;
	if (touch->gmem[0])
		return touch->gmem;
	return steps & touch->done ? "a touch of a guest_memfd did not reach it"
				   : "no guest_memfd here can leave the direct map";
}

/* Whether the hook's call stands at the begin of the routine. */
static bool sight_in_text(const struct load *load, const struct text *text, const char *target)
{
	struct text_args args = { .address = target ? text_address(text, target) : 0 };

	if (!args.address ||
	    load_run(load, LOAD_PART_KERNEL, LOAD_CALL_TEXT_READ, &args, sizeof(args)) ||
	    args.result)
		return false;
	return text_is_hooked(args.bytes);
}

static void sight_say_unproven(const struct load_program *program, const struct touch *touch,
			       int error, char words[SIGHT_TEXT_LENGTH])
{
	if (error)
		snprintf(words, SIGHT_TEXT_LENGTH, "unproven: no touch of it has ended: %s",
			 strerror(-error));
	else if (program->touch)
		snprintf(words, SIGHT_TEXT_LENGTH, "unproven: %s",
			 touch_reason(touch, program->touch));
	else
		snprintf(words, SIGHT_TEXT_LENGTH,
			 "unproven: no touch of the tool's own reaches %s",
			 program->target ? program->target : program->name);
}

/*
 * From v7 on memfd_secret's pages go by folio_zap_direct_map(): by another routine than they did,
 * and in production without a flush.
 */
static bool secret_goes_around(const struct load *load, const struct load_program *program)
{
	return load->secret_by_folio && program->touch == TOUCH_SECRET && program->target &&
	       (!strcmp(program->target, "set_direct_map_invalid_noflush") ||
		!strcmp(program->target, "flush_tlb_kernel_range"));
}

enum sight_state sight_judge(const struct load *load, const struct text *text,
			     const struct touch *touch, int error, size_t index,
			     char words[SIGHT_TEXT_LENGTH])
{
	const struct load_program *program = &load_programs[index];

	if (!load->links[index])
		return SIGHT_UNHOOKED;
	if (load_sight(load, index)) {
		snprintf(words, SIGHT_TEXT_LENGTH, "proved");
		return SIGHT_PROVED;
	}
	if (program->touch & touch->done & TOUCH_SURE && !secret_goes_around(load, program)) {
		snprintf(words, SIGHT_TEXT_LENGTH,
			 "unproven: a touch of the tool's own did not make it fire");
		return SIGHT_BLIND;
	}
	/* Whether KVM goes by the hooked routine is its parameters' to say: one that was passed by is none. */
	if (touch->done && !(program->touch & touch->done & TOUCH_GUEST) &&
	    sight_in_text(load, text, program->target)) {
		snprintf(words, SIGHT_TEXT_LENGTH,
			 "in the kernel's text, as those that have fired; no touch reaches it");
		return SIGHT_IN_TEXT;
	}
	sight_say_unproven(program, touch, error, words);
	return SIGHT_UNPROVEN;
}
