// SPDX-License-Identifier: GPL-2.0
/* Where flush time goes, as JSON. */
#include "object.h"
#include "report/latency_words.h"

static struct json_object *row_json(const struct flush_row *row)
{
	static const struct {
		const char *key;
		double share;
	} quantiles[] = {
		{ "p50_ns", 0.5 }, { "p90_ns", 0.9 }, { "p99_ns", 0.99 }, { "p99_9_ns", 0.999 }
	};
	const struct flush_histogram *histogram = row->histogram;
	struct json_object *object = json_new(), *buckets = json_list();

	add_text(object, "key", row->key);
	add_count(object, "count", histogram->count);
	add_count(object, "sum_ns", histogram->sum);
	add_known(object, "min_ns", histogram->min, histogram->count);
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		add_known(object, quantiles[i].key,
			  flush_histogram_quantile(histogram, quantiles[i].share),
			  histogram->count);
	add_known(object, "max_ns", histogram->max, histogram->count);
	add_count(object, "never", row->never);
	for (__u32 i = 0; i < FLUSH_BUCKETS; i++) {
		struct json_object *bucket;

		if (!histogram->buckets[i])
			continue;
		bucket = json_list();
		json_append(bucket, json_count(flush_bucket_first(i)));
		json_append(bucket, json_count(histogram->buckets[i]));
		json_append(buckets, bucket);
	}
	json_add(object, "buckets", buckets);
	return object;
}

static void add_stack(struct json_object *object, const char *key, const char *stack)
{
	char clean[LATENCY_STACK_MAX];

	if (!stack) {
		json_add(object, key, NULL);
		return;
	}
	escape_text(clean, sizeof(clean), stack);
	add_text(object, key, clean);
}

static void add_leaves(struct json_object *object, const char *key,
		       const struct flush_leaves *leaves)
{
	static const char *const names[] = { "4k", "2m", "1g" };
	struct json_object *both = json_new();

	if (!leaves->known) {
		json_object_put(both);
		both = NULL;
	}
	for (size_t i = 0; both && i < 3; i++) {
		struct json_object *pair = json_new();

		add_count(pair, "before", leaves->before[i]);
		add_count(pair, "after", leaves->after[i]);
		json_add(both, names[i], pair);
	}
	json_add(object, key, both);
}

static struct json_object *sum_json(enum flush_list list, const struct flush_sum *sum)
{
	struct json_object *object = json_new();
	char comm[LATENCY_WORDS_MAX];

	add_count(object, "count", sum->count);
	/* How long handlers run is not always asked for. */
	add_known(object, "ns", sum->ns, list != FLUSH_INTERRUPTERS || sum->ns);
	add_known(object, "max_ns", sum->max, list != FLUSH_INTERRUPTERS || sum->ns);
	if (list == FLUSH_LATE) {
		add_count(object, "cpu", sum->cpu);
		add_text(object, "context", latency_context(sum->bits));
		add_text(object, "task", latency_comm(sum->comm, comm));
		add_stack(object, "where", sum->stack);
		return object;
	}
	add_text(object, "kind", flush_kind_name(sum->kind));
	if (list == FLUSH_CAUSES) {
		add_text(object, "size", latency_size((enum flush_size)sum->bits));
		if (sum->cpu)
			add_text(object, "operation", model_operation_name(sum->cpu));
		else
			json_add(object, "operation", NULL);
		return object;
	}
	add_stack(object, "stack", sum->stack);
	if (list == FLUSH_SPLITS) {
		add_count(object, "flushes", sum->flushes);
		add_leaves(object, "leaves", &sum->leaves);
	}
	if (list == FLUSH_INTERRUPTERS) {
		add_text(object, "task", latency_comm(sum->comm, comm));
		add_count(object, "tgid", sum->tgid);
		add_count(object, "flushes", sum->flushes);
		add_count(object, "first", sum->first);
		add_count(object, "last", sum->last);
	}
	return object;
}

static void add_list(struct json_object *object, const char *key,
		     const struct flush_latency *latency, enum flush_list list)
{
	struct json_object *array = json_list();
	struct flush_sum sum;

	for (size_t i = 0; flush_latency_sum(latency, list, i, &sum); i++)
		json_append(array, sum_json(list, &sum));
	json_add(object, key, array);
}

