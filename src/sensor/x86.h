/* SPDX-License-Identifier: GPL-2.0 */
/* What the sensors' user space takes for granted of x86-64 alone. */
#ifndef GMEMTRACE_SENSOR_X86_H
#define GMEMTRACE_SENSOR_X86_H

/* Without CONFIG_DYNAMIC_MEMORY_LAYOUT (arch/x86/include/asm/page_64_types.h). */
#define PAGE_OFFSET_FOUR_LEVELS 0xffff888000000000ULL
#define PAGE_OFFSET_FIVE_LEVELS 0xff11000000000000ULL
#define VMALLOC_FOUR_LEVELS 0xffffc90000000000ULL
#define VMALLOC_FIVE_LEVELS 0xffa0000000000000ULL
#define VMEMMAP_FOUR_LEVELS 0xffffea0000000000ULL
#define VMEMMAP_FIVE_LEVELS 0xffd4000000000000ULL
#define PHYSICAL_MASK 0x000ffffffffff000ULL
#define FLUSH_CEILING_PAGES 33 /* where the variable is hidden: its default */

/* Of the kernel's text. */
#define CALL 0xe8
#define JUMP 0xe9 /* what some trampolines are entered by from 7.0 on (FTRACE_OPS_FL_JMP) */
#define LANDING 4 /* bytes of an endbr64 */

#endif
