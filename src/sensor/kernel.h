/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the running kernel is: symbols, types, permissions. Reads only.
 */
#ifndef GMEMTRACE_SENSOR_KERNEL_H
#define GMEMTRACE_SENSOR_KERNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <bpf/btf.h>

#include "bpf/interface.h"
#include "sensor/sensor.h"

/* Symbols that the sensors need the address of. Zero: not there. */
enum kernel_symbol {
	KERNEL_SYMBOL_PAGE_OFFSET_BASE,
	KERNEL_SYMBOL_VMEMMAP_BASE,
	KERNEL_SYMBOL_PGDIR_SHIFT,
	KERNEL_SYMBOL_SME_ME_MASK,
	KERNEL_SYMBOL_FLUSH_CEILING,
	KERNEL_SYMBOL_INIT_MM,
	KERNEL_SYMBOL_MAX_PFN,
	KERNEL_SYMBOL_SECRETMEM_IOPS,
	KERNEL_SYMBOL_SECRETMEM_USERS,
	KERNEL_SYMBOL_GMEM_IOPS,
	KERNEL_SYMBOL_FLUSH_RANGE_FUNCTION,
	KERNEL_SYMBOL_FLUSH_ALL_FUNCTION,
	KERNEL_SYMBOL_FLUSH_USER_FUNCTION,
	KERNEL_SYMBOL_LEAVES,
	KERNEL_SYMBOL_ONLINE_MASK,
	KERNEL_SYMBOL_KFENCE_POOL,
	KERNEL_SYMBOL_DEBUG_PAGEALLOC,
	KERNEL_SYMBOL_VMALLOC_BASE,
	KERNEL_SYMBOL_PTE_MASK,
	KERNEL_SYMBOL_VM_LIST, /* of kvm */
	KERNEL_SYMBOL_INTERRUPTS_OFF, /* 7.3: they may be turned off and on in a count */
	KERNEL_SYMBOL_NR,
};

struct kernel {
	struct btf *vmlinux;
	struct btf *kvm; /* split BTF of the kvm module; NULL where not loaded or built in */
	uint64_t symbols[KERNEL_SYMBOL_NR];
	bool addresses_shown; /* of any symbol; where they are hidden each reads 0 */
	int64_t secretmem_users; /* memfd_secrets that existed then; -1: not known */
	/* Why the direct map's entries are not global, or may not be; NULL: where nobody changed them they are. */
	const char *not_global;
	struct sensor_config config; /* filled by facts_read() in facts.c */
	/* For a walk of all of the direct map: who may have pages absent. As `config`. */
	uint64_t kfence_pool; /* address; 0: none, or not known */
	uint64_t vmalloc_base; /* address */
	uint64_t memory_end; /* address in the direct map: behind what memory there was */
	bool debug_pagealloc; /* free pages are absent by design */
};

/* Types and symbols. Returns 0 or -errno with @failure. */
int kernel_open(struct kernel *kernel, struct sensor_failure *failure);
void kernel_close(struct kernel *kernel);

/* Lines as /proc/kallsyms has them; and whether what tracing cannot do without was among them. */
void kernel_take_symbols(struct kernel *kernel, FILE *file);
int kernel_check_symbols(const struct kernel *kernel, struct sensor_failure *failure);

/* After kvm was loaded late: its types and symbols. True when they are there now. */
bool kernel_refresh_kvm(struct kernel *kernel);

/* Is there a function of this name, with as many parameters? */
bool kernel_has_function(const struct kernel *kernel, const char *name, unsigned int parameters);

/* Its address, where it is one of enum kernel_symbol; 0: not there. */
uint64_t kernel_symbol(const struct kernel *kernel, const char *name);

/* Does BTF have this struct, or an enumerator of this name? */
bool kernel_has_struct(const struct kernel *kernel, const char *name);
bool kernel_has_enumerator(const struct kernel *kernel, const char *name);

/* Does vmlinux' BTF have this variable? Those of CPUs are there, and few others. */
bool kernel_has_variable(const struct kernel *kernel, const char *name);

/* Is there a function of this name, whatever its parameters? */
bool kernel_has_routine(const struct kernel *kernel, const char *name);

/* Is there a tracepoint of this name? */
bool kernel_has_tracepoint(const struct kernel *kernel, const char *name);

/* Does BTF have guest_memfd's routines, and so its types? Without its module's BTF it does not. */
bool kernel_describes_gmem(const struct kernel *kernel);

/* How KVM is there, as far as BTF and symbols tell. */
enum kernel_kvm {
	KERNEL_KVM_NONE,
	KERNEL_KVM_MODULE,
	KERNEL_KVM_BUILT_IN,
	KERNEL_KVM_STRIPPED, /* a module that came without its BTF; seen where it has guest_memfd */
};
enum kernel_kvm kernel_kvm(const struct kernel *kernel);

/* Does guest_memfd keep a bit in each folio (v7 to v12 of the series)? */
bool kernel_marks_folios(const struct kernel *kernel);

/* Does set_direct_map_* take a struct page *, or (as from "v10" of the series on) an address? */
bool kernel_zap_takes_address(const struct kernel *kernel);

/* The value of a module's parameter, of one character; 0 where there is none. */
char kernel_parameter(const char *module, const char *name);

/* Does KVM do without its TDP MMU, as it was told to, or for want of what the CPU has? Known once it is loaded. */
bool kernel_shadows_guests(void);

/* Does preempt_disable() count? Kernels that are never preempted may leave that out. */
bool kernel_counts_preemption(const struct kernel *kernel);

/* Privileges, lockdown, BTF: everything that must hold before a program is loaded. */
int kernel_check_permissions(struct sensor_failure *failure);

/* Runs the facts program: kernel variables into @kernel->config. */
int facts_read_config(struct kernel *kernel, struct sensor_failure *failure);

#endif
