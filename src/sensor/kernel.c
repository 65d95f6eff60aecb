// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cap-ng.h>

#include "sensor/kallsyms.h"
#include "sensor/kernel.h"
#include "sensor/symbol.h"

#define USER_NAMESPACE_INITIAL 0xeffffffdU /* PROC_USER_INIT_INO */

static const char *const symbol_names[KERNEL_SYMBOL_NR] = {
	[KERNEL_SYMBOL_PAGE_OFFSET_BASE] = "page_offset_base",
	[KERNEL_SYMBOL_VMEMMAP_BASE] = "vmemmap_base",
	[KERNEL_SYMBOL_PGDIR_SHIFT] = "pgdir_shift",
	[KERNEL_SYMBOL_SME_ME_MASK] = "sme_me_mask",
	[KERNEL_SYMBOL_LEAVES] = "direct_pages_count",
	[KERNEL_SYMBOL_ONLINE_MASK] = "__cpu_online_mask",
	[KERNEL_SYMBOL_FLUSH_CEILING] = "tlb_single_page_flush_ceiling",
	[KERNEL_SYMBOL_INIT_MM] = "init_mm",
	[KERNEL_SYMBOL_MAX_PFN] = "max_pfn",
	[KERNEL_SYMBOL_FLUSH_RANGE_FUNCTION] = "do_kernel_range_flush",
	[KERNEL_SYMBOL_FLUSH_ALL_FUNCTION] = "do_flush_tlb_all",
	[KERNEL_SYMBOL_FLUSH_USER_FUNCTION] = "flush_tlb_func",
	[KERNEL_SYMBOL_SECRETMEM_IOPS] = "secretmem_iops",
	[KERNEL_SYMBOL_SECRETMEM_USERS] = "secretmem_users",
	[KERNEL_SYMBOL_GMEM_IOPS] = "kvm_gmem_iops",
	[KERNEL_SYMBOL_KFENCE_POOL] = "__kfence_pool",
	[KERNEL_SYMBOL_DEBUG_PAGEALLOC] = "_debug_pagealloc_enabled_early",
	[KERNEL_SYMBOL_VMALLOC_BASE] = "vmalloc_base",
	[KERNEL_SYMBOL_PTE_MASK] = "__default_kernel_pte_mask",
	[KERNEL_SYMBOL_VM_LIST] = "vm_list",
	[KERNEL_SYMBOL_INTERRUPTS_OFF] = "local_interrupt_disable_state",
};

int sensor_fail(struct sensor_failure *failure, enum gmemtrace_status status, int error,
		const char *format, ...)
{
	va_list arguments;

	failure->status = status;
	va_start(arguments, format);
	vsnprintf(failure->message, sizeof(failure->message), format, arguments);
	va_end(arguments);
	return error;
}

/* Others have a list of that name, too; one of vmlinux comes before those of modules. */
static bool symbol_is_kvms(const struct symbol_line *symbol)
{
	const char *module = strchr(symbol->name, '[');

	return !module || !strncmp(module, "[kvm]", 5);
}

static void symbol_take(struct kernel *kernel, const char *line)
{
	struct symbol_line symbol;

	if (!symbol_line_take(&symbol, line))
		return;
	kernel->addresses_shown |= symbol.address != 0;
	for (int i = 0; i < KERNEL_SYMBOL_NR; i++) {
		if (!symbol_line_is(&symbol, symbol_names[i]))
			continue;
		if (i != KERNEL_SYMBOL_VM_LIST || symbol_is_kvms(&symbol))
			kernel->symbols[i] = symbol.address;
	}
}

/*
 * Typeless ksyms would do the same, but resolve to 0 and load all the same
 * where addresses are hidden; here that is seen.
 */
void kernel_take_symbols(struct kernel *kernel, FILE *file)
{
	char line[512];

	while (fgets(line, sizeof(line), file))
		symbol_take(kernel, line);
}

static int symbols_read(struct kernel *kernel)
{
	FILE *file = kallsyms_open();

	if (!file)
		return -errno;
	kernel_take_symbols(kernel, file);
	fclose(file);
	return 0;
}

int kernel_check_symbols(const struct kernel *kernel, struct sensor_failure *failure)
{
	if (!kernel->addresses_shown)
		return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, -EPERM,
				   "/proc/kallsyms shows no addresses: set kernel.kptr_restrict to "
				   "0 or 1 (sysctl)");
	if (!kernel->symbols[KERNEL_SYMBOL_INIT_MM])
		return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, -ENOENT,
				   "/proc/kallsyms has functions alone, and no init_mm: boot a "
				   "kernel built with CONFIG_KALLSYMS_ALL=y");
	return 0;
}

uint64_t kernel_symbol(const struct kernel *kernel, const char *name)
{
	for (int i = 0; i < KERNEL_SYMBOL_NR; i++) {
		if (!strcmp(symbol_names[i], name))
			return kernel->symbols[i];
	}
	return 0;
}

