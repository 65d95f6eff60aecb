// SPDX-License-Identifier: GPL-2.0
/*
 * What KVM is told of its VMs' memory: conversions by guest frame, and the slots that
 * lead from there to inodes. Of each page it is known who set it last: KVM, as it had
 * promised, or its user by the inode's own ioctl, whose word is final.
 */
#include "model/promises.h"
#include "model/state.h"

#define BINDINGS_MAX (1U << 15) /* of a VM: KVM has as many slots */
#define GFN_MAX (1ULL << 52)

static struct promise_vm *vm_get(struct model *model, __u64 number)
{
	union map_value *slot;
	struct promise_vm *vm;

	if (!number || number >= 0xffffffffULL)
		return NULL;
	slot = map_add(model, &model->vm_map, number);
	if (!slot)
		return NULL;
	if (slot->pointer)
		return slot->pointer;
	vm = model_alloc(model, sizeof(*vm));
	if (!vm)
		return NULL;
	vm->number = number;
	slot->pointer = vm;
	return vm;
}

const struct promise_vm *promise_vm_find(const struct model *model, __u64 number)
{
	const union map_value *slot = number ? map_find(&model->vm_map, number) : NULL;

	return slot ? slot->pointer : NULL;
}

static void vm_touch(struct promise_vm *vm, __u64 time)
{
	if (vm->touched < time)
		vm->touched = time;
}

static struct promises *promises_get(struct model *model, struct inode *inode)
{
	struct promises *promises = inode->promises;

	if (promises)
		return promises;
	promises = model_alloc(model, sizeof(*promises));
	if (!promises)
		return NULL;
	inode->promises = promises;
	spans_begin(model, inode);
	return promises;
}

/* Of pages of @inode. */
static void promises_set(struct model *model, struct inode *inode, __u64 first, __u64 last,
			 const struct promise_news *news)
{
	struct promises *promises = promises_get(model, inode);

	if (promises)
		spans_set(model, promises, first, last, news);
}

/* The part of a binding that lies in [gfn, gfn + nr): 0, or pages from @pgoff on. */
static __u64 binding_part(const struct promise_binding *binding, __u64 gfn, __u64 nr, __u64 *pgoff)
{
	__u64 first = gfn > binding->gfn ? gfn : binding->gfn;
	__u64 end = gfn + nr < binding->gfn + binding->nr ? gfn + nr : binding->gfn + binding->nr;

	if (first >= end)
		return 0;
	*pgoff = binding->pgoff + (first - binding->gfn);
	return end - first;
}

