// SPDX-License-Identifier: GPL-2.0
/* Which programs there are, what they hook, and which of them a kernel has a use for. */
#include <bpf/libbpf.h>

#include "sensor/load.h"

#define STOCK "every kernel with memfd_secret (5.14)"
#define SERIES "the guest_memfd direct-map series (kernel/patches)"
#define GMEM "guest_memfd (6.8)"
#define NOT_INLINED ", where it is not inlined, as by the series (kernel/patches)"
#define GET "guest_memfd (a7800aa80ea4, 6.8)" NOT_INLINED
#define FREE_FOLIO                                                                                 \
	"guest_memfd where architecture code takes memory back (a90764f0e4ed, 6.11)"               \
	", or the series"
#define PREPARED "guest_memfd (66a644c09fbe, 6.11)" NOT_INLINED
#define VALID "execmem's cache (0c6378a71574, 6.13), or the series (kernel/patches)"
#define MARKS "guest_memfd with a bit in each folio (v7 to v12 of the series)"

#define KERNEL LOAD_PART_KERNEL
#define INODES LOAD_PART_INODES
#define VERDICT SENSOR_GROUP_VERDICT
#define FREE SENSOR_GROUP_PAGE_FREE
#define FLUSHES SENSOR_GROUP_FLUSHES
#define ANSWERS SENSOR_GROUP_ACKNOWLEDGE
#define CHANGES SENSOR_GROUP_CHANGES
#define WITNESS SENSOR_GROUP_WITNESS
#define GUEST SENSOR_GROUP_GUEST
#define TDP "KVM's TDP MMU (5.14)"
#define CSDS "tracepoints of csds (6.5)"
#define EXPOSURES SENSOR_GROUP_EXPOSURES
#define DURATIONS SENSOR_GROUP_DURATIONS
#define SUMMARY (EXPOSURES | DURATIONS)
#define ANY (VERDICT | SUMMARY) /* run by us, whatever is hooked */

