// SPDX-License-Identifier: GPL-2.0
/* Log-linear histograms. */
#include "gmemtrace/flush.h"

#define LINEAR 64U /* values below are a bucket each */
#define STEPS_SHIFT 5 /* 32 steps from a power of two to the next */
#define STEPS (1U << STEPS_SHIFT)

__u32 flush_bucket(__u64 ns)
{
	__u32 power;

	if (ns < LINEAR)
		return (__u32)ns;
	power = 63 - (__u32)__builtin_clzll(ns);
	return LINEAR + (power - 6) * STEPS + (__u32)(ns >> (power - STEPS_SHIFT) & (STEPS - 1));
}

__u64 flush_bucket_first(__u32 index)
{
	__u32 power, step;

	if (index < LINEAR)
		return index;
	power = 6 + (index - LINEAR) / STEPS;
	step = (index - LINEAR) % STEPS;
	/* Behind the last bucket. */
	if (power > 63)
		return ~0ULL;
	return (__u64)(STEPS + step) << (power - STEPS_SHIFT);
}

static __u64 add_saturating(__u64 one, __u64 other)
{
	return one + other < one ? ~0ULL : one + other;
}

void flush_histogram_add(struct flush_histogram *histogram, __u64 ns, __u64 nr)
{
	__u64 sum;

	if (!nr)
		return;
	if (__builtin_mul_overflow(ns, nr, &sum))
		sum = ~0ULL;
	if (!histogram->count || ns < histogram->min)
		histogram->min = ns;
	if (ns > histogram->max)
		histogram->max = ns;
	histogram->count += nr;
	histogram->sum = add_saturating(histogram->sum, sum);
	histogram->buckets[flush_bucket(ns)] += nr;
}

void flush_histogram_merge(struct flush_histogram *histogram, const struct flush_histogram *other)
{
	if (!other->count)
		return;
	if (!histogram->count || other->min < histogram->min)
		histogram->min = other->min;
	if (other->max > histogram->max)
		histogram->max = other->max;
	histogram->count += other->count;
	histogram->sum = add_saturating(histogram->sum, other->sum);
	for (__u32 i = 0; i < FLUSH_BUCKETS; i++)
		histogram->buckets[i] += other->buckets[i];
}

void flush_histogram_add_summary(struct flush_histogram *histogram,
				 const struct record_summary *summary)
{
	for (__u32 i = 0; i < summary->nr; i++) {
		const struct record_summary_bucket *bucket = &summary->buckets[i];

		if (!histogram->count || summary->min < histogram->min)
			histogram->min = summary->min;
		if (summary->max > histogram->max)
			histogram->max = summary->max;
		histogram->count += bucket->nr;
		histogram->buckets[bucket->bucket] += bucket->nr;
	}
	histogram->sum = add_saturating(histogram->sum, summary->sum);
}

/* What is exact stays exact: a middle beyond the extremes is none. */
static __u64 bucket_middle(const struct flush_histogram *histogram, __u32 index)
{
	__u64 first = flush_bucket_first(index);
	__u64 middle = first + (flush_bucket_first(index + 1) - first) / 2;

	if (middle > histogram->max)
		middle = histogram->max;
	return middle < histogram->min ? histogram->min : middle;
}

__u64 flush_histogram_quantile(const struct flush_histogram *histogram, double share)
{
	__u64 below = 0, rank;

	if (!histogram->count)
		return 0;
	/* The smallest rank that @share of all lie at or below. */
	rank = (__u64)(share * (double)histogram->count);
	if ((double)rank < share * (double)histogram->count || !rank)
		rank++;
	if (rank >= histogram->count)
		return histogram->max;
	for (__u32 i = 0; i < FLUSH_BUCKETS; i++) {
		below += histogram->buckets[i];
		if (below >= rank)
			return bucket_middle(histogram, i);
	}
	return histogram->max;
}
