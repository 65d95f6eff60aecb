// SPDX-License-Identifier: GPL-2.0
/* exposed: a page is the guest's from now on, and the host can reach it still. */
#include <stdio.h>
#include "providers/provider.h"
#include "rules/read.h"

/* Of a request that is under way nobody can say yet what it declares. */
static bool page_requested(const struct model *model, const struct model_inode *inode, __u64 pgoff)
{
	const struct model_request *request;

	for (size_t i = 0; (request = model_request_open(model, i)); i++) {
		if (request->inode == inode && request->pgoff_first <= pgoff &&
		    pgoff <= request->pgoff_last &&
		    (request->operation == RECORD_OPERATION_SET_RANGE ||
		     request->operation == RECORD_OPERATION_SET_FOLIO))
			return true;
	}
	return false;
}

static bool page_is_exposed(const struct model *model, const struct model_moved *moved, __u64 i)
{
	const struct model_inode *inode = moved->inode;
	__u64 pgoff = moved->pgoff + i;
	struct model_page page;

	model_page(model, inode, pgoff, &page);
	/* Where folios have the last word what is declared is what they say. */
	if (provider_has(inode->provider, PROVIDER_MARKS_FOLIOS))
		return moved->given && !moved->marked && page.sure && !page.poisoned &&
		       page.applied == MODEL_PRESENT;
	return !page.poisoned && page.declared == MODEL_ABSENT && page.applied == MODEL_PRESENT &&
	       !page_requested(model, inode, pgoff);
}

/* Who prepares a page asks an xarray that is wrong, and has nothing to do. */
static const struct explanation exposed_explained[] = {
	DECLARED_EXPLAINS(MODEL_ABSENT),
	EXPLANATION(RULE_NONE, 0),
};

/* Of an inode whose folios say for themselves whether they were taken out. */
static void words_of_given(struct verdict_violation *violation, const struct model_moved *moved,
			   __u64 pgoff, const char *name)
{
	violation_source_state(violation, "model", MODEL_PRESENT, "present");
	violation_source(violation, "events", "given to user space, never taken out");
	violation_words(
		violation,
		"Page 0x%llx of %s, which is to leave the direct map when it is used, was "
		"given to user space at %llu.%06llu s by task %u. However, it was present, and "
		"its folio does not say otherwise: from then on the host can read what is "
		"written there.",
		(unsigned long long)pgoff, name, time_seconds(moved->time),
		time_micros(moved->time), moved->tid);
}

static void accuse_exposed(struct verdict *verdict, const struct model_moved *moved, __u64 skip,
			   __u64 nr)
{
	struct accusation accusation = {
		.rule = RULE_EXPOSED,
		.inode = moved->inode,
		.pgoff = moved->pgoff + skip,
		.nr = nr,
		.pfn = moved->pfn + skip,
		.from = moved->time,
		.to = moved->time,
		.explained = exposed_explained,
		.changed = moved->time,
		.moved = moved,
	};
	struct verdict_violation *violation;
	char name[MODEL_INODE_NAME_MAX];

	if (verdict_doubts(verdict, &accusation, moved->inode))
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	model_inode_name(moved->inode, name, sizeof(name));
	if (moved->given) {
		words_of_given(violation, moved, accusation.pgoff, name);
		return;
	}
	violation_source_state(violation, "model", MODEL_PRESENT, "declared absent, and present");
	violation_source(violation, "events", "prepared before it was made absent");
	violation_words(
		violation,
		"Page 0x%llx of %s is declared absent. However, it was marked as prepared at "
		"%llu.%06llu s by task %u while it was present in the direct map: from then "
		"on a guest may use it, and the host can read it.",
		(unsigned long long)accusation.pgoff, name, time_seconds(moved->time),
		time_micros(moved->time), moved->tid);
}

