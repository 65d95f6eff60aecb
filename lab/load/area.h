/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VMs with private memory. A VM has areas; an area is a stretch of guest physical memory of four
 * adjacent slots over three guest_memfd inodes, with a vCPU of its own:
 *
 *   page 0 ...       region 0: inode 0 (KVM_GMEM_NO_DIRECT_MAP), bound behind region 1's part
 *   then             region 1: inode 0, bound at AREA_GAP
 *   then             region 2: inode 1, no flag
 *   then             region 3: inode 2 (KVM_GMEM_DIRECT_MAP_DYNAMIC), bound at AREA_GAP
 *
 * so a range across an area spans slots and inodes, and no slot begins where its inode does.
 * Pages are counted from the area's first. Functions return a load_status and have printed why they failed.
 */
#ifndef LOAD_AREA_H
#define LOAD_AREA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest.h"
#include "load.h"

#define AREA_REGIONS 4
#define AREA_INODES 3
/* Pages of an inode before, between and behind the bound ranges, which no guest reaches. */
#define AREA_GAP 8
#define AREA_PAGES_MIN 4
/* Guest physical addresses of areas; the local APIC's is above. */
#define AREA_GPA_BEGIN 0x10000000UL
#define AREA_GPA_END 0xc0000000UL

/* Bytes from one word to the next that is written and verified; divides a page. */
#define AREA_STRIDE 512
/* A check of more pages than this reads all of the first and the last, and about so many between. */
#define AREA_SAMPLE 32

struct vm {
	int fd;
	char *boot; /* the program and the mailboxes, shared with the guest */
	unsigned int slots;
	uint64_t gpa_next;
	unsigned int vcpus;
	bool marks_folios; /* the other design: one flag, a bit in each folio, no ioctl */
};

struct region {
	uint64_t first; /* page of the area */
	uint64_t pages;
	unsigned int slot;
	unsigned int inode; /* index into area.fds */
	uint64_t offset; /* pages from the inode's first to where the slot is bound */
	char *shared; /* the memory of the same pages when they are shared */
};

struct area {
	struct vm *vm;
	uint64_t gpa;
	uint64_t pages; /* of all regions */
	int fds[AREA_INODES];
	struct region regions[AREA_REGIONS];
	int vcpu_fd;
	struct kvm_run *run;
	size_t run_size;
	volatile struct guest_mailbox *mailbox;
	/* What is expected of each page, while only one thread acts on the area. */
	uint8_t *is_private;
	uint8_t *is_written; /* its private page holds private_key's values, else it is zero */
	uint32_t private_key, shared_key;
	struct load_random random;
	/* Other threads act on this area too: nothing is known of a page but what both its sides may
	 * hold, and a vCPU stopped by a race is started again. */
	bool contested;
};

/* A range of pages of one region. */
struct piece {
	const struct region *region;
	uint64_t first; /* page of the area */
	uint64_t count;
};

/* Whether this machine can run the scenarios at all. */
int vm_probe(void);

int vm_create(struct vm *vm);
/* Of another type than the others: KVM_X86_*_VM. */
int vm_create_of(struct vm *vm, unsigned long type);
void vm_destroy(struct vm *vm);

/*
 * pages: of the first inode; the others have a quarter. seed: of its keys and random numbers.
 * All pages begin shared, with shared_key's values in them. The slots are not bound yet.
 */
int area_create(struct area *area, struct vm *vm, uint64_t pages, uint64_t seed);
int area_bind(struct area *area);
/* The VM may be gone by then. */
void area_destroy(struct area *area);
/* Pages of an area whose first inode has `pages`. */
uint64_t area_total_pages(uint64_t pages);

bool region_is_flagged(const struct region *region);
const struct region *area_region_at(const struct area *area, uint64_t page);
/* The part of [first, first + count) in the region of `first`. */
struct piece area_piece(const struct area *area, uint64_t first, uint64_t count);

/* KVM_SET_MEMORY_ATTRIBUTES */
int area_convert(struct area *area, uint64_t first, uint64_t count, bool private);
/* KVM_PRE_FAULT_MEMORY: resident and prepared without the guest. */
int area_prefault(struct area *area, uint64_t first, uint64_t count);
/* fallocate with or without FALLOC_FL_PUNCH_HOLE */
int area_punch(struct area *area, uint64_t first, uint64_t count);
int area_allocate(struct area *area, uint64_t first, uint64_t count);
/* KVM_GMEM_SET_DIRECT_MAP on flagged inodes, where there is one; leaves the others alone. */
int area_set_direct_map(struct area *area, uint64_t first, uint64_t count, bool present);

/* fallocate of pages that no slot reaches: resident, never prepared. */
int area_allocate_gap(struct area *area);

/* The vCPU writes to private pages: private_key's values. */
int area_guest_write(struct area *area, uint64_t first, uint64_t count);
/* The vCPU reads all of the range and finds zeros only. */
int area_guest_verify_zero(struct area *area, uint64_t first, uint64_t count);
/* The vCPU reads a sample of the range and finds what is expected of each page, of both kinds. */
int area_check(struct area *area, uint64_t first, uint64_t count);
/* Every page of the area, by the vCPU. */
int area_check_all(struct area *area);
/* We read the shared side of all of the area. */
int area_host_check(struct area *area);

#endif
