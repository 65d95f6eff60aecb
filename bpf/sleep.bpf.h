/* SPDX-License-Identifier: GPL-2.0 */
/* Sensor: a task that sleeps, or might, where it must not. The kernel finds that out itself. */
#ifndef GMEMTRACE_BPF_SLEEP_BPF_H
#define GMEMTRACE_BPF_SLEEP_BPF_H

#include "held.h"
#include "slot.h"

/* PREEMPT_DISABLE_OFFSET: schedule() is not preemptible itself, and neither is who is told by a tracepoint. */
#define COUNTED_BESIDE 1

static __always_inline int sleep_write(__u32 might)
{
	struct record_sleep *record;
	__u32 count = 0;

	slot_settle();
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		loss_count(0, 0, RECORD_LOSS_RING_FULL);
		return 0;
	}
	preempt_count_read(&count);
	count &= PREEMPT_PREEMPT | PREEMPT_SOFTIRQ;
	header_fill(&record->header, RECORD_SLEEP, sizeof(*record));
	record->header.inode = 0;
	record->preempt_count = count > COUNTED_BESIDE ? count - COUNTED_BESIDE : 0;
	record->might = might;
	record->reserved2 = 0;
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
	return 0;
}

SEC("fentry/__schedule_bug")
int BPF_PROG(schedule_bug_enter, struct task_struct *previous)
{
	return armed(PROGRAM_SCHEDULE_BUG_ENTER) ? sleep_write(0) : 0;
}

/* "BUG: sleeping fu"nction called from invalid context */
#define SAID_FIRST 0x656c73203a475542ULL
#define SAID_SECOND 0x756620676e697065ULL

/* __might_resched() is called at every place that may sleep; what it says when it finds something, rarely. */
SEC("tp_btf/console")
int BPF_PROG(sleep_said, const char *text, unsigned long length)
{
	__u64 words[2] = {};

	if (!armed(PROGRAM_SLEEP_SAID) || bpf_probe_read_kernel(words, sizeof(words), text) ||
	    words[0] != SAID_FIRST || words[1] != SAID_SECOND)
		return 0;
	return sleep_write(1);
}

#endif
