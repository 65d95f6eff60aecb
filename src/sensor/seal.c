// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sensor/seal.h"

#define PAGE_SHIFT 12
#define INODES_START 256
#define PFN_SHIFT RECORD_SNAPSHOT_PFN_SHIFT
#define WORD_BITS ((1U << PFN_SHIFT) - 1) /* of a word: enum record_page_bits */
#define MAPPING_FLAGS 3ULL /* PAGE_MAPPING_FLAGS: not a file's page */

int seal_init(struct seal *seal, const struct sensor_config *config)
{
	memset(seal, 0, sizeof(*seal));
	seal->config = config;
	seal->next_number = 1;
	seal->inodes_nr = INODES_START;
	seal->inodes = calloc(seal->inodes_nr, sizeof(*seal->inodes));
	seal->places = calloc(seal->inodes_nr, sizeof(*seal->places));
	return seal->inodes && seal->places ? 0 : -ENOMEM;
}

void seal_destroy(struct seal *seal)
{
	free(seal->inodes);
	free(seal->places);
	free(seal->vms);
	seal->inodes = NULL;
	seal->places = NULL;
	seal->vms = NULL;
}

static size_t inode_hash(const struct seal *seal, uint64_t pointer, uint64_t i_ino)
{
	return ((pointer ^ i_ino << 17) * 0x9e3779b97f4a7c15ULL) >> 32 & (seal->inodes_nr - 1);
}

/* What each change goes through is inlined there. */
#define INLINED __attribute__((always_inline)) static inline

/* The entry of the inode, or the free one where it belongs. */
INLINED struct seal_inode *inode_entry(const struct seal *seal, uint64_t pointer, uint64_t i_ino)
{
	size_t i = inode_hash(seal, pointer, i_ino);

	while (seal->inodes[i].pointer &&
	       (seal->inodes[i].pointer != pointer || seal->inodes[i].i_ino != i_ino))
		i = (i + 1) & (seal->inodes_nr - 1);
	return &seal->inodes[i];
}

/* The place of @number's entry, or the free one where it belongs. Numbers follow each other. */
static uint32_t *place_find(const struct seal *seal, uint64_t number)
{
	size_t i = number & (seal->inodes_nr - 1);

	while (seal->places[i] && seal->inodes[seal->places[i] - 1].number != number)
		i = (i + 1) & (seal->inodes_nr - 1);
	return &seal->places[i];
}

static void place_note(struct seal *seal, const struct seal_inode *entry)
{
	uint32_t *place = place_find(seal, entry->number);

	seal->places_used += !*place;
	*place = (uint32_t)(entry - seal->inodes) + 1;
}

/* Moves what is kept to a table of @nr entries: all but inodes that died before @time. */
static int inodes_rebuild(struct seal *seal, size_t nr, uint64_t time)
{
	struct seal_inode *old = seal->inodes;
	size_t old_nr = seal->inodes_nr;
	struct seal_inode *table = calloc(nr, sizeof(*table));
	uint32_t *places = calloc(nr, sizeof(*places));

	if (!table || !places) {
		free(table);
		free(places);
		return -ENOMEM;
	}
	free(seal->places);
	seal->inodes = table;
	seal->inodes_nr = nr;
	seal->inodes_used = 0;
	seal->inodes_dead = 0;
	seal->places = places;
	seal->places_used = 0;
	for (size_t i = 0; i < old_nr; i++) {
		struct seal_inode *entry;

		if (!old[i].pointer || (old[i].died && old[i].died < time))
			continue;
		entry = inode_entry(seal, old[i].pointer, old[i].i_ino);
		*entry = old[i];
		place_note(seal, entry);
		seal->inodes_used++;
		seal->inodes_dead += !!old[i].died;
	}
	free(old);
	return 0;
}

/* Makes room for one entry more, and for its place. */
static int inodes_grow(struct seal *seal)
{
	if (seal->inodes_used * 2 >= seal->inodes_nr)
		return inodes_rebuild(seal, seal->inodes_nr * 2, 0);
	return seal->places_used * 2 >= seal->inodes_nr ? inodes_rebuild(seal, seal->inodes_nr, 0)
							: 0;
}

void seal_forget(struct seal *seal, uint64_t time)
{
	/* Without memory for a new table the old one still serves. */
	if (seal->inodes_dead)
		(void)inodes_rebuild(seal, seal->inodes_nr, time);
}

