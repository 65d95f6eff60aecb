// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "serve/peer.h"

void peers_init(struct peers *peers, const struct peers_limits *limits, uid_t uid)
{
	memset(peers, 0, sizeof(*peers));
	peers->limits = *limits;
	peers->uid = uid;
	if (!peers->limits.clients)
		peers->limits.clients = PEERS_DEFAULT;
	if (!peers->limits.backlog)
		peers->limits.backlog = PEERS_BACKLOG_DEFAULT;
	if (!peers->limits.own)
		peers->limits.own = PEER_BACKLOG_OWN;
}

static bool uid_privileged(const struct peers *peers, uid_t uid)
{
	return !uid || uid == peers->uid;
}

/* Clients of the user *@uid, or all. */
static uint32_t peers_count(const struct peers *peers, const uid_t *uid)
{
	uint32_t count = 0;

	for (size_t i = 0; i < peers->used; i++) {
		const struct peer *peer = &peers->list[i];

		count += peer->id && (!uid || peer->uid == *uid);
	}
	return count;
}

/* Whether one of @uid would be one too many; @message tells why. */
static bool peers_full(const struct peers *peers, uid_t uid, char *message, size_t size)
{
	uint32_t limit = peers->limits.clients, each = (limit + 3) / 4;

	if (uid_privileged(peers, uid)) {
		limit += PEERS_RESERVED;
	} else if (peers_count(peers, &uid) >= each) {
		snprintf(message, size,
			 "gmemtraced serves %u clients of user %u already, as many as one user may "
			 "have: end one, or have it started with a higher --max-clients",
			 each, (unsigned int)uid);
		return true;
	}
	if (peers_count(peers, NULL) < limit)
		return false;
	snprintf(message, size,
		 "gmemtraced serves %u clients already: end one, or have it started with a higher "
		 "--max-clients",
		 peers_count(peers, NULL));
	return true;
}

struct peer *peers_admit(struct peers *peers, int descriptor, pid_t pid, uid_t uid, uint64_t now,
			 char *message, size_t size)
{
	struct peer *peer = peers->list;

	if (peers_full(peers, uid, message, size))
		return NULL;
	while (peer->id)
		peer++;
	if (peer == &peers->list[peers->used])
		peers->used++;
	peer->id = ++peers->ids;
	peer->descriptor = descriptor;
	peer->pid = pid;
	peer->uid = uid;
	peer->progress = now;
	/* What the rings still hold is not older than the last heartbeat knew. */
	peer->watermark = peers->watermark;
	return peer;
}

void peers_drop(struct peers *peers, struct peer *peer)
{
	for (size_t i = 0; i < READS_FLYING; i++) {
		if (peers->reads.flights[i].client == peer->id)
			peers->reads.flights[i].number = 0;
	}
	backlog_clear(&peer->backlog);
	history_leave(&peer->past);
	memset(peer, 0, sizeof(*peer));
	while (peers->used && !peers->list[peers->used - 1].id)
		peers->used--;
}

static uint64_t backlog_of(const struct peers *peers, const uid_t *uid)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < peers->used; i++) {
		const struct peer *peer = &peers->list[i];

		if (peer->id && (!uid || peer->uid == *uid))
			bytes += (uint64_t)peer->backlog.blocks * BACKLOG_BLOCK_BYTES;
	}
	return bytes;
}

uint64_t peers_backlog(const struct peers *peers)
{
	return backlog_of(peers, NULL);
}

/* All users together have the backlog, one alone half of it, every client a little for itself. */
static bool room_for(const struct peers *peers, const struct peer *peer, size_t size)
{
	uint64_t more, own;

	if (peer->owner)
		return true;
	more = (uint64_t)backlog_blocks_for(&peer->backlog, size) * BACKLOG_BLOCK_BYTES;
	own = (uint64_t)peer->backlog.blocks * BACKLOG_BLOCK_BYTES + more;
	if (!more || own <= peers->limits.own)
		return true;
	return backlog_of(peers, NULL) + more <= peers->limits.backlog &&
	       backlog_of(peers, &peer->uid) + more <= peers->limits.backlog / 2;
}

