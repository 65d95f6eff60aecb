// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at random, by all threads on all areas: opposite wishes meet on the same pages. Both
 * sides of a page hold the same values here, so that a guest that loses a race still finds what it may.
 */
#include <stdatomic.h>

#include "fleet.h"
#include "steps.h"

#define RANGE_MAX 600
/* Pages that the threads convert back and forth against each other, over a border of slots. */
#define HOT_PAGES 64
/* A round of every thread is so many actions. */
#define ROUND_ACTIONS 64
#define PASSING_PAGES 16

struct churn {
	struct fleet fleet;
	uint64_t end_ns; /* 0: until the rounds are done */
};

/* One thread's choice: an area of anybody's, a range of it, and the thread's own numbers. */
struct action {
	struct churn *churn;
	unsigned int thread;
	struct load_random *random;
	struct area *area;
	struct range range;
};

static int act_convert(const struct action *action)
{
	bool private = load_random_below(action->random, 2);

	return area_convert(action->area, action->range.first, action->range.count, private);
}

static int act_convert_hot(const struct action *action)
{
	struct area *area = &action->churn->fleet.areas[0];
	uint64_t border = area->regions[1].first;
	uint64_t before = border < HOT_PAGES / 2 ? border : HOT_PAGES / 2;
	uint64_t left = area->pages - (border - before);

	return area_convert(area, border - before, left < HOT_PAGES ? left : HOT_PAGES,
			    (action->thread + load_random_below(action->random, 4)) & 1);
}

static int act_direct_map(const struct action *action)
{
	return area_set_direct_map(action->area, action->range.first, action->range.count,
				   load_random_below(action->random, 2));
}

static int act_direct_map_page(const struct action *action)
{
	return area_set_direct_map(action->area, action->range.first, 1,
				   load_random_below(action->random, 2));
}

static int act_punch(const struct action *action)
{
	return area_punch(action->area, action->range.first, 1 + action->range.count / 4);
}

static int act_allocate(const struct action *action)
{
	return area_allocate(action->area, action->range.first, 1 + action->range.count / 4);
}

/* An area of the thread's own: a vCPU can run in one thread at a time only. */
static struct area *own_area(const struct action *action)
{
	const struct fleet *fleet = &action->churn->fleet;
	unsigned int own = 1 + (fleet->area_count - 1 - action->thread) / fleet->options->threads;
	unsigned int index = load_random_below(action->random, own);

	return &fleet->areas[action->thread + index * fleet->options->threads];
}

static int act_guest(const struct action *action)
{
	struct area *area = own_area(action);
	struct range range = range_random_from(area, action->random, RANGE_MAX / 4);
	int status = LOAD_OK;

	if (load_random_below(action->random, 2)) {
		status = area_guest_write(area, range.first, range.count);
		load_counters.faulted += range.count;
	}
	return status ? status : area_check(area, range.first, range.count);
}

static int act_prefault(const struct action *action)
{
	struct area *area = own_area(action);
	struct range range = range_random_from(area, action->random, RANGE_MAX);

	return area_prefault(area, range.first, range.count);
}

/* A VM comes and goes while the others work. */
static int act_passing_vm(const struct action *action)
{
	struct area area = { 0 };
	struct vm vm;
	int status = vm_create(&vm);

	if (!status)
		status = area_create(&area, &vm, PASSING_PAGES, load_random_next(action->random));
	if (!status)
		status = area_bind(&area);
	if (!status)
		status = area_fill(&area);
	if (!status)
		status = area_convert(&area, 1, PASSING_PAGES / 2, false);
	if (!status)
		status = area_check(&area, 0, area.pages);
	area_destroy(&area);
	vm_destroy(&vm);
	return status;
}

/* How often each happens, in an order that does not matter. */
static const struct {
	unsigned int weight;
	int (*act)(const struct action *action);
} actions[] = {
	{ 30, act_convert },	     { 20, act_convert_hot }, { 10, act_direct_map },
	{ 10, act_direct_map_page }, { 8, act_punch },	      { 4, act_allocate },
	{ 12, act_guest },	     { 5, act_prefault },     { 1, act_passing_vm },
};

static int act(struct churn *churn, unsigned int thread, struct load_random *random)
{
	struct fleet *fleet = &churn->fleet;
	struct action action = { churn, thread, random, NULL, { 0, 0 } };
	uint64_t choice = load_random_below(random, 100);
	unsigned int i = 0;

	action.area = &fleet->areas[load_random_below(random, fleet->area_count)];
	action.range = range_random_from(action.area, random, RANGE_MAX);
	/* A range within its region, for actions on its inode. */
	action.range.count = area_piece(action.area, action.range.first, action.range.count).count;
	while (choice >= actions[i].weight)
		choice -= actions[i++].weight;
	return actions[i].act(&action);
}

static bool churn_is_over(const struct churn *churn, unsigned int round)
{
	const struct load_options *options = churn->fleet.options;

	if (atomic_load(&load_stop))
		return true;
	if (options->rounds_given && round >= options->rounds)
		return true;
	return churn->end_ns && load_now_ns() >= churn->end_ns;
}

static int churn_work(unsigned int thread, void *context)
{
	struct churn *churn = context;
	struct load_random random = load_random_start(churn->fleet.options->seed, thread);
	bool injected = churn->fleet.options->expect_failures;
	unsigned int round, i;
	int status = injected ? load_inject_failures(true) : LOAD_OK;

	for (round = 0; !status && !churn_is_over(churn, round); round++) {
		for (i = 0; i < ROUND_ACTIONS && !status; i++) {
			status = act(churn, thread, &random);
			/* No memory: nothing has changed, whoever asked gives up. */
			if (status == LOAD_REFUSED)
				status = LOAD_OK;
		}
	}
	return injected && !status ? load_inject_failures(false) : status;
}

/* Every area may be used by any thread, and keeps one set of values on both sides. */
static int open_to_all(struct area *area)
{
	area->private_key = area->shared_key;
	area->contested = true;
	return LOAD_OK;
}

/* What is left is a mixture again, and every page holds what it may. */
static int churn_finish(struct churn *churn)
{
	unsigned int i;
	int status = LOAD_OK;

	for (i = 0; i < churn->fleet.area_count && !status; i++)
		status = area_check_all(&churn->fleet.areas[i]);
	return status;
}

int scenario_churn(const struct load_options *options)
{
	static const struct area_scenario scenario = { .name = "churn",
						       .before_bind = open_to_all };
	uint64_t begin = load_now_ns();
	struct churn churn;
	int status = fleet_create(&churn.fleet, &scenario, options);

	churn.end_ns = options->rounds_given ? 0 : begin + options->seconds * 1000000000ULL;
	if (!status)
		status = load_run_threads(options->threads, churn_work, &churn);
	if (!status)
		status = churn_finish(&churn);
	if (!status) {
		load_summary(scenario.name, options, begin);
		load_hold(options);
	}
	fleet_destroy(&churn.fleet);
	return status;
}