/* Bindings are in order of gfns, and none overlap: the first that reaches beyond @gfn. */
static size_t binding_index(const struct promise_vm *vm, __u64 gfn)
{
	size_t low = 0, high = vm->bindings_nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (vm->bindings[middle].gfn + vm->bindings[middle].nr > gfn)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

__u32 promise_slots(const struct promise_vm *vm, __u64 first, __u64 gfn)
{
	size_t from = binding_index(vm, first), to = binding_index(vm, gfn);

	return (__u32)(to > from ? to - from : 0);
}

static void conversion_note(struct model *model, const struct promise_call *call, __u64 time)
{
	const struct model_conversion *conversion = &call->conversion;
	struct promise_news news = {
		.since = time,
		/* One that failed leaves the pages to whoever set them before. */
		.decides = conversion->result >= 0,
		.who = PROMISE_KVM,
		.vm = call->vm->number,
		.asks = conversion->result >= 0,
		.asked = conversion->is_private ? MODEL_ABSENT : MODEL_PRESENT,
		.conversion = conversion,
	};

	for (size_t i = binding_index(call->vm, conversion->gfn_first); i < call->vm->bindings_nr;
	     i++) {
		const struct promise_binding *binding = &call->vm->bindings[i];
		__u64 pgoff, nr = binding_part(binding, conversion->gfn_first, conversion->gfn_nr,
					       &pgoff);

		if (!nr)
			break;
		promises_set(model, binding->inode, pgoff, pgoff + nr - 1, &news);
	}
}

static void call_end(struct model *model, struct promise_call *call, __u64 time)
{
	if (!call->vm)
		return;
	call->conversion.end = time;
	if (call->made && !call->bind)
		conversion_note(model, call, time);
	vm_touch(call->vm, time);
	call->vm->open--;
	call->vm = NULL;
}

static void call_begin(struct model *model, struct task *task, const struct record_promise *record)
{
	struct promise_call *call = &task->call;
	struct promise_vm *vm = vm_get(model, record->vm);

	/* The end of one was lost. */
	call_end(model, call, record->header.time);
	if (!vm)
		return;
	*call = (struct promise_call){
		.vm = vm,
		.bind = record->event == RECORD_PROMISE_BIND_BEGIN,
		.conversion = {
			.gfn_first = record->gfn_first,
			.gfn_nr = record->gfn_nr,
			.begin = record->header.time,
			.tid = record->header.tid,
			.is_private = record->is_private,
		},
	};
	vm->open++;
	vm_touch(vm, record->header.time);
}

/* What it is of overlaps no other. */
static void bindings_add(struct model *model, struct promise_vm *vm,
			 const struct promise_binding *binding)
{
	size_t at = binding_index(vm, binding->gfn);
	struct promise_binding *before = at ? &vm->bindings[at - 1] : NULL;

	if (before && before->inode == binding->inode && before->gfn + before->nr == binding->gfn &&
	    before->pgoff + before->nr == binding->pgoff) {
		before->nr += binding->nr;
		return;
	}
	if (vm->bindings_nr < BINDINGS_MAX && model_grow(model, &vm->bindings, vm->bindings_nr,
							 &vm->bindings_room, sizeof(*binding))) {
		/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): there is no room without an array */
		memmove(&vm->bindings[at + 1], &vm->bindings[at],
			(vm->bindings_nr - at) * sizeof(*binding));
		vm->bindings[at] = *binding;
		vm->bindings_nr++;
	} else if (binding->inode->promises) {
		model->counts.promises_forgotten += !binding->inode->promises->unmapped;
		binding->inode->promises->unmapped = true;
	}
}

/* @inode, or NULL for any: its pages in [gfn, gfn + nr) are bound no longer. */
static void bindings_remove(struct model *model, struct promise_vm *vm, const struct inode *inode,
			    __u64 gfn, __u64 nr)
{
	size_t at = binding_index(vm, gfn), kept = at;
	struct promise_binding tail = { 0 };

	for (; at < vm->bindings_nr; at++) {
		struct promise_binding binding = vm->bindings[at];
		__u64 over = gfn + nr, end = binding.gfn + binding.nr, pgoff;

		if (!binding_part(&binding, gfn, nr, &pgoff))
			break;
		if (inode && binding.inode != inode) {
			vm->bindings[kept++] = binding;
			continue;
		}
		/* Slots come and go as a whole: only what was learned piece by piece is cut. */
		if (binding.gfn < gfn) {
			vm->bindings[kept] = binding;
			vm->bindings[kept++].nr = gfn - binding.gfn;
		}
		if (over < end)
			tail = (struct promise_binding){ binding.inode, over,
							 binding.pgoff + (over - binding.gfn),
							 end - over };
	}
	if (at != kept)
		memmove(&vm->bindings[kept], &vm->bindings[at],
			(vm->bindings_nr - at) * sizeof(*vm->bindings));
	vm->bindings_nr -= at - kept;
	/* What was removed leaves no overlaps, so there is one tail at most. */
	if (tail.nr)
		bindings_add(model, vm, &tail);
}

/* An inode is of one VM, unless another took it over. NULL: no memory. */
static struct promise_vm *inode_join_vm(struct model *model, struct inode *inode, __u64 number)
{
	struct promises *promises = promises_get(model, inode);
	struct promise_vm *vm = promises ? vm_get(model, number) : NULL;

	for (size_t i = 0; vm && i < promises->vms_nr; i++) {
		if (promises->vms[i] == vm)
			return vm;
	}
	if (!vm || !model_grow(model, &promises->vms, promises->vms_nr, &promises->vms_room,
			       sizeof(struct promise_vm *)))
		return NULL;
	promises->vms[promises->vms_nr++] = vm;
	return vm;
}