/* Given away without its bit, and whether it was present is not known. */
static void given_unsure(struct verdict *verdict, const struct model_moved *moved)
{
	struct model_page page;

	if (!moved->given || moved->marked ||
	    !provider_has(moved->inode->provider, PROVIDER_MARKS_FOLIOS))
		return;
	model_page(verdict_model(verdict), moved->inode, moved->pgoff, &page);
	if (!page.sure && !page.poisoned && page.applied != MODEL_ABSENT)
		verdict_unproven(verdict, moved->nr);
}

static void exposed_moved(struct verdict *verdict, const struct model_moved *moved)
{
	const struct model *model = verdict_model(verdict);
	__u64 nr = 0;

	if (moved->move != MODEL_PREPARED && !(moved->move == MODEL_JOINED && moved->prepared))
		return;
	given_unsure(verdict, moved);
	for (__u64 i = 0; i <= moved->nr; i++) {
		if (i < moved->nr && page_is_exposed(model, moved, i)) {
			nr++;
			continue;
		}
		if (nr)
			accuse_exposed(verdict, moved, i - nr, nr);
		nr = 0;
	}
}

/* What was to take the pages from the guest: "the release of g3", "the conversion of gfns ..." */
static void reached_by(const struct model_reached *reached, char *text, size_t size)
{
	const struct model_conversion *conversion = reached->conversion;
	char request[REQUEST_WORDS_MAX];

	if (conversion)
		snprintf(text, size,
			 "the conversion of gfns 0x%llx-0x%llx to %s (task %u, began at "
			 "%llu.%06llu s)",
			 (unsigned long long)conversion->gfn_first,
			 (unsigned long long)(conversion->gfn_first + conversion->gfn_nr - 1),
			 conversion->is_private ? "private" : "shared", conversion->tid,
			 time_seconds(conversion->begin), time_micros(conversion->begin));
	else if (reached->request)
		snprintf(text, size, "%s", request_words(reached->request, request));
	else
		snprintf(text, size, "task %u, outside of any request", reached->tid);
}

static void words_of_still(struct verdict_violation *violation, const struct model_reached *reached,
			   const char *page, const char *by)
{
	char until[80] = "the guest had it still";

	if (reached->request || reached->conversion)
		snprintf(until, sizeof(until), "when that ended the guest had it still");
	if (reached->unmapped)
		snprintf(until, sizeof(until), "the guest had it until %llu.%06llu s",
			 time_seconds(reached->unmapped), time_micros(reached->unmapped));
	violation_source_state(violation, "events", MODEL_PRESENT,
			       "present again before it was taken from the guest");
	violation_words(violation,
			"%s was made present at %llu.%06llu s by %s. However, %s, as its private "
			"memory: what it wrote there meanwhile the host can read.",
			page, time_seconds(reached->changed), time_micros(reached->changed), by,
			until);
}

static void words_of_early(struct verdict_violation *violation, const struct model_reached *reached,
			   const char *page, const char *by)
{
	violation_source_state(violation, "events", MODEL_PRESENT,
			       "given to the guest before it was made absent");
	violation_words(
		violation,
		"%s was entered into its guest's page table at %llu.%06llu s by task %u, as "
		"private memory. However, %s had not made it absent yet: what the guest "
		"writes there the host can read.",
		page, time_seconds(reached->mapped), time_micros(reached->mapped), reached->tid,
		by);
}

static void words_of_unflushed(struct verdict_violation *violation,
			       const struct model_reached *reached, const char *page)
{
	violation_source_state(violation, "events", MODEL_ABSENT,
			       "prepared before the flush that covers it");
	violation_words(violation,
			"%s was made absent at %llu.%06llu s, and marked as prepared at "
			"%llu.%06llu s by task %u. However, the flush that covers it ended only at "
			"%llu.%06llu s: from the mark on a guest may use it, and until the flush "
			"any CPU may read it through its TLB.",
			page, time_seconds(reached->changed), time_micros(reached->changed),
			time_seconds(reached->mapped), time_micros(reached->mapped), reached->tid,
			time_seconds(reached->unmapped), time_micros(reached->unmapped));
}

