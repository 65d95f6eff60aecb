/* SPDX-License-Identifier: GPL-2.0 */
/* What every BPF object needs, and no map: types, helpers, the constants set before a load. */
#ifndef GMEMTRACE_BPF_BASE_H
#define GMEMTRACE_BPF_BASE_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "interface.h"

#define EINVAL 22
#define EAGAIN 11
#define EBUSY 16
#define EEXIST 17
#define ENOSPC 28
#define EFAULT 14
#define ESTALE 116

#define PAGE_SHIFT 12
#ifndef BPF_F_MMAPABLE
#define BPF_F_MMAPABLE (1U << 10)
#endif

const volatile struct sensor_config sensor SEC(".rodata") = {};

/*
 * The hottest programs are there twice, and NAME_plain is loaded in place of NAME where `sensor` asks it
 * for nothing besides a verdict: at a flush's begin stack_rate is 0; at its end zap_times, filtered, stack_rate
 * and flushes are 0; for zaps the first two, page_free and zap_by_address
 * (choose_plain() in src/sensor/load.c). The verifier drops the branches that a constant
 * closes, but not the load of the constant, nor what the compiler kept on the stack for their sake: 70
 * instructions of a transition. What both share takes it as `plain`.
 */

#endif
