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

#endif
