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
		[RECORD_OPERATION_FOLIO_ZAP] = "folio_zap",
		[RECORD_OPERATION_CONFIGURE_BATCH] = "configure_batch",
		[RECORD_OPERATION_SECRETMEM_FAULT] = "secretmem_fault",
	};

	return name_of(names, sizeof(names) / sizeof(names[0]), operation);
}

const char *model_provider_name(__u32 provider)
{
	return provider_of(provider)->name;
}

void model_inode_name(const struct model_inode *inode, char *name, size_t size)
{
	if (!inode || !inode->number) {
		snprintf(name, size, "-");
		return;
	}
	snprintf(name, size, "%c%llu", provider_of(inode->provider)->letter,
		 (unsigned long long)inode->number);
}
