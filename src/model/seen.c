// SPDX-License-Identifier: GPL-2.0
/* What a read saw, put in order: chunk by chunk, as one run where it is one. */
#include "model/pages.h"
#include "model/judge.h"

#define CHUNKS_SEEN_MAX (RECORD_SNAPSHOT_CHUNK / CHUNK_PAGES + 1)

static void chunk_seen_add(struct chunk_seen *seen, const struct read_run *run)
{
	struct read_page *page = &seen->pages[run->pgoff & (CHUNK_PAGES - 1)];

	for (__u64 i = 0; i < run->nr; i++)
		page[i] = (struct read_page){ .pfn = run->pfn + i, .bits = run->bits };
}

/* [first, last] of the chunk were read. */
void chunk_seen_spread(struct chunk_seen *seen, __u64 first, __u64 last)
{
	if (seen->spread)
		return;
	seen->spread = true;
	if (seen->run.bits)
		chunk_seen_add(seen, &seen->run);
	else
		memset(&seen->pages[first & (CHUNK_PAGES - 1)], 0,
		       (last - first + 1) * sizeof(seen->pages[0]));
}

/* Puts a run where it belongs: as a whole where it is all of a chunk that was read. */
static void runs_sort_in(struct chunk_seen *chunks, const struct read_run *run, __u64 first,
			 __u64 last)
{
	__u64 from = run->pgoff > first ? run->pgoff : first;
	__u64 to = run->pgoff + run->nr - 1 < last ? run->pgoff + run->nr - 1 : last;

	for (__u64 pgoff = from; pgoff <= to;) {
		__u64 start = pgoff & ~(CHUNK_PAGES - 1ULL), end = start + CHUNK_PAGES - 1;
		struct chunk_seen *seen = &chunks[(pgoff >> CHUNK_SHIFT) - (first >> CHUNK_SHIFT)];
		struct read_run part = { .pgoff = pgoff, .bits = run->bits };

		part.pfn = run->pfn + (pgoff - run->pgoff);
		end = end < last ? end : last;
		start = start > first ? start : first;
		part.nr = (to < end ? to : end) - pgoff + 1;
		if (!seen->spread && pgoff == start && to >= end) {
			seen->run = part;
		} else {
			chunk_seen_spread(seen, start, end);
			chunk_seen_add(seen, &part);
		}
		pgoff = end + 1;
	}
}

/* What was seen of the chunks of [first, last]. NULL: no memory. */
struct chunk_seen *chunks_seen(struct model *model, const struct bundle *bundle, __u64 first,
			       __u64 last)
{
	size_t nr = (last >> CHUNK_SHIFT) - (first >> CHUNK_SHIFT) + 1;
	struct chunk_seen *chunks = model->chunks_seen;

	if (!chunks)
		chunks = model->chunks_seen =
			model_alloc(model, CHUNKS_SEEN_MAX * sizeof(*model->chunks_seen));
	if (!chunks)
		return NULL;
	for (size_t i = 0; i < nr; i++) {
		__u64 start = (first & ~(CHUNK_PAGES - 1ULL)) + i * CHUNK_PAGES;
		__u64 from = start > first ? start : first, end = start + CHUNK_PAGES - 1;

		end = end < last ? end : last;
		chunks[i].spread = false;
		chunks[i].run = (struct read_run){ .pgoff = from, .nr = end - from + 1 };
	}
	for (size_t i = 0; i < bundle->runs_nr; i++) {
		const struct read_run *run = &bundle->runs[i];
		struct chunk_seen *seen =
			&chunks[(run->pgoff >> CHUNK_SHIFT) - (first >> CHUNK_SHIFT)];

		/* Of what lies scattered each page is a run. */
		if (run->nr == 1 && run->pgoff >= first && run->pgoff <= last && seen->spread)
			chunk_seen_add(seen, run);
		else
			runs_sort_in(chunks, run, first, last);
	}
	return chunks;
}
