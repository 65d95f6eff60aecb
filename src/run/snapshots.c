// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "providers/provider.h"
#include "run/snapshots.h"

/* An answer that has not come by then was refused or lost. */
#define ANSWER_NS 2000000000ULL
#define TRIES_MAX 3

void snapshots_init(struct snapshots *snapshots, uint64_t interval)
{
	memset(snapshots, 0, sizeof(*snapshots));
	snapshots->interval = interval;
	/*
	 * The daemon's clients see each other's snapshots, and those of the
	 * release routine, whose number is a time.
	 */
	snapshots->last = 1ULL << 63 | (uint64_t)getpid() << 32;
}

void snapshots_destroy(struct snapshots *snapshots)
{
	free(snapshots->inodes);
	free(snapshots->places);
	snapshots->inodes = NULL;
	snapshots->places = NULL;
}

static bool place_is_of(const struct snapshots *snapshots, uint32_t place, uint64_t number)
{
	return place <= snapshots->inodes_nr && snapshots->inodes[place - 1].number == number;
}

/* The place of @number's inode, or the free one where it belongs. Numbers follow each other. */
static uint32_t *place_find(const struct snapshots *snapshots, uint64_t number)
{
	size_t i = number & (snapshots->places_nr - 1);

	while (snapshots->places[i] && !place_is_of(snapshots, snapshots->places[i], number))
		i = (i + 1) & (snapshots->places_nr - 1);
	return &snapshots->places[i];
}

static void place_note(struct snapshots *snapshots, const struct snapshots_inode *inode)
{
	uint32_t *place = place_find(snapshots, inode->number);

	snapshots->places_used += !*place;
	*place = (uint32_t)(inode - snapshots->inodes) + 1;
}

/* Room for the places of all inodes and one more. */
static int places_grow(struct snapshots *snapshots)
{
	size_t nr = snapshots->places_nr ? snapshots->places_nr : 128;
	uint32_t *places;

	if (snapshots->places_nr && snapshots->places_used * 2 < snapshots->places_nr)
		return 0;
	while (snapshots->inodes_nr * 4 >= nr)
		nr *= 2;
	places = calloc(nr, sizeof(*places));
	if (!places)
		return -ENOMEM;
	free(snapshots->places);
	snapshots->places = places;
	snapshots->places_nr = nr;
	snapshots->places_used = 0;
	for (size_t i = 0; i < snapshots->inodes_nr; i++)
		place_note(snapshots, &snapshots->inodes[i]);
	return 0;
}

static struct snapshots_inode *inode_find(struct snapshots *snapshots, uint64_t number)
{
	uint32_t place = snapshots->places_nr ? *place_find(snapshots, number) : 0;

	return place ? &snapshots->inodes[place - 1] : NULL;
}

static struct snapshots_inode *inode_add(struct snapshots *snapshots, uint64_t number)
{
	size_t room = snapshots->inodes_room ? snapshots->inodes_room * 2 : 64;
	struct snapshots_inode *grown;

	if (places_grow(snapshots))
		return NULL;
	if (snapshots->inodes_nr == snapshots->inodes_room) {
		grown = realloc(snapshots->inodes, room * sizeof(*grown));
		if (!grown)
			return NULL;
		snapshots->inodes = grown;
		snapshots->inodes_room = room;
	}
	grown = &snapshots->inodes[snapshots->inodes_nr++];
	*grown = (struct snapshots_inode){ .number = number };
	place_note(snapshots, grown);
	return grown;
}

static void inode_remove(struct snapshots *snapshots, struct snapshots_inode *inode)
{
	for (size_t i = 0; i < SNAPSHOTS_FLYING; i++) {
		if (snapshots->reads[i].inode == inode->number)
			snapshots->reads[i].snapshot = 0;
	}
	*inode = snapshots->inodes[snapshots->inodes_nr - 1];
	/* Where the last one was nobody looks any more. */
	*place_find(snapshots, inode->number) = (uint32_t)(inode - snapshots->inodes) + 1;
	snapshots->inodes_nr--;
}

static int inode_note(struct snapshots *snapshots, const struct record_inode *record, uint64_t now)
{
	struct snapshots_inode *inode = inode_find(snapshots, record->header.inode);

	if (record->dead) {
		if (inode)
			inode_remove(snapshots, inode);
		return 0;
	}
	if (!provider_has(record->provider, PROVIDER_JUDGED))
		return 0;
	if (!inode) {
		inode = inode_add(snapshots, record->header.inode);
		if (!inode)
			return -ENOMEM;
		inode->started = now;
		inode->wanted = record->before_attach;
	}
	inode->pages = record->pages;
	return 0;
}

static struct snapshots_read *read_find(struct snapshots *snapshots, uint64_t snapshot)
{
	for (size_t i = 0; snapshot && i < SNAPSHOTS_FLYING; i++) {
		if (snapshots->reads[i].snapshot == snapshot)
			return &snapshots->reads[i];
	}
	return NULL;
}

/* A chunk of a snapshot is over, however: the next one, or none. */
static void chunk_over(struct snapshots_inode *inode, const struct snapshots_read *read)
{
	if (!inode || inode->snapshot != read->snapshot)
		return;
	inode->flying = false;
	inode->next = read->first + read->nr;
	if (inode->next >= inode->pages)
		inode->snapshot = 0;
}

static void end_note(struct snapshots *snapshots, const struct record_snapshot *record)
{
	struct snapshots_read *read = read_find(snapshots, record->snapshot);
	struct snapshots_inode *inode;

	if (!read || read->inode != record->header.inode)
		return;
	inode = inode_find(snapshots, read->inode);
	if (inode)
		inode->pages = record->inode_pages;
	if (!read->reread)
		chunk_over(inode, read);
	read->snapshot = 0;
}

