// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's table of symbols, as /proc/kallsyms has it, which with kptr_restrict=2 shows no address to anybody.
 * Whoever may load this may read the kernel's memory, and so that table.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "GPL";

struct kallsym_iter___listed {
	unsigned long value;
	char type;
	char name[1]; /* longer, and where it lies is all that is taken from here */
	char module_name[1];
} __attribute__((preserve_access_index));

struct bpf_iter_meta___seq {
	struct seq_file *seq;
} __attribute__((preserve_access_index));

struct bpf_iter__ksym___listed {
	struct bpf_iter_meta___seq *meta;
	struct kallsym_iter___listed *ksym;
} __attribute__((preserve_access_index));

SEC("iter/ksym")
int symbols_list(struct bpf_iter__ksym___listed *ctx)
{
	const struct kallsym_iter___listed *symbol = ctx->ksym;
	struct seq_file *seq = ctx->meta->seq;

	if (!symbol)
		return 0;
	if (symbol->module_name[0])
		BPF_SEQ_PRINTF(seq, "%llx %c %s\t[%s]\n", symbol->value, symbol->type, symbol->name,
			       symbol->module_name);
	else
		BPF_SEQ_PRINTF(seq, "%llx %c %s\n", symbol->value, symbol->type, symbol->name);
	return 0;
}