static int32_t function_find(const struct btf *btf, const char *name)
{
	return btf ? btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) : -ENOENT;
}

/* The module's split BTF numbers on from vmlinux's, so it is asked first. */
static const struct btf_type *function_prototype(const struct kernel *kernel, const char *name,
						 const struct btf **found_in)
{
	const struct btf *const places[] = { kernel->kvm, kernel->vmlinux };

	for (size_t i = 0; i < 2; i++) {
		int32_t id = function_find(places[i], name);

		if (id < 0)
			continue;
		*found_in = places[i];
		return btf__type_by_id(places[i], btf__type_by_id(places[i], id)->type);
	}
	return NULL;
}

bool kernel_has_function(const struct kernel *kernel, const char *name, unsigned int parameters)
{
	const struct btf *btf;
	const struct btf_type *prototype = function_prototype(kernel, name, &btf);

	return prototype && btf_vlen(prototype) == parameters;
}

bool kernel_has_tracepoint(const struct kernel *kernel, const char *name)
{
	char type[64];

	snprintf(type, sizeof(type), "btf_trace_%s", name);
	return btf__find_by_name_kind(kernel->vmlinux, type, BTF_KIND_TYPEDEF) > 0;
}

/* Bytes of a struct, 0 where the kernel's BTF has none of this name. */
static uint32_t struct_size(const struct btf *btf, const char *name)
{
	int32_t id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);

	return id < 0 ? 0 : btf__type_by_id(btf, id)->size;
}

bool kernel_has_struct(const struct kernel *kernel, const char *name)
{
	return (kernel->kvm && struct_size(kernel->kvm, name)) ||
	       struct_size(kernel->vmlinux, name);
}

bool kernel_has_variable(const struct kernel *kernel, const char *name)
{
	return btf__find_by_name_kind(kernel->vmlinux, name, BTF_KIND_VAR) > 0;
}

static bool enum_has(const struct btf *btf, const struct btf_type *type, const char *name)
{
	for (int i = 0; i < btf_vlen(type); i++) {
		if (!strcmp(btf__name_by_offset(btf, btf_enum(type)[i].name_off), name))
			return true;
	}
	return false;
}

bool kernel_has_enumerator(const struct kernel *kernel, const char *name)
{
	for (__u32 id = 1; id < btf__type_cnt(kernel->vmlinux); id++) {
		const struct btf_type *type = btf__type_by_id(kernel->vmlinux, id);

		if (btf_is_enum(type) && enum_has(kernel->vmlinux, type, name))
			return true;
	}
	return false;
}

bool kernel_zap_takes_address(const struct kernel *kernel)
{
	const struct btf *btf;
	const struct btf_type *type =
		function_prototype(kernel, "set_direct_map_invalid_noflush", &btf);
	int pointed;

	if (!type || !btf_vlen(type))
		return false;
	type = btf__type_by_id(btf, btf_params(type)[0].type);
	if (!btf_is_ptr(type))
		return false;
	/* Past const and typedef; 0 is void. */
	pointed = btf__resolve_type(btf, type->type);
	return pointed <= 0 || !btf_is_struct(btf__type_by_id(btf, pointed));
}

bool kernel_describes_gmem(const struct kernel *kernel)
{
	return kernel_has_routine(kernel, "kvm_gmem_release");
}

enum kernel_kvm kernel_kvm(const struct kernel *kernel)
{
	if (kernel->kvm)
		return KERNEL_KVM_MODULE;
	if (function_find(kernel->vmlinux, "kvm_init") > 0)
		return KERNEL_KVM_BUILT_IN;
	return kernel->symbols[KERNEL_SYMBOL_GMEM_IOPS] ? KERNEL_KVM_STRIPPED : KERNEL_KVM_NONE;
}

bool kernel_has_routine(const struct kernel *kernel, const char *name)
{
	const struct btf *btf;

	return function_prototype(kernel, name, &btf);
}

bool kernel_marks_folios(const struct kernel *kernel)
{
	return kernel_has_routine(kernel, "folio_zap_direct_map") ||
	       kernel_has_routine(kernel, "kvm_gmem_folio_zap_direct_map");
}

/* CONFIG_PREEMPTION, or CONFIG_DEBUG_ATOMIC_SLEEP. */
bool kernel_counts_preemption(const struct kernel *kernel)
{
	return kernel_has_routine(kernel, "preempt_schedule") ||
	       kernel_has_routine(kernel, "__might_resched");
}

/* Where guest_memfd's inodes are known by their operations, and whether BTF says what they are. */
static void config_set_gmem(struct kernel *kernel)
{
	kernel->config.gmem_iops = kernel->symbols[KERNEL_SYMBOL_GMEM_IOPS];
	kernel->config.gmem_described = kernel_describes_gmem(kernel);
	kernel->config.gmem_marks_folios = kernel_marks_folios(kernel);
}