/* The index is stored in captures (record_loss.program): append only. */
/* clang-format off */
const struct load_program load_programs[] = {
	[PROGRAM_ZAP_INVALID_EXIT] = {
		"zap_invalid_exit", "set_direct_map_invalid_noflush", 1, KERNEL, VERDICT, true, STOCK, TOUCH_SECRET },
	[PROGRAM_ZAP_DEFAULT_EXIT] = {
		"zap_default_exit", "set_direct_map_default_noflush", 1, KERNEL, VERDICT, true, STOCK, TOUCH_SECRET },
	[PROGRAM_ZAP_VALID_EXIT] = {
		"zap_valid_exit", "set_direct_map_valid_noflush", 3, KERNEL, VERDICT, false, VALID, TOUCH_GMEM_ABSENT | TOUCH_GMEM_MAPPED },
	[PROGRAM_FLUSH_RANGE_ENTER] = {
		"flush_range_enter", "flush_tlb_kernel_range", 2, KERNEL, VERDICT, true, STOCK, TOUCH_SECRET },
	[PROGRAM_FLUSH_RANGE_EXIT] = {
		"flush_range_exit", "flush_tlb_kernel_range", 2, KERNEL, VERDICT, true, STOCK, TOUCH_SECRET },
	[PROGRAM_FLUSH_ALL_ENTER] = {
		"flush_all_enter", "flush_tlb_all", 0, KERNEL, VERDICT, true, STOCK, 0 },
	[PROGRAM_FLUSH_ALL_EXIT] = {
		"flush_all_exit", "flush_tlb_all", 0, KERNEL, VERDICT, true, STOCK, 0 },
	[PROGRAM_PAGE_FREE] = {
		"page_free", NULL, 0, KERNEL, FREE, false, STOCK, TOUCH_SECRET },
	[PROGRAM_POSITION] = {
		"position", NULL, 0, KERNEL, ANY, true, STOCK, 0 },
	[PROGRAM_SWEEP] = {
		"sweep", NULL, 0, KERNEL, ANY, true, STOCK, 0 },
	[PROGRAM_WALK] = {
		"walk", NULL, 0, KERNEL, ANY, true, STOCK, 0 },
	[PROGRAM_IDENTIFY] = {
		"identify", NULL, 0, INODES, VERDICT, true, STOCK, 0 },
	[PROGRAM_SNAPSHOT_LIVE] = {
		"snapshot_live", NULL, 0, INODES, VERDICT, true, STOCK, 0 },
	[PROGRAM_DISCOVER_TASK_FILE] = {
		"discover_task_file", NULL, 0, INODES, VERDICT, true, STOCK, 0 },
	[PROGRAM_DISCOVER_TASK_VMA] = {
		"discover_task_vma", NULL, 0, INODES, VERDICT, true, STOCK, 0 },
	[PROGRAM_SECRETMEM_RELEASE_ENTER] = {
		"secretmem_release_enter", "secretmem_release", 2, INODES, VERDICT, false, STOCK, TOUCH_SECRET },
	[PROGRAM_SECRETMEM_RELEASE_EXIT] = {
		"secretmem_release_exit", "secretmem_release", 2, INODES, VERDICT, false, STOCK, TOUCH_SECRET },
	[PROGRAM_GMEM_RELEASE_ENTER] = {
		"gmem_release_enter", "kvm_gmem_release", 2, INODES, VERDICT, false, GMEM, TOUCH_GMEM },
	[PROGRAM_RELEASE_EXIT] = {
		"release_exit", "kvm_gmem_release", 2, INODES, VERDICT, false, GMEM, TOUCH_GMEM },
	[PROGRAM_SET_RANGE_ENTER] = {
		"set_range_enter", "kvm_gmem_set_direct_map", 4, INODES, VERDICT, false, SERIES, TOUCH_GMEM_RANGE },
	[PROGRAM_SET_RANGE_EXIT] = {
		"set_range_exit", "kvm_gmem_set_direct_map", 4, INODES, VERDICT, false, SERIES, TOUCH_GMEM_RANGE },
	[PROGRAM_SET_FOLIO_ENTER] = {
		"set_folio_enter", "kvm_gmem_folio_set_direct_map", 4, INODES, VERDICT, false, SERIES, TOUCH_GMEM_RANGE },
	[PROGRAM_SET_FOLIO_EXIT] = {
		"set_folio_exit", "kvm_gmem_folio_set_direct_map", 4, INODES, VERDICT, false, SERIES, TOUCH_GMEM_RANGE },
	[PROGRAM_CONFIGURE_ENTER] = {
		"configure_enter", "kvm_gmem_folio_configure_direct_map", 1, INODES, VERDICT, false, SERIES, TOUCH_GMEM_ABSENT },
	[PROGRAM_CONFIGURE_EXIT] = {
		"configure_exit", "kvm_gmem_folio_configure_direct_map", 1, INODES, VERDICT, false, SERIES, TOUCH_GMEM_ABSENT },
	[PROGRAM_FALLOCATE_ENTER] = {
		"fallocate_enter", "kvm_gmem_fallocate", 4, INODES, VERDICT, false, GMEM, TOUCH_GMEM },
	[PROGRAM_FALLOCATE_EXIT] = {
		"fallocate_exit", "kvm_gmem_fallocate", 4, INODES, VERDICT, false, GMEM, TOUCH_GMEM },
	[PROGRAM_GET_FOLIO_EXIT] = {
		"get_folio_exit", "kvm_gmem_get_folio", 2, INODES, VERDICT, false, GET, TOUCH_GMEM },
	[PROGRAM_FREE_FOLIO_EXIT] = {
		"free_folio_exit", "kvm_gmem_free_folio", 1, INODES, VERDICT, false, FREE_FOLIO, TOUCH_GMEM },
	[PROGRAM_CREATE_EXIT] = {
		"create_exit", "kvm_gmem_create", 2, INODES, VERDICT, false, GMEM, TOUCH_GMEM },
	[PROGRAM_SECRETMEM_MMAP_ENTER] = {
		"secretmem_mmap_enter", "secretmem_mmap", 2, INODES, VERDICT, false, STOCK, TOUCH_SECRET },
	[PROGRAM_MARK_PREPARED_EXIT] = {
		"mark_prepared_exit", "kvm_gmem_mark_prepared", 1, INODES, VERDICT, false, PREPARED, TOUCH_GMEM_ABSENT },
	[PROGRAM_TAKE_LOSSES] = {
		"take_losses", NULL, 0, KERNEL, ANY, true, STOCK, 0 },
	[PROGRAM_MEMORY_FAILURE_ENTER] = {
		"memory_failure_enter", "memory_failure", 2, INODES, VERDICT, false, "CONFIG_MEMORY_FAILURE=y", 0 },
	[PROGRAM_TOUCH_BEGIN] = {
		"touch_begin", NULL, 0, KERNEL, ANY, true, STOCK, 0 },
	[PROGRAM_TEXT_READ] = {
		"text_read", NULL, 0, KERNEL, ANY, true, STOCK, 0 },
	[PROGRAM_MODULE_LOAD] = {
		"module_load", NULL, 0, KERNEL, VERDICT, false, "CONFIG_MODULES=y", 0 },
	[PROGRAM_SECRETMEM_MMAP_PREPARE_ENTER] = {
		"secretmem_mmap_prepare_enter", "secretmem_mmap_prepare", 1, INODES, VERDICT, false, "memfd_secret from 6.16 on", TOUCH_SECRET },
	[PROGRAM_USER_FAULT_EXIT] = {
		"user_fault_exit", "kvm_gmem_fault_user_mapping", 1, INODES, VERDICT, false, "guest_memfd that user space can map (6.18)", TOUCH_GMEM_MAPPED },
	[PROGRAM_FOLIO_ZAP_ENTER] = {
		"folio_zap_enter", "kvm_gmem_folio_zap_direct_map", 1, INODES, VERDICT, false, MARKS, TOUCH_GMEM_MAPPED },
	[PROGRAM_FOLIO_ZAP_EXIT] = {
		"folio_zap_exit", "kvm_gmem_folio_zap_direct_map", 1, INODES, VERDICT, false, MARKS, TOUCH_GMEM_MAPPED },
	[PROGRAM_UPDATE_XARRAY_ENTER] = {
		"update_xarray_enter", "__kvm_gmem_update_xarray", 4, INODES, VERDICT, false, SERIES, TOUCH_GMEM_RANGE },
	[PROGRAM_UPDATE_XARRAY_EXIT] = {
		"update_xarray_exit", "__kvm_gmem_update_xarray", 4, INODES, VERDICT, false, SERIES, TOUCH_GMEM_RANGE },
	[PROGRAM_TIMED_RANGE_ENTER] = {
		"timed_range_enter", "flush_tlb_kernel_range", 2, KERNEL, DURATIONS, true, STOCK, TOUCH_SECRET },
	[PROGRAM_TIMED_RANGE_EXIT] = {
		"timed_range_exit", "flush_tlb_kernel_range", 2, KERNEL, SUMMARY, true, STOCK, TOUCH_SECRET },
	[PROGRAM_TIMED_ALL_ENTER] = {
		"timed_all_enter", "flush_tlb_all", 0, KERNEL, DURATIONS, true, STOCK, 0 },
	[PROGRAM_TIMED_ALL_EXIT] = {
		"timed_all_exit", "flush_tlb_all", 0, KERNEL, SUMMARY, true, STOCK, 0 },
	[PROGRAM_CSD_QUEUED] = {
		"csd_queued", "smp_call_function_many_cond", 5, KERNEL, ANSWERS, false, CSDS, 0 },
	[PROGRAM_CSD_ENTERED] = {
		"csd_entered", NULL, 0, KERNEL, ANSWERS, false, CSDS, 0 },
	[PROGRAM_CSD_LEFT] = {
		"csd_left", NULL, 0, KERNEL, ANSWERS, false, CSDS, 0 },
	[PROGRAM_ZAP_INVALID_ENTER] = {
		"zap_invalid_enter", "set_direct_map_invalid_noflush", 1, KERNEL, CHANGES, false, STOCK, TOUCH_SECRET },
	[PROGRAM_ZAP_DEFAULT_ENTER] = {
		"zap_default_enter", "set_direct_map_default_noflush", 1, KERNEL, CHANGES, false, STOCK, TOUCH_SECRET },
	[PROGRAM_ZAP_VALID_ENTER] = {
		"zap_valid_enter", "set_direct_map_valid_noflush", 3, KERNEL, CHANGES, false, VALID, TOUCH_GMEM_ABSENT },
	[PROGRAM_CONVERSION_BEGIN_ENTER] = {
		"conversion_begin_enter", "kvm_gmem_begin_conversion", 5, INODES, VERDICT, false, SERIES, 0 },
	[PROGRAM_CONVERSION_EXIT] = {
		"conversion_exit", "kvm_gmem_convert", 1, INODES, VERDICT, false, SERIES, 0 },
	[PROGRAM_CONVERSION_END_EXIT] = {
		"conversion_end_exit", "kvm_gmem_end_conversion", 1, INODES, VERDICT, false, SERIES, 0 },
	[PROGRAM_BIND_EXIT] = {
		"bind_exit", "kvm_gmem_bind", 4, INODES, VERDICT, false, GMEM, 0 },
	[PROGRAM_BIND_CONVERT_ENTER] = {
		"bind_convert_enter", "kvm_gmem_bind_direct_map", 2, INODES, VERDICT, false, SERIES, 0 },
	[PROGRAM_BIND_CONVERT_EXIT] = {
		"bind_convert_exit", "kvm_gmem_bind_direct_map", 2, INODES, VERDICT, false, SERIES, 0 },
	[PROGRAM_UNBIND_ENTER] = {
		"unbind_enter", "kvm_gmem_unbind", 1, INODES, VERDICT, false, GMEM, 0 },
	[PROGRAM_ADD_FOLIO_EXIT] = {
		"add_folio_exit", "kvm_gmem_add_folio", 3, INODES, VERDICT, false, SERIES, 0 },
	[PROGRAM_CONFIGURE_BATCH_ENTER] = {
		"configure_batch_enter", "kvm_gmem_configure_direct_map_batch", 2, INODES, VERDICT, false, SERIES, TOUCH_GMEM_ABSENT },
	[PROGRAM_CONFIGURE_BATCH_EXIT] = {
		"configure_batch_exit", "kvm_gmem_configure_direct_map_batch", 2, INODES, VERDICT, false, SERIES, TOUCH_GMEM_ABSENT },
	[PROGRAM_SUMMARY_INVALID_EXIT] = {
		"summary_invalid_exit", "set_direct_map_invalid_noflush", 1, KERNEL, EXPOSURES, true, STOCK, TOUCH_SECRET },
	[PROGRAM_SUMMARY_VALID_EXIT] = {
		"summary_valid_exit", "set_direct_map_valid_noflush", 3, KERNEL, EXPOSURES, false, VALID, TOUCH_GMEM_ABSENT },
	[PROGRAM_HANDLER_ENTER] = {
		"handler_enter", "do_kernel_range_flush", 1, KERNEL, ANSWERS, false, STOCK, 0 },
	[PROGRAM_HANDLER_EXIT] = {
		"handler_exit", "do_kernel_range_flush", 1, KERNEL, ANSWERS, false, STOCK, 0 },
	[PROGRAM_SCHEDULE_BUG_ENTER] = {
		"schedule_bug_enter", "__schedule_bug", 1, KERNEL, VERDICT, false, "every kernel that counts preemption", 0 },
	[PROGRAM_WITNESS_RANGE_ENTER] = {
		"witness_range_enter", "flush_tlb_kernel_range", 2, KERNEL, WITNESS, false, STOCK, TOUCH_SECRET },
	[PROGRAM_WITNESS_RANGE_EXIT] = {
		"witness_range_exit", "flush_tlb_kernel_range", 2, KERNEL, WITNESS, false, STOCK, TOUCH_SECRET },
	[PROGRAM_WITNESS_ALL_ENTER] = {
		"witness_all_enter", "flush_tlb_all", 0, KERNEL, WITNESS, false, STOCK, 0 },
	[PROGRAM_WITNESS_ALL_EXIT] = {
		"witness_all_exit", "flush_tlb_all", 0, KERNEL, WITNESS, false, STOCK, 0 },
	[PROGRAM_WITNESS_ASKED] = {
		"witness_asked", NULL, 0, KERNEL, WITNESS, false, CSDS, 0 },
	[PROGRAM_WITNESS_ANSWERED] = {
		"witness_answered", NULL, 0, KERNEL, WITNESS, false, CSDS, 0 },
	[PROGRAM_WITNESS_STEP] = {
		"witness_step", NULL, 0, KERNEL, WITNESS, false, "CONFIG_SMP=y", 0 },
	[PROGRAM_STALE_READ] = {
		"stale_read", NULL, 0, KERNEL, WITNESS, false, CSDS " where no guest's memory is encrypted (SEV-SNP, TDX)", 0 },
	[PROGRAM_GUEST_MAP_EXIT] = {
		"guest_map_exit", "kvm_tdp_mmu_map", 2, INODES, GUEST, false, TDP, TOUCH_GUEST },
	[PROGRAM_GUEST_UNMAP_EXIT] = {
		"guest_unmap_exit", "kvm_tdp_mmu_unmap_gfn_range", 3, INODES, GUEST, false, TDP, TOUCH_GUEST },
	[PROGRAM_SLEEP_SAID] = {
		"sleep_said", NULL, 0, KERNEL, VERDICT, false, "CONFIG_DEBUG_ATOMIC_SLEEP=y (5.16)", 0 },
	[PROGRAM_DISCOVER_BOUND] = {
		"discover_bound", NULL, 0, INODES, VERDICT, false, GMEM, 0 },
};
/* clang-format on */

