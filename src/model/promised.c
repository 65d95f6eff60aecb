// SPDX-License-Identifier: GPL-2.0
/*
 * Reads against what KVM has promised. A read tells of each page that is bound which guest frame
 * it backs, and that frame's attributes, as they were at the same moment as its entry. It is
 * settled where no promise of the VM changed meanwhile; and as everywhere, what is not as it must
 * be is proven by a second read with nothing in between.
 */
#include "model/pages.h"
#include "model/promises.h"
#include "model/judge.h"

#define SUSPECTS_MAX 4096 /* of an inode; more wait until these are proven */

/* A part of a read: alike in the read, in what is promised, and in who set it last. */
struct promised_part {
	const struct judging *judging;
	const struct model_read *read;
	const struct promise_run *run;
	struct promise_span span;
	__u64 first, last; /* pgoff */
};

static bool run_private(const struct promise_run *run)
{
	return run->attributes & RECORD_ATTRIBUTE_PRIVATE;
}

/* What its shared pages are as long as nobody has asked for anything. */
static enum model_state shared_default(const struct inode *inode)
{
	return inode->base.default_state ? MODEL_PRESENT : MODEL_ABSENT;
}

/* What is wrong with it, 0 where nothing is. */
static enum model_promise_break part_broken(const struct promised_part *part)
{
	const struct promise_span *span = &part->span;
	enum model_state table = part->read->table, asked = span->asked;
	enum model_state shared = asked ? asked : shared_default(part->judging->inode);
	const bool broken = run_private(part->run) && table == MODEL_PRESENT;

	if (broken && span->bound == part->run->vm)
		return MODEL_PRIVATE_PRESENT;
	/* Nor where another VM, that has bound it as well, was told later. */
	if (span->who != PROMISE_KVM || (span->vm && span->vm != part->run->vm))
		return 0;
	if (broken)
		return MODEL_PRIVATE_PRESENT;
	/* What is shared keeps what it has where it is bound. */
	if (asked == MODEL_EITHER)
		return 0;
	if (asked && (asked == MODEL_ABSENT) != run_private(part->run))
		return MODEL_HALF_ATTRIBUTED;
	if (run_private(part->run) || table != MODEL_ABSENT || shared != MODEL_PRESENT)
		return 0;
	/* Nothing but a conversion makes pages absent that are present by default. */
	if (span->conversion.result < 0 || shared_default(part->judging->inode) == MODEL_ABSENT)
		return MODEL_HALF_CONVERTED;
	return MODEL_SHARED_ABSENT;
}

/* Whether all that it rests on is known, since it was decided. */
static bool part_known(const struct promised_part *part)
{
	const struct judging *judging = part->judging;

	return !doubt_within(judging->model, judging->inode, part->span.since, judging->end);
}

/* The entry has not changed since the read that suspected it. */
static bool part_untouched(const struct promised_part *part, __u64 since)
{
	struct inode *inode = part->judging->inode;
	bool exact;

	for (__u64 pgoff = part->first; pgoff <= part->last; pgoff++) {
		const struct chunk_slot *slot =
			extent_slot(part->judging->model, inode, pgoff, false);

		if (!slot || page_changed(slot, pgoff, &exact) >= since)
			return false;
	}
	return part->span.since < since;
}

static void suspect_drop(struct promises *promises, size_t index)
{
	promises->suspects[index] = promises->suspects[--promises->suspects_nr];
}

/* The suspect that holds all of the part, as it was read before. Others on its pages are gone. */
static bool part_suspected(const struct promised_part *part, enum model_promise_break how,
			   __u64 *since)
{
	struct promises *promises = part->judging->inode->promises;
	bool found = false;

	for (size_t i = 0; i < promises->suspects_nr;) {
		const struct promise_suspect *suspect = &promises->suspects[i];

		if (suspect->last < part->first || part->last < suspect->first) {
			i++;
			continue;
		}
		if (suspect->how == how && suspect->first <= part->first &&
		    part->last <= suspect->last && suspect->end <= part->judging->begin &&
		    part_untouched(part, suspect->begin)) {
			found = true;
			*since = suspect->begin;
		}
		suspect_drop(promises, i);
	}
	return found;
}

