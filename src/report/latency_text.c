// SPDX-License-Identifier: GPL-2.0
/* Where flush time goes, for people. */
#include "model/plural.h"
#include "report/latency_words.h"

#define NS 1000ULL /* in a us */
#define SHORT 10000000ULL /* ns: too short for two decimals of a second */
#define LIST_MAX 8 /* of each list, the most first */
#define BAR 40
#define FRAMES 4 /* of a stack, the innermost */

static double seconds(__u64 ns)
{
	return (double)ns / 1e9;
}

static double percent(__u64 part, __u64 whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0.0;
}

/* Below 10 us with a decimal, below 1 with two. */
static void us_write(FILE *out, int width, __u64 ns)
{
	if (ns < 10 * NS)
		fprintf(out, "%*.*f", width, ns < NS ? 2 : 1, (double)ns / (double)NS);
	else
		fprintf(out, "%*llu", width, (unsigned long long)(ns / NS));
}

static void text_sum(FILE *out, const struct flush_totals *totals)
{
	if (totals->ns < SHORT && totals->ns)
		fprintf(out, "%.2f ms", seconds(totals->ns) * 1000);
	else
		fprintf(out, "%.2f s", seconds(totals->ns));
	fprintf(out, " of flushing in %.2f s, %llu flush%s", seconds(totals->span),
		(unsigned long long)totals->flushes, plural_of(totals->flushes, "", "es"));
	if (totals->vms)
		fprintf(out, " by %llu VM%s", (unsigned long long)totals->vms, plural(totals->vms));
	if (totals->span)
		fprintf(out, " (%.0f %% of one CPU", percent(totals->ns, totals->span));
	if (totals->span && totals->cpus)
		fprintf(out, " of %llu", (unsigned long long)totals->cpus);
	fprintf(out, "%s, %llu lost, %llu missed", totals->span ? ")" : "",
		(unsigned long long)(totals->records_lost + totals->lost),
		(unsigned long long)totals->missed);
	if (totals->ours)
		fprintf(out, "; %llu of the tool's own left out", (unsigned long long)totals->ours);
	fputc('\n', out);
}

/* The cause that most of the time goes to, and what could be done about it. */
static void text_most(FILE *out, const struct flush_latency *latency,
		      const struct flush_totals *totals)
{
	struct flush_sum most;
	const char *operation;

	if (!flush_latency_sum(latency, FLUSH_CAUSES, 0, &most))
		return;
	operation = most.cpu ? model_operation_name(most.cpu) : "no request";
	fprintf(out, "%.0f %% of it: %llu flush%s of %s (%s)", percent(most.ns, totals->ns),
		(unsigned long long)most.count, plural_of(most.count, "", "es"),
		latency_size((enum flush_size)most.bits), flush_kind_name(most.kind));
	/* A histogram does not know what asked for it. */
	if (!totals->summary)
		fprintf(out, ", from %s", operation);
	fprintf(out, ".\n");
	if (most.cpu == RECORD_OPERATION_CONFIGURE)
		fprintf(out, "-> batch with fallocate(), see gmemtrace-latency(1)\n");
}

static void text_slowest(FILE *out, const struct flush_histogram *flushes)
{
	__u64 half = flush_histogram_quantile(flushes, 0.5);
	__u64 slow = flush_histogram_quantile(flushes, 0.9), count = 0;
	double ns = 0;

	/* Of fewer there is no tenth to speak of. */
	if (flushes->count < 10)
		return;
	for (__u32 i = flush_bucket(slow); i < FLUSH_BUCKETS; i++) {
		double middle =
			((double)flush_bucket_first(i) + (double)flush_bucket_first(i + 1)) / 2;

		count += flushes->buckets[i];
		ns += middle * (double)flushes->buckets[i];
	}
	fprintf(out, "Half of the flushes take ");
	us_write(out, 0, half);
	fprintf(out, " us or less; the slowest %llu (%.0f %%), ", (unsigned long long)count,
		percent(count, flushes->count));
	us_write(out, 0, slow);
	fprintf(out, " us and more, %s about %.0f %% of the time.\n", plural_of(count, "is", "are"),
		flushes->sum
			? (ns / (double)flushes->sum > 1 ? 100 : 100 * ns / (double)flushes->sum)
			: 0.0);
}

static void text_row(FILE *out, const struct flush_row *row)
{
	static const double shares[] = { 0.5, 0.9, 0.99, 0.999 };
	const struct flush_histogram *histogram = row->histogram;

	fprintf(out, "%-32s %8llu %8.*f", row->name, (unsigned long long)histogram->count,
		histogram->sum < SHORT ? 6 : 2, seconds(histogram->sum));
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		fputc(' ', out);
		us_write(out, 8, flush_histogram_quantile(histogram, shares[i]));
	}
	fputc(' ', out);
	us_write(out, 8, histogram->count ? histogram->max : 0);
	if (row->never)
		fprintf(out, "  never: %llu", (unsigned long long)row->never);
	fputc('\n', out);
}

