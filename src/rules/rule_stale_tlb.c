// SPDX-License-Identifier: GPL-2.0
/* stale-tlb: a CPU has flushed, and still has what it was to flush. */
#include <stdio.h>
#include "rules/rule.h"

#define LOOKS_MAX 8 /* events of the page, from the newest on */

/* Whether @stale->zap is the last that was done to the page's entry before it was read. */
static bool stale_since(const struct model *model, const struct model_stale *stale)
{
	struct model_event events[LOOKS_MAX];
	const struct model_zap *zap = stale->zap;
	size_t nr = model_page_events(model, zap->inode, stale->pgoff, stale->pfn, stale->time,
				      events, LOOKS_MAX);

	while (nr--) {
		if (events[nr].kind == RECORD_ZAP)
			return events[nr].time == zap->end && events[nr].tid == zap->tid;
	}
	return false;
}

static void stale_read(struct verdict *verdict, const struct model_stale *stale)
{
	const struct model_request *request = stale->request;
	const struct model_zap *zap = stale->zap;
	struct accusation accusation = {
		.rule = RULE_STALE_TLB,
		.inode = zap->inode,
		.pgoff = stale->pgoff,
		.nr = 1,
		.pfn = stale->pfn,
		.variant = request_variant(request) | (__u64)(stale->cpu & 0xffff) << 32,
		.from = zap->end,
		.to = stale->time,
		.anyone = true,
		.union_count = true,
		.request = request,
		.zap = zap,
		.stale = stale,
	};
	struct verdict_violation *violation;
	char text[REQUEST_WORDS_MAX] = "a fault", name[MODEL_INODE_NAME_MAX];

	if (!stale_since(verdict_model(verdict), stale) ||
	    verdict_doubts(verdict, &accusation, zap->inode))
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	model_inode_name(zap->inode, name, sizeof(name));
	if (request)
		request_words(request, text);
	violation_source(violation, "page table", "absent, before the read and after it");
	violation_source(violation, "TLB", "CPU %u can read the page", stale->cpu);
	violation_words(
		violation,
		"Page 0x%llx of %s was made absent by %s at %llu.%06llu s. CPU %u has run the "
		"kernel's handler of the flush that covers it. However, at %llu.%06llu s a "
		"read of the page on that CPU still worked: it kept a translation that the "
		"flush was to end.",
		(unsigned long long)stale->pgoff, name, text, time_seconds(zap->end),
		time_micros(zap->end), stale->cpu, time_seconds(stale->time),
		time_micros(stale->time));
}

static const struct rule_descriptor stale_tlb = {
	.rule = {
		.name = "stale-tlb",
		.fires_when = "a CPU can read a page after its part in the flush that covers it",
		.meaning = "A CPU had run the kernel's handler of a flush that covers a page, and a read of "
			   "the page on that CPU still worked, though the page table said that it is "
			   "absent before the read and after it. "
			   "One page of each flush is read, the last of those that its task made "
			   "absent, on each CPU. "
			   "A translation is there only if the CPU had used the page and has not thrown it "
			   "out since: that no read works proves nothing. "
			   "A page with memory failure is left alone, and where guests' memory may be "
			   "encrypted (SEV-SNP, TDX) nothing is read.",
		.id = RULE_STALE_TLB,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY | RULE_NEEDS_ANSWERS,
		.providers = PROVIDERS_PROMISE_FLUSH,
		.watches = { "stale_read" },
		.built = true,
	},
	.stale_read = stale_read,
};
RULE_ENTER(stale_tlb);