struct promise_vm *promise_learn(struct model *model, struct inode *inode, __u64 vm, __u64 gfn,
				 __u64 pgoff, __u64 nr)
{
	struct promise_vm *found = inode_join_vm(model, inode, vm);
	const struct promise_binding *binding;
	size_t at;

	if (!found || inode->promises->unmapped)
		return found;
	at = binding_index(found, gfn);
	binding = at < found->bindings_nr ? &found->bindings[at] : NULL;
	if (binding && binding->inode == inode && binding->gfn <= gfn &&
	    gfn - binding->gfn == pgoff - binding->pgoff && gfn + nr <= binding->gfn + binding->nr)
		return found;
	bindings_remove(model, found, NULL, gfn, nr);
	bindings_add(model, found, &(struct promise_binding){ inode, gfn, pgoff, nr });
	return found;
}

static void promise_bind(struct model *model, struct inode *inode,
			 const struct record_promise *record)
{
	struct promise_news news = { .since = record->header.time, .binds = true };
	struct promise_vm *vm = inode_join_vm(model, inode, record->vm);

	if (!vm)
		return;
	/* A request that began unseen may still set them after it. */
	if (record->header.time >= inode->shadow_until)
		news.takes_back = vm->number;
	inode->promises->binding = true;
	vm_touch(vm, record->header.time);
	bindings_remove(model, vm, NULL, record->gfn_first, record->gfn_nr);
	bindings_add(model, vm,
		     &(struct promise_binding){ inode, record->gfn_first, record->pgoff,
						record->gfn_nr });
	promises_set(model, inode, record->pgoff, record->pgoff + record->gfn_nr - 1, &news);
}

static bool binds_there(const struct promise_vm *vm, const struct inode *inode,
			const struct record_promise *record)
{
	size_t at = binding_index(vm, record->gfn_first);

	return at < vm->bindings_nr && vm->bindings[at].inode == inode &&
	       vm->bindings[at].gfn <= record->gfn_first &&
	       record->gfn_first - vm->bindings[at].gfn == record->pgoff - vm->bindings[at].pgoff;
}

/* Whoever reads meanwhile may have seen it bound, whether it is known to have been or not. */
static void promise_unbind(struct model *model, struct inode *inode,
			   const struct record_promise *record)
{
	struct promises *promises = inode ? inode->promises : NULL;
	struct promise_vm *vm = vm_get(model, record->vm);
	size_t there = 0;

	/* Its slot's page tables are gone by now, by ways that are not all seen. */
	if (inode)
		reach_forget(model, inode, record->pgoff, record->gfn_nr);
	if (vm)
		vm_touch(vm, record->header.time);
	if (!promises)
		return;
	promises->binding = false;
	for (size_t i = 0; i < promises->vms_nr; i++) {
		there += binds_there(promises->vms[i], inode, record);
		vm_touch(promises->vms[i], record->header.time);
		bindings_remove(model, promises->vms[i], inode, record->gfn_first, record->gfn_nr);
	}
	/* The record does not say which of them it was. */
	if (there < 2)
		return;
	model->counts.promises_forgotten += !promises->unmapped;
	promises->unmapped = true;
}

/* What only a capture says that nobody has recorded. */
static bool promise_valid(struct model *model, const struct record_promise *record)
{
	bool ranged = record->event != RECORD_PROMISE_CONVERTED &&
		      record->event != RECORD_PROMISE_CONVERT_END &&
		      record->event != RECORD_PROMISE_BIND_END;

	if (!ranged || (record->gfn_nr && record->gfn_nr <= GFN_MAX &&
			record->gfn_first < GFN_MAX && record->pgoff < MODEL_PGOFF_MAX))
		return true;
	model->counts.malformed++;
	return false;
}

