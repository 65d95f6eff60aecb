// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sensor/kallsyms.h"
#include "sensor/symbol.h"
#include "sensor/text.h"
#include "sensor/x86.h"

/* What is behind the header of a PERF_RECORD_TEXT_POKE; the record's time is its last word. */
struct text_poke {
	struct perf_event_header header;
	uint64_t address;
	uint16_t old_length;
	uint16_t new_length;
	uint8_t bytes[];
};

static void site_find(struct text *text, const char *line)
{
	struct symbol_line symbol;

	if (!symbol_line_take(&symbol, line))
		return;
	for (size_t i = 0; i < text->sites_nr; i++) {
		if (symbol_line_is(&symbol, text->sites[i].name))
			text->sites[i].address = symbol.address;
	}
}

static int sites_find(struct text *text, const char *const *names, size_t nr)
{
	FILE *file = kallsyms_open();
	char line[512];

	if (!file)
		return -errno;
	for (size_t i = 0; i < nr && text->sites_nr < TEXT_SITES_MAX; i++)
		text->sites[text->sites_nr++] = (struct text_site){ .name = names[i] };
	while (fgets(line, sizeof(line), file))
		site_find(text, line);
	fclose(file);
	return 0;
}

static int ring_open(struct text_ring *ring, int cpu)
{
	struct perf_event_attr attributes = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attributes),
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_TIME,
		.sample_id_all = 1,
		.text_poke = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
	};

	ring->pages = MAP_FAILED;
	ring->descriptor =
		(int)syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (ring->descriptor < 0)
		return -errno;
	ring->pages = mmap(NULL, TEXT_RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			   ring->descriptor, 0);
	return ring->pages == MAP_FAILED ? -errno : 0;
}

static void rings_close(struct text *text)
{
	for (size_t i = 0; i < text->rings_nr; i++) {
		if (text->rings[i].pages != MAP_FAILED)
			munmap(text->rings[i].pages, TEXT_RING_BYTES);
		if (text->rings[i].descriptor >= 0)
			close(text->rings[i].descriptor);
	}
	free(text->rings);
	text->rings = NULL;
	text->rings_nr = 0;
}

int text_open(struct text *text, const char *const *names, size_t nr)
{
	size_t cpus = (size_t)sysconf(_SC_NPROCESSORS_CONF);
	int error;

	memset(text, 0, sizeof(*text));
	text->rings = calloc(cpus, sizeof(*text->rings));
	if (!text->rings)
		return -ENOMEM;
	error = sites_find(text, names, nr);
	for (size_t cpu = 0; cpu < cpus && !error; cpu++) {
		error = ring_open(&text->rings[text->rings_nr++], (int)cpu);
		/* A CPU that is offline changes no text. */
		if (error == -ENODEV)
			error = 0;
	}
	if (error)
		rings_close(text);
	return error;
}

void text_close(struct text *text)
{
	rings_close(text);
	memset(text, 0, sizeof(*text));
}

uint64_t text_address(const struct text *text, const char *name)
{
	for (size_t i = 0; i < text->sites_nr; i++) {
		if (!strcmp(text->sites[i].name, name))
			return text->sites[i].address;
	}
	return 0;
}

static bool leads_away(uint8_t opcode)
{
	return opcode == CALL || opcode == JUMP;
}

bool text_is_hooked(const uint8_t bytes[16])
{
	/* Behind an endbr64, or what it was replaced by where nobody jumps to it. */
	return leads_away(bytes[0]) || leads_away(bytes[LANDING]);
}

static struct text_site *site_at(struct text *text, uint64_t address)
{
	for (size_t i = 0; i < text->sites_nr; i++) {
		uint64_t begin = text->sites[i].address;

		/* A jump label may stand close behind the call. */
		if (begin && (address == begin || address == begin + LANDING))
			return &text->sites[i];
	}
	return NULL;
}

bool text_take(struct text *text, const void *record, uint64_t *since)
{
	const struct text_poke *poke = record;
	struct text_site *site;
	uint64_t time;
	bool off;

	if (poke->header.type == PERF_RECORD_LOST)
		return true;
	if (poke->header.type != PERF_RECORD_TEXT_POKE || !poke->old_length || !poke->new_length)
		return false;
	site = site_at(text, poke->address);
	if (!site)
		return false;
	memcpy(&time, (const char *)record + poke->header.size - sizeof(time), sizeof(time));
	off = !leads_away(poke->bytes[poke->old_length]);
	/* Each CPU has a ring of its own, and they are read one by one: the newest change is what holds. */
	if (site->changed <= time) {
		site->changed = time;
		site->off = off;
	}
	if (!off)
		return false;
	if (*since > time)
		*since = time;
	return true;
}

/* Copies out of the ring, where a record may wrap around. */
static void ring_copy(const struct text_ring *ring, uint64_t from, void *to, size_t size)
{
	const char *data = (const char *)ring->pages + TEXT_PAGE;

	for (size_t i = 0; i < size; i++)
		((char *)to)[i] = data[(from + i) & (TEXT_RING_PAGES * TEXT_PAGE - 1)];
}

static bool ring_look(struct text *text, const struct text_ring *ring, uint64_t *since)
{
	struct perf_event_mmap_page *control = ring->pages;
	uint64_t head = __atomic_load_n(&control->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = control->data_tail;
	bool gone = false;

	while (tail < head) {
		_Alignas(8) char record[UINT16_MAX];
		struct perf_event_header header;

		ring_copy(ring, tail, &header, sizeof(header));
		ring_copy(ring, tail, record, header.size);
		gone |= text_take(text, record, since);
		tail += header.size;
	}
	__atomic_store_n(&control->data_tail, tail, __ATOMIC_RELEASE);
	return gone;
}

bool text_look(struct text *text, uint64_t *since)
{
	uint64_t first = UINT64_MAX;
	bool gone = false;

	for (size_t i = 0; i < text->sites_nr; i++)
		gone |= text->sites[i].off;
	/* Off since before the last look: `since` stays. */
	if (gone)
		first = 0;
	for (size_t i = 0; i < text->rings_nr; i++) {
		if (text->rings[i].pages != MAP_FAILED)
			gone |= ring_look(text, &text->rings[i], &first);
	}
	if (first && first != UINT64_MAX)
		*since = first;
	return gone;
}