int snapshots_note(struct snapshots *snapshots, const struct record_header *record, uint64_t now)
{
	if (record->kind == RECORD_INODE)
		return inode_note(snapshots, (const struct record_inode *)record, now);
	if (record->kind == RECORD_SNAPSHOT_END)
		end_note(snapshots, (const struct record_snapshot *)record);
	return 0;
}

static struct snapshots_read *read_free(struct snapshots *snapshots)
{
	for (size_t i = 0; i < SNAPSHOTS_FLYING; i++) {
		if (!snapshots->reads[i].snapshot)
			return &snapshots->reads[i];
	}
	return NULL;
}

static int read_send(struct snapshots_read *read, struct sensor_client *client, uint64_t now)
{
	read->sent = now;
	read->tries++;
	return sensor_client_snapshot(client, read->inode, read->first, read->nr, read->pass,
				      read->snapshot);
}

/* What the model waits for is asked for again, a chunk of a snapshot is left out. */
static int reads_expire(struct snapshots *snapshots, struct sensor_client *client, uint64_t now)
{
	for (size_t i = 0; i < SNAPSHOTS_FLYING; i++) {
		struct snapshots_read *read = &snapshots->reads[i];

		if (!read->snapshot || now - read->sent < ANSWER_NS)
			continue;
		if (read->reread && read->tries < TRIES_MAX) {
			if (read_send(read, client, now))
				return -EPIPE;
			continue;
		}
		if (!read->reread)
			chunk_over(inode_find(snapshots, read->inode), read);
		read->snapshot = 0;
	}
	return 0;
}

static int rereads_ask(struct snapshots *snapshots, struct sensor_client *client,
		       struct model *model, uint64_t now)
{
	struct snapshots_read *read;
	struct model_reread reread;

	while ((read = read_free(snapshots)) && model_next_reread(model, &reread)) {
		*read = (struct snapshots_read){
			.snapshot = ++snapshots->last,
			.inode = reread.inode->number,
			.first = reread.pgoff_first,
			.nr = reread.pgoff_nr,
			.pass = reread.pass,
			.reread = true,
		};
		if (read_send(read, client, now))
			return -EPIPE;
	}
	return 0;
}

static bool inode_due(const struct snapshots *snapshots, const struct snapshots_inode *inode,
		      uint64_t now)
{
	if (inode->snapshot)
		return false; /* the previous one has not come back */
	return inode->wanted ||
	       (snapshots->interval && now - inode->started >= snapshots->interval);
}

static int chunk_ask(struct snapshots *snapshots, struct snapshots_inode *inode,
		     struct sensor_client *client, uint64_t now)
{
	struct snapshots_read *read = read_free(snapshots);
	uint64_t nr;

	if (!read)
		return 0;
	/* A size may still be unknown: the first chunk's answer tells it. */
	nr = inode->pages > inode->next ? inode->pages - inode->next : 1;
	if (nr > RECORD_SNAPSHOT_CHUNK)
		nr = RECORD_SNAPSHOT_CHUNK;
	*read = (struct snapshots_read){
		.snapshot = inode->snapshot,
		.inode = inode->number,
		.first = inode->next,
		.nr = nr,
	};
	inode->flying = true;
	return read_send(read, client, now);
}

static void snapshot_start(struct snapshots *snapshots, struct snapshots_inode *inode, uint64_t now)
{
	inode->wanted = false;
	inode->started = now;
	inode->snapshot = ++snapshots->last;
	inode->next = 0;
	inode->flying = false;
}

int snapshots_ask(struct snapshots *snapshots, struct sensor_client *client, struct model *model,
		  uint64_t now)
{
	int error = reads_expire(snapshots, client, now);

	if (!error)
		error = rereads_ask(snapshots, client, model, now);
	for (size_t looked = 0; looked < snapshots->inodes_nr && !error; looked++) {
		struct snapshots_inode *inode;

		if (!read_free(snapshots))
			break;
		if (snapshots->turn >= snapshots->inodes_nr)
			snapshots->turn = 0;
		inode = &snapshots->inodes[snapshots->turn++];
		if (inode_due(snapshots, inode, now))
			snapshot_start(snapshots, inode, now);
		if (inode->snapshot && !inode->flying)
			error = chunk_ask(snapshots, inode, client, now);
	}
	return error;
}

void snapshots_want_all(struct snapshots *snapshots)
{
	for (size_t i = 0; i < snapshots->inodes_nr; i++)
		snapshots->inodes[i].wanted = true;
}

size_t snapshots_left(const struct snapshots *snapshots, uint64_t *pages)
{
	size_t nr = 0;

	*pages = 0;
	for (size_t i = 0; i < snapshots->inodes_nr; i++) {
		const struct snapshots_inode *inode = &snapshots->inodes[i];
		uint64_t next = inode->snapshot ? inode->next : 0;

		if (!inode->wanted && !inode->snapshot)
			continue;
		nr++;
		*pages += inode->pages > next ? inode->pages - next : 1;
	}
	return nr;
}

bool snapshots_pending(const struct snapshots *snapshots)
{
	for (size_t i = 0; i < snapshots->inodes_nr; i++) {
		if (snapshots->inodes[i].wanted || snapshots->inodes[i].snapshot)
			return true;
	}
	for (size_t i = 0; i < SNAPSHOTS_FLYING; i++) {
		if (snapshots->reads[i].snapshot)
			return true;
	}
	return false;
}
