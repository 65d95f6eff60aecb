// SPDX-License-Identifier: GPL-2.0
/* Words for what the records number. */
#include <stdio.h>
#include "model/state.h"

static const char *name_of(const char *const *names, size_t nr, __u32 value)
{
	return value < nr && names[value] ? names[value] : "unknown";
}

const char *model_operation_name(__u32 operation)
{
	static const char *const names[] = {
		[RECORD_OPERATION_NONE] = "none",
		[RECORD_OPERATION_SET_RANGE] = "set_range",
		[RECORD_OPERATION_SET_FOLIO] = "set_folio",
		[RECORD_OPERATION_CONFIGURE] = "configure",
		[RECORD_OPERATION_FALLOCATE] = "fallocate",
		[RECORD_OPERATION_RELEASE] = "release",
		[RECORD_OPERATION_UPDATE_XARRAY] = "update_xarray",
		[RECORD_OPERATION_ERROR_FOLIO] = "error_folio",
	};

	return name_of(names, sizeof(names) / sizeof(names[0]), operation);
}

const char *model_provider_name(__u32 provider)
{
	static const char *const names[] = {
		[RECORD_PROVIDER_RFC3] = "rfc3",
		[RECORD_PROVIDER_SECRETMEM] = "secretmem",
		[RECORD_PROVIDER_GMEM_PLAIN] = "gmem-plain",
	};

	return name_of(names, sizeof(names) / sizeof(names[0]), provider);
}

void model_inode_name(const struct model_inode *inode, char *name, size_t size)
{
	char kind = 'i';

	if (!inode || !inode->number) {
		snprintf(name, size, "-");
		return;
	}
	if (inode->provider == RECORD_PROVIDER_SECRETMEM)
		kind = 's';
	else if (inode->provider != RECORD_PROVIDER_UNKNOWN)
		kind = 'g';
	snprintf(name, size, "%c%llu", kind, (unsigned long long)inode->number);
}
