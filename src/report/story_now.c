// SPDX-License-Identifier: GPL-2.0
/* What stands there at the end of a story, what that means, and what cannot be known. */
#include "model/plural.h"
#include "report/story.h"

static bool step_is_first(const struct story *story, const struct story_step *step)
{
	__u64 pgoff = story_pgoff(story);

	if (story_subject(story)->about == STORY_FRAME || !step->nr)
		return true;
	return step->pgoff <= pgoff && pgoff < step->pgoff + step->nr;
}

const struct story_step *story_last(const struct story *story, enum story_kind kind)
{
	for (size_t i = story_steps(story); i > 0; i--) {
		const struct story_step *step = story_step(story, i - 1);

		if (step->kind == kind && step_is_first(story, step))
			return step;
	}
	return NULL;
}

bool story_page(const struct story *story, struct model_page *page)
{
	const struct model_inode *inode = story_inode(story);

	if (!inode)
		return false;
	model_page(story_model(story), inode, story_pgoff(story), page);
	return page->resident && (story_subject(story)->about != STORY_FRAME ||
				  page->pfn == story_subject(story)->pfn);
}

static const char *meaning_gone(const struct story *story, char text[STORY_TEXT_MAX])
{
	const struct story_step *freed = story_last(story, STORY_FREED);
	const struct story_step *left = story_last(story, STORY_LEFT);
	const struct model_inode *inode = story_inode(story);
	char name[MODEL_INODE_NAME_MAX];

	model_inode_name(inode, name, sizeof(name));
	if (freed && freed->absent)
		snprintf(text, STORY_TEXT_MAX,
			 "its frame went back to the allocator absent from the direct map: whoever "
			 "gets it next faults");
	else if (inode && inode->dead)
		snprintf(text, STORY_TEXT_MAX, "gone with %s", name);
	else if (left)
		snprintf(text, STORY_TEXT_MAX, "nothing backs it: its frame has left");
	else
		snprintf(text, STORY_TEXT_MAX, "nothing backs it: nobody has touched it");
	return text;
}

/* Of a kind of inode whose pages are declared by that alone; NULL: of another. */
static const char *meaning_of_kind(const struct model_inode *inode, enum model_state applied)
{
	bool absent = applied == MODEL_ABSENT;

	if (inode && inode->provider == RECORD_PROVIDER_SECRETMEM)
		return absent ? "out of the direct map, as every page of a memfd_secret must be"
			      : "IN the direct map, and no page of a memfd_secret may be";
	if (inode && inode->provider == RECORD_PROVIDER_GMEM_PLAIN)
		return absent ? "OUT of the direct map, and no page of a plain guest_memfd may be"
			      : "in the direct map, as every page of a plain guest_memfd must be";
	return NULL;
}

const char *story_meaning(const struct story *story, char text[STORY_TEXT_MAX])
{
	struct model_page page;
	const char *means, *kind;

	if (!story_page(story, &page))
		return meaning_gone(story, text);
	if (page.poisoned)
		means = "memory failure has hit it: its entry is not judged";
	else if (page.exposed)
		means = "absent in the page tables, and no flush has covered it since: a CPU may "
			"still "
			"reach it through an old translation";
	else if (page.applied == MODEL_EITHER)
		means = "not known: no read and no event without a gap has shown it";
	else if (page.declared == MODEL_EITHER &&
		 (kind = meaning_of_kind(story_inode(story), page.applied)))
		means = kind;
	else if (page.declared == MODEL_EITHER)
		means = page.applied == MODEL_ABSENT
				? "out of the direct map; what is declared is not known"
				: "in the direct map; what is declared is not known";
	else if (page.applied == MODEL_ABSENT)
		means = page.declared == MODEL_ABSENT
				? "out of the direct map, as declared"
				: "OUT of the direct map, though it is declared present";
	else if (page.declared == MODEL_PRESENT)
		means = "in the direct map, as declared";
	else if (!page.prepared)
		means = "in the direct map, and rightly: it is not prepared yet, no guest has it";
	else
		means = "IN the direct map, though it is declared absent";
	snprintf(text, STORY_TEXT_MAX, "%s", means);
	return text;
}

const char *story_unknown(const struct story *story, char text[STORY_TEXT_MAX])
{
	const struct model_inode *inode = story_inode(story);
	const struct story_step *lost = story_last(story, STORY_LOST);
	char name[MODEL_INODE_NAME_MAX];

	*text = 0;
	model_inode_name(inode, name, sizeof(name));
	if (inode && inode->before_attach)
		snprintf(text, STORY_TEXT_MAX,
			 "before %llu.%06llu s: %s existed before the sensors were armed",
			 (unsigned long long)(inode->met / 1000000000),
			 (unsigned long long)(inode->met / 1000 % 1000000), name);
	else if (lost && lost->cause == RECORD_LOSS_CLIENT_SLOW)
		snprintf(text, STORY_TEXT_MAX,
			 "what was dropped for a reader that was too slow: %llu record%s",
			 (unsigned long long)lost->lost, plural(lost->lost));
	else if (lost && lost->cause)
		snprintf(text, STORY_TEXT_MAX, "what was lost (%s)", record_loss_name(lost->cause));
	return text;
}

const struct verdict_violation *story_violation(const struct story *story,
						const struct verdict *verdict, size_t *index)
{
	const struct verdict_violation *violation;
	const struct story_subject *subject = story_subject(story);
	__u64 first = story_pgoff(story), last = first;

	if (subject->about == STORY_PAGES)
		last = subject->last;
	while (verdict && (violation = verdict_violation(verdict, *index))) {
		++*index;
		if (violation->inode && violation->inode == story_inode(story) &&
		    violation->pgoff_known && violation->pgoff_first <= last &&
		    first <= violation->pgoff_last)
			return violation;
	}
	return NULL;
}
