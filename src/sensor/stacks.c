// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include "sensor/stacks.h"

#define OWN_FRAMES_MAX 16 /* program, trampoline, tracepoint, interrupt */
#define PROGRAM_FRAMES_MAX 3 /* behind its first: one more of it, its trampoline, the routine */

void stacks_init(struct stacks *stacks, int map, sensor_sink sink, void *context)
{
	stacks->map = map;
	stacks->sink = sink;
	stacks->context = context;
}

void stacks_close(struct stacks *stacks)
{
	for (uint32_t i = 0; i < stacks->told_nr; i++)
		free(stacks->told[i]);
	free(stacks->told);
	symbols_close(&stacks->symbols);
	memset(stacks, 0, sizeof(*stacks));
	stacks->map = -1;
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
}

/* Return addresses may lie behind a routine's last instruction. */
static const char *frame_name(struct stacks *stacks, uint64_t address)
{
	const struct symbol *symbol = symbols_look(&stacks->symbols, address - 1, stacks->now);

	return symbol ? symbols_name(&stacks->symbols, symbol) : "[unknown]";
}

static bool begins(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

/* The routine at whose entry our program @name takes stacks; NULL: it is none of these. */
static const char *program_routine(const char *name)
{
	if (!begins(name, "bpf_prog_"))
		return NULL;
	if (strstr(name, "_flush_range_enter"))
		return "flush_tlb_kernel_range";
	if (strstr(name, "_flush_all_enter"))
		return "flush_tlb_all";
	return NULL;
}

/*
 * How many frames belong to our program at @at, which @routine's entry called: it, what else of ours
 * reads as it because its own name is younger, and the trampoline, however that is named. From 7.3
 * on the routine itself has no frame when it is entered: then it is left in *@routine.
 */
static size_t frames_of_program(struct stacks *stacks, const uint64_t *addresses, size_t nr,
				size_t at, const char **routine)
{
	for (size_t i = at + 1; i < nr && i <= at + PROGRAM_FRAMES_MAX; i++) {
		if (begins(frame_name(stacks, addresses[i]), "flush_tlb_"))
			return i;
	}
	*routine = program_routine(frame_name(stacks, addresses[at]));
	return at + 2 < nr ? at + 2 : nr;
}

/*
 * How many of the innermost are not the story's: of the sensors inside the
 * traced routine, or of the interrupt (or the idle loop) that had a CPU flush.
 * @routine: the traced one where it is not in @addresses, else NULL.
 */
static size_t frames_own(struct stacks *stacks, const uint64_t *addresses, size_t nr,
			 const char **routine)
{
	size_t queue = 0, sensors = 0;

	*routine = NULL;
	for (size_t i = 0; i < nr && i < OWN_FRAMES_MAX; i++) {
		const char *name = frame_name(stacks, addresses[i]);

		if (program_routine(name))
			return frames_of_program(stacks, addresses, nr, i, routine);
		if (begins(name, "flush_tlb_"))
			return i;
		if (begins(name, "asm_sysvec_"))
			return i + 1;
		if (begins(name, "__flush_smp_call_function_queue"))
			queue = i + 1;
		/* Our programs' names may be younger than what was read. */
		if (begins(name, "bpf_") && sensors == i)
			sensors = i + 1;
	}
	return queue ? queue : sensors;
}

/*
 * The trampoline of a hook at @at. Its name may be younger than what we read:
 * then it reads as whatever of modules or BPF lies before it, between two frames
 * of the hooked routine.
 */
static bool frame_is_trampoline(struct stacks *stacks, const uint64_t *addresses, size_t at,
				size_t nr, const char *last)
{
	const char *name = frame_name(stacks, addresses[at]);

	if (begins(name, "bpf_trampoline_"))
		return true;
	return *name && name[strlen(name) - 1] == ']' && *last && at + 1 < nr &&
	       !strcmp(frame_name(stacks, addresses[at + 1]), last);
}

/* Filled from its end, the innermost frame first. */
struct words {
	char *text;
	size_t left, end;
};

/* Whether there was room. */
static bool words_add(struct words *words, const char *name)
{
	size_t length = strlen(name), bytes = length + (words->left < words->end);

	if (bytes > words->left)
		return false;
	words->left -= bytes;
	if (bytes > length)
		words->text[words->left + length] = ';';
	memcpy(words->text + words->left, name, length);
	return true;
}

/* Outermost frames are cut where there is no room. */
void stacks_words(struct stacks *stacks, const uint64_t *addresses, size_t nr,
		  char text[STACKS_TEXT_MAX])
{
	struct words words = { text, STACKS_TEXT_MAX - 1, STACKS_TEXT_MAX - 1 };
	const char *last = "", *routine;
	bool hooked = false;
	size_t length = 0;

	/* Names are read anew here or not at all: those below stay where they are. */
	stacks->now = now();
	for (; length < nr && addresses[length]; length++)
		(void)frame_name(stacks, addresses[length]);
	text[words.end] = '\0';
	for (size_t i = frames_own(stacks, addresses, length, &routine); i < length; i++) {
		const char *name = frame_name(stacks, addresses[i]);

		if (routine && words.left == words.end)
			words_add(&words, routine);
		/* A routine that is hooked stands on both sides of its trampoline. */
		if (frame_is_trampoline(stacks, addresses, i, length, last)) {
			hooked = true;
			continue;
		}
		if (hooked && !strcmp(name, last))
			continue;
		if (!words_add(&words, name))
			break;
		hooked = false;
		last = name;
	}
	memmove(text, text + words.left, STACKS_TEXT_MAX - words.left);
	if (!*text && length)
		strcpy(text, "[user_space]");
}

void stacks_caller(struct stacks *stacks, const __u64 addresses[RECORD_CALLER_FRAMES_NR],
		   char text[RECORD_CALLER_TEXT_MAX])
{
	uint64_t copy[RECORD_CALLER_FRAMES_NR];
	char whole[STACKS_TEXT_MAX], *inner = whole;
	size_t length;

	for (size_t i = 0; i < RECORD_CALLER_FRAMES_NR; i++)
		copy[i] = addresses[i];
	stacks_words(stacks, copy, RECORD_CALLER_FRAMES_NR, whole);
	while ((length = strlen(inner)) >= RECORD_CALLER_TEXT_MAX) {
		char *next = strchr(inner, ';');

		inner = next ? next + 1 : inner + length;
	}
	memcpy(text, inner, length + 1);
}

static bool told_grow(struct stacks *stacks)
{
	uint32_t room = stacks->told_room ? stacks->told_room * 2 : 256;
	struct record_stack **told;

	if (stacks->told_nr < stacks->told_room)
		return true;
	told = realloc(stacks->told, room * sizeof(struct record_stack *));
	if (!told)
		return false;
	stacks->told = told;
	stacks->told_room = room;
	return true;
}

/* Says @text for the first time. Its id, 0 where memory is short. */
static uint32_t stack_tell(struct stacks *stacks, const char *text)
{
	size_t length = strlen(text) + 1, size = (sizeof(struct record_stack) + length + 7) & ~7UL;
	struct record_stack *stack;

	if (!told_grow(stacks))
		return 0;
	stack = calloc(1, size);
	if (!stack)
		return 0;
	stack->header.kind = RECORD_STACK;
	stack->header.size = (uint16_t)size;
	stack->header.time = now();
	stack->id = stacks->told_nr + 1;
	stack->length = (uint32_t)length;
	memcpy(stack->text, text, length);
	stacks->told[stacks->told_nr++] = stack;
	stacks->sink(stacks->context, &stack->header);
	return stack->id;
}

uint32_t stacks_id(struct stacks *stacks, uint32_t number)
{
	uint64_t addresses[STACK_FRAMES_MAX] = {};
	char text[STACKS_TEXT_MAX];

	if (stacks->map < 0 || number >= STACKS_NR)
		return 0;
	if (stacks->ids[number])
		return stacks->ids[number];
	if (bpf_map_lookup_elem(stacks->map, &number, addresses))
		return 0;
	stacks_words(stacks, addresses, STACK_FRAMES_MAX, text);
	if (*text)
		stacks->ids[number] = stack_tell(stacks, text);
	return stacks->ids[number];
}

void stacks_announce(const struct stacks *stacks, sensor_sink sink, void *context)
{
	for (uint32_t i = 0; i < stacks->told_nr; i++)
		sink(context, &stacks->told[i]->header);
}
