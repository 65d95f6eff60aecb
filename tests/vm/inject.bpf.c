// SPDX-License-Identifier: GPL-2.0
/*
 * Makes set_direct_map_valid_noflush() fail where it makes pages absent, in threads that may fail
 * (/proc/thread-self/make-it-fail), once a system call at most: what undoes a failed change zaps
 * too where pages were absent before, and has nobody to report a failure to.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define ENOMEM 12

char LICENSE[] SEC("license") = "GPL";

/* Of so many calls one fails. */
const volatile unsigned int one_in = 16;

unsigned long calls, failed;

/* Threads whose system call has had its failure, by thread id. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, bool);
} served SEC(".maps");

/* Not in our vmlinux.h: CONFIG_FAULT_INJECTION. */
struct task_struct___faults {
	int make_it_fail;
} __attribute__((preserve_access_index));

static void forget(void)
{
	__u32 thread = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&served, &thread);
}

SEC("fentry/__x64_sys_ioctl")
int BPF_PROG(ioctl_begins)
{
	forget();
	return 0;
}

SEC("fentry/vfs_fallocate")
int BPF_PROG(fallocate_begins)
{
	forget();
	return 0;
}

SEC("fmod_ret/set_direct_map_valid_noflush")
int BPF_PROG(zap_fails, struct page *page, unsigned int nr, bool valid, int ret)
{
	struct task_struct___faults *task = (void *)bpf_get_current_task_btf();
	__u32 thread = bpf_get_current_pid_tgid();
	bool yes = true;

	if (ret || valid || !BPF_CORE_READ(task, make_it_fail))
		return ret;
	__sync_fetch_and_add(&calls, 1);
	if (bpf_get_prandom_u32() % one_in || bpf_map_lookup_elem(&served, &thread))
		return 0;
	if (bpf_map_update_elem(&served, &thread, &yes, BPF_ANY))
		return 0;
	__sync_fetch_and_add(&failed, 1);
	return -ENOMEM;
}