static void emit(struct seal *seal, const void *record)
{
	seal->sink(seal->context, record);
}

static void inode_hand_out(struct seal *seal, struct seal_inode *entry)
{
	entry->record.header.kind = RECORD_INODE;
	entry->record.header.size = sizeof(entry->record);
	entry->record.header.inode = entry->number;
	emit(seal, &entry->record);
}

/* The name of the process that acted, while it is there. */
static void comm_read(uint32_t tgid, char comm[RECORD_COMM_LEN])
{
	char path[32];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/comm", tgid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(comm, RECORD_COMM_LEN, file))
		comm[strcspn(comm, "\n")] = '\0';
	fclose(file);
}

/* A fresh entry for the inode at @pointer, with a number of its own. NULL: out of memory. */
static struct seal_inode *inode_number(struct seal *seal, uint64_t pointer, uint64_t i_ino,
				       const struct record_header *from)
{
	struct seal_inode *entry;

	if (inodes_grow(seal))
		return NULL;
	entry = inode_entry(seal, pointer, i_ino);
	seal->inodes_used += !entry->pointer;
	memset(entry, 0, sizeof(*entry));
	entry->pointer = pointer;
	entry->i_ino = i_ino;
	entry->number = seal->next_number++;
	entry->record.header = *from;
	entry->record.i_ino = i_ino;
	place_note(seal, entry);
	return entry;
}

/*
 * The owner of a page that was zapped or has joined, which no sensor has announced, or whose
 * announcement found no room in the ring: ask what it is now. One that is gone already can only
 * have been a memfd_secret where a page was zapped so: of those that are known nobody else zaps
 * pages of a file by set_direct_map_invalid_noflush(). One that is there and of a design that is
 * not known is nobody's.
 */
static struct seal_inode *inode_ask(struct seal *seal, uint64_t pointer, uint64_t i_ino,
				    const struct record_header *from)
{
	struct identify_args identity = { .inode = pointer };
	bool gone = seal->identify(seal->identify_context, &identity) || identity.i_ino != i_ino;
	struct seal_inode *entry;

	if (!gone && identity.provider == RECORD_PROVIDER_UNKNOWN)
		return NULL;
	if (gone) {
		if (from->kind != RECORD_ZAP ||
		    ((const struct record_zap *)from)->routine != RECORD_ZAP_INVALID)
			return NULL;
		identity.provider = RECORD_PROVIDER_SECRETMEM;
		identity.default_state = 0;
		identity.flags = 0;
		identity.pages = 0;
	}
	entry = inode_number(seal, pointer, i_ino, from);
	if (!entry)
		return NULL;
	entry->record.pages = identity.pages;
	entry->record.flags = identity.flags;
	entry->record.provider = identity.provider;
	entry->record.default_state = identity.default_state;
	entry->record.before_attach = 1;
	comm_read(from->tgid, entry->record.comm);
	inode_hand_out(seal, entry);
	return entry;
}

static bool names_owner(const struct record_header *record)
{
	return record->kind == RECORD_ZAP || record->kind == RECORD_JOIN;
}

INLINED struct seal_inode *inode_resolve(struct seal *seal, uint64_t pointer, uint64_t i_ino,
					 const struct record_header *from)
{
	struct seal_inode *entry;

	if (!pointer || pointer & MAPPING_FLAGS)
		return NULL;
	entry = inode_entry(seal, pointer, i_ino);
	if (entry->pointer)
		return entry;
	return names_owner(from) ? inode_ask(seal, pointer, i_ino, from) : NULL;
}

uint64_t seal_number(struct seal *seal, uint64_t pointer, uint64_t i_ino)
{
	return pointer ? inode_entry(seal, pointer, i_ino)->number : 0;
}

const struct seal_inode *seal_find(const struct seal *seal, uint64_t number)
{
	uint32_t place = number ? *place_find(seal, number) : 0;
	const struct seal_inode *entry = place ? &seal->inodes[place - 1] : NULL;

	return entry && !entry->died ? entry : NULL;
}

/* Replaces the pointer in @header by its number. False where the inode is none of ours. */
INLINED bool header_seal(struct seal *seal, struct record_header *header, uint64_t i_ino)
{
	const struct seal_inode *entry = inode_resolve(seal, header->inode, i_ino, header);

	header->inode = entry ? entry->number : 0;
	return entry;
}

static uint64_t page_to_pfn(const struct seal *seal, uint64_t page)
{
	return (page - seal->config->vmemmap) / seal->config->page_size;
}