bool kernel_refresh_kvm(struct kernel *kernel)
{
	if (kernel->kvm)
		return true;
	if (access("/sys/kernel/btf/kvm", R_OK))
		return false;
	kernel->kvm = btf__load_module_btf("kvm", kernel->vmlinux);
	if (!kernel->kvm)
		return false;
	symbols_read(kernel);
	config_set_gmem(kernel);
	return true;
}

char kernel_parameter(const char *module, const char *name)
{
	char path[96];
	FILE *file;
	int value;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", module, name);
	file = fopen(path, "re");
	if (!file)
		return 0;
	value = fgetc(file);
	fclose(file);
	return (char)(value == EOF ? 0 : value);
}

bool kernel_shadows_guests(void)
{
	return kernel_parameter("kvm", "tdp_mmu") == 'N';
}

static bool file_contains(const char *path, const char *word)
{
	char text[256] = "";
	FILE *file = fopen(path, "re");
	bool found;

	if (!file)
		return false;
	found = fgets(text, sizeof(text), file) && strstr(text, word);
	fclose(file);
	return found;
}

int kernel_check_permissions(struct sensor_failure *failure)
{
	static const struct {
		unsigned int capability;
		const char *name;
		const char *purpose;
	} needed[] = {
		{ CAP_BPF, "CAP_BPF", "to load the sensors" },
		{ CAP_PERFMON, "CAP_PERFMON", "to attach the sensors and read kernel memory" },
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "to read the kvm module's BTF" },
		{ CAP_SYSLOG, "CAP_SYSLOG", "to read addresses from /proc/kallsyms" },
	};
	struct stat namespace;

	/* Capabilities of another one count for nothing with bpf(). */
	if (!stat("/proc/self/ns/user", &namespace) && namespace.st_ino != USER_NAMESPACE_INITIAL)
		return sensor_fail(
			failure, GMEMTRACE_CANNOT_RUN, -EPERM,
			"this is a user namespace, whose root may not load BPF programs: "
			"run it in the host's own (a rootful container, or outside)");
	if (capng_get_caps_process())
		return sensor_fail(failure, GMEMTRACE_ERROR, -EIO,
				   "cannot read this process's capabilities");
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (!capng_have_capability(CAPNG_EFFECTIVE, needed[i].capability))
			return sensor_fail(
				failure, GMEMTRACE_CANNOT_RUN, -EPERM,
				"%s is missing (%s): run as root, or with that capability",
				needed[i].name, needed[i].purpose);
	}
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, -ENOENT,
				   "this kernel has no BTF (/sys/kernel/btf/vmlinux): boot one "
				   "built with CONFIG_DEBUG_INFO_BTF=y");
	if (file_contains("/sys/kernel/security/lockdown", "[confidentiality]"))
		return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, -EPERM,
				   "kernel lockdown is in confidentiality mode, BPF may not read "
				   "kernel memory: boot with lockdown=integrity or none");
	return 0;
}

/* Of the preemption count: SOFTIRQ_OFFSET, and all of the hard interrupts and NMIs that are nested. */
#define INTERRUPT_BITS 0x00ff0100U
/* The same where the count has eight bits for interrupts that are turned off below them, which are the task's. */
#define INTERRUPT_BITS_SHIFTED 0xff000100U

int kernel_open(struct kernel *kernel, struct sensor_failure *failure)
{
	int error;

	memset(kernel, 0, sizeof(*kernel));
	kernel->vmlinux = btf__load_vmlinux_btf();
	if (!kernel->vmlinux)
		return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, -ENOENT,
				   "cannot read the kernel's BTF: %s", strerror(errno));
	error = symbols_read(kernel);
	if (error)
		return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, error,
				   "cannot read /proc/kallsyms: %s", strerror(-error));
	error = kernel_check_symbols(kernel, failure);
	if (error)
		return error;
	kernel->config.page_size = struct_size(kernel->vmlinux, "page");
	if (!kernel->config.page_size)
		return sensor_fail(
			failure, GMEMTRACE_CANNOT_RUN, -ENOENT,
			"the kernel's BTF has no struct page: pages cannot be told apart");
	kernel_refresh_kvm(kernel);
	config_set_gmem(kernel);
	kernel->config.flush_range_function = kernel->symbols[KERNEL_SYMBOL_FLUSH_RANGE_FUNCTION];
	kernel->config.flush_all_function = kernel->symbols[KERNEL_SYMBOL_FLUSH_ALL_FUNCTION];
	kernel->config.flush_user_function = kernel->symbols[KERNEL_SYMBOL_FLUSH_USER_FUNCTION];
	kernel->config.secretmem_iops = kernel->symbols[KERNEL_SYMBOL_SECRETMEM_IOPS];
	kernel->config.interrupt_bits = kernel->symbols[KERNEL_SYMBOL_INTERRUPTS_OFF]
						? INTERRUPT_BITS_SHIFTED
						: INTERRUPT_BITS;
	return 0;
}

void kernel_close(struct kernel *kernel)
{
	btf__free(kernel->kvm);
	btf__free(kernel->vmlinux);
	memset(kernel, 0, sizeof(*kernel));
}