static void text_rows(FILE *out, struct flush_latency *latency)
{
	struct flush_row row;

	fprintf(out, "\n%-32s %8s %8s %8s %8s %8s %8s %8s\n", "us", "number", "time s", "p50",
		"p90", "p99", "p99.9", "max");
	for (size_t i = 0; flush_latency_row(latency, i, &row); i++) {
		if (row.histogram->count || row.never)
			text_row(out, &row);
	}
}

/* A line a power of two: how many, and a bar of the time that they took. */
static void text_bars(FILE *out, const struct flush_histogram *histogram)
{
	double ns[64] = { 0 }, most = 0;
	__u64 numbers[64] = { 0 };
	int first = 63, last = 0;

	if (!histogram->count)
		return;
	for (__u32 i = 0; i < FLUSH_BUCKETS; i++) {
		__u64 begin = flush_bucket_first(i);
		int power = begin ? 63 - __builtin_clzll(begin) : 0;

		if (!histogram->buckets[i])
			continue;
		numbers[power] += histogram->buckets[i];
		ns[power] += (double)histogram->buckets[i] *
			     ((double)begin + (double)flush_bucket_first(i + 1)) / 2;
		first = power < first ? power : first;
		last = power > last ? power : last;
		most = ns[power] > most ? ns[power] : most;
	}
	fprintf(out, "\n%12s %8s  where the time is\n", "us from", "flushes");
	for (int i = first; i <= last; i++) {
		int bar = most > 0 ? (int)(ns[i] / most * BAR + 0.5) : 0;

		us_write(out, 12, 1ULL << i);
		fprintf(out, " %8llu  %.*s\n", (unsigned long long)numbers[i], bar,
			"########################################");
	}
}

/* The innermost frames of "outer;inner", the innermost first. */
static void stack_write(FILE *out, const char *stack)
{
	char clean[LATENCY_STACK_MAX];
	size_t frames = 0;

	if (!stack) {
		fprintf(out, "-");
		return;
	}
	escape_text(clean, sizeof(clean), stack);
	while (frames < FRAMES) {
		char *frame = strrchr(clean, ';');
		const char *name = frame ? frame + 1 : clean;

		/* The routine that is hooked says nothing. */
		if (strncmp(name, "flush_tlb_", 10) != 0 || !frame)
			fprintf(out, "%s%s", frames++ ? " < " : "", name);
		if (!frame)
			return;
		*frame = '\0';
	}
}

static void text_callers(FILE *out, const struct flush_latency *latency,
			 const struct flush_totals *totals)
{
	struct flush_sum sum;

	for (size_t i = 0; i < LIST_MAX && flush_latency_sum(latency, FLUSH_CALLERS, i, &sum);
	     i++) {
		if (!i)
			fprintf(out, "\n%8s %8s %10s %8s  %-12s from\n", "flushes", "time %",
				"time ms", "max us", "kind");
		fprintf(out, "%8llu %8.1f %10.2f ", (unsigned long long)sum.count,
			percent(sum.ns, totals->ns), (double)sum.ns / 1e6);
		us_write(out, 8, sum.max);
		fprintf(out, "  %-12s ", flush_kind_name(sum.kind));
		stack_write(out, sum.stack);
		fputc('\n', out);
	}
	if (totals->stacks_collided || totals->stacks_lost)
		fprintf(out, "stacks: %llu taken, %llu collided, %llu lost\n",
			(unsigned long long)totals->stacks_taken,
			(unsigned long long)totals->stacks_collided,
			(unsigned long long)totals->stacks_lost);
}

static void leaves_write(FILE *out, const struct flush_leaves *leaves)
{
	static const char *const names[] = { "4K", "2M", "1G" };

	for (size_t i = 0; leaves->known && i < 3; i++)
		fprintf(out, "%s%s %llu -> %llu", i ? ", " : "", names[i],
			(unsigned long long)leaves->before[i],
			(unsigned long long)leaves->after[i]);
}

static void text_splits(FILE *out, const struct flush_latency *latency,
			const struct flush_totals *totals)
{
	struct flush_sum sum;

	for (size_t i = 0; i < LIST_MAX && flush_latency_sum(latency, FLUSH_SPLITS, i, &sum); i++) {
		if (!i)
			fprintf(out, "\n%8s %8s %10s %8s  split by\n", "leaves", "flushes",
				"time ms", "max us");
		if (totals->leaves_untold)
			fprintf(out, "%8s", "-");
		else
			fprintf(out, "%8llu", (unsigned long long)sum.count);
		fprintf(out, " %8llu %10.2f ", (unsigned long long)sum.flushes,
			(double)sum.ns / 1e6);
		us_write(out, 8, sum.max);
		fprintf(out, "  ");
		stack_write(out, sum.stack);
		fputc('\n', out);
	}
	if (!totals->leaves.known)
		return;
	fprintf(out, "direct map: ");
	leaves_write(out, &totals->leaves);
	fputc('\n', out);
}

