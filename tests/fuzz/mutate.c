// SPDX-License-Identifier: GPL-2.0
/*
 * Mutations that know what a record is: whole records are copied, moved, taken
 * out, made up and repeated, and single fields get the values that bombs are
 * made of. Input that is not a row of records is left to libFuzzer.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "gmemtrace/record.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

static __u64 random_state;

static __u64 random_next(__u64 below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 11) % below;
}

static const __u16 kinds[] = {
#define KIND(kind, ...) RECORD_##kind,
	RECORD_KINDS(KIND)
#undef KIND
};

static __u64 value_any(void)
{
	static const __u64 edges[] = {
		0,	    1,		2,	    4096,  1ULL << 18, 1ULL << 31, 0xffffffffULL,
		1ULL << 32, 1ULL << 40, 1ULL << 63, ~0ULL,
	};

	switch (random_next(4)) {
	case 0:
		return edges[random_next(sizeof(edges) / sizeof(edges[0]))];
	case 1:
		return edges[random_next(sizeof(edges) / sizeof(edges[0]))] - 1;
	case 2:
		return random_next(64);
	default:
		return 1ULL << random_next(64);
	}
}

/* A record's size where one stands at @at, or 0. */
static size_t record_at(const uint8_t *data, size_t size, size_t at)
{
	struct record_header header;

	if (at + sizeof(header) > size)
		return 0;
	memcpy(&header, data + at, sizeof(header));
	if (header.size < sizeof(header) || header.size % 8 || at + header.size > size)
		return 0;
	return header.size;
}

/* How many records @data begins with; the @choice-th begins at @chosen. */
static size_t records_count(const uint8_t *data, size_t size, size_t choice, size_t *chosen)
{
	size_t at = 0, nr = 0;

	for (size_t step; (step = record_at(data, size, at)); nr++) {
		if (nr == choice)
			*chosen = at;
		at += step;
	}
	return nr;
}

static size_t insert(uint8_t *data, size_t size, size_t max_size, size_t at, const void *record,
		     size_t bytes)
{
	if (size + bytes > max_size)
		return size;
	memmove(data + at + bytes, data + at, size - at);
	memcpy(data + at, record, bytes);
	return size + bytes;
}

/* A field somewhere behind kind and size. */
static void field_set(uint8_t *record, size_t bytes)
{
	__u64 value = value_any();
	size_t width = random_next(2) ? 8 : 4;
	size_t at = width + random_next(bytes / width - 1) * width;

	memcpy(record + at, &value, width);
}

/* A record of any kind, with small numbers, at about the time of the one at @data + @at. */
static size_t make_up(uint8_t *data, size_t size, size_t max_size, size_t at)
{
	__u64 words[128] = { 0 };
	struct record_header *header = (struct record_header *)words, old;

	memcpy(&old, data + at, sizeof(old));
	header->kind = kinds[random_next(sizeof(kinds) / sizeof(kinds[0]))];
	header->size = record_stored_size(header->kind);
	if (!header->size)
		return size;
	header->tid = header->tgid = (__u32)random_next(4) + 1;
	header->time = old.time + random_next(1000);
	header->inode = random_next(4);
	for (size_t i = sizeof(*header) / 8; i < header->size / 8U; i++)
		words[i] = random_next(3) ? random_next(16) : value_any();
	return insert(data, size, max_size, at, words, header->size);
}

/* The same again and again, one field and the time rising: what a flood looks like. */
static size_t repeat(uint8_t *data, size_t size, size_t max_size, size_t at, size_t bytes)
{
	size_t nr = 1 + random_next(64), field = 8 * random_next(bytes / 8);
	__u64 step = random_next(2) ? 1 : value_any();
	uint8_t copy[65536];

	memcpy(copy, data + at, bytes);
	for (size_t i = 0; i < nr; i++) {
		__u64 word;

		if (field) {
			memcpy(&word, copy + field, 8);
			word += step;
			memcpy(copy + field, &word, 8);
		}
		memcpy(&word, copy + 16, 8);
		word++;
		memcpy(copy + 16, &word, 8);
		at += bytes;
		size = insert(data, size, max_size, at, copy, bytes);
	}
	return size;
}

static size_t take_out(uint8_t *data, size_t size, size_t at, size_t bytes)
{
	memmove(data + at, data + at + bytes, size - at - bytes);
	return size - bytes;
}

static size_t move(uint8_t *data, size_t size, size_t max_size, size_t at, size_t bytes)
{
	uint8_t copy[65536];
	size_t nr, to = 0;

	memcpy(copy, data + at, bytes);
	size = take_out(data, size, at, bytes);
	nr = records_count(data, size, 0, &to);
	if (nr)
		records_count(data, size, random_next(nr), &to);
	return insert(data, size, max_size, to, copy, bytes);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	size_t at = 0, bytes, nr;

	random_state = seed * 2654435761ULL + 1;
	nr = records_count(data, size, 0, &at);
	if (!nr || !random_next(4))
		return LLVMFuzzerMutate(data, size, max_size);
	records_count(data, size, random_next(nr), &at);
	bytes = record_at(data, size, at);
	switch (random_next(6)) {
	case 0:
		return insert(data, size, max_size, at + bytes, data + at, bytes);
	case 1:
		return take_out(data, size, at, bytes);
	case 2:
		return move(data, size, max_size, at, bytes);
	case 3:
		return make_up(data, size, max_size, at);
	case 4:
		return repeat(data, size, max_size, at, bytes);
	default:
		field_set(data + at, bytes);
		return size;
	}
}
