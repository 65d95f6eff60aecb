// SPDX-License-Identifier: GPL-2.0
/* The figures of a run: histograms by kind, size, CPUs asked and VM, and lists of who and where. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flush/figures.h"
#include "providers/provider.h"

static __u64 span(__u64 begin, __u64 end)
{
	return end > begin ? end - begin : 0;
}

static void figure_add(struct flush_latency *latency, enum figure figure, __u64 ns, __u64 nr)
{
	flush_histogram_add(&latency->figures[figure], ns, nr);
}

static __u64 fact_number(const struct model *model, const char *key)
{
	const char *value = model_fact_find(model, key);

	return value ? strtoull(value, NULL, 10) : 0;
}

/* The sensors that were on: facts come before what they tell of. */
static bool group_on(struct flush_latency *latency, enum sensor_group group)
{
	if (!latency->groups) {
		latency->groups = fact_number(latency->model, "sensor.groups");
		latency->alone = fact_number(latency->model, "kernel.cpus") == 1;
	}
	return latency->groups & group;
}

static struct vm *vm_get(struct flush_latency *latency, __u32 tgid)
{
	size_t room = latency->vms_room ? latency->vms_room * 2 : 8;
	struct vm *vms;

	for (size_t i = 0; i < latency->vms_nr; i++) {
		if (latency->vms[i].tgid == tgid)
			return &latency->vms[i];
	}
	if (latency->vms_nr == VMS_MAX)
		return &latency->vms[VMS_MAX - 1];
	if (latency->vms_nr == latency->vms_room) {
		vms = realloc(latency->vms, room * sizeof(*vms));
		if (!vms) {
			latency->totals.failed = true;
			return NULL;
		}
		latency->vms = vms;
		latency->vms_room = room;
	}
	memset(&latency->vms[latency->vms_nr], 0, sizeof(*latency->vms));
	latency->vms[latency->vms_nr].tgid = tgid;
	return &latency->vms[latency->vms_nr++];
}

static __u32 vm_of(const struct model_inode *inode)
{
	return inode->vm ? inode->vm : inode->tgid;
}

/* As flush_seen has it: of a fault of memfd_secret there is no request. */
static enum record_operation exposure_operation(const struct model_exposure *exposure)
{
	if (exposure->own && exposure->operation == RECORD_OPERATION_NONE)
		return provider_of(exposure->inode->provider)->unrequested;
	return exposure->operation;
}

static void latency_exposed(void *context, const struct model_exposure *exposure)
{
	struct flush_latency *latency = context;
	__u64 ns = span(exposure->begin, exposure->end);
	struct vm *vm;

	/* Else each would be counted twice. */
	if (group_on(latency, SENSOR_GROUP_EXPOSURES))
		return;
	vm = vm_get(latency, vm_of(exposure->inode));
	figure_add(latency, FIGURE_EXPOSURE, ns, exposure->nr);
	figure_add(latency, exposure->own ? FIGURE_OWN : FIGURE_FOREIGN, ns, exposure->nr);
	flush_histogram_add(&latency->by_operation[operation_place(exposure_operation(exposure))],
			    ns, exposure->nr);
	if (vm)
		flush_histogram_add(&vm->exposure, ns, exposure->nr);
}

/* Where a program stood at its entry. */
static void latency_zapped(void *context, const struct model_zap *zap,
			   const struct model_request *request)
{
	(void)request;
	if (zap->begin)
		figure_add(context, zap->valid ? FIGURE_RESTORE : FIGURE_ZAP,
			   span(zap->begin, zap->end), 1);
}

static bool cpu_is_looked_at(const struct flush_latency *latency, __u32 cpu)
{
	return cpu < latency->options.cpus_nr && latency->options.cpus[cpu];
}

static struct tally_entry *list_get(struct flush_latency *latency, enum flush_list list,
				    const struct tally_key *key)
{
	struct tally_entry *entry = tally_get(&latency->lists[list], key);

	if (!entry)
		latency->totals.failed = true;
	return entry;
}

