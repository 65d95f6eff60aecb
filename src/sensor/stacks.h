/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stacks as text: names are found when one is first seen, so that an unfinished
 * capture has them, and no address is stored.
 */
#ifndef GMEMTRACE_SENSOR_STACKS_H
#define GMEMTRACE_SENSOR_STACKS_H

#include "bpf/interface.h"
#include "sensor/sensor.h"
#include "sensor/symbol.h"

/* Bytes of a stack's text at most; what is farther out is cut off. */
#define STACKS_TEXT_MAX 2048

struct stacks {
	int map; /* of BPF_MAP_TYPE_STACK_TRACE; -1: stacks are off */
	sensor_sink sink;
	void *context;
	struct symbols symbols;
	uint64_t now; /* ns: when the stack that is being named was met */
	uint32_t ids[STACKS_NR]; /* record_stack.id by the map's number, 0: not seen yet */
	struct record_stack **told; /* by id - 1, for clients that come later */
	uint32_t told_nr, told_room;
};

void stacks_init(struct stacks *stacks, int map, sensor_sink sink, void *context);
void stacks_close(struct stacks *stacks);

/* The id of the stack that the map numbers @number; 0: it cannot be told. */
uint32_t stacks_id(struct stacks *stacks, uint32_t number);

/*
 * @addresses, the innermost first and ended by 0 or @nr, as text, the outermost
 * first. The sensors' own frames are left out, and where a CPU was interrupted to
 * flush all that did so: what is left is what the interrupt met.
 */
void stacks_words(struct stacks *stacks, const uint64_t *addresses, size_t nr,
		  char text[STACKS_TEXT_MAX]);

/*
 * The same of @addresses, of which what lies farther out than fits is left out whole. Needs no map.
 */
void stacks_caller(struct stacks *stacks, const __u64 addresses[RECORD_CALLER_FRAMES_NR],
		   char text[RECORD_CALLER_TEXT_MAX]);

/* Every stack told so far, to a client that comes late. */
void stacks_announce(const struct stacks *stacks, sensor_sink sink, void *context);

#endif
