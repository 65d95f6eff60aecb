// SPDX-License-Identifier: GPL-2.0
/*
 * Collects what the rules say. An accusation waits until it is sure that no
 * record was lost that might explain it, then becomes a violation; those of
 * one cause melt into one.
 */
#include <stdio.h>
#include "internal.h"

#define CAUSES_MAX 1000

/* Calls @member of every rule that has it. */
#define VERDICT_CALL(verdict, member, ...)                                                         \
	do {                                                                                       \
		const __typeof__((verdict)->calls.member) *callees = &(verdict)->calls.member;     \
		for (size_t call = 0; call < callees->nr; call++)                                  \
			callees->list[call](verdict, __VA_ARGS__);                                 \
	} while (0)

static size_t rule_kind(const struct model_inode *inode)
{
	__u32 provider;

	if (!inode)
		return RULE_KIND_NONE;
	provider = inode->provider;
	return provider < RULE_KIND_OTHER ? provider : RULE_KIND_OTHER;
}

/* The same for those whose bits are in @speaking. */
#define VERDICT_CALL_THESE(verdict, member, speaking, ...)                                         \
	do {                                                                                       \
		for (__u64 left = (speaking); left; left &= left - 1)                              \
			(verdict)->calls.member.list[__builtin_ctzll(left)](verdict, __VA_ARGS__); \
	} while (0)

/* The same for those that speak of what @inode is of: no other could accuse. */
#define VERDICT_CALL_OF(verdict, member, inode, ...)                                               \
	VERDICT_CALL_THESE(verdict, member, (verdict)->calls.member.speak[rule_kind(inode)],       \
			   __VA_ARGS__)

/* A hook may be proved, or doubted, at any time: the sensors say so as a fact. */
static bool rule_blind(struct verdict *verdict, const struct rule *rule)
{
	const char *key, *value;
	char reason[160];

	if (model_fact(verdict->model, verdict->facts_nr, &key, &value)) {
		while (model_fact(verdict->model, verdict->facts_nr, &key, &value))
			verdict->facts_nr++;
		for (size_t i = 0; i < verdict->built_nr; i++)
			verdict->blind[verdict->built[i]->rule.id] = !rule_sighted(
				verdict->model, &verdict->built[i]->rule, reason, sizeof(reason));
	}
	return verdict->blind[rule->id];
}

/* What is of a kind that nobody knows, or that the rule does not speak of, is not judged. */
static bool rule_speaks_of(const struct rule *rule, const struct model_inode *inode)
{
	return !inode || rule->providers & RULE_PROVIDER(inode->provider);
}

static struct cause *cause_new(const struct rule_descriptor *descriptor,
			       const struct accusation *accusation)
{
	struct cause *cause = calloc(1, sizeof(*cause));

	if (!cause)
		return NULL;
	cause->descriptor = descriptor;
	cause->inode = accusation->inode;
	cause->pgoff_unknown = accusation->pgoff_unknown;
	if (!accusation->pgoff_unknown) {
		cause->first = accusation->pgoff;
		cause->last = accusation->pgoff + accusation->nr - 1;
	}
	cause->of_pages = !accusation->count;
	cause->count = accusation->count ? accusation->count : accusation->nr;
	cause->occurrences = 1;
	cause->time_first = accusation->from;
	cause->time_last = accusation->to;
	cause->variant = accusation->variant;
	cause->hold = accusation->hold;
	cause->union_count = accusation->union_count;
	cause->immune = accusation->immune;
	cause->anyone = accusation->anyone;
	cause->answers = accusation->answers;
	cause->explained = accusation->explained;
	cause->changed = accusation->changed;
	return cause;
}

/* What tells it from accusations of the same kind and of pages that touch. */
static __u64 accusation_request(const struct accusation *accusation)
{
	if (accusation->request)
		return accusation->request->id;
	if (accusation->reached && accusation->reached->conversion)
		return accusation->reached->conversion->begin;
	return accusation->promised ? accusation->promised->last.begin : 0;
}

