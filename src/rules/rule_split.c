// SPDX-License-Identifier: GPL-2.0
/* split: a change of entries broke up a mapping larger than a page, and everything was flushed for it. */
#include "rules/rule.h"

/* Splitting a large page ends in flush_tlb_all(), inside the call that changes the entries. */
static const struct model_flush *split_of(const struct model_request *request,
					  const struct model_zap *zap)
{
	for (size_t i = 0; zap->begin && i < request->flushes_nr; i++) {
		const struct model_flush *flush = &request->flushes[i];

		if (flush->routine == RECORD_FLUSH_ALL && flush->begin >= zap->begin &&
		    flush->end <= zap->end)
			return flush;
	}
	return NULL;
}

static void split_note(struct verdict *verdict, const struct model_request *request,
		       const struct model_zap *zap, const struct model_flush *flush)
{
	struct accusation accusation = {
		.rule = RULE_SPLIT,
		.inode = zap->inode,
		.pgoff = zap->pgoff,
		.nr = zap->nr,
		.pfn = zap->pfn,
		.variant = request_variant(request),
		.from = zap->begin,
		.to = zap->end,
		.request = request,
		.zap = zap,
		.flush = flush,
	};
	struct verdict_violation *note;
	char name[MODEL_INODE_NAME_MAX], text[REQUEST_WORDS_MAX];

	if (model_doubtful(verdict_model(verdict), zap->inode, zap->begin, zap->end))
		return;
	note = verdict_accuse(verdict, &accusation);
	if (!note)
		return;
	model_inode_name(zap->inode, name, sizeof(name));
	violation_source(note, "events", "flush_tlb_all() inside the change of entries");
	violation_words(
		note,
		"To make page 0x%llx of %s %s, %s had a larger mapping of the direct map "
		"split at %llu.%06llu s. That allocates a page table, may fail, and ends in "
		"a flush of everything on every CPU; what was one entry of 2 MiB or 1 GiB "
		"takes as many of a TLB as it has pages from now on.",
		(unsigned long long)zap->pgoff, name, zap->valid ? "present" : "absent",
		request_words(request, text), time_seconds(flush->begin),
		time_micros(flush->begin));
}

static void split_request_ended(struct verdict *verdict, const struct model_request *request)
{
	for (size_t i = 0; i < request->zaps_nr; i++) {
		const struct model_zap *zap = &request->zaps[i];
		const struct model_flush *flush = zap->inode ? split_of(request, zap) : NULL;

		if (flush && !request->depth)
			split_note(verdict, request, zap, flush);
	}
}

static const struct rule_descriptor split = {
	.rule = {
		.name = "split",
		.fires_when = "a change of entries split a larger mapping",
		.meaning = "A note about cost, no violation: a page of a request had to be taken out "
			   "of a mapping larger than a page, or put back into one, and that was split "
			   "into smaller ones. "
			   "Known by the flush of everything that it ends in, inside the call that "
			   "changes entries. "
			   "When calls began is recorded with record --changes; changes outside "
			   "requests, as memfd_secret's, are not looked at.",
		.id = RULE_SPLIT,
		.severity = RULE_SEVERITY_NOTE,
		.needs = RULE_NEEDS_HISTORY | RULE_NEEDS_CHANGES,
		.providers = PROVIDERS_TAKE_REQUESTS,
		.trusts = { "flush_range_exit" },
		.built = true,
	},
	.request_ended = split_request_ended,
};
RULE_ENTER(split);
