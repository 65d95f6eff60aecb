/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Atomic operations that BPF programs and user space both have, so that the
 * protocols of ring.h and begin_slot.h are one text for the sensors, their reader and
 * the unit test that runs them under a race detector.
 */
#ifndef GMEMTRACE_BPF_ATOMIC_H
#define GMEMTRACE_BPF_ATOMIC_H

#ifdef __bpf__

/* Keeps clang from making a flag of a comparison first. */
#define atomic_opaque(value) asm volatile("" : "+r"(value))

#define atomic_read(pointer) (*(const volatile __u64 *)(pointer))
#define atomic_write(pointer, value) (*(volatile __u64 *)(pointer) = (value))
#define atomic_add(pointer, value) __sync_fetch_and_add(pointer, value)
#define atomic_exchange(pointer, value) __sync_lock_test_and_set(pointer, value)
#define atomic_compare_exchange(pointer, old, new) __sync_val_compare_and_swap(pointer, old, new)

#ifdef __TARGET_ARCH_x86
/* x86 keeps loads in order, and stores: the compiler must as well. */
#define atomic_read_acquire(pointer)                                                               \
	({                                                                                         \
		__u64 __value = atomic_read(pointer);                                              \
		barrier();                                                                         \
		__value;                                                                           \
	})
#define atomic_write_release(pointer, value)                                                       \
	({                                                                                         \
		barrier();                                                                         \
		atomic_write(pointer, value);                                                      \
	})
#else
/* BPF has no weaker barrier than an atomic operation that returns the old value. */
#define atomic_read_acquire(pointer) atomic_add(pointer, 0)
#define atomic_write_release(pointer, value) ((void)atomic_exchange(pointer, value))
#endif

#else /* user space */

#include <stdbool.h>
#include <stddef.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
/* A test lets something happen before each operation. */
#ifndef ATOMIC_STEP
#define ATOMIC_STEP() ((void)0)
#endif

#define atomic_opaque(value) ((void)(value))

#define atomic_read(pointer) (ATOMIC_STEP(), __atomic_load_n(pointer, __ATOMIC_RELAXED))
#define atomic_write(pointer, value)                                                               \
	(ATOMIC_STEP(), __atomic_store_n(pointer, value, __ATOMIC_RELAXED))
#define atomic_read_acquire(pointer) (ATOMIC_STEP(), __atomic_load_n(pointer, __ATOMIC_ACQUIRE))
#define atomic_write_release(pointer, value)                                                       \
	(ATOMIC_STEP(), __atomic_store_n(pointer, value, __ATOMIC_RELEASE))
#define atomic_add(pointer, value)                                                                 \
	(ATOMIC_STEP(), __atomic_fetch_add(pointer, value, __ATOMIC_ACQ_REL))
#define atomic_exchange(pointer, value)                                                            \
	(ATOMIC_STEP(), __atomic_exchange_n(pointer, value, __ATOMIC_ACQ_REL))
#define atomic_compare_exchange(pointer, old, new)                                                 \
	(ATOMIC_STEP(), __sync_val_compare_and_swap(pointer, old, new))

#endif

#endif
