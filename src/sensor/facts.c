// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel variables as constants: the facts program reads them once, before the
 * sensors are loaded with them.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "facts.skel.h"
#include "sensor/kernel.h"
#include "sensor/refusal.h"
#include "sensor/x86.h"

#define PAGE_SHIFT 12
#define PGDIR_SHIFT_FIVE_LEVELS 48

static int facts_run(struct facts_args *args, struct sensor_failure *failure)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = args, .ctx_size_in = sizeof(*args));
	struct facts_bpf *skeleton;
	char text[SENSOR_MESSAGE_LENGTH];
	int error;

	refusal_reset();
	skeleton = facts_bpf__open_and_load();
	if (!skeleton) {
		error = -errno;
		refusal_words(refusal_last(), "a BPF program", NULL, error, text, sizeof(text));
		return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, error, "%s", text);
	}
	error = bpf_prog_test_run_opts(bpf_program__fd(skeleton->progs.facts_read), &options);
	facts_bpf__destroy(skeleton);
	if (error)
		return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, error,
				   "cannot run a BPF program: %s", refusal_error_text(-error));
	if (args->result || !args->init_pgd)
		return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, -EFAULT,
				   "cannot read the kernel's variables: is this an x86-64 kernel "
				   "with the addresses that its /proc/kallsyms shows?");
	return 0;
}

/* Whether /proc/cpuinfo has this flag: what the CPU can do, and the kernel has not turned off. */
static bool cpu_has(const char *flag)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	size_t room = 0;
	char *line = NULL, *rest, *word;
	bool found = false;

	while (file && !found && getline(&line, &room, file) > 0) {
		if (strncmp(line, "flags", strlen("flags")) != 0)
			continue;
		rest = line;
		while (!found && (word = strsep(&rest, " \n")))
			found = !strcmp(word, flag);
		break;
	}
	free(line);
	if (file)
		fclose(file);
	return found;
}

/* Every entry that the kernel makes for itself is cut to this mask, which has no such bit under page-table isolation. */
static const char *facts_not_global(const struct facts_args *args)
{
	if (!args->pte_mask)
		return "whether it is global is not known: no symbol __default_kernel_pte_mask "
		       "(CONFIG_KALLSYMS_ALL)";
	if (!(args->pte_mask_value & ENTRY_GLOBAL))
		return RECORD_GLOBAL_NO;
	return NULL;
}

int facts_read_config(struct kernel *kernel, struct sensor_failure *failure)
{
	const uint64_t *symbols = kernel->symbols;
	struct facts_args args = {
		.page_offset_base = symbols[KERNEL_SYMBOL_PAGE_OFFSET_BASE],
		.vmemmap_base = symbols[KERNEL_SYMBOL_VMEMMAP_BASE],
		.pgdir_shift = symbols[KERNEL_SYMBOL_PGDIR_SHIFT],
		.sme_me_mask = symbols[KERNEL_SYMBOL_SME_ME_MASK],
		.flush_ceiling = symbols[KERNEL_SYMBOL_FLUSH_CEILING],
		.init_mm = symbols[KERNEL_SYMBOL_INIT_MM],
		.max_pfn = symbols[KERNEL_SYMBOL_MAX_PFN],
		.secretmem_users = symbols[KERNEL_SYMBOL_SECRETMEM_USERS],
		.kfence_pool = symbols[KERNEL_SYMBOL_KFENCE_POOL],
		.debug_pagealloc = symbols[KERNEL_SYMBOL_DEBUG_PAGEALLOC],
		.vmalloc_base = symbols[KERNEL_SYMBOL_VMALLOC_BASE],
		.pte_mask = symbols[KERNEL_SYMBOL_PTE_MASK],
	};
	struct sensor_config *config = &kernel->config;
	const char *forced;
	bool five;
	int error = facts_run(&args, failure);

	if (error)
		return error;
	five = args.pgdir_shift_value == PGDIR_SHIFT_FIVE_LEVELS;
	config->page_offset = args.page_offset;
	if (!config->page_offset)
		config->page_offset = five ? PAGE_OFFSET_FIVE_LEVELS : PAGE_OFFSET_FOUR_LEVELS;
	config->vmemmap = args.vmemmap;
	if (!config->vmemmap)
		config->vmemmap = five ? VMEMMAP_FIVE_LEVELS : VMEMMAP_FOUR_LEVELS;
	/* For the walker's own control: a wrong depth must be found out (walker.c). */
	forced = getenv("GMEMTRACE_WALK_LEVELS");
	if (forced)
		five = !strcmp(forced, "5");
	config->five_levels = five;
	kernel->memory_end = config->page_offset + (args.max_pfn_value << PAGE_SHIFT);
	config->init_pgd = args.init_pgd;
	kernel->secretmem_users = args.secretmem_users ? (int64_t)args.secretmem_users_value : -1;
	kernel->kfence_pool = args.kfence_pool_value;
	kernel->debug_pagealloc = args.debug_pagealloc_value;
	kernel->vmalloc_base = args.vmalloc_base_value;
	if (!kernel->vmalloc_base)
		kernel->vmalloc_base = five ? VMALLOC_FIVE_LEVELS : VMALLOC_FOUR_LEVELS;
	/* Nothing else lies between (Documentation/arch/x86/x86_64/mm.rst). */
	config->direct_map_end = kernel->vmalloc_base;
	config->entry_mask = PHYSICAL_MASK & ~args.sme_mask;
	kernel->not_global = facts_not_global(&args);
	config->entry_checked = config->entry_mask | (kernel->not_global ? 0 : ENTRY_GLOBAL);
	if (!args.flush_ceiling_pages)
		args.flush_ceiling_pages = FLUSH_CEILING_PAGES;
	config->flush_ceiling = args.flush_ceiling_pages << PAGE_SHIFT;
	config->leaves = symbols[KERNEL_SYMBOL_LEAVES];
	config->online_mask = symbols[KERNEL_SYMBOL_ONLINE_MASK];
	config->have_rdonly_cast = kernel_has_function(kernel, "bpf_rdonly_cast", 2);
	config->zap_by_address = kernel_zap_takes_address(kernel);
	config->counts_preemption = kernel_counts_preemption(kernel);
	config->broadcasts = cpu_has("invlpgb");
	config->encrypts = cpu_has("sev_snp") || cpu_has("tdx_host_platform");
	return 0;
}