static struct json_object *slow_json(const struct flush_slow *slow)
{
	struct json_object *object = json_new();
	char comm[LATENCY_WORDS_MAX];

	add_count(object, "begin", slow->begin);
	add_count(object, "end", slow->end);
	add_known(object, "pages", slow->pages, slow->pages);
	add_text(object, "kind", flush_kind_name(slow->kind));
	add_count(object, "cpu", slow->cpu);
	add_count(object, "tgid", slow->tgid);
	add_text(object, "task", latency_comm(slow->comm, comm));
	json_add(object, "operation",
		 slow->operation ? json_string(model_operation_name(slow->operation)) : NULL);
	add_known(object, "late_cpu", slow->late_cpu, slow->late);
	add_known(object, "late_ns", slow->late_ns, slow->late);
	add_text(object, "late_task", latency_comm(slow->late_comm, comm));
	return object;
}

static void add_slowest(struct json_object *object, const struct flush_latency *latency)
{
	struct json_object *array = json_list();
	const struct flush_slow *slow;

	for (size_t i = 0; (slow = flush_latency_slowest(latency, i)); i++)
		json_append(array, slow_json(slow));
	json_add(object, "slowest", array);
}

static void add_totals(struct json_object *object, const struct flush_totals *totals)
{
	struct json_object *kinds = json_new(), *missing = json_list();
	bool answers =
		totals->timed && !totals->summary && (!totals->unanswered || totals->unasked);
	const char *words;

	add_count(object, "flushes", totals->flushes);
	add_count(object, "ns", totals->ns);
	add_count(object, "ours", totals->ours);
	add_count(object, "span_ns", totals->span);
	add_known(object, "cpus", totals->cpus, totals->cpus);
	add_known(object, "flush_ceiling_pages", totals->ceiling, totals->ceiling);
	add_count(object, "vms", totals->vms);
	add_flag(object, "every_flush", totals->timed);
	add_flag(object, "summary", totals->summary);
	add_known(object, "asked", totals->asked, answers);
	add_known(object, "answered", totals->answered, answers);
	add_count(object, "stacks_taken", totals->stacks_taken);
	add_count(object, "stacks_collided", totals->stacks_collided);
	add_count(object, "stacks_lost", totals->stacks_lost);
	add_count(object, "lost", totals->lost);
	add_count(object, "records_lost", totals->records_lost);
	add_count(object, "missed", totals->missed);
	add_count(object, "never_flushed", totals->never);
	add_count(object, "exposures_at_most", totals->at_most);
	add_known(object, "leaves_split", totals->splits, totals->leaves.known || totals->splits);
	add_leaves(object, "leaves", &totals->leaves);
	for (int kind = 1; kind < FLUSH_KINDS; kind++)
		add_count(kinds, flush_kind_name((enum flush_kind)kind), totals->by_kind[kind]);
	json_add(object, "kinds", kinds);
	for (size_t i = 0; (words = latency_missing(totals, i)); i++)
		json_append(missing, json_string(words));
	json_add(object, "missing", missing);
}

int report_latency_json(FILE *out, struct flush_latency *latency)
{
	struct json_object *object = json_new(), *rows = json_list();
	struct flush_totals totals;
	struct flush_row row;
	int error;

	flush_latency_totals(latency, &totals);
	add_text(object, "schema", REPORT_LATENCY_SCHEMA);
	add_totals(object, &totals);
	for (size_t i = 0; flush_latency_row(latency, i, &row); i++) {
		if (row.histogram->count || row.never)
			json_append(rows, row_json(&row));
	}
	json_add(object, "rows", rows);
	add_slowest(object, latency);
	add_list(object, "causes", latency, FLUSH_CAUSES);
	add_list(object, "callers", latency, FLUSH_CALLERS);
	add_list(object, "splits", latency, FLUSH_SPLITS);
	add_list(object, "late", latency, FLUSH_LATE);
	add_list(object, "interrupters", latency, FLUSH_INTERRUPTERS);
	error = json_write(out, object, JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
	return totals.failed || error ? -ENOMEM : report_done(out);
}