/* What is said of @cause, which is new. */
static bool cause_begin_told(struct cause *cause, const struct accusation *accusation)
{
	struct told *told = calloc(1, sizeof(*told));

	if (!told)
		return false;
	told->request = accusation_request(accusation);
	told->first = cause->first;
	told->last = cause->last;
	told->count = cause->count;
	told->occurrences = 1;
	told->time_first = cause->time_first;
	told->time_last = cause->time_last;
	cause->told = cause->told_last = told;
	cause->told_most = told->request;
	return true;
}

/* Something to put words into. NULL where enough causes have theirs. */
static struct verdict_violation *told_new(struct verdict *verdict, struct cause *cause,
					  const struct accusation *accusation)
{
	struct cause_list *list = list_of(verdict, &cause->descriptor->rule);
	struct verdict_violation *told;

	if (list->told_nr >= verdict->options.violations_max)
		return NULL;
	told = calloc(1, sizeof(*told));
	if (!told) {
		verdict->failed = true;
		return NULL;
	}
	list->told_nr++;
	told->rule = &cause->descriptor->rule;
	told->inode = cause->inode;
	told->pgoff_known = !cause->pgoff_unknown;
	told->variant = cause->variant;
	chain_make(verdict->model, accusation, told);
	return told;
}

/* Puts the newest that is said of @cause into words, unless it has some: then it grew. */
static struct verdict_violation *cause_word(struct verdict *verdict, struct cause *cause,
					    const struct accusation *accusation)
{
	struct told *told = cause->told_last;

	if (!told || told->violation)
		return NULL;
	told->violation = told_new(verdict, cause, accusation);
	if (!told->violation) {
		cause_drop_told(cause, told);
		return NULL;
	}
	cause_tell(cause);
	return told->violation;
}

/* NULL: not to be judged, or no memory. */
static struct cause *cause_accuse(struct verdict *verdict, const struct accusation *accusation)
{
	const struct rule_descriptor *descriptor = descriptor_find(accusation->rule);
	struct cause *cause;

	if (!rule_speaks_of(&descriptor->rule, accusation->inode))
		return NULL;
	if (!accusation->immune && rule_blind(verdict, &descriptor->rule))
		return NULL;
	cause = cause_new(descriptor, accusation);
	if (!cause || !cause_begin_told(cause, accusation)) {
		free(cause);
		verdict->failed = true;
		return NULL;
	}
	return cause_enter(verdict, &verdict->pending, cause);
}

void verdict_unproven(struct verdict *verdict, __u64 pages)
{
	verdict->unproven += pages;
}

void verdict_excused(struct verdict *verdict, __u32 rule, __u64 pages)
{
	verdict->excused[rule] += pages;
}

/*
 * Where pages change by what no hook knows nobody can say what was there before a request, nor of
 * a page that nobody had, or that another has, whether it is not such an inode's.
 */
static bool accusation_contradicted(const struct verdict *verdict,
				    const struct accusation *accusation)
{
	struct model_counts counts;

	if (!(descriptor_find(accusation->rule)->rule.needs & RULE_NEEDS_PAGES))
		return false;
	if (!accusation->anyone && !accusation->pgoff_unknown)
		return accusation->inode && accusation->inode->contradicted;
	model_count(verdict->model, &counts);
	return counts.contradicted;
}

bool verdict_doubts(struct verdict *verdict, const struct accusation *accusation,
		    const struct model_inode *inode)
{
	const struct rule *rule = &descriptor_find(accusation->rule)->rule;
	const struct model_inode *accused = accusation->inode;

	if (!model_doubtful(verdict->model, inode, accusation->from, accusation->to) &&
	    !accusation_contradicted(verdict, accusation))
		return false;
	if (rule->severity != RULE_SEVERITY_VIOLATION || !rule_speaks_of(rule, accused))
		return true;
	/* Hooks come one by one: those that would explain it may have come behind it. */
	if (accused && accused->before_attach && accusation->from <= accused->met)
		verdict_excused(verdict, rule->id, accusation->nr);
	else
		verdict_unproven(verdict, accusation->nr);
	return true;
}

