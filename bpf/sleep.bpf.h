/* SPDX-License-Identifier: GPL-2.0 */
/* Sensor: a task that calls the scheduler where it must not. The kernel finds that out itself. */
#ifndef GMEMTRACE_BPF_SLEEP_BPF_H
#define GMEMTRACE_BPF_SLEEP_BPF_H

#include "held.h"
#include "slot.h"

#define SCHEDULER_COUNT 1 /* PREEMPT_DISABLE_OFFSET: schedule() is not preemptible itself */

SEC("fentry/__schedule_bug")
int BPF_PROG(schedule_bug_enter, struct task_struct *previous)
{
	struct record_sleep *record;
	__u32 count = 0;

	if (!armed(PROGRAM_SCHEDULE_BUG_ENTER))
		return 0;
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
	record->preempt_count = count > SCHEDULER_COUNT ? count - SCHEDULER_COUNT : 0;
	record->reserved = 0;
	record->reserved2 = 0;
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
	return 0;
}

#endif
