// SPDX-License-Identifier: GPL-2.0
#include "providers/provider.h"

const struct provider provider_table[PROVIDER_NUMBERS] = {
#define PROVIDER_ENTRY(id, has, ...) [id] = { .traits = (has), __VA_ARGS__ },
	PROVIDERS(PROVIDER_ENTRY)
#undef PROVIDER_ENTRY
};

/* Numbers of other versions leave holes. */
const struct provider *provider_next(const struct provider *provider)
{
	const struct provider *next = provider ? provider + 1 : provider_table;

	while (next < provider_table + PROVIDER_NUMBERS && !next->name)
		next++;
	return next < provider_table + PROVIDER_NUMBERS ? next : NULL;
}