const size_t load_programs_nr = sizeof(load_programs) / sizeof(load_programs[0]);

/* That @program hooks instead of a function; NULL: none that may be missing. */
static const char *program_tracepoint(const struct load_program *program)
{
	switch (program - load_programs) {
	case PROGRAM_MODULE_LOAD:
		return "module_load";
	case PROGRAM_WITNESS_ASKED:
		return "csd_queue_cpu";
	case PROGRAM_CSD_ENTERED:
		return "csd_function_entry";
	case PROGRAM_CSD_LEFT:
	case PROGRAM_WITNESS_ANSWERED:
	case PROGRAM_STALE_READ:
		return "csd_function_exit";
	case PROGRAM_WITNESS_STEP:
		return "cpuhp_enter";
	case PROGRAM_SLEEP_SAID:
		return "console";
	default:
		return NULL;
	}
}

static bool kernel_shows_csds(const struct kernel *kernel)
{
	return kernel_has_tracepoint(kernel, "csd_queue_cpu") &&
	       kernel_has_tracepoint(kernel, "csd_function_entry") &&
	       kernel_has_tracepoint(kernel, "csd_function_exit");
}

enum sensor_answers load_answers_by(const struct kernel *kernel)
{
	int cpus = libbpf_num_possible_cpus();

	/* The only one asks nobody. */
	if (cpus <= 1 || cpus > (int)ANSWER_CPUS_MAX)
		return SENSOR_ANSWERS_NONE;
	if (kernel_shows_csds(kernel) &&
	    kernel_has_function(kernel, "smp_call_function_many_cond", 5) &&
	    kernel_has_variable(kernel, "cfd_data") && kernel_has_variable(kernel, "this_cpu_off"))
		return SENSOR_ANSWERS_CSD;
	if (kernel_has_function(kernel, "do_kernel_range_flush", 1) &&
	    kernel_has_struct(kernel, "flush_tlb_info"))
		return SENSOR_ANSWERS_HANDLER;
	return SENSOR_ANSWERS_NONE;
}

