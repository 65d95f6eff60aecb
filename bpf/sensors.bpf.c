// SPDX-License-Identifier: GPL-2.0
/*
 * All sensors. User space decides program by program what is loaded.
 */
#include "zap.bpf.h"
#include "flush.bpf.h"
#include "answer.bpf.h"
#include "witness.bpf.h"
#include "stale.bpf.h"
#include "summary.bpf.h"
#include "gmem.bpf.h"
#include "free.bpf.h"
#include "poison.bpf.h"
#include "sleep.bpf.h"
#include "promise.bpf.h"
#include "guest.bpf.h"
#include "snapshot.bpf.h"
#include "discover.bpf.h"
#include "bound.bpf.h"
#include "control.bpf.h"

char LICENSE[] SEC("license") = "GPL";