bool peer_full(const struct peers *peers, const struct peer *peer)
{
	return peer->backlog.bytes > peers->limits.backlog / 2;
}

/* Past an empty backlog, and nobody copies it a second time. */
static bool lane_append(struct peer *peer, const struct record_header *record)
{
	if (!peer->lane.memory || peer->backlog.bytes ||
	    !lane_write_whole(&peer->lane, record, record->size))
		return false;
	peer->unrung += record->size;
	return true;
}

static bool peer_append(struct peer *peer, const struct record_header *record)
{
	if (!lane_append(peer, record) && !backlog_append(&peer->backlog, record, record->size))
		return false;
	if (peer->time < record->time)
		peer->time = record->time;
	return true;
}

void peer_hello(struct peer *peer, const void *data, size_t size)
{
	if (!backlog_append(&peer->backlog, data, size))
		peer->dead = true;
}

static uint64_t earlier(uint64_t time, uint64_t other)
{
	return other && other < time ? other : time;
}

/* A record may tell of what happened before the watermark: a zap that waited for its flush. */
static uint64_t record_since(const struct record_header *record)
{
	const struct record_zap *zap = (const struct record_zap *)record;

	switch (record->kind) {
	case RECORD_ZAP:
		return earlier(earlier(earlier(record->time, zap->flush_begin), zap->zap_end),
			       zap->zap_begin);
	case RECORD_FLUSH:
		return earlier(record->time, ((const struct record_flush *)record)->begin);
	case RECORD_LOSS:
		return earlier(record->time, ((const struct record_loss *)record)->since);
	default:
		return record->time;
	}
}

/* Chunks that are on their way have lost a piece. */
static void gap_open(struct peer *peer)
{
	peer->gap_since = peer->watermark;
	peer->gap_until = peer->watermark;
	peer->resume = peer->backlog.bytes / 2;
	memset(peer->snapshots, 0, sizeof(peer->snapshots));
}

static void gap_extend(struct peer *peer, const struct record_header *record)
{
	uint64_t since = record_since(record);

	if (!peer->dropped)
		gap_open(peer);
	if (since < peer->gap_since)
		peer->gap_since = since;
	if (record->time > peer->gap_until)
		peer->gap_until = record->time;
	peer->dropped++;
	if (record->kind == RECORD_INODE || record->kind == RECORD_FACT)
		peer->announce = true;
}

static bool gap_tell(struct peer *peer)
{
	const struct record_loss loss = {
		.header = { .kind = RECORD_LOSS, .size = sizeof(loss), .time = peer->gap_until },
		.since = peer->gap_since,
		.count = peer->dropped,
		.cause = RECORD_LOSS_CLIENT_SLOW,
	};

	if (!peer_append(peer, &loss.header))
		return false;
	peer->dropped = 0;
	return true;
}

/* Not at the first byte of room: a thousand gaps would tell less than one. */
static bool gap_close(const struct peers *peers, struct peer *peer)
{
	if (peer->backlog.bytes > peer->resume ||
	    !room_for(peers, peer, sizeof(struct record_loss)))
		return false;
	return gap_tell(peer);
}

static bool snapshot_is(const struct peer_snapshot *chunk, const struct record_snapshot *record)
{
	return chunk->used && chunk->inode == record->header.inode &&
	       chunk->snapshot == record->snapshot && chunk->first == record->pgoff_first &&
	       chunk->pass == record->pass;
}

static struct peer_snapshot *snapshot_find(struct peer *peer, const struct record_snapshot *record)
{
	for (size_t i = 0; i < PEER_SNAPSHOTS; i++) {
		if (snapshot_is(&peer->snapshots[i], record))
			return &peer->snapshots[i];
	}
	return NULL;
}

static void snapshot_begun(struct peer *peer, const struct record_snapshot *record)
{
	for (size_t i = 0; i < PEER_SNAPSHOTS; i++) {
		struct peer_snapshot *chunk = &peer->snapshots[i];

		if (chunk->used && !snapshot_is(chunk, record))
			continue;
		*chunk = (struct peer_snapshot){
			.inode = record->header.inode,
			.snapshot = record->snapshot,
			.first = record->pgoff_first,
			.pass = record->pass,
			.used = true,
		};
		return;
	}
}

