/* SPDX-License-Identifier: GPL-2.0 */
/* What bpf/ takes for granted of x86-64 alone, beside begin_slot.h's pt_regs and atomic.h's order of loads. */
#ifndef GMEMTRACE_BPF_X86_H
#define GMEMTRACE_BPF_X86_H

/* Of a page-table entry (arch/x86/include/asm/pgtable_types.h). */
#define ENTRY_PRESENT 0x1ULL
#define ENTRY_LEAF 0x80ULL /* _PAGE_PSE, at the 1G and the 2M level */
#define ENTRY_GLOBAL 0x100ULL /* _PAGE_GLOBAL, of one that maps */

#endif
