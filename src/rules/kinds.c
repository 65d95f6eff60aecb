// SPDX-License-Identifier: GPL-2.0
/* Which kinds of inode were met: what one of them may do to any page is not another's fault, nor nobody's. */
#include "rules/rule.h"

const char *kind_met(const struct model *model, __u32 kinds)
{
	const struct model_inode *inode = NULL;

	while (kinds && (inode = model_inode_next(model, inode))) {
		if (kinds & RULE_PROVIDER(inode->provider))
			return model_provider_name(inode->provider);
	}
	return NULL;
}
