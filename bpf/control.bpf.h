/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Programs that user space runs itself, beside the sensors: what an inode is,
 * where the ring stands, which zaps still wait, how one page is mapped.
 */
#ifndef GMEMTRACE_BPF_CONTROL_BPF_H
#define GMEMTRACE_BPF_CONTROL_BPF_H

#include "inode.h"
#include "slot.h"
#include "walk.h"

SEC("syscall")
int identify(struct identify_args *args)
{
	struct identify_args identity = *args;

	inode_identify(&identity);
	*args = identity;
	return 0;
}

/* Everything reserved before `time` lies below `produced` and `zaps`. */
SEC("syscall")
int position(struct position_args *args)
{
	RING_POSITION(args, &zap_ends, bpf_ktime_get_ns(),
		      bpf_ringbuf_query(&ring, BPF_RB_PROD_POS));
	return 0;
}

/* Whether the task at @address will not use slot @index again: it has ended. */
static __always_inline bool task_has_left(__u64 address, __u32 index)
{
	const struct task_struct___ids *task = (const void *)address;
	int exit_state;
	__u32 tid;

	if (bpf_core_read(&tid, sizeof(tid), &task->pid) ||
	    bpf_core_read(&exit_state, sizeof(exit_state), &task->exit_state))
		return true;
	/* Memory that has become another task's has an id that leads elsewhere. */
	return exit_state || (slot_index(tid, 0) != index && slot_index(tid, 1) != index);
}

/* Of a task that may have ended: then of whatever lies there. */
static __always_inline __u64 task_ids_read(__u64 address)
{
	const struct task_struct___ids *task = (const void *)address;
	__u32 tid = 0, tgid = 0;

	bpf_core_read(&tid, sizeof(tid), &task->pid);
	bpf_core_read(&tgid, sizeof(tgid), &task->tgid);
	return (__u64)tgid << 32 | tid;
}

/* Whether slot @index is the second place of the task at @address. */
static __always_inline bool task_is_stray(__u64 address, __u32 index)
{
	__u32 tid = 0;

	bpf_core_read(&tid, sizeof(tid), &((const struct task_struct___ids *)address)->pid);
	return slot_index(tid, 0) != (index & (SLOTS_NR - 1));
}

static long sweep_slot(__u32 index, __u64 *before)
{
	struct begin_slot *slot = &slots[index & (SLOTS_NR - 1)];
	__u64 stamp, task = slot->task;
	struct slot_zap zap;

	if (!task)
		return 0;
	stamp = slot_sweep(slot, *before, &zap);
	if (stamp)
		zap_write_alone(&zap, left_out_ids(task, task_ids_read(task)), stamp);
	if (task_is_stray(task, index))
		(void)atomic_compare_exchange(&zap_ends.armed, SENSOR_ARMED, SENSOR_STRAYED);
	if (task_has_left(task, index & (SLOTS_NR - 1)))
		slot_reap(slot, task);
	return 0;
}

/* Zaps that no event of their task has followed: the age keeps clear of running tasks. */
SEC("syscall")
int sweep(struct sweep_args *args)
{
	__u64 before = bpf_ktime_get_ns() - args->age;

	/* First: who claims a second place says so after it has. */
	(void)atomic_compare_exchange(&zap_ends.armed, SENSOR_STRAYED, SENSOR_ARMED);
	bpf_loop(SLOTS_NR, sweep_slot, &before, 0);
	return 0;
}

struct bpf_map;

struct loss_taken losses_taken[LOSSES_NR + LOSS_USERS_NR] = {};

/* What is counted while we look is taken the next time; an entry long idle has nobody at it. */
static long take_loss(struct bpf_map *map, const struct loss_key *key, struct loss_count *loss,
		      __u32 *nr)
{
	__u64 count = atomic_exchange(&loss->count, 0);
	struct loss_taken *taken;

	if (!count) {
		if (loss->idle++ >= LOSS_IDLE_MAX)
			bpf_map_delete_elem(map, key);
		return 0;
	}
	loss->idle = 0;
	if (*nr >= LOSSES_NR + LOSS_USERS_NR)
		return 1;
	taken = &losses_taken[*nr];
	taken->key = *key;
	taken->count = count;
	*nr += 1;
	return 0;
}

/* Counts are exchanged for 0: none is read and then cleared. */
SEC("syscall")
int take_losses(struct losses_args *args)
{
	__u32 nr = 0;

	bpf_for_each_map_elem(&losses, take_loss, &nr, 0);
	bpf_for_each_map_elem(&losses_users, take_loss, &nr, 0);
	args->nr = nr;
	return 0;
}

SEC("syscall")
int walk(struct walk_args *args)
{
	args->state = walk_pfn(args->pfn);
	return 0;
}

SEC("syscall")
int text_read(struct text_args *args)
{
	__u8 bytes[sizeof(args->bytes)] = {};

	args->result = bpf_probe_read_kernel(bytes, sizeof(bytes), (void *)args->address);
	__builtin_memcpy(args->bytes, bytes, sizeof(bytes));
	return 0;
}

/* Run by the toucher itself: from here on its calls are counted, and not recorded. */
SEC("syscall")
int touch_begin(void *ctx)
{
	zap_ends.toucher = (__u64)bpf_get_current_task();
	atomic_write_release(&zap_ends.armed, SENSOR_TOUCHED);
	return 0;
}

/* ns: when kvm was loaded; its routines can be called from here on, and are not hooked yet. */
__u64 kvm_loaded = 0;

struct module;

/* Not in our vmlinux.h. */
struct module___named {
	char name[4];
} __attribute__((preserve_access_index));

SEC("tp_btf/module_load")
int BPF_PROG(module_load, struct module *module)
{
	char name[4] = "";

	bpf_core_read(name, sizeof(name), &((struct module___named *)module)->name);
	if (name[0] == 'k' && name[1] == 'v' && name[2] == 'm' && !name[3])
		kvm_loaded = bpf_ktime_get_ns();
	return 0;
}

#endif
