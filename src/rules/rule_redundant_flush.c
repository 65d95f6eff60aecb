// SPDX-License-Identifier: GPL-2.0
/* redundant-flush: every CPU is interrupted, and nothing needed it. */
#include "providers/provider.h"
#include "rules/rule.h"

/* A change to absent that a flush may have had to follow, and that came between the two times. */
static bool flush_needed(const struct model_request *request, __u64 after, __u64 before)
{
	for (size_t i = 0; i < request->zaps_nr; i++) {
		const struct model_zap *zap = &request->zaps[i];

		if (zap->valid || zap->end < after || zap->end > before)
			continue;
		/* One that failed may have changed a part. */
		if (zap->result || !zap->redundant || zap->before != MODEL_ABSENT)
			return true;
	}
	return false;
}

static void note_redundant(struct verdict *verdict, const struct model_request *request,
			   const struct model_flush *flush)
{
	struct accusation accusation = {
		.rule = RULE_REDUNDANT_FLUSH,
		.inode = request->inode,
		.pgoff = request->pgoff_first,
		.nr = request->pgoff_last - request->pgoff_first + 1,
		.count = 1,
		.variant = request_variant(request),
		.from = request->begin,
		.to = request->end,
		.request = request,
		.flush = flush,
	};
	struct verdict_violation *note;
	char text[REQUEST_WORDS_MAX];

	note = verdict_accuse(verdict, &accusation);
	if (!note)
		return;
	violation_source(note, "events", "a flush, and no page made absent before it");
	violation_words(note,
			"Let R be %s. R flushed at %llu.%06llu s, for %llu ns. No page that was "
			"present had been made absent inside R since its begin, or since its flush "
			"before: no CPU could hold a translation that had to go.",
			request_words(request, text), time_seconds(flush->end),
			time_micros(flush->end), (unsigned long long)(flush->end - flush->begin));
}

static void redundant_request_ended(struct verdict *verdict, const struct model_request *request)
{
	__u64 after = 0;

	if (!request->inode || request->depth || request->operation == RECORD_OPERATION_RELEASE)
		return;
	if (model_doubtful(verdict_model(verdict), request->inode, request->begin, request->end))
		return;
	for (size_t i = 0; i < request->flushes_nr; i++) {
		const struct model_flush *flush = &request->flushes[i];

		/* A flush of everything is what splitting a large page ends in. */
		if (flush->routine == RECORD_FLUSH_RANGE &&
		    !flush_needed(request, after, flush->begin))
			note_redundant(verdict, request, flush);
		after = flush->begin;
	}
}

static const struct rule_descriptor redundant_flush = {
	.rule = {
		.name = "redundant-flush",
		.fires_when = "a flush that nothing needed",
		.meaning = "A request flushed a range, and had made no page absent since it began, or "
			   "since its flush before, that was present until then. "
			   "Flushes of everything are not judged, as splitting a large page ends in "
			   "one.",
		.id = RULE_REDUNDANT_FLUSH,
		.severity = RULE_SEVERITY_NOTE,
		.needs = RULE_NEEDS_HISTORY,
		.providers = PROVIDERS_TAKE_REQUESTS,
		.watches = { "flush_range_exit" },
		.trusts = { "zap_invalid_exit", "zap_valid_exit" },
		.built = true,
	},
	.request_ended = redundant_request_ended,
};
RULE_ENTER(redundant_flush);
