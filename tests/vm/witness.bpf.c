// SPDX-License-Identifier: GPL-2.0
/* When each flush of kernel mappings by tasks of one name begins and ends, by programs that know nothing of ours. */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "witness.h"

char LICENSE[] SEC("license") = "GPL";

const volatile char name[WITNESS_NAME_BYTES] = "";

unsigned long times;
struct witness_flush flushes[WITNESS_FLUSHES_MAX];

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} begun SEC(".maps");

static bool name_is(void)
{
	char comm[WITNESS_NAME_BYTES] = "";

	bpf_get_current_comm(comm, sizeof(comm));
	for (int i = 0; i < WITNESS_NAME_BYTES; i++) {
		if (comm[i] != name[i])
			return false;
		if (!comm[i])
			break;
	}
	return true;
}

static int flush_begins(void)
{
	__u32 thread = bpf_get_current_pid_tgid();
	__u64 now = bpf_ktime_get_ns();

	if (name_is())
		bpf_map_update_elem(&begun, &thread, &now, BPF_ANY);
	return 0;
}

static int flush_ends(void)
{
	__u64 now = bpf_ktime_get_ns(), *begin, at;
	__u32 thread = bpf_get_current_pid_tgid();

	begin = bpf_map_lookup_elem(&begun, &thread);
	if (!begin)
		return 0;
	at = __sync_fetch_and_add(&times, 1);
	if (at < WITNESS_FLUSHES_MAX) {
		flushes[at].begin = *begin;
		flushes[at].end = now;
	}
	bpf_map_delete_elem(&begun, &thread);
	return 0;
}

SEC("fentry/flush_tlb_kernel_range")
int BPF_PROG(range_begins)
{
	return flush_begins();
}

SEC("fexit/flush_tlb_kernel_range")
int BPF_PROG(range_ends)
{
	return flush_ends();
}

SEC("fentry/flush_tlb_all")
int BPF_PROG(all_begins)
{
	return flush_begins();
}

SEC("fexit/flush_tlb_all")
int BPF_PROG(all_ends)
{
	return flush_ends();
}
