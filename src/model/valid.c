// SPDX-License-Identifier: GPL-2.0
/*
 * Records that contradict themselves. To believe one half of such a record would be to guess, so
 * none is. Times are not compared here: the clock may step back a little from CPU to CPU.
 */
#include "model/state.h"

#define OWNER_BITS                                                                                 \
	(RECORD_OWNER_PREPARED | RECORD_OWNER_DEVIATES | RECORD_OWNER_CONTENT | RECORD_OWNER_GIVEN)

/* Where one of two states is told, a third is neither of them. */
static bool kind_contradicts(__u32 provider, __u64 flags, __u32 default_state)
{
	const struct provider *kind = provider_of(provider);

	if (default_state > 1 || (kind->flagless && flags))
		return true;
	if (!(kind->defaults & (default_state ? MODEL_PRESENT : MODEL_ABSENT)))
		return true;
	return flags & kind->absent_flag && flags & kind->present_flag;
}

/*
 * What an inode says of its default against its flags is for a rule to judge: the kernel itself
 * may have got it wrong. A read that does so cannot be compared with anything.
 */
static bool snapshot_contradicts(const struct record_snapshot *record)
{
	const struct provider *kind = provider_of(record->provider);

	if (kind_contradicts(record->provider, record->inode_flags, record->default_state))
		return true;
	return record->inode_flags &
	       (record->default_state ? kind->absent_flag : kind->present_flag);
}

/*
 * A folio lies at a multiple of its size in memory and in its file (__filemap_add_folio() insists).
 * One anywhere else would cost the map of pfns an entry a page.
 */
static bool folio_contradicts(const struct record_owner *record)
{
	__u64 inside = record->nr - 1ULL;

	return record->nr & inside || record->page & inside || record->pgoff & inside;
}

static bool owner_contradicts(const struct record_owner *record)
{
	__u32 place = record->prepared >> RECORD_OWNER_CONTENT_SHIFT;

	if (record->nr && folio_contradicts(record))
		return true;
	if (place && (!(record->prepared & RECORD_OWNER_CONTENT) || place >= record->nr))
		return true;
	return record->prepared & ~(OWNER_BITS | ~0U << RECORD_OWNER_CONTENT_SHIFT);
}

/* Pages that were not among those that were freed. */
static bool free_contradicts(const struct record_page_free *record)
{
	__u64 beyond = record->order < 6 ? ~0ULL << (1U << record->order) : 0;

	return record->absent & record->unknown || (record->absent | record->unknown) & beyond;
}

static bool summary_contradicts(const struct record_summary *record)
{
	__u64 room = (record->header.size - sizeof(*record)) / sizeof(record->buckets[0]);

	if (record->cell >= RECORD_SUMMARY_CELLS || record->nr > room)
		return true;
	for (__u32 i = 0; i < record->nr; i++) {
		if (record->buckets[i].bucket >= RECORD_SUMMARY_BUCKETS)
			return true;
	}
	return record->min > record->max;
}

bool record_contradicts(const struct record_header *record)
{
	const struct record_inode *inode = (const struct record_inode *)record;

	switch (record->kind) {
	case RECORD_INODE:
		return !inode->dead &&
		       kind_contradicts(inode->provider, inode->flags, inode->default_state);
	case RECORD_SNAPSHOT_BEGIN:
	case RECORD_SNAPSHOT_END:
		return snapshot_contradicts((const struct record_snapshot *)record);
	case RECORD_SNAPSHOT_PAGE:
		return page_contradicts((const struct record_snapshot_page *)record);
	case RECORD_ZAP:
		return zap_contradicts((const struct record_zap *)record);
	case RECORD_REQUEST_BEGIN:
	case RECORD_REQUEST_END:
		return ((const struct record_request *)record)->state > 1;
	case RECORD_FLUSH:
		return ((const struct record_flush *)record)->full > 1 ||
		       ((const struct record_flush *)record)->worker > 1;
	case RECORD_JOIN:
	case RECORD_LEAVE:
		return owner_contradicts((const struct record_owner *)record);
	case RECORD_FLUSH_TIMED:
		return ((const struct record_flush_timed *)record)->end <
		       ((const struct record_flush_timed *)record)->begin;
	case RECORD_UNANSWERED:
		return ((const struct record_unanswered *)record)->end <
		       ((const struct record_unanswered *)record)->begin;
	case RECORD_ANSWERS:
		return ((const struct record_answers *)record)->nr > RECORD_ANSWERS_NR;
	case RECORD_SUMMARY:
		return summary_contradicts((const struct record_summary *)record);
	case RECORD_PROMISE:
		return ((const struct record_promise *)record)->is_private > 1;
	case RECORD_SLEEP:
		return ((const struct record_sleep *)record)->might > 1;
	case RECORD_PAGE_FREE:
		return free_contradicts((const struct record_page_free *)record);
	default:
		return false;
	}
}