static void interrupters_add(struct flush_latency *latency, const struct flush_seen *flush)
{
	const struct tally_key key = { .comm = flush->comm,
				       .stack = flush->stack,
				       .kind = flush->kind };
	struct tally_entry *entry = NULL;

	for (size_t i = 0; i < flush->answers_nr; i++) {
		const struct record_answer *answer = &flush->answers[i];

		if (!cpu_is_looked_at(latency, answer->cpu) || !answer->entered)
			continue;
		if (!entry) {
			entry = list_get(latency, FLUSH_INTERRUPTERS, &key);
			if (!entry)
				return;
			entry->flushes++;
		}
		tally_add(entry, span(answer->entered, answer->left), 1);
		if (!entry->first)
			entry->first = flush->begin;
		if (!entry->tgid)
			entry->tgid = flush->tgid;
		entry->last = flush->end;
	}
}

static void answers_add(struct flush_latency *latency, const struct flush_seen *flush)
{
	__u64 first = ~0ULL, last = 0;

	for (size_t i = 0; i < flush->answers_nr; i++) {
		const struct record_answer *answer = &flush->answers[i];

		if (!answer->entered || !answer->left)
			continue;
		figure_add(latency, FIGURE_ANSWER, span(answer->asked, answer->left), 1);
		if (answer->entered != answer->left) {
			figure_add(latency, FIGURE_DELAY, span(answer->asked, answer->entered), 1);
			figure_add(latency, FIGURE_HANDLER, span(answer->entered, answer->left), 1);
		}
		if (answer->left < first)
			first = answer->left;
		if (answer->left > last)
			last = answer->left;
	}
	if (last)
		figure_add(latency, FIGURE_LATE, last - first, 1);
}

static void late_add(struct flush_latency *latency, const struct flush_seen *flush)
{
	const struct record_flush_timed *timed = flush->timed;
	char comm[RECORD_COMM_LEN + 1] = "";
	const struct tally_key key = { .comm = comm,
				       .stack = flush->late_stack,
				       .cpu = timed->late_cpu,
				       .bits = timed->late_bits };
	struct tally_entry *entry;

	memcpy(comm, timed->late_comm, RECORD_COMM_LEN);
	entry = list_get(latency, FLUSH_LATE, &key);
	if (entry)
		tally_add(entry, span(timed->late_asked, timed->late_left), 1);
}

/* 0: none was asked; 1, 2-3, 4-7 and so on. */
static size_t asked_class(__u32 asked)
{
	size_t class = asked ? 32 - (size_t)__builtin_clz(asked) : 0;

	return class < ASKED_CLASSES ? class : ASKED_CLASSES - 1;
}

static void breakdown_add(struct flush_latency *latency, const struct flush_seen *flush)
{
	const struct record_flush_timed *timed = flush->timed;
	struct flush_totals *totals = &latency->totals;

	if (timed->bits & RECORD_FLUSH_UNANSWERED) {
		totals->unanswered++;
		return;
	}
	totals->asked += timed->asked_nr;
	totals->answered += timed->answered_nr;
	flush_histogram_add(&latency->asked[asked_class(timed->asked_nr)],
			    span(flush->begin, flush->end), 1);
	if (timed->bits & RECORD_FLUSH_UNASKED)
		totals->unasked++;
	else if (timed->asked)
		figure_add(latency, FIGURE_PREPARE, span(flush->begin, timed->asked), 1);
	answers_add(latency, flush);
	interrupters_add(latency, flush);
	if (!timed->answered_nr)
		return;
	figure_add(latency, FIGURE_RETURN, span(timed->late_left, flush->end), 1);
	late_add(latency, flush);
}