struct verdict_violation *verdict_accuse(struct verdict *verdict,
					 const struct accusation *accusation)
{
	struct cause *cause = cause_accuse(verdict, accusation);

	if (!cause)
		return NULL;
	/* What only follows from it is told by when its pages changed. */
	model_keep_changes(verdict->model);
	return cause_word(verdict, cause, accusation);
}

static void verdict_doubt(void *context, const struct model_doubt *doubt)
{
	struct verdict *verdict = context;
	struct model_counts counts;

	if (doubt->reason == MODEL_DOUBT_UNSEEN) {
		model_count(verdict->model, &counts);
		/* Calls begun before the sensors were armed end unseen in the first moments. */
		if (doubt->since > counts.started)
			verdict->unseen += doubt->count;
		else
			verdict->early += doubt->count;
	}
	contradictions_explain(verdict, doubt);
	causes_doubt(verdict, doubt, false);
}

/* What is lost beside the history refutes only what rests on it. */
static void verdict_lost_besides(void *context, const struct model_doubt *loss)
{
	if (record_loss_damage(loss->cause) == RECORD_DAMAGE_ANSWERS)
		causes_doubt(context, loss, true);
}

static void verdict_contradicted(void *context, const struct model_inode *inode, __u64 now)
{
	contradiction_add(context, inode, now);
}

static void walk_judge(struct verdict *verdict)
{
	if (map_follow(&verdict->map, &verdict->walk))
		verdict->failed = true;
	else
		VERDICT_CALL(verdict, mapped, &verdict->map);
	verdict->unwalked = verdict->map.result;
}

struct verdict_walked verdict_walked(const struct verdict *verdict)
{
	const struct map *map = &verdict->map;

	return (struct verdict_walked){
		.walks = map->walks + map_judged(map),
		.orphan_pages = map_told_pages(map),
		.ns = map->passes ? map->walked - map->begin : 0,
	};
}

static void verdict_advanced(void *context, __u64 now)
{
	struct verdict *verdict = context;

	if (verdict->walk.last && now > verdict->walk.end)
		walk_judge(verdict);
	/* A loss is told of at the heartbeat behind it: only what the last one knew is final. */
	contradictions_settle(verdict, verdict->advanced, false);
	causes_settle(verdict, verdict->advanced, false);
	verdict->advanced = now;
}

static void verdict_finished(void *context, __u64 now)
{
	struct verdict *verdict = context;
	struct model_counts counts;

	model_count(verdict->model, &counts);
	/* One that did not come to its end says why orphans were not judged, where no older one knows better. */
	if (verdict->walk.last || !verdict->map.passes)
		walk_judge(verdict);
	/*
	 * Without an end, or where memory ran short, a loss that explains the
	 * youngest may stand in what was cut away.
	 */
	if (counts.ended && !model_failed(verdict->model)) {
		contradictions_settle(verdict, now, true);
		causes_settle(verdict, now, true);
	}
	causes_drop(verdict);
	verdict->finished = true;
	verdict_explain(verdict);
}

static void verdict_inode_met(void *context, const struct model_inode *inode)
{
	VERDICT_CALL((struct verdict *)context, inode_met, inode);
}

static void verdict_request_ended(void *context, const struct model_request *request)
{
	pattern_count_request(context, request);
	VERDICT_CALL((struct verdict *)context, request_ended, request);
}

static void verdict_request_stuck(void *context, const struct model_request *request, __u64 now)
{
	VERDICT_CALL((struct verdict *)context, request_stuck, request, now);
}

