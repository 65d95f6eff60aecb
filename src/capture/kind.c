// SPDX-License-Identifier: GPL-2.0
/* The kinds of records that a capture stores, and the parts of a fact. */
#include <string.h>
#include "gmemtrace/capture.h"

static const size_t kind_size[] = {
	[RECORD_REQUEST_BEGIN] = sizeof(struct record_request),
	[RECORD_REQUEST_END] = sizeof(struct record_request),
	[RECORD_ZAP] = sizeof(struct record_zap),
	[RECORD_FLUSH] = sizeof(struct record_flush),
	[RECORD_JOIN] = sizeof(struct record_owner),
	[RECORD_LEAVE] = sizeof(struct record_owner),
	[RECORD_SNAPSHOT_BEGIN] = sizeof(struct record_snapshot),
	[RECORD_SNAPSHOT_PAGE] = sizeof(struct record_snapshot_page),
	[RECORD_SNAPSHOT_END] = sizeof(struct record_snapshot),
	[RECORD_HEARTBEAT] = sizeof(struct record_heartbeat),
	[RECORD_LOSS] = sizeof(struct record_loss),
	[RECORD_INODE] = sizeof(struct record_inode),
	[RECORD_PAGE_FREE] = sizeof(struct record_page_free),
	[RECORD_FACT] = sizeof(struct record_fact),
	[RECORD_END] = sizeof(struct record_end),
};

size_t capture_kind_size(__u16 kind)
{
	return kind < sizeof(kind_size) / sizeof(kind_size[0]) ? kind_size[kind] : 0;
}

static bool fact_fits(const struct record_fact *fact)
{
	__u64 room = fact->header.size - sizeof(*fact);

	if (fact->header.size < sizeof(*fact) || !fact->key_length || !fact->value_length)
		return false;
	if ((__u64)fact->key_length + fact->value_length > room)
		return false;
	return !fact->text[fact->key_length - 1] &&
	       !fact->text[fact->key_length + fact->value_length - 1];
}

const char *capture_fact_key(const struct record_fact *fact)
{
	return fact_fits(fact) ? fact->text : NULL;
}

const char *capture_fact_value(const struct record_fact *fact)
{
	return fact_fits(fact) ? fact->text + fact->key_length : NULL;
}