/* Of a flush that its zap tells of and nothing else: it asked no CPU. */
static void unasked_add(struct flush_latency *latency, __u64 ns)
{
	if (!group_on(latency, SENSOR_GROUP_FLUSHES))
		return;
	if (group_on(latency, SENSOR_GROUP_ACKNOWLEDGE) || latency->alone)
		flush_histogram_add(&latency->asked[0], ns, 1);
	else
		latency->totals.unanswered++;
}

/* A flush whose stack was due, for all that it stands for; where it could not be had that is its frame. */
static void callers_add(struct flush_latency *latency, const struct flush_seen *flush)
{
	static const char *const frames[] = {
		[RECORD_STACK_COLLIDED] = "[stack collided]",
		[RECORD_STACK_LOST] = "[stack lost]",
	};
	struct tally_key key = { .comm = "", .stack = flush->stack, .kind = flush->kind };
	struct tally_entry *entry;

	if (!flush->weight)
		return;
	if (flush->stack_state == RECORD_STACK_TAKEN && flush->stack)
		latency->totals.stacks_taken++;
	else if (flush->stack_state == RECORD_STACK_COLLIDED)
		latency->totals.stacks_collided++;
	else
		latency->totals.stacks_lost++;
	if (!key.stack)
		key.stack =
			frames[flush->stack_state == RECORD_STACK_COLLIDED ? RECORD_STACK_COLLIDED
									   : RECORD_STACK_LOST];
	entry = list_get(latency, FLUSH_CALLERS, &key);
	if (entry)
		tally_add(entry, span(flush->begin, flush->end), flush->weight);
}

static void causes_add(struct flush_latency *latency, const struct flush_seen *flush)
{
	const struct tally_key key = {
		.comm = "", .cpu = flush->operation, .bits = flush->size, .kind = flush->kind
	};
	struct tally_entry *entry = list_get(latency, FLUSH_CAUSES, &key);

	if (entry)
		tally_add(entry, span(flush->begin, flush->end), 1);
}

/* Flushes of several tasks may be told out of order: [first, last] (ns) is what @leaves span so far. */
static void leaves_join(struct flush_leaves *leaves, __u64 *first, __u64 *last,
			const struct flush_seen *flush)
{
	if (flush->leaves.known) {
		if (!leaves->known || flush->begin < *first)
			memcpy(leaves->before, flush->leaves.before, sizeof(leaves->before));
		if (!leaves->known || flush->end > *last)
			memcpy(leaves->after, flush->leaves.after, sizeof(leaves->after));
		leaves->known = true;
	}
	if (!*first || flush->begin < *first)
		*first = flush->begin;
	if (flush->end > *last)
		*last = flush->end;
}

/* Whose stack is not known has split all the same. */
static void splits_add(struct flush_latency *latency, const struct flush_seen *flush)
{
	const struct tally_key key = { .comm = "", .stack = flush->stack, .kind = flush->kind };
	__u64 split = flush_leaves_split(&flush->leaves);
	struct tally_entry *entry;

	if (flush->leaves.known)
		leaves_join(&latency->totals.leaves, &latency->leaves_first, &latency->leaves_last,
			    flush);
	if (flush->kind != FLUSH_SPLIT)
		return;
	latency->totals.splits += split;
	entry = list_get(latency, FLUSH_SPLITS, &key);
	if (!entry)
		return;
	tally_add(entry, span(flush->begin, flush->end), 1);
	entry->count += split - 1;
	entry->flushes++;
	leaves_join(&entry->leaves, &entry->first, &entry->last, flush);
}

/* In its place among the slowest, if it is one. */
static void slowest_put(struct flush_latency *latency, const struct flush_slow *slow)
{
	size_t at = latency->slowest_nr;

	while (at && span(latency->slowest[at - 1].begin, latency->slowest[at - 1].end) <
			     span(slow->begin, slow->end))
		at--;
	if (at == FLUSH_SLOWEST)
		return;
	if (latency->slowest_nr < FLUSH_SLOWEST)
		latency->slowest_nr++;
	memmove(&latency->slowest[at + 1], &latency->slowest[at],
		(latency->slowest_nr - at - 1) * sizeof(*slow));
	latency->slowest[at] = *slow;
}