static void verdict_changed(void *context, const struct model_zap *change,
			    const struct model_request *request)
{
	struct verdict *verdict = context;
	size_t kind = rule_kind(change->inode);

	VERDICT_CALL_THESE(verdict, changed,
			   request ? verdict->calls.changed.speak[kind]
				   : verdict->changed_apart[kind],
			   change, request);
}

static void verdict_flush_judged(void *context, const struct model_flush_judgement *judgement)
{
	if (judgement->coverage == MODEL_COVERED)
		return;
	VERDICT_CALL_OF((struct verdict *)context, flush_judged, judgement->zap->inode, judgement);
}

static void verdict_exposure_ended(void *context, const struct model_exposure *exposure)
{
	VERDICT_CALL_OF((struct verdict *)context, exposure_ended, exposure->inode, exposure);
}

/* Of a narrowed verdict: what is compared of its pages. */
static void within_count(struct verdict *verdict, const struct model_read *read)
{
	const struct verdict_options *options = &verdict->options;
	__u64 first = read->pgoff, last = read->pgoff + read->nr - 1;

	if (!options->pages_only || !read->compared)
		return;
	if (first < options->pgoff_first)
		first = options->pgoff_first;
	if (last > options->pgoff_last)
		last = options->pgoff_last;
	if (first <= last)
		verdict->within += last - first + 1;
}

static void verdict_page_read(void *context, const struct model_read *read)
{
	within_count(context, read);
	/* Nearly all pages are as they must be: no rule has anything to say of those. */
	if (!read->proven && !read->left && !read->non_global)
		return;
	VERDICT_CALL_OF((struct verdict *)context, page_read, read->inode, read);
}

static void verdict_promised(void *context, const struct model_promised *promised)
{
	VERDICT_CALL((struct verdict *)context, promised, promised);
}

static void verdict_reached(void *context, const struct model_reached *reached)
{
	VERDICT_CALL_OF((struct verdict *)context, reached, reached->inode, reached);
}

static void verdict_moved(void *context, const struct model_moved *moved)
{
	VERDICT_CALL((struct verdict *)context, moved, moved);
}

static void verdict_slept(void *context, const struct model_slept *slept)
{
	VERDICT_CALL((struct verdict *)context, slept, slept);
}

static void verdict_stale_read(void *context, const struct model_stale *stale)
{
	VERDICT_CALL((struct verdict *)context, stale_read, stale);
}

static void verdict_freed_absent(void *context, const struct model_freed *freed)
{
	VERDICT_CALL((struct verdict *)context, freed_absent, freed);
}

static void verdict_mapped(void *context, const struct record_header *record)
{
	struct verdict *verdict = context;

	if (map_take(&verdict->walk, record))
		verdict->failed = true;
	if (verdict->walk.result)
		verdict->unwalked = true;
}

static bool rule_speaks(const struct rule_descriptor *descriptor, size_t kind)
{
	return kind == RULE_KIND_NONE || descriptor->rule.providers & RULE_PROVIDER(kind);
}

static void verdict_build(struct verdict *verdict, const struct rule_descriptor *descriptor)
{
#define RULE_CALLEE(member)                                                                        \
	if (descriptor->member) {                                                                  \
		size_t nr = verdict->calls.member.nr++;                                            \
                                                                                                   \
		verdict->calls.member.list[nr] = descriptor->member;                               \
		for (size_t kind = 0; kind < RULE_KINDS_NR; kind++)                                \
			verdict->calls.member.speak[kind] |= (__u64)rule_speaks(descriptor, kind)  \
							     << nr;                                \
	}

	verdict->built[verdict->built_nr++] = descriptor;
	RULE_CALLS(RULE_CALLEE)
	if (!descriptor->changed || descriptor->within_requests)
		return;
	for (size_t kind = 0; kind < RULE_KINDS_NR; kind++)
		verdict->changed_apart[kind] |= (__u64)rule_speaks(descriptor, kind)
						<< (verdict->calls.changed.nr - 1);
}

