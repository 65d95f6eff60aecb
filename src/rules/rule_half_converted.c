// SPDX-License-Identifier: GPL-2.0
/* half-converted: a conversion did a part of itself, in whatever it had to change. */
#include "rules/promise.h"

static void half_words(struct verdict_violation *violation, const struct model_promised *promised)
{
	char name[MODEL_INODE_NAME_MAX], text[CONVERSION_WORDS_MAX];

	model_inode_name(promised->inode, name, sizeof(name));
	violation_words(violation,
			"Let C be the conversion of %s, the last that covered guest frame 0x%llx, "
			"which page 0x%llx of %s backs. ",
			conversion_words(&promised->last, text), (unsigned long long)promised->gfn,
			(unsigned long long)promised->pgoff, name);
	if (promised->how == MODEL_HALF_ATTRIBUTED)
		violation_add_words(
			violation,
			"Its changes of the inodes %s. However, the frame's attribute says "
			"%s: the attributes and the direct map are of two minds.",
			promised->last.result < 0 ? "failed, and it was otherwise before"
						  : "succeeded",
			promised->is_private ? "private" : "shared");
	else
		violation_add_words(
			violation,
			"It %s, and the frame is shared. However, the page, read twice with "
			"nothing touching it in between, is absent: %s.",
			promised->last.result < 0 ? "failed" : "succeeded",
			promised->last.result < 0
				? "what it had changed before it failed is left behind"
				: "it did not reach this page");
}

static void half_promised(struct verdict *verdict, const struct model_promised *promised)
{
	if (promised->how == MODEL_HALF_CONVERTED || promised->how == MODEL_HALF_ATTRIBUTED)
		promise_accuse(verdict, promised, RULE_HALF_CONVERTED, half_words);
}

static const struct rule_descriptor half_converted = {
	.rule = {
		.name = "half-converted",
		.fires_when = "a conversion failed and left part of itself, or succeeded in part",
		.meaning = "A conversion changed a part only of what it had to: a page that it was to "
			   "make present, or that it made absent before it failed, is absent though "
			   "its guest frame is shared; or the attributes of a frame are not what "
			   "was asked for while the direct map is. "
			   "Judged as promise-broken is, and where that does not say the same. "
			   "Whether it failed is known from kvm_gmem_convert(): what "
			   "KVM_SET_MEMORY_ATTRIBUTES returns at last is not seen.",
		.id = RULE_HALF_CONVERTED,
		PROMISE_NEEDS,
	},
	.promised = half_promised,
};
RULE_ENTER(half_converted);