static void slowest_add(struct flush_latency *latency, const struct flush_seen *flush)
{
	const struct record_flush_timed *timed = flush->timed;
	struct flush_slow slow = {
		.begin = flush->begin,
		.end = flush->end,
		.pages = flush->pages,
		.kind = flush->kind,
		.operation = flush->operation,
		.cpu = flush->cpu,
		.tgid = flush->tgid,
	};

	memcpy(slow.comm, flush->comm, strnlen(flush->comm, RECORD_COMM_LEN));
	if (timed && timed->answered_nr) {
		slow.late = true;
		slow.late_cpu = timed->late_cpu;
		slow.late_bits = timed->late_bits;
		slow.late_ns = span(timed->late_asked, timed->late_left);
		memcpy(slow.late_comm, timed->late_comm, RECORD_COMM_LEN);
	}
	slowest_put(latency, &slow);
}

static const enum figure size_figures[FLUSH_SIZES] = {
	[FLUSH_SIZE_ONE] = FIGURE_ONE,
	[FLUSH_SIZE_FEW] = FIGURE_FEW,
	[FLUSH_SIZE_EVERYTHING] = FIGURE_EVERYTHING,
};

static void latency_seen(void *context, const struct flush_seen *flush)
{
	struct flush_latency *latency = context;
	struct flush_totals *totals = &latency->totals;
	__u64 ns = span(flush->begin, flush->end);

	if (group_on(latency, SENSOR_GROUP_DURATIONS))
		return;
	if (flush->timed)
		totals->timed = true;
	if (flush->kind == FLUSH_OURS) {
		totals->ours++;
		return;
	}
	totals->flushes++;
	totals->ns += ns;
	totals->by_kind[flush->kind]++;
	totals->ns_by_kind[flush->kind] += ns;
	figure_add(latency, FIGURE_FLUSH, ns, 1);
	figure_add(latency, size_figures[flush->size], ns, 1);
	flush_histogram_add(&latency->kinds[flush->kind], ns, 1);
	if (flush->inode)
		(void)vm_get(latency, vm_of(flush->inode));
	causes_add(latency, flush);
	slowest_add(latency, flush);
	callers_add(latency, flush);
	splits_add(latency, flush);
	if (flush->timed)
		breakdown_add(latency, flush);
	else
		unasked_add(latency, ns);
}

static __u64 summary_count(const struct record_summary *summary)
{
	__u64 count = 0;

	for (__u32 i = 0; i < summary->nr; i++)
		count += summary->buckets[i].nr;
	return count;
}

/* A histogram that the sensors kept, of flushes of one kind and size. */
static void flushes_sum(struct flush_latency *latency, const struct record_summary *summary,
			enum flush_kind kind, enum flush_size size)
{
	const struct tally_key key = { .comm = "", .bits = size, .kind = kind };
	struct flush_totals *totals = &latency->totals;
	struct tally_entry *entry = list_get(latency, FLUSH_CAUSES, &key);
	__u64 count = summary_count(summary);
	/* Each asks all others: those that were online. */
	size_t asked = asked_class(summary->cpus ? summary->cpus - 1 : 0);

	totals->flushes += count;
	totals->ns += summary->sum;
	totals->by_kind[kind] += count;
	totals->ns_by_kind[kind] += summary->sum;
	flush_histogram_add_summary(&latency->figures[FIGURE_FLUSH], summary);
	flush_histogram_add_summary(&latency->figures[size_figures[size]], summary);
	flush_histogram_add_summary(&latency->kinds[kind], summary);
	flush_histogram_add_summary(&latency->asked[asked], summary);
	if (!entry)
		return;
	entry->count += count;
	entry->ns += summary->sum;
	if (summary->max > entry->max)
		entry->max = summary->max;
}