/* A chunk with a hole says nothing of any page. */
static void snapshot_ended(struct peer *peer, struct record_snapshot *record)
{
	struct peer_snapshot *chunk = snapshot_find(peer, record);

	if (chunk)
		chunk->used = false;
	else if (!record->result)
		record->result = -ENOBUFS;
}

static void peer_queued(struct peer *peer, const struct record_header *record)
{
	const struct record_heartbeat *heartbeat = (const struct record_heartbeat *)record;

	if (record->kind == RECORD_SNAPSHOT_BEGIN)
		snapshot_begun(peer, (const struct record_snapshot *)record);
	if (record->kind != RECORD_HEARTBEAT)
		return;
	peer->watermark = heartbeat->watermark;
	if (peer->stop && heartbeat->watermark >= peer->stop)
		peer_end(peer);
}

void peer_record(struct peers *peers, struct peer *peer, const struct record_header *record)
{
	struct record_snapshot end;

	if (peer->dead || peer->ended)
		return;
	if (peer->dropped && !gap_close(peers, peer)) {
		gap_extend(peer, record);
		return;
	}
	if (record->kind == RECORD_SNAPSHOT_END) {
		end = *(const struct record_snapshot *)record;
		snapshot_ended(peer, &end);
		record = &end.header;
	}
	if (room_for(peers, peer, record->size) && peer_append(peer, record))
		peer_queued(peer, record);
	else
		gap_extend(peer, record);
}

static struct peer *peer_find(struct peers *peers, uint64_t id)
{
	for (size_t i = 0; i < peers->used; i++) {
		if (id && peers->list[i].id == id)
			return &peers->list[i];
	}
	return NULL;
}

/* The answer to a read, with the number that its client gave it. */
static void answer_record(struct peers *peers, const struct record_header *record, __u64 *number)
{
	struct reads_flight *flight = reads_find(&peers->reads, *number);
	struct peer *peer = flight ? peer_find(peers, flight->client) : NULL;

	if (!peer)
		return;
	*number = flight->range.snapshot;
	peer_record(peers, peer, record);
	if (record->kind == RECORD_SNAPSHOT_END)
		reads_done(flight, &peer->reads,
			   ((const struct record_snapshot *)record)->inode_pages);
}

/* true: @record was an answer to a read, and is dealt with. */
static bool record_answers(struct peers *peers, const struct record_header *record)
{
	struct record_snapshot_page page;
	struct record_snapshot bracket;

	switch (record->kind) {
	case RECORD_SNAPSHOT_BEGIN:
	case RECORD_SNAPSHOT_END:
		bracket = *(const struct record_snapshot *)record;
		if (bracket.snapshot < READS_NUMBER)
			return false;
		answer_record(peers, &bracket.header, &bracket.snapshot);
		return true;
	case RECORD_SNAPSHOT_PAGE:
		page = *(const struct record_snapshot_page *)record;
		if (page.snapshot < READS_NUMBER)
			return false;
		answer_record(peers, &page.header, &page.snapshot);
		return true;
	default:
		return false;
	}
}

/* Who wants sums alone is spared the events that others want. */
static bool peer_wants(const struct peer *peer, const struct record_header *record)
{
	if (!peer->reads.sums)
		return true;
	switch (record->kind) {
	case RECORD_SUMMARY:
	case RECORD_HEARTBEAT:
	case RECORD_LOSS:
	case RECORD_FACT:
	case RECORD_INODE:
	case RECORD_END:
		return true;
	default:
		return false;
	}
}

/* A change, or a page that a release's snapshot saw: what nobody here has to know of. */
static bool lane_write_common(struct lane *lane, const struct record_header *record)
{
	const struct record_snapshot_page *page = (const struct record_snapshot_page *)record;

	if (record->kind == RECORD_ZAP && record->size == sizeof(struct record_zap))
		return lane_write_known(lane, record, sizeof(struct record_zap));
	return record->kind == RECORD_SNAPSHOT_PAGE && record->size == sizeof(*page) &&
	       page->snapshot < READS_NUMBER && lane_write_known(lane, record, sizeof(*page));
}

