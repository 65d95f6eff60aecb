// SPDX-License-Identifier: GPL-2.0
#include "view/board.h"

static size_t bucket_of(__u64 ns)
{
	unsigned int power;
	size_t bucket;

	if (ns < 4)
		return (size_t)ns;
	power = 63 - (unsigned int)__builtin_clzll(ns);
	bucket = (size_t)power * 4 + (size_t)(ns >> (power - 2) & 3) - 4;
	return bucket < BOARD_BUCKETS ? bucket : BOARD_BUCKETS - 1;
}

__u64 histogram_floor(size_t bucket)
{
	if (bucket < 4)
		return bucket;
	return (4 + (__u64)(bucket & 3)) << (bucket / 4 - 1);
}

void histogram_add(struct board_histogram *histogram, __u64 ns, __u64 nr)
{
	histogram->counts[0][bucket_of(ns)] += (__u32)nr;
	histogram->total[0] += nr;
	histogram->ns[0] += ns * nr;
	if (histogram->most[0] < ns)
		histogram->most[0] = ns;
}

void histogram_merge(struct board_histogram *histogram, const struct board_histogram *other)
{
	for (size_t window = 0; window < 2; window++) {
		if (!other->total[window])
			continue;
		for (size_t i = 0; i < BOARD_BUCKETS; i++)
			histogram->counts[window][i] += other->counts[window][i];
		histogram->total[window] += other->total[window];
		histogram->ns[window] += other->ns[window];
		if (histogram->most[window] < other->most[window])
			histogram->most[window] = other->most[window];
	}
}

static __u64 histogram_total(const struct board_histogram *histogram)
{
	return histogram->total[0] + histogram->total[1];
}

__u64 histogram_most(const struct board_histogram *histogram)
{
	return histogram->most[0] > histogram->most[1] ? histogram->most[0] : histogram->most[1];
}

__u64 histogram_quantile(const struct board_histogram *histogram, double part)
{
	__u64 total = histogram_total(histogram), seen = 0;
	__u64 wanted = (__u64)((double)total * part);

	if (!total)
		return 0;
	for (size_t i = 0; i < BOARD_BUCKETS; i++) {
		seen += histogram->counts[0][i] + histogram->counts[1][i];
		if (seen > wanted)
			return histogram_floor(i);
	}
	return histogram_most(histogram);
}