/* Bounds of a flush as pfns; both 0 where it lies outside the direct map. */
INLINED bool flush_seal(const struct seal *seal, __u64 *first, __u64 *last)
{
	const struct sensor_config *config = seal->config;
	uint64_t start = *first, end = *last;

	*first = 0;
	*last = 0;
	/* flush_tlb_kernel_range(): end == TLB_FLUSH_ALL, or more pages than the ceiling. */
	if (end == ~0ULL || end - start > config->flush_ceiling) {
		*last = ~0ULL;
		return true;
	}
	if (start < config->page_offset)
		start = config->page_offset;
	if (end > config->direct_map_end)
		end = config->direct_map_end;
	if (start < end) {
		*first = (start - config->page_offset) >> PAGE_SHIFT;
		*last = (end - 1 - config->page_offset) >> PAGE_SHIFT;
	} else {
		*first = 1; /* an empty range: covers nothing */
	}
	return false;
}

static void zap_seal(struct seal *seal, const struct record_zap *raw)
{
	struct record_zap zap = *raw;

	header_seal(seal, &zap.header, zap.i_ino);
	if (!zap.header.inode) {
		zap.i_ino = 0;
		zap.pgoff = 0;
	}
	zap.page = page_to_pfn(seal, zap.page);
	if (zap.flush_routine)
		zap.flush_full = flush_seal(seal, &zap.flush_first, &zap.flush_last);
	emit(seal, &zap);
}

static void flush_record_seal(struct seal *seal, const struct record_flush *raw)
{
	struct record_flush flush = *raw;

	flush.full = flush_seal(seal, &flush.first, &flush.last);
	emit(seal, &flush);
}

/* A stack's number in the kernel becomes its id. */
static void stack_seal(const struct seal *seal, __u32 *stack, __u16 *state)
{
	__u32 number = *stack;

	*stack = 0;
	if (*state != RECORD_STACK_TAKEN)
		return;
	if (seal->stack)
		*stack = seal->stack(seal->stack_context, number);
	if (!*stack)
		*state = RECORD_STACK_LOST;
}

/* Where it does not touch the direct map its bounds are empty; full, they are 0 and no end. */
static void flush_timed_seal(struct seal *seal, const struct record_flush_timed *raw)
{
	const struct sensor_config *config = seal->config;
	struct record_flush_timed flush = *raw;

	if (flush_seal(seal, &flush.first, &flush.last))
		flush.bits |= RECORD_FLUSH_FULL | RECORD_FLUSH_DIRECT;
	else if (raw->first < config->direct_map_end && raw->last > config->page_offset)
		flush.bits |= RECORD_FLUSH_DIRECT;
	stack_seal(seal, &flush.stack, &flush.stack_state);
	stack_seal(seal, &flush.late_stack, &flush.late_stack_state);
	emit(seal, &flush);
}

static void owner_seal(struct seal *seal, const struct record_owner *raw)
{
	struct record_owner owner = *raw;

	header_seal(seal, &owner.header, owner.i_ino);
	owner.page = page_to_pfn(seal, owner.page);
	emit(seal, &owner);
}

static void caller_seal(struct seal *seal, const struct record_caller_frames *raw)
{
	union {
		struct record_caller record;
		char bytes[sizeof(struct record_caller) + RECORD_CALLER_TEXT_MAX];
	} room = { .record.header = raw->header };
	struct record_caller *caller = &room.record;

	if (!seal->caller)
		return;
	seal->caller(seal->stack_context, raw->frames, caller->text);
	if (!*caller->text)
		return;
	caller->length = (__u32)strlen(caller->text) + 1;
	caller->page = page_to_pfn(seal, raw->page);
	caller->header.kind = RECORD_CALLER;
	caller->header.size = (__u16)((sizeof(*caller) + caller->length + 7) & ~7UL);
	emit(seal, caller);
}

static void page_free_seal(struct seal *seal, const struct record_page_free *raw)
{
	struct record_page_free record = *raw;

	record.page = page_to_pfn(seal, record.page);
	emit(seal, &record);
}

static void stale_seal(struct seal *seal, const struct record_stale *raw)
{
	struct record_stale record = *raw;

	record.page = page_to_pfn(seal, record.page);
	emit(seal, &record);
}

/*
 * The inode is gone. Its entry stays until the watermark has passed: a zap from
 * before may still wait in the other ring.
 */
