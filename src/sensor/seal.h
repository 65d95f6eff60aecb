/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sealing: a record as BPF wrote it becomes one that may be stored. Pointers
 * to inodes become numbers, struct pages and addresses become pfns, a block of
 * a snapshot becomes runs of like pages. No kernel address gets past here.
 */
#ifndef GMEMTRACE_SENSOR_SEAL_H
#define GMEMTRACE_SENSOR_SEAL_H

#include "bpf/interface.h"
#include "sensor/sensor.h"

struct seal_inode {
	uint64_t pointer; /* struct inode *; 0: free entry */
	uint64_t i_ino;
	uint64_t number;
	uint64_t died; /* ns: end of its release; 0: alive */
	struct record_inode record; /* as last handed out */
};

/* Asks the kernel what the inode at identity->inode is. Returns 0 or -errno. */
typedef int (*seal_identify)(void *context, struct identify_args *identity);

/* The record_stack.id of the stack that the kernel's map numbers @number; 0: it cannot be told. */
typedef uint32_t (*seal_stack)(void *context, uint32_t number);

/* The names of @addresses in @text, "" where there are none; see stacks_caller(). */
typedef void (*seal_caller)(void *context, const __u64 addresses[RECORD_CALLER_FRAMES_NR],
			    char text[RECORD_CALLER_TEXT_MAX]);

struct seal {
	const struct sensor_config *config;
	sensor_sink sink;
	void *context;
	seal_identify identify;
	void *identify_context;
	seal_stack stack; /* NULL: stacks are off */
	seal_caller caller; /* NULL: nobody is told */
	void *stack_context;
	struct seal_inode *inodes; /* open addressing by pointer and i_ino */
	size_t inodes_nr; /* a power of two */
	size_t inodes_used;
	size_t inodes_dead;
	uint32_t *places; /* open addressing by number, as many: index of its entry + 1, 0: free */
	size_t places_used; /* those whose number has gone among them */
	uint64_t next_number;
	uint64_t *vms; /* struct kvm *, by number - 1 */
	size_t vms_nr, vms_room;
};

int seal_init(struct seal *seal, const struct sensor_config *config);
void seal_destroy(struct seal *seal);

/* Takes one record of the ring, hands on none, one or several sealed ones. */
void seal_record(struct seal *seal, const struct record_header *raw);

/* Inodes that died before @time may be forgotten: every record from then has been sealed. */
void seal_forget(struct seal *seal, uint64_t time);

/* The living inode numbered @number, or NULL. */
const struct seal_inode *seal_find(const struct seal *seal, uint64_t number);

/* The number of the inode at @pointer with @i_ino, 0 where it is none of ours. */
uint64_t seal_number(struct seal *seal, uint64_t pointer, uint64_t i_ino);

#endif