bool peers_record_passes(struct peers *peers, const struct record_header *record)
{
	struct peer *peer = peers->list;

	if (peers->used != 1 || !peer->lane.memory || peer->backlog.bytes || peer->dropped ||
	    peer->dead || peer->ended || peer->past.block || peer->reads.sums ||
	    !lane_write_common(&peer->lane, record))
		return false;
	peer->unrung += record->size;
	if (peer->time < record->time)
		peer->time = record->time;
	return true;
}

void peers_record(struct peers *peers, const struct record_header *record)
{
	if (peers_record_passes(peers, record) || record_answers(peers, record))
		return;
	if (record->kind == RECORD_HEARTBEAT)
		peers->watermark = ((const struct record_heartbeat *)record)->watermark;
	for (size_t i = 0; i < peers->used; i++) {
		/* Whoever is told of the past comes to this one in its turn. */
		if (peers->list[i].id && !peers->list[i].past.block &&
		    peer_wants(&peers->list[i], record))
			peer_record(peers, &peers->list[i], record);
	}
}

void peer_end(struct peer *peer)
{
	struct record_end end = {
		.header = { .kind = RECORD_END, .size = sizeof(end) },
		.command_status = -1,
	};

	if (peer->dead || peer->ended)
		return;
	if (peer->dropped && !gap_tell(peer))
		peer->dead = true;
	end.header.time = peer->time;
	if (!peer_append(peer, &end.header))
		peer->dead = true;
	peer->ended = true;
}

bool peer_input(struct peer *peer, const void *data, size_t bytes, uint64_t now)
{
	if (reads_input(&peer->reads, data, bytes))
		return false;
	if (peer->reads.stop && !peer->stop)
		peer->stop = now;
	return true;
}

void peer_sent(struct peer *peer, size_t bytes, uint64_t now)
{
	backlog_consume(&peer->backlog, bytes);
	if (bytes)
		peer->progress = now;
}

bool peer_overdue(const struct peers *peers, const struct peer *peer, uint64_t now)
{
	uint64_t silent = now > peer->progress ? now - peer->progress : 0;

	if (!peer->backlog.bytes)
		return false;
	if (peer->ended)
		return silent > PEER_ENDING_NS;
	if (peer->owner)
		return silent > PEER_OWNER_SILENT_NS && peer_full(peers, peer);
	return silent > PEER_SILENT_NS;
}

static void flights_expire(struct peers *peers, uint64_t now)
{
	for (size_t i = 0; i < READS_FLYING; i++) {
		struct reads_flight *flight = &peers->reads.flights[i];
		struct peer *peer;

		if (!reads_overdue(flight, now))
			continue;
		peer = peer_find(peers, flight->client);
		reads_done(flight, peer ? &peer->reads : NULL, 0);
	}
}

struct reads_flight *peers_next_read(struct peers *peers, uint64_t now)
{
	flights_expire(peers, now);
	for (size_t i = 0; i < peers->used; i++) {
		struct peer *peer = &peers->list[(peers->turn + i) % peers->used];
		struct reads_flight *flight;

		if (!peer->id || peer->dead || peer->ended)
			continue;
		flight = reads_start(&peers->reads, &peer->reads, peer->id, now);
		if (!flight)
			continue;
		peers->turn = (peers->turn + i + 1) % peers->used;
		return flight;
	}
	return NULL;
}

void peers_read_failed(struct peers *peers, struct reads_flight *flight, int error, uint64_t now)
{
	struct peer *peer = peer_find(peers, flight->client);
	struct record_inode gone = {
		.header = { .kind = RECORD_INODE,
			    .size = sizeof(gone),
			    .time = now,
			    .inode = flight->range.inode },
		.dead = 1,
	};

	reads_done(flight, peer ? &peer->reads : NULL, 0);
	/* The record of its end may be in a gap: without it the client would ask for ever. */
	if (peer && error == -ENOENT)
		peer_record(peers, peer, &gone.header);
}

bool peers_reads_wait(const struct peers *peers)
{
	for (size_t i = 0; i < peers->used; i++) {
		if (peers->list[i].id && peers->list[i].reads.nr)
			return true;
	}
	return false;
}
