// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the kernel variables that the sensors take as constants. An object of
 * its own: it must run before the others can be loaded.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "interface.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline long variable_read(void *value, __u32 size, __u64 address)
{
	return address ? bpf_probe_read_kernel(value, size, (void *)address) : 0;
}

SEC("syscall")
int facts_read(struct facts_args *args)
{
	struct facts_args facts = *args;
	__u32 pgdir_shift = 0, secretmem_users = 0;
	__u8 debug_pagealloc = 0;
	long error;

	error = variable_read(&facts.page_offset, 8, facts.page_offset_base);
	error |= variable_read(&facts.vmemmap, 8, facts.vmemmap_base);
	error |= variable_read(&pgdir_shift, 4, facts.pgdir_shift);
	error |= variable_read(&facts.sme_mask, 8, facts.sme_me_mask);
	error |= variable_read(&facts.flush_ceiling_pages, 8, facts.flush_ceiling);
	error |= variable_read(&facts.max_pfn_value, 8, facts.max_pfn);
	error |= variable_read(&facts.init_pgd, 8,
			       facts.init_mm + bpf_core_field_offset(struct mm_struct, pgd));
	error |= variable_read(&secretmem_users, 4, facts.secretmem_users);
	error |= variable_read(&facts.kfence_pool_value, 8, facts.kfence_pool);
	error |= variable_read(&debug_pagealloc, 1, facts.debug_pagealloc);
	error |= variable_read(&facts.vmalloc_base_value, 8, facts.vmalloc_base);
	error |= variable_read(&facts.pte_mask_value, 8, facts.pte_mask);
	facts.debug_pagealloc_value = debug_pagealloc;
	facts.secretmem_users_value = secretmem_users;
	facts.pgdir_shift_value = pgdir_shift;
	facts.result = error;
	*args = facts;
	return 0;
}