/* The handler's hooks not beside the tracepoints, which tell more; its begin where it is asked for. */
static bool program_is_spare(const struct load_program *program, const struct kernel *kernel,
			     uint32_t groups)
{
	size_t index = (size_t)(program - load_programs);

	/* Before guest_memfd no page is a guest's privately, and no fault says so. */
	if (index == PROGRAM_GUEST_MAP_EXIT || index == PROGRAM_GUEST_UNMAP_EXIT)
		return !kernel_describes_gmem(kernel) || kernel_shadows_guests();
	if (index == PROGRAM_DISCOVER_BOUND)
		return load_unbound(kernel);
	/* Where nobody looks nobody says anything. */
	if (index == PROGRAM_SLEEP_SAID)
		return !kernel_has_function(kernel, "__might_resched", 3);
	if (index == PROGRAM_CSD_ENTERED && !(groups & CHANGES))
		return true;
	if (index == PROGRAM_CSD_QUEUED || index == PROGRAM_CSD_ENTERED ||
	    index == PROGRAM_CSD_LEFT)
		return load_answers_by(kernel) != SENSOR_ANSWERS_CSD;
	return (index == PROGRAM_HANDLER_ENTER || index == PROGRAM_HANDLER_EXIT) &&
	       load_answers_by(kernel) != SENSOR_ANSWERS_HANDLER;
}

