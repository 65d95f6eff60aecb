// SPDX-License-Identifier: GPL-2.0
/*
 * As many programs as the verdict's sensors have on a change and its flush, and those of answers on a CPU that asks
 * others and on one that is asked, at the same hooks: they do nothing.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("fexit/set_direct_map_invalid_noflush")
int zap_exit(const void *ctx)
{
	(void)ctx;
	return 0;
}

SEC("fentry/flush_tlb_kernel_range")
int flush_enter(const void *ctx)
{
	(void)ctx;
	return 0;
}

SEC("fexit/flush_tlb_kernel_range")
int flush_exit(const void *ctx)
{
	(void)ctx;
	return 0;
}

SEC("fentry/smp_call_function_many_cond")
int csd_queued(const void *ctx)
{
	(void)ctx;
	return 0;
}

SEC("raw_tp/csd_function_exit")
int csd_left(const void *ctx)
{
	(void)ctx;
	return 0;
}