static void text_late(FILE *out, const struct flush_latency *latency)
{
	char comm[LATENCY_WORDS_MAX];
	struct flush_sum sum;

	for (size_t i = 0; i < LIST_MAX && flush_latency_sum(latency, FLUSH_LATE, i, &sum); i++) {
		if (!i)
			fprintf(out, "\n%8s %10s %8s  %-4s %-8s %-16s interrupted in\n", "last",
				"time ms", "max us", "CPU", "was in", "task");
		fprintf(out, "%8llu %10.2f ", (unsigned long long)sum.count, (double)sum.ns / 1e6);
		us_write(out, 8, sum.max);
		fprintf(out, "  %-4u %-8s %-16s ", sum.cpu, latency_context(sum.bits),
			latency_comm(sum.comm, comm));
		stack_write(out, sum.stack);
		fputc('\n', out);
	}
}

/* "1 page", "32 pages", "everything" */
static const char *slow_what(const struct flush_slow *slow, char what[LATENCY_WORDS_MAX])
{
	if (!slow->pages)
		return "everything";
	snprintf(what, LATENCY_WORDS_MAX, "%llu page%s", (unsigned long long)slow->pages,
		 plural(slow->pages));
	return what;
}

static void text_slow_answer(FILE *out, const struct flush_slow *slow)
{
	char comm[LATENCY_WORDS_MAX];

	if (!slow->late) {
		fprintf(out, "-\n");
		return;
	}
	fprintf(out, "CPU %u, after ", slow->late_cpu);
	us_write(out, 0, slow->late_ns);
	fprintf(out, " us (%s, %s)\n", latency_comm(slow->late_comm, comm),
		latency_context(slow->late_bits));
}

static void text_slow(FILE *out, const struct flush_latency *latency)
{
	char what[LATENCY_WORDS_MAX], comm[LATENCY_WORDS_MAX];
	const struct flush_slow *slow;

	for (size_t i = 0; (slow = flush_latency_slowest(latency, i)); i++) {
		if (!i)
			fprintf(out, "\n%14s %8s  %-12s %-12s %-4s %-16s %-15s last answer\n",
				"slowest, at s", "us", "what", "kind", "CPU", "task", "request");
		fprintf(out, "%14.6f ", (double)slow->begin / 1e9);
		us_write(out, 8, slow->end - slow->begin);
		fprintf(out, "  %-12s %-12s %-4u %-16s %-15s ", slow_what(slow, what),
			flush_kind_name(slow->kind), slow->cpu, latency_comm(slow->comm, comm),
			slow->operation ? model_operation_name(slow->operation) : "-");
		text_slow_answer(out, slow);
	}
}

static void text_interrupters(FILE *out, const struct flush_latency *latency)
{
	char comm[LATENCY_WORDS_MAX];
	struct flush_sum sum;

	for (size_t i = 0; flush_latency_sum(latency, FLUSH_INTERRUPTERS, i, &sum); i++) {
		if (!i)
			fprintf(out,
				"\nThe CPUs that were asked about were interrupted by:\n"
				"%8s %8s %12s  %-16s %-12s from\n",
				"times", "flushes", "handlers us", "task", "kind");
		fprintf(out, "%8llu %8llu ", (unsigned long long)sum.count,
			(unsigned long long)sum.flushes);
		if (sum.ns)
			us_write(out, 12, sum.ns);
		else
			fprintf(out, "%12s", "-");
		fprintf(out, "  %-16s %-12s ", latency_comm(sum.comm, comm),
			flush_kind_name(sum.kind));
		stack_write(out, sum.stack);
		fputc('\n', out);
	}
}

int report_latency_text(FILE *out, struct flush_latency *latency)
{
	struct flush_totals totals;
	struct flush_row row;
	const char *missing;

	flush_latency_totals(latency, &totals);
	if (totals.failed)
		return -ENOMEM;
	text_sum(out, &totals);
	text_most(out, latency, &totals);
	for (size_t i = 0; flush_latency_row(latency, i, &row) && strcmp(row.key, "flush") != 0;)
		i++;
	text_slowest(out, row.histogram);
	text_rows(out, latency);
	text_bars(out, row.histogram);
	text_slow(out, latency);
	text_callers(out, latency, &totals);
	text_splits(out, latency, &totals);
	text_late(out, latency);
	text_interrupters(out, latency);
	for (size_t i = 0; (missing = latency_missing(&totals, i)); i++)
		fprintf(out, "%snot in it: %s\n", i ? "" : "\n", missing);
	return report_done(out);
}