static void inode_retire(struct seal *seal, struct seal_inode *entry, uint64_t time)
{
	entry->died = time;
	seal->inodes_dead++;
	entry->record.header.time = time;
	entry->record.dead = 1;
	inode_hand_out(seal, entry);
}

static void request_seal(struct seal *seal, const struct record_request *raw)
{
	struct record_request request = *raw;
	struct seal_inode *entry =
		inode_resolve(seal, request.header.inode, request.i_ino, &request.header);

	request.header.inode = entry ? entry->number : 0;

	/* secretmem_release and kvm_gmem_release are called for their own inodes only. */
	if (!entry && request.operation == RECORD_OPERATION_RELEASE)
		return;
	emit(seal, &request);
	if (entry && !entry->died && request.header.kind == RECORD_REQUEST_END &&
	    request.operation == RECORD_OPERATION_RELEASE)
		inode_retire(seal, entry, request.header.time);
}

/* What BPF says of an inode, before any other record names it; later once more, with its VM. */
static void inode_seal(struct seal *seal, const struct record_inode *raw)
{
	struct seal_inode *entry = inode_entry(seal, raw->header.inode, raw->i_ino);
	bool known = entry->pointer;
	uint32_t before_attach = known ? entry->record.before_attach : raw->before_attach;

	if (!known)
		entry = inode_number(seal, raw->header.inode, raw->i_ino, &raw->header);
	if (!entry)
		return;
	entry->record = *raw;
	entry->record.before_attach = before_attach;
	inode_hand_out(seal, entry);
}

static void bracket_seal(struct seal *seal, const struct record_snapshot *raw)
{
	struct record_snapshot snapshot = *raw;

	if (!header_seal(seal, &snapshot.header, snapshot.i_ino))
		return;
	emit(seal, &snapshot);
}

static bool page_continues(const struct record_snapshot_page *run, uint64_t word)
{
	uint64_t pfn = word >> PFN_SHIFT;

	if (run->bits != (word & WORD_BITS))
		return false;
	return run->bits & RECORD_PAGE_RESIDENT ? pfn == run->pfn + run->nr : true;
}

static void block_seal(struct seal *seal, const struct record_snapshot_block *raw)
{
	struct record_snapshot_page run = { .header = raw->header };
	const struct seal_inode *entry = inode_entry(seal, raw->header.inode, raw->i_ino);

	if (!entry->pointer)
		return;
	run.header.kind = RECORD_SNAPSHOT_PAGE;
	run.header.size = sizeof(run);
	run.header.inode = entry->number;
	run.snapshot = raw->snapshot;
	for (uint64_t i = 0; i < raw->nr && i < RECORD_SNAPSHOT_BLOCK_PAGES; i++) {
		uint64_t word = raw->pages[i];

		if (run.nr && page_continues(&run, word)) {
			run.nr++;
			continue;
		}
		if (run.nr && run.bits)
			emit(seal, &run);
		run.pgoff = raw->pgoff + i;
		run.pfn = word >> PFN_SHIFT;
		run.bits = word & WORD_BITS;
		run.nr = 1;
	}
	if (run.nr && run.bits)
		emit(seal, &run);
}

static void run_seal(struct seal *seal, const struct record_snapshot_run *raw)
{
	struct record_snapshot_page run = {
		.header = raw->header,
		.pgoff = raw->pgoff,
		.pfn = raw->word >> PFN_SHIFT,
		.nr = (__u32)raw->nr,
		.bits = raw->word & WORD_BITS,
		.snapshot = raw->snapshot,
	};
	const struct seal_inode *entry = inode_entry(seal, raw->header.inode, raw->i_ino);

	if (!entry->pointer)
		return;
	run.header.kind = RECORD_SNAPSHOT_PAGE;
	run.header.size = sizeof(run);
	run.header.inode = entry->number;
	emit(seal, &run);
}

/* A VM's number: there are few, and a new one takes the place of a dead one's address. */
static uint64_t vm_number(struct seal *seal, uint64_t pointer)
{
	size_t room = seal->vms_room ? seal->vms_room * 2 : 64;
	uint64_t *grown;

	if (!pointer)
		return 0;
	for (size_t i = 0; i < seal->vms_nr; i++) {
		if (seal->vms[i] == pointer)
			return i + 1;
	}
	if (seal->vms_nr == seal->vms_room) {
		grown = realloc(seal->vms, room * sizeof(*grown));
		if (!grown)
			return 0;
		seal->vms = grown;
		seal->vms_room = room;
	}
	seal->vms[seal->vms_nr++] = pointer;
	return seal->vms_nr;
}