static void verdict_prepare(struct verdict *verdict, const struct verdict_options *options)
{
	const struct rule_descriptor *descriptor = NULL;

	if (options)
		verdict->options = *options;
	if (!verdict->options.violations_max)
		verdict->options.violations_max = CAUSES_MAX;
	if (!verdict->options.settle_ns)
		verdict->options.settle_ns = 150ULL * 1000 * 1000;
	while ((descriptor = descriptor_next(descriptor))) {
		if (descriptor->rule.built)
			verdict_build(verdict, descriptor);
	}
}

/* What no rule has a word for. */
static void verdict_spare(const struct verdict *verdict, struct model_observer *observer)
{
	observer->spare.brief = ~0ULL;
	for (size_t i = 0; i < verdict->built_nr; i++) {
		const struct rule_descriptor *descriptor = verdict->built[i];

		if (descriptor->exposure_ended && descriptor->exposed_ns < observer->spare.brief)
			observer->spare.brief = descriptor->exposed_ns;
	}
	for (size_t kind = 0; kind < RULE_KIND_OTHER; kind++)
		observer->spare.apart |= (__u64)!verdict->changed_apart[kind] << kind;
}

struct verdict *verdict_create(struct model *model, const struct verdict_options *options)
{
	struct verdict *verdict = calloc(1, sizeof(*verdict));
	struct model_observer observer = {
		.context = verdict,
		.inode_met = verdict_inode_met,
		.inode_turned = verdict_inode_met,
		.request_ended = verdict_request_ended,
		.request_stuck = verdict_request_stuck,
		.zapped = verdict_changed,
		.flush_judged = verdict_flush_judged,
		.exposure_ended = verdict_exposure_ended,
		.page_read = verdict_page_read,
		.promised = verdict_promised,
		.slept = verdict_slept,
		.stale_read = verdict_stale_read,
		.reached = verdict_reached,
		.moved = verdict_moved,
		.freed_absent = verdict_freed_absent,
		.mapped = verdict_mapped,
		.doubt = verdict_doubt,
		.lost_besides = verdict_lost_besides,
		.contradicted = verdict_contradicted,
		.advanced = verdict_advanced,
		.finished = verdict_finished,
		/* Narrowed it counts what is compared of its pages. */
		.spare = { .unproven = !options || !options->pages_only, .covered = true },
	};

	if (!verdict)
		return NULL;
	verdict->lists = calloc(1, sizeof(*verdict->lists));
	verdict->model = model;
	verdict_prepare(verdict, options);
	verdict_spare(verdict, &observer);
	if (verdict->lists && !model_observe(model, &observer))
		return verdict;
	free(verdict->lists);
	free(verdict);
	return NULL;
}

void verdict_free(struct verdict *verdict)
{
	if (!verdict)
		return;
	cause_set_free(verdict, &verdict->pending);
	cause_set_free(verdict, &verdict->final);
	cause_set_free(verdict, &verdict->following);
	map_free(&verdict->map);
	map_free(&verdict->walk);
	free(verdict->lists->violations.list);
	free(verdict->lists->notes.list);
	free(verdict->lists->allowed.list);
	free(verdict->lists->patterns);
	free(verdict->lists);
	free(verdict->contradictions);
	free(verdict->incomplete);
	free(verdict);
}

bool verdict_narrowed(const struct verdict *verdict, __u64 *first, __u64 *last)
{
	*first = verdict->options.pgoff_first;
	*last = verdict->options.pgoff_last;
	return verdict->options.pages_only;
}

void verdict_mark_incomplete(struct verdict *verdict, const char *why)
{
	free(verdict->incomplete);
	verdict->incomplete = strdup(why);
	if (!verdict->incomplete)
		verdict->failed = true;
	if (verdict->finished)
		verdict_explain(verdict);
}

bool verdict_pending(const struct verdict *verdict)
{
	return !verdict->finished && (verdict->pending.nr || model_unsettled(verdict->model));
}

const struct model *verdict_model(const struct verdict *verdict)
{
	return verdict->model;
}