static void latency_summed(void *context, const struct record_summary *summary)
{
	static const struct {
		enum flush_kind kind;
		enum flush_size size;
	} cells[RECORD_SUMMARY_CELLS] = {
		[RECORD_SUMMARY_ELSEWHERE_ONE] = { FLUSH_ELSEWHERE, FLUSH_SIZE_ONE },
		[RECORD_SUMMARY_ELSEWHERE_FEW] = { FLUSH_ELSEWHERE, FLUSH_SIZE_FEW },
		[RECORD_SUMMARY_ONE] = { FLUSH_RANGED, FLUSH_SIZE_ONE },
		[RECORD_SUMMARY_FEW] = { FLUSH_RANGED, FLUSH_SIZE_FEW },
		[RECORD_SUMMARY_CEILING] = { FLUSH_CEILING, FLUSH_SIZE_EVERYTHING },
		[RECORD_SUMMARY_ALL] = { FLUSH_ALL, FLUSH_SIZE_EVERYTHING },
	};
	struct flush_latency *latency = context;

	if (cells[summary->cell].kind) {
		flushes_sum(latency, summary, cells[summary->cell].kind, cells[summary->cell].size);
	} else if (summary->cell == RECORD_SUMMARY_OURS) {
		latency->totals.ours += summary_count(summary);
	} else {
		flush_histogram_add_summary(&latency->figures[FIGURE_EXPOSURE], summary);
		flush_histogram_add_summary(&latency->figures[FIGURE_OWN], summary);
		if (summary->cell == RECORD_SUMMARY_EXPOSURE_AT_MOST)
			latency->totals.at_most += summary_count(summary);
	}
}

struct flush_latency *flush_latency_create(struct model *model,
					   const struct flush_latency_options *options)
{
	struct flush_latency *latency = calloc(1, sizeof(*latency));
	const struct flush_observer flushes = { .context = latency, .seen = latency_seen };
	const struct model_observer observer = {
		.context = latency,
		.zapped = latency_zapped,
		.exposure_ended = latency_exposed,
		.summed = latency_summed,
	};
	size_t before = model_observers(model);

	if (!latency)
		return NULL;
	latency->model = model;
	if (options)
		latency->options = *options;
	latency->watch = flush_watch_create(model, &flushes);
	if (latency->watch && !model_observe(model, &observer))
		return latency;
	model_observers_drop(model, before);
	flush_latency_free(latency);
	return NULL;
}

void flush_latency_free(struct flush_latency *latency)
{
	if (!latency)
		return;
	flush_watch_free(latency->watch);
	free(latency->vms);
	for (size_t i = 0; i < FLUSH_LISTS; i++)
		tally_free(&latency->lists[i]);
	free(latency);
}

/* Pages that are exposed at the end, or were so when their inode went. */
static void never_count(struct flush_latency *latency)
{
	const struct model_inode *inode = NULL;

	while ((inode = model_inode_next(latency->model, inode))) {
		struct vm *vm = inode->exposed ? vm_get(latency, vm_of(inode)) : NULL;

		latency->totals.never += inode->exposed;
		if (vm)
			vm->never += inode->exposed;
	}
}

static void lists_sort(struct flush_latency *latency)
{
	for (size_t i = 0; i < FLUSH_LISTS; i++)
		tally_sort(&latency->lists[i]);
}

