/* SPDX-License-Identifier: GPL-2.0 */
/* A VM with private memory to measure on: one slot of one guest_memfd, at 4 GiB. */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clocks.h"
#include "kernel/kvm_uapi.h"

struct memory {
	int vm;
	int memory;
	int vcpu; /* -1 until a fault is asked for */
	size_t pages;
};

/* All of these end the program where the kernel refuses: what was measured then is not what was meant. */
_Noreturn void bench_die(const char *what);

/* flags: KVM_GMEM_NO_DIRECT_MAP, KVM_GMEM_DIRECT_MAP_DYNAMIC or 0. */
struct memory memory_create(size_t pages, uint64_t flags);

/* The slot again, without attributes changed; returns its ns. memory_create() has done it once. */
uint64_t memory_bind(const struct memory *memory);

/* Deletes the slot. */
void memory_unbind(const struct memory *memory);

/* Closes what it has of file descriptors. */
void memory_close(struct memory *memory);

/* fallocate() of all pages; returns its ns. */
uint64_t memory_populate(const struct memory *memory);

/* A hole of all pages; returns its ns. */
uint64_t memory_punch(const struct memory *memory);

/* KVM_GMEM_SET_DIRECT_MAP of all pages. */
void memory_declare(const struct memory *memory, bool present);

/* KVM_SET_MEMORY_ATTRIBUTES; returns its ns. */
uint64_t memory_convert(const struct memory *memory, size_t first, size_t nr, bool private);

/* KVM_PRE_FAULT_MEMORY of all pages, one by one inside of one call, which must be private; returns its ns. */
uint64_t memory_fault(struct memory *memory);

/*
 * KVM_PRE_FAULT_MEMORY of single pages, all of them, in an order that has no two neighbours follow
 * each other, from nr <= 64 threads; pages and nr are powers of two. vcpus: nr of them, -1 for those
 * that are to be made. Returns its ns.
 */
uint64_t memory_fault_randomly(const struct memory *memory, int *vcpus, unsigned int nr);

/* "WHAT VALUE": ns, a page. */
void print_per_page(const char *what, uint64_t ns, size_t pages);

#endif
