// SPDX-License-Identifier: GPL-2.0
#include "report/latency_words.h"

const char *latency_context(__u32 bits)
{
	if (bits & RECORD_ANSWER_GUEST)
		return "guest";
	if (bits & RECORD_ANSWER_SOFTIRQ)
		return "softirq";
	if (bits & RECORD_ANSWER_IDLE)
		return "idle";
	return "task";
}

const char *latency_size(enum flush_size size)
{
	switch (size) {
	case FLUSH_SIZE_ONE:
		return "one page";
	case FLUSH_SIZE_FEW:
		return "some pages";
	default:
		return "everything";
	}
}

const char *latency_comm(const char *comm, char clean[LATENCY_WORDS_MAX])
{
	if (*comm)
		escape_text(clean, LATENCY_WORDS_MAX, comm);
	else
		snprintf(clean, LATENCY_WORDS_MAX, "-");
	return clean;
}

const char *latency_missing(const struct flush_totals *totals, size_t index)
{
	const char *missing[11];
	size_t nr = 0;

	if (totals->summary)
		missing[nr++] =
			"kept as histograms: not by caller, request, stack or CPU that answered; "
			"splits count as all; an exposure ends with the task's own flush, "
			"and one that no flush ended is not counted";
	if (totals->exposures_only)
		missing[nr++] = "how long flushes took was not asked for";
	if (totals->at_most)
		missing[nr++] = "some exposures are told as at most: they count from the first of "
				"several runs";
	if (totals->summary) {
		if (totals->lost)
			missing[nr++] =
				"some changes or flushes are in no histogram, see the losses";
		return index < nr ? missing[index] : NULL;
	}
	if (!totals->timed)
		missing[nr++] = "only flushes of the direct map, and of everything, are in it: "
				"record --flushes has all, and which CPUs answered";
	if (totals->timed && totals->unasked)
		missing[nr++] = "answers count from their flush's begin, and who answers flushes "
				"of everything was not judged: this kernel lacks the tracepoints "
				"of csds (6.5)";
	else if (totals->timed && totals->unanswered)
		missing[nr++] = "which CPU answered last was not judged: this kernel lacks the "
				"tracepoints of csds (6.5)";
	if (totals->timed && !totals->unanswered && totals->flushes && !totals->asked)
		missing[nr++] = "no CPU was asked by another: there is one only, or they flush "
				"without interrupts (INVLPGB)";
	if (totals->leaves_untold)
		missing[nr++] =
			"how the direct map is mapped was not told: this kernel does not show "
			"direct_pages_count";
	if (totals->asked != totals->answered)
		missing[nr++] = "some acknowledgements were not seen";
	if (totals->timed && !totals->stacks_taken)
		missing[nr++] = "no stacks were taken: splits count as over-ceiling or all";
	if (totals->stacks_nameless)
		missing[nr++] = "[unknown] are routines whose names could not be read: "
				"kernel.kptr_restrict was 2, or their module had gone";
	if (totals->lost)
		missing[nr++] = "some flushes or answers were lost, see the losses";
	return index < nr ? missing[index] : NULL;
}
