/* SPDX-License-Identifier: GPL-2.0 */
/* Sensor: a task that sleeps, or might, where it must not. The kernel finds that out itself. */
#ifndef GMEMTRACE_BPF_SLEEP_BPF_H
#define GMEMTRACE_BPF_SLEEP_BPF_H

#include "held.h"
#include "slot.h"

#define COUNTED_BY_SCHEDULE 1 /* PREEMPT_DISABLE_OFFSET: it is not preemptible itself */

struct task_struct___nesting {
	int rcu_read_lock_nesting;
} __attribute__((preserve_access_index));

/*
 * What a hook on a function counts by itself, as the one that saw the request begin: without
 * CONFIG_PREEMPT_RCU an RCU reader, and so every such program, is one that is not preempted.
 */
static __always_inline __u32 counted_by_hooks(void)
{
	return !bpf_core_field_exists(struct task_struct___nesting, rcu_read_lock_nesting);
}

static __always_inline int sleep_write(__u32 count, __u32 might)
{
	struct record_sleep *record;

	slot_settle();
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		loss_count(0, 0, RECORD_LOSS_RING_FULL);
		return 0;
	}
	header_fill(&record->header, RECORD_SLEEP, sizeof(*record));
	record->header.inode = 0;
	record->preempt_count = count & (PREEMPT_PREEMPT | PREEMPT_SOFTIRQ);
	record->might = might;
	record->reserved2 = 0;
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
	return 0;
}

SEC("fentry/__schedule_bug")
int BPF_PROG(schedule_bug_enter, struct task_struct *previous)
{
	__u32 count = 0;

	if (!armed(PROGRAM_SCHEDULE_BUG_ENTER))
		return 0;
	preempt_count_read(&count);
	count &= PREEMPT_PREEMPT | PREEMPT_SOFTIRQ;
	return sleep_write(count > COUNTED_BY_SCHEDULE ? count - COUNTED_BY_SCHEDULE : 0, 0);
}

/* "preempt_count: "; then a number without 0x, and ", expected: " */
#define SAID_FIRST 0x5f74706d65657270ULL
#define SAID_SECOND 0x203a746e756f63ULL
#define SAID_LENGTH 15
#define SAID_DIGITS 8

static __always_inline __u32 hex_read(const char *digits)
{
	__u32 value = 0;

	for (int i = 0; i < SAID_DIGITS; i++) {
		char digit = digits[i];

		if (digit >= '0' && digit <= '9')
			value = value << 4 | (__u32)(digit - '0');
		else if (digit >= 'a' && digit <= 'f')
			value = value << 4 | (__u32)(digit - 'a' + 10);
		else
			break;
	}
	return value;
}

/*
 * __might_resched() is called at every place that may sleep; what it says when it finds something, rarely. The count
 * is the one that it says: what programs of tracepoints count by themselves depends on the kernel (from 7.0 on nothing).
 */
SEC("tp_btf/console")
int BPF_PROG(sleep_said, const char *text, unsigned long length)
{
	union {
		__u64 words[3];
		char text[24];
	} said = {};

	if (!armed(PROGRAM_SLEEP_SAID) || length <= SAID_LENGTH ||
	    bpf_probe_read_kernel(&said, sizeof(said), text) || said.words[0] != SAID_FIRST ||
	    (said.words[1] & ~0ULL >> 8) != SAID_SECOND)
		return 0;
	return sleep_write(hex_read(said.text + SAID_LENGTH) + counted_by_hooks(), 1);
}

#endif
