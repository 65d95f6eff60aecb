// SPDX-License-Identifier: GPL-2.0
/* Compiled before all else, and linked into nothing: one line instead of many, where this cannot be built. */
#ifndef __x86_64__
#error gmemtrace is of x86-64 alone: its sensors walk its page tables, and know its direct map, its flushes and its KVM
#endif