/* It must be read again. */
static void part_suspect(const struct promised_part *part, enum model_promise_break how)
{
	struct model *model = part->judging->model;
	struct inode *inode = part->judging->inode;
	struct promises *promises = inode->promises;

	if (promises->suspects_nr >= SUSPECTS_MAX ||
	    !model_grow(model, &promises->suspects, promises->suspects_nr, &promises->suspects_room,
			sizeof(*promises->suspects)))
		return;
	promises->suspects[promises->suspects_nr++] = (struct promise_suspect){
		.first = part->first,
		.last = part->last,
		.begin = part->judging->begin,
		.end = part->judging->end,
		.how = how,
	};
	for (__u64 pgoff = part->first; pgoff <= part->last; pgoff++) {
		struct chunk *chunk = extent_chunk(model, inode, pgoff);

		if (chunk)
			chunk_mark(model, inode, chunk, MARK_UNSETTLED,
				   (__u32)(pgoff & (CHUNK_PAGES - 1)), true);
	}
}

static void part_tell(const struct promised_part *part, enum model_promise_break how, __u64 since)
{
	struct model_promised promised = {
		.inode = part->read->inode,
		.pgoff = part->first,
		.nr = part->last - part->first + 1,
		.pfn = part->read->pfn + (part->first - part->read->pgoff),
		.how = how,
		.vm = part->run->vm,
		.gfn = part->run->gfn + (part->first - part->run->pgoff),
		.is_private = run_private(part->run),
		.table = part->read->table,
		.last = part->span.conversion,
		.origin = part->read->origin,
		.since = part->span.since,
		.begin = since,
		.end = part->judging->end,
	};

	if (promised.last.begin)
		promised.slots_before =
			promise_slots(promise_vm_find(part->judging->model, part->run->vm),
				      promised.last.gfn_first, promised.gfn);
	MODEL_NOTIFY(part->judging->model, promised, &promised);
}

static void part_judge(const struct promised_part *part)
{
	enum model_promise_break how = part_broken(part);
	__u64 since;

	if (part->span.who == PROMISE_KVM)
		part->judging->model->counts.pages_promised += part->last - part->first + 1;
	if (how && !part_known(part))
		how = 0;
	if (part_suspected(part, how, &since))
		part_tell(part, how, since);
	else if (how)
		part_suspect(part, how);
}

/* The part of the read that the run speaks of, span by span. */
static void run_judge(const struct judging *judging, const struct model_read *read,
		      const struct promise_run *run)
{
	__u64 first = read->pgoff > run->pgoff ? read->pgoff : run->pgoff;
	__u64 end = read->pgoff + read->nr < run->pgoff + run->nr ? read->pgoff + read->nr
								  : run->pgoff + run->nr;

	while (first < end) {
		struct promised_part part = {
			.judging = judging, .read = read, .run = run, .first = first
		};

		promise_span_at(judging->inode, first, &part.span);
		part.last = part.span.last < end - 1 ? part.span.last : end - 1;
		part_judge(&part);
		first = part.last + 1;
	}
}

static bool promises_known(const struct judging *judging)
{
	const struct promises *promises = judging->inode->promises;

	return promises && !promises->unmapped && !promises->binding;
}

/* Whether KVM's promises to the VM stood still while they were read. */
static bool promises_settled(const struct judging *judging, const struct promise_run *run)
{
	const struct promise_vm *vm = promise_vm_find(judging->model, run->vm);

	return vm && !vm->open && vm->touched < judging->begin;
}

static bool read_judged(const struct model_read *read)
{
	const __u32 wanted = RECORD_PAGE_RESIDENT | RECORD_PAGE_PREPARED;

	return read->settled && (read->bits & wanted) == wanted &&
	       !(read->bits & RECORD_PAGE_POISONED) && read->table != MODEL_EITHER &&
	       !read->differs;
}

void promised_judge(const struct judging *judging, const struct model_read *read)
{
	const struct bundle *bundle = judging->bundle;

	if (!read_judged(read) || !promises_known(judging))
		return;
	for (size_t i = 0; i < bundle->promises_nr; i++) {
		if (promises_settled(judging, &bundle->promises[i]))
			run_judge(judging, read, &bundle->promises[i]);
	}
}

void promised_learn(const struct judging *judging)
{
	const struct bundle *bundle = judging->bundle;
	struct inode *inode = judging->inode;

	/* A slot may have moved unseen. */
	if (doubt_within(judging->model, inode, judging->begin, judging->end))
		return;
	for (size_t i = 0; i < bundle->promises_nr; i++) {
		const struct promise_run *run = &bundle->promises[i];
		const struct promise_vm *vm = promise_vm_find(judging->model, run->vm);

		/* While slots move, what was read may be no longer. */
		if (vm && (vm->open || vm->touched >= judging->begin))
			return;
		promise_learn(judging->model, inode, run->vm, run->gfn, run->pgoff, run->nr);
	}
}