static void reached_words(struct verdict_violation *violation, const struct model_reached *reached)
{
	char page[64], name[MODEL_INODE_NAME_MAX], by[REQUEST_WORDS_MAX];

	model_inode_name(reached->inode, name, sizeof(name));
	snprintf(page, sizeof(page), "Page 0x%llx of %s", (unsigned long long)reached->pgoff, name);
	reached_by(reached, by, sizeof(by));
	switch (reached->how) {
	case MODEL_REACHED_STILL:
		words_of_still(violation, reached, page, by);
		break;
	case MODEL_REACHED_EARLY:
		words_of_early(violation, reached, page, by);
		break;
	case MODEL_REACHED_UNFLUSHED:
		words_of_unflushed(violation, reached, page);
		break;
	}
}

/* When what broke the rule had happened. */
static __u64 reached_end(const struct model_reached *reached)
{
	if (reached->unmapped)
		return reached->unmapped;
	return reached->how == MODEL_REACHED_STILL ? reached->changed : reached->mapped;
}

static void exposed_reached(struct verdict *verdict, const struct model_reached *reached)
{
	bool unflushed = reached->how == MODEL_REACHED_UNFLUSHED;
	struct accusation accusation = {
		.rule = RULE_EXPOSED,
		.inode = reached->inode,
		.pgoff = reached->pgoff,
		.nr = reached->nr,
		.pfn = reached->pfn,
		.variant = reached->how,
		.from = unflushed ? reached->changed : reached->mapped,
		.to = reached_end(reached),
		.zap = reached->zap,
		.reached = reached,
		.request = reached->request,
		.chain = unflushed ? CHAIN_EXPOSED | CHAIN_CAME : CHAIN_REACHED,
	};
	struct verdict_violation *violation;

	/* Of these nobody says what the guest may reach, and when. */
	if (provider_has(reached->inode->provider, PROVIDER_MARKS_FOLIOS))
		return;
	if (verdict_doubts(verdict, &accusation, reached->inode))
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (violation)
		reached_words(violation, reached);
}

static const struct rule_descriptor exposed = {
	.rule = {
		.name = "exposed",
		.fires_when = "a page reached the guest present although it is declared absent",
		.meaning = "A page was marked as prepared, so that a guest may use it, while it was "
			   "present although it is declared absent, or before the flush that covers it "
			   "had ended; or KVM entered it into the guest's page table as private before "
			   "the conversion to private had made it absent; or a conversion to shared, a "
			   "punched hole or a release made it present before KVM had taken it out of "
			   "there, or somebody whom nobody had asked to, as reclaim, while it was "
			   "there; or, of an inode whose folios have a bit, a fault of user space gave it "
			   "a page that was present. "
			   "Marks are judged where the kernel sets them by a routine that can be hooked, "
			   "the guest's page table where check runs live and KVM has its TDP MMU: "
			   "kvm_tdp_mmu_map() and kvm_tdp_mmu_unmap_gfn_range() are hooked, and believed "
			   "where a page of the tool's own goes through them (KVM_PRE_FAULT_MEMORY). "
			   "Not seen are shadow page tables, what was entered before the sensors were "
			   "armed, or before something was lost, and whether the guest's TLB was flushed; "
			   "a page that its slot's end takes from the guest is nobody's; and what "
			   "KVM_GMEM_SET_DIRECT_MAP makes present the guest may keep.",
		.id = RULE_EXPOSED,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY | RULE_NEEDS_GUEST | RULE_NEEDS_PAGES,
		.providers = PROVIDERS_TAKE_REQUESTS | PROVIDERS_MARK_FOLIOS,
		.watches = { "mark_prepared_exit", "guest_map_exit", "user_fault_exit" },
		.trusts = { "zap_invalid_exit", "zap_valid_exit", "set_range_exit" },
		.built = true,
	},
	.moved = exposed_moved,
	.reached = exposed_reached,
};
RULE_ENTER(exposed);
