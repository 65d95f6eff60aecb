// SPDX-License-Identifier: GPL-2.0
/* promise-broken: what KVM has promised its guest, against the page tables. */
#include "rules/promise.h"

static void broken_words(struct verdict_violation *violation, const struct model_promised *promised)
{
	char name[MODEL_INODE_NAME_MAX], text[CONVERSION_WORDS_MAX];

	model_inode_name(promised->inode, name, sizeof(name));
	violation_words(violation,
			"Page 0x%llx of %s backs guest frame 0x%llx of VM %u, which is %s, as its "
			"attributes say. However, its page-table entry, read twice with nothing "
			"touching either in between, is %s%s",
			(unsigned long long)promised->pgoff, name,
			(unsigned long long)promised->gfn, promised->inode->vm,
			promised->is_private ? "private" : "shared", state_name(promised->table),
			promised->is_private
				? ": the host can read what the guest believes is its own."
				: ": the host cannot read what it shares.");
	if (promised->last.begin)
		violation_add_words(violation, " The last conversion of it was of %s%s.",
				    conversion_words(&promised->last, text),
				    promised->last.result < 0 ? ", and failed" : "");
}

static void broken_promised(struct verdict *verdict, const struct model_promised *promised)
{
	if (promised->how == MODEL_PRIVATE_PRESENT || promised->how == MODEL_SHARED_ABSENT)
		promise_accuse(verdict, promised, RULE_PROMISE_BROKEN, broken_words);
}

static const struct rule_descriptor promise_broken = {
	.rule = {
		.name = "promise-broken",
		.fires_when =
			"a page is present though its guest frame is private, or the reverse",
		.meaning = "A prepared page of an inode that leaves the direct map backs a guest frame "
			   "that KVM has promised to be private, and is present; or it backs a "
			   "shared one, of an inode whose shared pages are present by default, and "
			   "is absent. "
			   "Judged by settled reads of the page, its slot and its attributes at "
			   "once, while no promise of the VM changes. "
			   "KVM_GMEM_SET_DIRECT_MAP is the last word: a page that it set since the "
			   "last conversion, or may have set before the inode was met, is not "
			   "judged. "
			   "It costs a few reads a run of like pages in a snapshot, and nothing "
			   "where pages change.",
		.id = RULE_PROMISE_BROKEN,
		PROMISE_NEEDS,
	},
	.promised = broken_promised,
};
RULE_ENTER(promise_broken);
