// SPDX-License-Identifier: GPL-2.0
#include "providers/provider.h"

const struct provider provider_table[PROVIDER_NUMBERS] = {
#define PROVIDER_ENTRY(id, has, ...) [id] = { .traits = (has), __VA_ARGS__ },
	PROVIDERS(PROVIDER_ENTRY)
#undef PROVIDER_ENTRY
};

__u32 providers_freed_absent(void)
{
	__u32 found = 0;

	for (__u32 i = 0; i < PROVIDER_NUMBERS; i++)
		found |= provider_table[i].freed & MODEL_ABSENT ? 1U << i : 0;
	return found;
}

__u32 providers_unread(void)
{
	__u32 found = 0;

	for (__u32 i = 0; i < PROVIDER_NUMBERS; i++)
		found |= provider_table[i].declared == PROVIDER_DECLARED_MAPLE_TREE ? 1U << i : 0;
	return found;
}

/* Numbers of other versions leave holes. */
const struct provider *provider_next(const struct provider *provider)
{
	const struct provider *next = provider ? provider + 1 : provider_table;

	while (next < provider_table + PROVIDER_NUMBERS && !next->name)
		next++;
	return next < provider_table + PROVIDER_NUMBERS ? next : NULL;
}
