// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flush/tally.h"

static __u64 hash_add(__u64 hash, __u64 value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 32;
}

static __u64 hash_text(__u64 hash, const char *text)
{
	size_t length = strlen(text);
	__u64 word = 0;

	/* Stacks are long, and every flush has one: eight bytes at a time. */
	for (; length > sizeof(word); length -= sizeof(word), text += sizeof(word)) {
		memcpy(&word, text, sizeof(word));
		hash = hash_add(hash, word);
	}
	word = 0;
	memcpy(&word, text, length);
	return hash_add(hash_add(hash, word), length);
}

static __u64 key_hash(const struct tally_key *key)
{
	__u64 hash = hash_add(0xcbf29ce484222325ULL, (__u64)key->cpu << 32 | key->bits);

	hash = hash_text(hash_add(hash, key->kind), key->comm);
	hash = key->stack ? hash_text(hash, key->stack) : hash;
	return hash;
}

static bool entry_is(const struct tally_entry *entry, const struct tally_key *key, __u64 hash)
{
	if (entry->hash != hash || entry->cpu != key->cpu || entry->bits != key->bits ||
	    entry->kind != key->kind || !entry->stack != !key->stack)
		return false;
	return !strcmp(entry->comm, key->comm) &&
	       (!key->stack || !strcmp(entry->stack, key->stack));
}

static void slots_fill(struct tally *tally)
{
	memset(tally->slots, 0, tally->slots_nr * sizeof(*tally->slots));
	for (size_t i = 0; i < tally->nr; i++) {
		size_t slot = tally->entries[i].hash & (tally->slots_nr - 1);

		while (tally->slots[slot])
			slot = (slot + 1) & (tally->slots_nr - 1);
		tally->slots[slot] = i + 1;
	}
}

static bool tally_enlarge(struct tally *tally)
{
	size_t room = tally->room ? tally->room * 2 : 64;
	struct tally_entry *entries = realloc(tally->entries, room * sizeof(*entries));
	size_t *slots;

	if (!entries)
		return false;
	tally->entries = entries;
	slots = calloc(room * 2, sizeof(*slots));
	if (!slots)
		return false;
	free(tally->slots);
	tally->slots = slots;
	tally->slots_nr = room * 2;
	tally->room = room;
	slots_fill(tally);
	return true;
}

struct tally_entry *tally_get(struct tally *tally, const struct tally_key *key)
{
	__u64 hash = key_hash(key);
	struct tally_entry *entry;
	size_t slot;

	if (tally->nr == tally->room && !tally_enlarge(tally))
		return NULL;
	slot = hash & (tally->slots_nr - 1);
	for (; tally->slots[slot]; slot = (slot + 1) & (tally->slots_nr - 1)) {
		entry = &tally->entries[tally->slots[slot] - 1];
		if (entry_is(entry, key, hash))
			return entry;
	}
	entry = &tally->entries[tally->nr];
	*entry = (struct tally_entry){
		.cpu = key->cpu, .bits = key->bits, .kind = key->kind, .hash = hash
	};
	if (key->stack) {
		entry->stack = strdup(key->stack);
		if (!entry->stack)
			return NULL;
	}
	strncpy(entry->comm, key->comm, RECORD_COMM_LEN);
	tally->slots[slot] = ++tally->nr;
	return entry;
}

void tally_add(struct tally_entry *entry, __u64 ns, __u64 nr)
{
	entry->count += nr;
	entry->ns += ns * nr;
	if (ns > entry->max)
		entry->max = ns;
}

int tally_merge(struct tally *tally, const struct tally *other)
{
	for (size_t i = 0; i < other->nr; i++) {
		const struct tally_entry *from = &other->entries[i];
		const struct tally_key key = { .comm = from->comm,
					       .stack = from->stack,
					       .cpu = from->cpu,
					       .bits = from->bits,
					       .kind = from->kind };
		struct tally_entry *entry = tally_get(tally, &key);

		if (!entry)
			return -ENOMEM;
		entry->leaves.known = false;
		if (!entry->first || from->first < entry->first)
			entry->first = from->first;
		if (from->last > entry->last)
			entry->last = from->last;
		if (!entry->tgid)
			entry->tgid = from->tgid;
		entry->count += from->count;
		entry->flushes += from->flushes;
		entry->ns += from->ns;
		if (from->max > entry->max)
			entry->max = from->max;
	}
	return 0;
}

static int entry_compare(const void *left, const void *right)
{
	const struct tally_entry *one = left, *other = right;

	if (one->ns != other->ns)
		return one->ns > other->ns ? -1 : 1;
	if (one->count != other->count)
		return one->count > other->count ? -1 : 1;
	return (one->hash > other->hash) - (one->hash < other->hash);
}

void tally_sort(struct tally *tally)
{
	if (!tally->nr)
		return;
	qsort(tally->entries, tally->nr, sizeof(*tally->entries), entry_compare);
	slots_fill(tally);
}

void tally_free(struct tally *tally)
{
	for (size_t i = 0; i < tally->nr; i++)
		free(tally->entries[i].stack);
	free(tally->entries);
	free(tally->slots);
	memset(tally, 0, sizeof(*tally));
}
