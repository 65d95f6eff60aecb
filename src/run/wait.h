/* SPDX-License-Identifier: GPL-2.0 */
/* Where in the kernel a task is, as /proc tells: for requests that do not end. */
#ifndef GMEMTRACE_RUN_WAIT_H
#define GMEMTRACE_RUN_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define WAIT_TEXT_MAX 900

/*
 * "sleeps in mutex_lock < kvm_gmem_release < __fput", names only; "runs". false: the task has
 * gone. The names take privilege: without it there is at most one.
 */
bool wait_describe(pid_t pid, pid_t tid, char *text, size_t size);

/*
 * The other threads of @pid that are at work in the kernel, or wait there for more than a wakeup:
 * "124 (vmm) runs; 125 (vmm) sleeps in ...". Empty where there is none.
 */
void wait_describe_others(pid_t pid, pid_t tid, char *text, size_t size);

#endif