bool load_program_fits(const struct load_program *program, const struct kernel *kernel,
		       uint32_t groups)
{
	const char *tracepoint = program_tracepoint(program);

	if (!(program->group & groups) || program_is_spare(program, kernel, groups))
		return false;
	if (program == &load_programs[PROGRAM_STALE_READ] && kernel->config.encrypts)
		return false;
	if (tracepoint)
		return kernel_has_tracepoint(kernel, tracepoint);
	return !program->target ||
	       kernel_has_function(kernel, program->target, program->parameters);
}

const char *load_unbound(const struct kernel *kernel)
{
	if (!kernel_describes_gmem(kernel))
		return kernel->symbols[KERNEL_SYMBOL_GMEM_IOPS]
			       ? "kvm is loaded without its BTF"
			       : "there is no guest_memfd here (kvm is not loaded, or has none)";
	if (!kernel->symbols[KERNEL_SYMBOL_VM_LIST])
		return "no symbol vm_list, by which VMs are found";
	return NULL;
}

const char *load_unwitnessed(const struct kernel *kernel)
{
	const struct sensor_config *config = &kernel->config;

	if (!kernel_shows_csds(kernel) || !kernel_has_tracepoint(kernel, "cpuhp_enter"))
		return "this kernel does not show which CPU answers a flush: its tracepoints of "
		       "csds came with 6.5";
	if (!config->flush_range_function || !config->flush_all_function || !config->online_mask)
		return "this kernel does not name its handlers of a flush, or which CPUs are "
		       "online";
	if (libbpf_num_possible_cpus() > (int)ANSWER_CPUS_MAX)
		return "more CPUs are possible than are told apart";
	if (config->broadcasts)
		return "this CPU flushes the others' TLBs without asking them (INVLPGB)";
	return NULL;
}

uint32_t load_groups(const struct kernel *kernel, uint32_t groups)
{
	if (!load_answers_by(kernel))
		groups &= ~(uint32_t)ANSWERS;
	if (load_unwitnessed(kernel))
		groups &= ~(uint32_t)WITNESS;
	return groups;
}
