/* SPDX-License-Identifier: GPL-2.0 */
/* The C library's allocations, of which one fails. The sanitizers have taken them over already. */
#ifndef GMEMTRACE_TESTS_ALLOCATION_H
#define GMEMTRACE_TESTS_ALLOCATION_H

#include <stdbool.h>
#include <stddef.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t nr, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

static unsigned long allocations, fail_at; /* 0: none fails */
static bool counting, failed, fail_on;

static bool allocation_fails(void)
{
	if (!counting)
		return false;
	allocations++;
	if (!fail_at || allocations < fail_at || (allocations > fail_at && !fail_on))
		return false;
	failed = true;
	return true;
}

void *malloc(size_t size)
{
	return allocation_fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t nr, size_t size)
{
	return allocation_fails() ? NULL : __libc_calloc(nr, size);
}

void *realloc(void *memory, size_t size)
{
	return allocation_fails() ? NULL : __libc_realloc(memory, size);
}

#endif