void flush_latency_finish(struct flush_latency *latency)
{
	struct flush_totals *totals = &latency->totals;
	struct model_counts counts;

	flush_watch_finish(latency->watch);
	never_count(latency);
	model_count(latency->model, &counts);
	totals->span = span(counts.started, counts.now);
	totals->cpus = fact_number(latency->model, "kernel.cpus");
	totals->ceiling = fact_number(latency->model, "kernel.flush_ceiling_pages");
	totals->timed |= group_on(latency, SENSOR_GROUP_FLUSHES) ||
			 group_on(latency, SENSOR_GROUP_DURATIONS);
	totals->summary = group_on(latency, SENSOR_GROUP_EXPOSURES) ||
			  group_on(latency, SENSOR_GROUP_DURATIONS);
	totals->leaves_untold = totals->timed && !totals->summary && !totals->leaves.known &&
				totals->by_kind[FLUSH_ALL] + totals->by_kind[FLUSH_SPLIT];
	totals->exposures_only = totals->summary && !totals->timed;
	totals->lost = counts.lost_by_cause[RECORD_LOSS_UNTIMED] +
		       counts.lost_by_cause[RECORD_LOSS_MISSED_TIMES] +
		       counts.lost_by_cause[RECORD_LOSS_UNSUMMED];
	totals->records_lost = counts.lost;
	totals->missed = counts.missed;
	totals->failed |= flush_watch_failed(latency->watch);
	lists_sort(latency);
}

static void totals_merge(struct flush_totals *totals, const struct flush_totals *other)
{
	totals->flushes += other->flushes;
	totals->ns += other->ns;
	for (size_t i = 0; i < FLUSH_KINDS; i++) {
		totals->by_kind[i] += other->by_kind[i];
		totals->ns_by_kind[i] += other->ns_by_kind[i];
	}
	totals->ours += other->ours;
	totals->span += other->span;
	totals->asked += other->asked;
	totals->answered += other->answered;
	totals->unanswered += other->unanswered;
	totals->unasked += other->unasked;
	totals->stacks_taken += other->stacks_taken;
	totals->stacks_collided += other->stacks_collided;
	totals->stacks_lost += other->stacks_lost;
	totals->lost += other->lost;
	totals->records_lost += other->records_lost;
	totals->missed += other->missed;
	totals->never += other->never;
	totals->splits += other->splits;
	totals->leaves_untold |= other->leaves_untold;
	/* Of several runs there is no one before and after. */
	totals->leaves.known = false;
	totals->at_most += other->at_most;
	totals->summary |= other->summary;
	totals->exposures_only |= other->exposures_only;
	totals->timed &= other->timed;
	totals->failed |= other->failed;
	/* What differs is not one number any more. */
	if (totals->cpus != other->cpus)
		totals->cpus = 0;
	if (totals->ceiling != other->ceiling)
		totals->ceiling = 0;
}

int flush_latency_merge(struct flush_latency *latency, const struct flush_latency *other)
{
	int error = 0;

	totals_merge(&latency->totals, &other->totals);
	for (size_t i = 0; i < FIGURES_NR; i++)
		flush_histogram_merge(&latency->figures[i], &other->figures[i]);
	for (size_t i = 0; i < FLUSH_KINDS; i++)
		flush_histogram_merge(&latency->kinds[i], &other->kinds[i]);
	for (size_t i = 0; i < ASKED_CLASSES; i++)
		flush_histogram_merge(&latency->asked[i], &other->asked[i]);
	for (size_t i = 0; i < OPERATIONS; i++)
		flush_histogram_merge(&latency->by_operation[i], &other->by_operation[i]);
	for (size_t i = 0; i < other->vms_nr; i++) {
		struct vm *vm = vm_get(latency, other->vms[i].tgid);

		if (!vm)
			return -ENOMEM;
		flush_histogram_merge(&vm->exposure, &other->vms[i].exposure);
		vm->never += other->vms[i].never;
	}
	for (size_t i = 0; i < other->slowest_nr; i++)
		slowest_put(latency, &other->slowest[i]);
	for (size_t i = 0; i < FLUSH_LISTS; i++)
		error |= tally_merge(&latency->lists[i], &other->lists[i]);
	lists_sort(latency);
	return error ? -ENOMEM : 0;
}
