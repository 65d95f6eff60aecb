// SPDX-License-Identifier: GPL-2.0
/* The figures of a run, shown: rows in order of the report, and lists. */
#include <stdio.h>
#include <string.h>

#include "model/plural.h"
#include "flush/figures.h"

/* Whether a caller's routine has no name: what a frame is called then, src/sensor/stacks.c says. */
static bool stacks_nameless(const struct tally *callers)
{
	for (size_t i = 0; i < callers->nr; i++) {
		if (callers->entries[i].stack && strstr(callers->entries[i].stack, "[unknown]"))
			return true;
	}
	return false;
}

void flush_latency_totals(const struct flush_latency *latency, struct flush_totals *totals)
{
	*totals = latency->totals;
	totals->vms = latency->vms_nr;
	totals->stacks_nameless = stacks_nameless(&latency->lists[FLUSH_CALLERS]);
}

static const enum record_operation operations[OPERATIONS] = {
	RECORD_OPERATION_SET_RANGE,	  RECORD_OPERATION_SET_FOLIO,
	RECORD_OPERATION_CONFIGURE,	  RECORD_OPERATION_CONFIGURE_BATCH,
	RECORD_OPERATION_FALLOCATE,	  RECORD_OPERATION_RELEASE,
	RECORD_OPERATION_ERROR_FOLIO,	  RECORD_OPERATION_FOLIO_ZAP,
	RECORD_OPERATION_SECRETMEM_FAULT, RECORD_OPERATION_NONE,
};

size_t operation_place(enum record_operation operation)
{
	size_t place = 0;

	while (place < OPERATIONS - 1 && operations[place] != operation)
		place++;
	return place;
}

static void operation_name(struct named *named, size_t place)
{
	enum record_operation operation = operations[place];
	const char *name =
		operation == RECORD_OPERATION_NONE ? "no request" : model_operation_name(operation);

	snprintf(named->key, sizeof(named->key), "exposure.by.%s", model_operation_name(operation));
	snprintf(named->name, sizeof(named->name), "  flushed by %s", name);
}

static void row_name(struct flush_latency *latency, struct named *named, size_t index)
{
	static const struct {
		const char *key, *name;
	} figures[FIGURES_NR] = {
#define FIGURE_NAME(id, text_key, text_name) { text_key, text_name },
		FIGURES(FIGURE_NAME)
#undef FIGURE_NAME
	};
	size_t class = index - FIGURES_NR - FLUSH_KINDS;
	unsigned long long ceiling = latency->totals.ceiling;

	if (index < FIGURES_NR) {
		snprintf(named->key, sizeof(named->key), "%s", figures[index].key);
		snprintf(named->name, sizeof(named->name), "%s", figures[index].name);
		if (index == FIGURE_FEW && ceiling)
			snprintf(named->name, sizeof(named->name), "flush 2-%llu pages", ceiling);
		else if (index == FIGURE_FEW)
			snprintf(named->name, sizeof(named->name), "flush some pages");
	} else if (index < FIGURES_NR + FLUSH_KINDS) {
		const char *kind = flush_kind_name((enum flush_kind)(index - FIGURES_NR));

		snprintf(named->key, sizeof(named->key), "kind.%s", kind);
		snprintf(named->name, sizeof(named->name), "  %s", kind);
	} else if (class < ASKED_CLASSES) {
		unsigned int from = class ? 1U << (class - 1) : 0;
		unsigned int to = class ? (1U << class) - 1 : 0;

		snprintf(named->key, sizeof(named->key), "asked.%u", from);
		if (from == to)
			snprintf(named->name, sizeof(named->name), "  asking %u CPU%s", from,
				 plural(from));
		else
			snprintf(named->name, sizeof(named->name), "  asking %u-%u CPUs", from, to);
	} else if (class < ASKED_CLASSES + OPERATIONS) {
		operation_name(named, class - ASKED_CLASSES);
	} else {
		const struct vm *vm = &latency->vms[class - ASKED_CLASSES - OPERATIONS];

		snprintf(named->key, sizeof(named->key), "exposure.vm.%u", vm->tgid);
		snprintf(named->name, sizeof(named->name), "  VM %u", vm->tgid);
	}
}

/* Kinds and CPUs asked go between what flushes are and what they are made of. */
static size_t row_index(size_t position)
{
	const size_t between = FLUSH_KINDS + ASKED_CLASSES;

	if (position < FIGURE_PREPARE || position >= FIGURES_NR + between)
		return position;
	if (position < FIGURE_PREPARE + between)
		return position - FIGURE_PREPARE + FIGURES_NR;
	return position - between;
}

bool flush_latency_row(struct flush_latency *latency, size_t position, struct flush_row *row)
{
	size_t index = row_index(position);
	size_t class = index - FIGURES_NR - FLUSH_KINDS;
	const struct vm *vm = NULL;

	if (index >= FIGURES_NR + FLUSH_KINDS + ASKED_CLASSES + OPERATIONS + latency->vms_nr)
		return false;
	memset(row, 0, sizeof(*row));
	row_name(latency, &latency->names[index], index);
	row->key = latency->names[index].key;
	row->name = latency->names[index].name;
	if (index < FIGURES_NR) {
		row->histogram = &latency->figures[index];
		row->never = index == FIGURE_EXPOSURE ? latency->totals.never : 0;
	} else if (index < FIGURES_NR + FLUSH_KINDS) {
		row->histogram = &latency->kinds[index - FIGURES_NR];
	} else if (class < ASKED_CLASSES) {
		row->histogram = &latency->asked[class];
	} else if (class < ASKED_CLASSES + OPERATIONS) {
		row->histogram = &latency->by_operation[class - ASKED_CLASSES];
	} else {
		vm = &latency->vms[class - ASKED_CLASSES - OPERATIONS];
		row->histogram = &vm->exposure;
		row->never = vm->never;
	}
	return true;
}

bool flush_latency_sum(const struct flush_latency *latency, enum flush_list list, size_t index,
		       struct flush_sum *sum)
{
	const struct tally *tally = &latency->lists[list];
	const struct tally_entry *entry;

	if (index >= tally->nr)
		return false;
	entry = &tally->entries[index];
	memset(sum, 0, sizeof(*sum));
	memcpy(sum->comm, entry->comm, sizeof(sum->comm));
	sum->stack = entry->stack;
	sum->cpu = entry->cpu;
	sum->bits = entry->bits;
	sum->tgid = entry->tgid;
	sum->kind = entry->kind;
	sum->count = entry->count;
	sum->flushes = entry->flushes;
	sum->ns = entry->ns;
	sum->max = entry->max;
	sum->first = entry->first;
	sum->last = entry->last;
	sum->leaves = entry->leaves;
	return true;
}

const struct flush_slow *flush_latency_slowest(const struct flush_latency *latency, size_t index)
{
	return index < latency->slowest_nr ? &latency->slowest[index] : NULL;
}