static void promise_seal(struct seal *seal, const struct record_promise *raw)
{
	struct record_promise promise = *raw;

	promise.vm = vm_number(seal, raw->vm);
	/* Of an inode that is none of ours nothing is to be said. */
	if (promise.header.inode && !header_seal(seal, &promise.header, promise.i_ino))
		return;
	emit(seal, &promise);
}

static void promise_read_seal(struct seal *seal, const struct record_promise_read *raw)
{
	struct record_promise_read promise = *raw;

	promise.vm = vm_number(seal, raw->vm);
	if (header_seal(seal, &promise.header, promise.i_ino))
		emit(seal, &promise);
}

static void answers_seal(struct seal *seal, const struct record_answers *raw)
{
	struct record_answers answers = *raw;

	for (__u32 i = 0; i < answers.nr && i < RECORD_ANSWERS_NR; i++) {
		if (answers.answers[i].entered)
			answers.answers[i].bits =
				answer_bits(answers.answers[i].bits, answers.answers[i].tid);
	}
	emit(seal, &answers);
}

/* What user space makes needs no sealing. No default: a new kind of the ring is not forgotten. */
#define NOT_OF_BPF_RAW(kind)
#define NOT_OF_BPF_RING(kind)
#define NOT_OF_BPF_SEALED(kind) case RECORD_##kind:
/* Of an inode that was not announced nothing else is known either. */
static void guest_seal(struct seal *seal, const struct record_guest *raw)
{
	struct record_guest guest = *raw;

	if (header_seal(seal, &guest.header, guest.i_ino) || !raw->header.inode)
		emit(seal, &guest);
}

#define NOT_OF_BPF(kind, id, type, bytes, name, form, model) NOT_OF_BPF_##form(kind)

void seal_record(struct seal *seal, const struct record_header *raw)
{
	switch ((enum record_kind)raw->kind) {
	case RECORD_ZAP:
		zap_seal(seal, (const struct record_zap *)raw);
		break;
	case RECORD_FLUSH:
		flush_record_seal(seal, (const struct record_flush *)raw);
		break;
	case RECORD_FLUSH_TIMED:
		flush_timed_seal(seal, (const struct record_flush_timed *)raw);
		break;
	case RECORD_ANSWERS:
		answers_seal(seal, (const struct record_answers *)raw);
		break;
	case RECORD_LEAVES:
	case RECORD_SLEEP:
	case RECORD_UNANSWERED:
	case RECORD_CALL:
		emit(seal, raw);
		break;
	case RECORD_REQUEST_BEGIN:
	case RECORD_REQUEST_END:
		request_seal(seal, (const struct record_request *)raw);
		break;
	case RECORD_JOIN:
	case RECORD_LEAVE:
		owner_seal(seal, (const struct record_owner *)raw);
		break;
	case RECORD_CALLER_FRAMES:
		caller_seal(seal, (const struct record_caller_frames *)raw);
		break;
	case RECORD_PAGE_FREE:
		page_free_seal(seal, (const struct record_page_free *)raw);
		break;
	case RECORD_STALE:
		stale_seal(seal, (const struct record_stale *)raw);
		break;
	case RECORD_INODE:
		inode_seal(seal, (const struct record_inode *)raw);
		break;
	case RECORD_SNAPSHOT_BEGIN:
	case RECORD_SNAPSHOT_END:
		bracket_seal(seal, (const struct record_snapshot *)raw);
		break;
	case RECORD_SNAPSHOT_BLOCK:
		block_seal(seal, (const struct record_snapshot_block *)raw);
		break;
	case RECORD_SNAPSHOT_RUN:
		run_seal(seal, (const struct record_snapshot_run *)raw);
		break;
	case RECORD_PROMISE:
		promise_seal(seal, (const struct record_promise *)raw);
		break;
	case RECORD_PROMISE_READ:
		promise_read_seal(seal, (const struct record_promise_read *)raw);
		break;
	case RECORD_GUEST_MAPPED:
	case RECORD_GUEST_UNMAPPED:
		guest_seal(seal, (const struct record_guest *)raw);
		break;
	case RECORD_NONE:
		RECORD_KINDS(NOT_OF_BPF)
		break;
	}
}
