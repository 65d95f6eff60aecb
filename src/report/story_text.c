// SPDX-License-Identifier: GPL-2.0
/* A page's story for people. */
#include "model/plural.h"
#include "report/story.h"

#define HEAD 8 /* steps told in full, where there are many: the first */
#define TAIL 16 /* and the last */
#define COLUMNS 100
#define FRAMES 6 /* of a stack */

static void text_place(FILE *out, const struct story *story)
{
	const struct story_subject *subject = story_subject(story);
	char name[MODEL_INODE_NAME_MAX], range[REPORT_RANGE_MAX];

	if (subject->about == STORY_FRAME)
		fprintf(out, "pfn 0x%llx", (unsigned long long)subject->pfn);
	if (!story_inode(story))
		return;
	model_inode_name(story_inode(story), name, sizeof(name));
	if (subject->about == STORY_FRAME)
		fprintf(out, ", last %s:0x%llx", name, (unsigned long long)story_pgoff(story));
	else
		fprintf(out, "%s:%s", name, report_range(subject->first, subject->last, range));
}

static void text_verdict(FILE *out, const struct story *story, const struct verdict *verdict)
{
	const struct story_step *read = story_last(story, STORY_READ);
	const struct verdict_violation *violation;
	size_t index = 0;

	violation = story_violation(story, verdict, &index);
	if (violation) {
		__u64 told = 0;

		fprintf(out, "VIOLATED: ");
		do {
			if (!(told >> violation->rule->id & 1))
				fprintf(out, "%s%s", told ? ", " : "", violation->rule->name);
			told |= 1ULL << violation->rule->id;
		} while ((violation = story_violation(story, verdict, &index)));
		fprintf(out, ".");
	} else if (story_last(story, STORY_LOST)) {
		fprintf(out, "INCONCLUSIVE: something was lost.");
	} else if (read && read->settled) {
		fprintf(out, "Consistent at its last read, %llu.%03llu s.",
			(unsigned long long)(read->time / 1000000000),
			(unsigned long long)(read->time / 1000000 % 1000));
	} else {
		fprintf(out, "No read has compared it: nothing is proved of it.");
	}
}

static void text_heading(FILE *out, const struct story *story, const struct verdict *verdict)
{
	const struct model_inode *inode = story_inode(story);
	char comm[REPORT_COMM_MAX];
	struct model_page page;

	text_place(out, story);
	if (inode) {
		fprintf(out, " of VM %u (%s): %s", inode->vm ? inode->vm : inode->tgid,
			report_comm(inode, comm), model_provider_name(inode->provider));
		fprintf(out, ", %s by default", inode->default_state ? "present" : "absent");
	}
	if (story_subject(story)->about == STORY_PAGES && story_page(story, &page))
		fprintf(out, ", pfn 0x%llx", (unsigned long long)page.pfn);
	fprintf(out, ".  ");
	text_verdict(out, story, verdict);
	fprintf(out, "\n\n");
}

/* The innermost frame first, as far as it is of use; JSON has all. */
static void text_stack(FILE *out, const char *stack)
{
	char clean[REPORT_CLEAN_MAX], *end;
	size_t frames = 0;

	report_clean(stack, clean);
	fprintf(out, "%37s", "in ");
	while ((end = strrchr(clean, ';')) && ++frames < FRAMES) {
		fprintf(out, "%s < ", end + 1);
		*end = '\0';
	}
	fprintf(out, "%s%s\n", end ? end + 1 : clean, end ? " < ..." : "");
}

static void text_step(FILE *out, const struct story *story, const struct story_step *step)
{
	const struct story_subject *subject = story_subject(story);
	char text[STORY_TEXT_MAX], range[REPORT_RANGE_MAX];

	fprintf(out, "%6llu.%06llu  %-18s ", (unsigned long long)(step->time / 1000000000),
		(unsigned long long)(step->time / 1000 % 1000000), story_label(step));
	if (subject->about == STORY_PAGES && subject->first != subject->last && step->nr)
		fprintf(out, "%-12s ",
			report_range(step->pgoff, step->pgoff + step->nr - 1, range));
	fprintf(out, "%s\n", story_text(story, step, text));
	if (step->stack)
		text_stack(out, step->stack);
}

/* How many flushes have one. */
static void text_stacks(FILE *out, const struct story *story)
{
	size_t flushed = 0, taken = 0;

	for (size_t i = 0; i < story_steps(story); i++) {
		const struct story_step *step = story_step(story, i);

		flushed += step->kind == STORY_FLUSHED;
		taken += step->stack != NULL;
	}
	if (taken)
		fprintf(out, "stacks     of %zu of %zu flush%s\n", taken, flushed,
			plural_of(flushed, "", "es"));
	else
		fprintf(out, "stacks     none in this trace (record --flushes takes those of "
			     "flushes)\n");
}

struct tally {
	size_t present, absent, joined, left, reads, others;
};

static void tally_add(struct tally *tally, const struct story_step *step)
{
	if (step->kind == STORY_CHANGED && !step->result)
		*(step->present ? &tally->present : &tally->absent) += 1;
	else if (step->kind == STORY_JOINED)
		tally->joined++;
	else if (step->kind == STORY_LEFT)
		tally->left++;
	else if (step->kind == STORY_READ)
		tally->reads += step->reads;
	else if (step->kind != STORY_FLUSHED && step->kind != STORY_PREPARED)
		tally->others++;
}