void promise_take(struct model *model, const struct record_promise *record)
{
	struct task *task = task_get(model, record->header.tid);
	struct inode *inode = record->header.inode ? inode_find(model, record->header.inode) : NULL;

	if (!task || !promise_valid(model, record))
		return;
	switch ((enum record_promise_event)record->event) {
	case RECORD_PROMISE_BIND_BEGIN:
		if (inode && inode->promises)
			inode->promises->binding = false;
		call_begin(model, task, record);
		break;
	case RECORD_PROMISE_CONVERT_BEGIN:
		call_begin(model, task, record);
		break;
	case RECORD_PROMISE_CONVERTED:
		task->call.made = true;
		if (task->call.conversion.result >= 0)
			task->call.conversion.result = record->result;
		break;
	case RECORD_PROMISE_CONVERT_END:
		/* Binding ends a conversion of its own before it ends. */
		if (task->early_nr)
			reach_task_ended(model, task);
		if (!task->call.bind)
			call_end(model, &task->call, record->header.time);
		break;
	case RECORD_PROMISE_BIND_END:
		call_end(model, &task->call, record->header.time);
		break;
	case RECORD_PROMISE_BIND:
		if (inode && !inode->base.dead)
			promise_bind(model, inode, record);
		break;
	case RECORD_PROMISE_UNBIND:
		promise_unbind(model, inode, record);
		break;
	}
}

void promise_request(struct model *model, const struct request *request)
{
	const struct promise_call *call = &request->task->call;
	struct promise_news news = {
		.since = request->base.end,
		.decides = true,
		.who = call->vm ? PROMISE_KVM : PROMISE_USER,
		.vm = call->vm ? call->vm->number : 0,
		.asks = true,
		.asked = request->base.result < 0 ? 0
			 : request->base.state	  ? MODEL_PRESENT
						  : MODEL_ABSENT,
	};

	/* A conversion says itself which pages it was to change; a slot that is bound does not. */
	if ((call->vm && !call->bind) || request->inode->base.dead)
		return;
	promises_set(model, request->inode, request->base.pgoff_first, request->base.pgoff_last,
		     &news);
}

void promise_forget(struct model *model, struct inode *inode)
{
	struct promises *promises = inode->promises;

	if (!promises)
		return;
	for (size_t i = 0; i < promises->vms_nr; i++)
		bindings_remove(model, promises->vms[i], inode, 0, ~0ULL);
	model_release(model, promises->vms, promises->vms_room * sizeof(struct promise_vm *));
	spans_free(model, promises);
	model_release(model, promises->suspects,
		      promises->suspects_room * sizeof(*promises->suspects));
	model_release(model, promises, sizeof(*promises));
	inode->promises = NULL;
}

void promise_doubt(struct model *model, __u64 time)
{
	model->calls_doubted = time;
	for (size_t i = 0; i < model->task_map.room; i++) {
		struct task *task = model->task_map.slots[i].value.pointer;

		if (task && task->call.vm)
			task->call.doubted = true;
	}
}

/*
 * What comes of one that runs on all the same is known to be doubtful: its pages were set before the
 * loss, as far as is known.
 */
void promise_expire(struct model *model, __u64 now)
{
	if (!model->calls_doubted || now - model->calls_doubted < model->options.shadow_ns)
		return;
	model->calls_doubted = 0;
	for (size_t i = 0; i < model->task_map.room; i++) {
		struct task *task = model->task_map.slots[i].value.pointer;

		if (!task || !task->call.vm || !task->call.doubted)
			continue;
		task->call.made = false;
		call_end(model, &task->call, now);
	}
}

__u64 promise_calls_stuck(const struct model *model)
{
	__u64 nr = 0, now = model->counts.now;

	for (size_t i = 0; i < model->task_map.room; i++) {
		const struct task *task = model->task_map.slots[i].value.pointer;
		__u64 begin = task && task->call.vm ? task->call.conversion.begin : now;

		nr += begin < now && now - begin > model->options.stuck_ns;
	}
	return nr;
}

void promise_free_all(struct model *model)
{
	for (size_t i = 0; i < model->inodes_nr; i++)
		promise_forget(model, model->inodes[i]);
	for (size_t i = 0; i < model->vm_map.room; i++) {
		struct promise_vm *vm = model->vm_map.slots[i].value.pointer;

		if (!vm)
			continue;
		free(vm->bindings);
		free(vm);
	}
	free(model->vm_map.slots);
}