static void tally_word(FILE *out, size_t nr, const char *word, bool *some)
{
	if (!nr)
		return;
	fprintf(out, "%s%zu time%s %s", *some ? ", " : "", nr, plural(nr), word);
	*some = true;
}

/* What stands in the middle of a long story, in one line. */
static void text_between(FILE *out, const struct story *story, size_t first, size_t last)
{
	__u64 begin = story_step(story, first)->time, end = story_step(story, last)->time;
	struct tally tally = { 0 };
	bool some = false;

	for (size_t i = first; i <= last; i++)
		tally_add(&tally, story_step(story, i));
	fprintf(out, "%6llu.%02llu .. %llu.%02llu  ", (unsigned long long)(begin / 1000000000),
		(unsigned long long)(begin / 10000000 % 100),
		(unsigned long long)(end / 1000000000), (unsigned long long)(end / 10000000 % 100));
	tally_word(out, tally.joined, "faulted in", &some);
	tally_word(out, tally.absent, "made absent", &some);
	tally_word(out, tally.present, "made present", &some);
	tally_word(out, tally.left, "left", &some);
	tally_word(out, tally.reads, "read", &some);
	fprintf(out, "%s%zu steps in all   (--all lists them)\n", some ? ", " : "",
		last - first + 1);
}

/* What matters is told in full wherever it stands. */
static bool step_matters(const struct story_step *step)
{
	switch (step->kind) {
	case STORY_UNFLUSHED:
	case STORY_LOST:
		return true;
	case STORY_READ:
		return step->differs;
	case STORY_FREED:
		return step->absent;
	case STORY_CHANGED:
		return step->result;
	case STORY_REQUESTED:
		return step->request.result < 0;
	default:
		return false;
	}
}

static void text_steps(FILE *out, const struct story *story, bool all)
{
	size_t nr = story_steps(story), i = 0;

	while (i < nr) {
		size_t from = i;

		while (!all && nr > HEAD + TAIL && i >= HEAD && i < nr - TAIL &&
		       !step_matters(story_step(story, i)))
			i++;
		if (i - from > 1) {
			text_between(out, story, from, i - 1);
			continue;
		}
		i = from;
		text_step(out, story, story_step(story, i++));
	}
	if (story_untold(story))
		fprintf(out, "  %llu more step%s not told\n",
			(unsigned long long)story_untold(story),
			plural_of(story_untold(story), " is", "s are"));
}

static const char *applied_words(const struct model_page *page)
{
	if (page->applied == MODEL_EITHER)
		return "not known";
	if (page->applied == MODEL_PRESENT)
		return page->prepared ? "present" : "present, not prepared";
	return page->exposed ? "absent, not flushed" : "absent, flushed";
}

static void text_sources(FILE *out, const struct story *story)
{
	const struct story_step *read = story_last(story, STORY_READ);
	char text[STORY_TEXT_MAX];
	struct model_page page;

	fprintf(out, "\nnow        %s\n", story_meaning(story, text));
	if (story_page(story, &page))
		fprintf(out, "           model       %s, pfn 0x%llx%s\n", applied_words(&page),
			(unsigned long long)page.pfn, page.sure ? "" : " (not sure)");
	if (!read)
		return;
	fprintf(out, "           last read   %s, at %llu.%06llu s\n", story_text(story, read, text),
		(unsigned long long)(read->time / 1000000000),
		(unsigned long long)(read->time / 1000 % 1000000));
}

static int text_exposure(FILE *out, const struct story *story)
{
	struct story_exposures exposures;
	char least[STORY_TIME_MAX], median[STORY_TIME_MAX], most[STORY_TIME_MAX];
	__u64 left;
	int error = story_exposures(story, &exposures);

	if (error || !exposures.zapped)
		return error;
	fprintf(out, "exposure   made absent %llu time%s", (unsigned long long)exposures.zapped,
		plural(exposures.zapped));
	if (exposures.flushed == 1)
		fprintf(out, "; exposed for %s", story_time(exposures.most, most));
	else if (exposures.flushed)
		fprintf(out, "; exposed for %s to %s (median %s)",
			story_time(exposures.least, least), story_time(exposures.most, most),
			story_time(exposures.median, median));
	if (exposures.undone)
		fprintf(out, "; %llu time%s present or gone again before any flush",
			(unsigned long long)exposures.undone, plural(exposures.undone));
	left = exposures.flushed + exposures.undone;
	fprintf(out, "; %s\n",
		exposures.zapped > left ? "NOT FLUSHED since" : "never left unflushed");
	return 0;
}

static void text_violations(FILE *out, const struct story *story, const struct verdict *verdict)
{
	const struct verdict_violation *violation;
	size_t index = 0;

	while ((violation = story_violation(story, verdict, &index))) {
		fprintf(out, "violated   %s\n", violation->rule->name);
		report_wrap(out, violation->words, "           ", COLUMNS, 0);
	}
}

int report_story_text(FILE *out, const struct story *story, const struct verdict *verdict, bool all)
{
	char text[STORY_TEXT_MAX];
	int error;

	text_heading(out, story, verdict);
	text_steps(out, story, all);
	text_sources(out, story);
	error = text_exposure(out, story);
	if (error)
		return error;
	text_violations(out, story, verdict);
	if (*story_unknown(story, text))
		fprintf(out, "not known  %s\n", text);
	text_stacks(out, story);
	return report_done(out);
}
