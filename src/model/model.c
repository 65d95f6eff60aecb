// SPDX-License-Identifier: GPL-2.0
/* The model's front: records in, in stream order; events out, in order of time. */
#include "model/pages.h"
#include "model/promises.h"
#include "model/judge.h"

#define FACTS_MAX 1024

struct model *model_create(const struct model_options *options)
{
	struct model *model = calloc(1, sizeof(*model));

	if (!model)
		return NULL;
	if (options)
		model->options = *options;
	if (!model->options.stuck_ns)
		model->options.stuck_ns = 10ULL * 1000 * 1000 * 1000;
	if (!model->options.shadow_ns)
		model->options.shadow_ns = 2ULL * 1000 * 1000 * 1000;
	if (!model->options.rereads_max)
		model->options.rereads_max = 8;
	if (!model->options.events_kept)
		model->options.events_kept = 1 << 17;
	model->events_looked = calloc(1, sizeof(*model->events_looked));
	if (!model->events_looked) {
		free(model);
		return NULL;
	}
	model->heard.brief = model->heard.apart = ~0ULL;
	model->chunk_ids_max = CHUNK_IDS_MAX;
	model->counts.command_status = -1;
	model->counts.groups = ~0ULL;
	return model;
}

/* What still waits is not taken any more. */
static void queue_drop(struct model *model)
{
	struct queue_entry entry;

	while (queue_first(&model->queue, &entry)) {
		if (entry_part(&entry) == PART_BUNDLE)
			snapshot_recycle(model, (struct bundle *)entry.item);
		queue_done(&model->queue, &entry);
	}
}

void model_free(struct model *model)
{
	if (!model)
		return;
	queue_drop(model);
	queue_free(model);
	snapshot_free_all(model);
	for (size_t i = 0; i < model->inodes_nr; i++)
		reach_free(model, model->inodes[i]);
	request_free_all(model);
	promise_free_all(model);
	for (size_t i = 0; i < model->inodes_nr; i++)
		inode_free(model, model->inodes[i]);
	pfn_free_all(model);
	changes_free(model);
	for (size_t i = 0; i < model->facts_nr; i++)
		free(model->facts[i].key);
	free(model->facts);
	free(model->inode_map.slots);
	free(model->task_map.slots);
	free(model->inodes);
	free(model->kept);
	intervals_free(model, &model->doubts);
	intervals_free(model, &model->doubts_any);
	free(model->open);
	loose_free(model);
	free(model->exposed);
	free(model->events);
	free(model->events_looked);
	free(model->chunks_seen);
	free(model->observers);
	free(model);
}

static void observer_heard(struct model *model, const struct model_observer *observer)
{
	model->heard.flushed |= observer->flushed != NULL;
	model->heard.unproven |= observer->page_read && !observer->spare.unproven;
	model->heard.covered |= observer->flush_judged && !observer->spare.covered;
	if (observer->exposure_ended && observer->spare.brief < model->heard.brief)
		model->heard.brief = observer->spare.brief;
	if (observer->zapped)
		model->heard.apart &= observer->spare.apart;
}

int model_observe(struct model *model, const struct model_observer *observer)
{
	struct model_observer *more;

	more = realloc(model->observers, (model->observers_nr + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	model->observers = more;
	more[model->observers_nr++] = *observer;
	observer_heard(model, observer);
	if (!model->narrow.on)
		model->whole_nr = model->observers_nr;
	return 0;
}

size_t model_observers(const struct model *model)
{
	return model->observers_nr;
}

/* What was made for the sake of one that goes goes on being made: nobody is told more than is asked for. */
void model_observers_drop(struct model *model, size_t nr)
{
	if (nr < model->observers_nr)
		model->observers_nr = nr;
	if (model->whole_nr > model->observers_nr)
		model->whole_nr = model->observers_nr;
}

void model_narrow(struct model *model, __u64 first, __u64 last)
{
	model->narrow.on = true;
	model->narrow.first = first;
	model->narrow.last = last;
}

bool model_narrowed(const struct model *model, __u64 *first, __u64 *last)
{
	*first = model->narrow.on ? model->narrow.first : 0;
	*last = model->narrow.on ? model->narrow.last : ~0ULL;
	return model->narrow.on;
}

/*
 * The switches over kinds have no default, so that a new one is not forgotten;
 * the cases of those that need none come from RECORD_KINDS.
 */
#define NEVER_WAITS_QUEUED(kind)
#define NEVER_WAITS_BOTH(kind)
#define NEVER_WAITS_AT_ONCE(kind) case RECORD_##kind:
#define NEVER_WAITS_NONE(kind) case RECORD_##kind:
#define NEVER_WAITS(kind, id, type, bytes, name, form, model) NEVER_WAITS_##model(kind)

#define ONLY_WAITS_QUEUED(kind) case RECORD_##kind:
#define ONLY_WAITS_BOTH(kind)
#define ONLY_WAITS_AT_ONCE(kind)
#define ONLY_WAITS_NONE(kind)
#define ONLY_WAITS(kind, id, type, bytes, name, form, model) ONLY_WAITS_##model(kind)

#define NEVER_FED_QUEUED(kind)
#define NEVER_FED_BOTH(kind)
#define NEVER_FED_AT_ONCE(kind)
#define NEVER_FED_NONE(kind) case RECORD_##kind:
#define NEVER_FED(kind, id, type, bytes, name, form, model) NEVER_FED_##model(kind)

static void take_record(struct model *model, const struct record_header *record)
{
	struct inode *inode;

	switch ((enum record_kind)record->kind) {
	case RECORD_REQUEST_BEGIN:
		request_begin(model, (const struct record_request *)record);
		break;
	case RECORD_REQUEST_END:
		request_end(model, (const struct record_request *)record);
		break;
	case RECORD_ZAP:
		zap_take(model, (const struct record_zap *)record);
		break;
	case RECORD_FLUSH:
		flush_take(model, (const struct record_flush *)record);
		break;
	case RECORD_FLUSH_TIMED:
		flush_take_timed(model, (const struct record_flush_timed *)record);
		break;
	case RECORD_ANSWERS:
		MODEL_NOTIFY(model, answered, (const struct record_answers *)record);
		break;
	case RECORD_LEAVES:
		MODEL_NOTIFY(model, leaves_counted, (const struct record_leaves *)record);
		break;
	case RECORD_JOIN:
		owner_join(model, (const struct record_owner *)record);
		break;
	case RECORD_LEAVE:
		owner_leave(model, (const struct record_owner *)record);
		break;
	case RECORD_PAGE_FREE:
		page_free_absent(model, (const struct record_page_free *)record);
		break;
	case RECORD_PROMISE:
		promise_take(model, (const struct record_promise *)record);
		break;
	case RECORD_GUEST_MAPPED:
		reach_map(model, (const struct record_guest *)record);
		break;
	case RECORD_GUEST_UNMAPPED:
		reach_unmap(model, (const struct record_guest *)record);
		break;
	case RECORD_UNANSWERED:
		flush_take_unanswered(model, (const struct record_unanswered *)record);
		break;
	case RECORD_CALLER:
		loose_told_caller(model, caller_take(model, (const struct record_caller *)record));
		break;
	case RECORD_CALL:
		flush_take_call(model, (const struct record_call *)record);
		break;
	case RECORD_STALE:
		flush_take_stale(model, (const struct record_stale *)record);
		break;
	case RECORD_SLEEP:
		request_sleep(model, (const struct record_sleep *)record);
		break;
	case RECORD_LOSS:
		doubt_loss_passed(model, (const struct record_loss *)record);
		break;
	case RECORD_INODE:
		inode = inode_find(model, record->inode);
		if (inode)
			inode_die(model, inode, record->time);
		break;
	case RECORD_SNAPSHOT_BEGIN: {
		const struct record_snapshot *begin = (const struct record_snapshot *)record;

		inode = inode_find(model, record->inode);
		/* Told of late, it does not know what touched its pages since. */
		if (inode && record->time >= model->counts.now)
			extent_read_begin(inode, begin->pgoff_first,
					  begin->pgoff_first + begin->pgoff_nr - 1, record->time);
		break;
	}
	case RECORD_NONE:
		RECORD_KINDS(NEVER_WAITS)
		break;
	}
}

static bool takes_loss(const struct queue_entry *entry)
{
	const struct record_header *record = entry->item;

	return entry_part(entry) == PART_RECORD && record->kind == RECORD_LOSS;
}

static void take(struct model *model, const struct queue_entry *entry)
{
	model->forgotten &= takes_loss(entry);
	model->taken++;
	switch (entry_part(entry)) {
	case PART_RECORD:
		take_record(model, entry->item);
		break;
	case PART_ZAP:
	case PART_ZAP_FLUSHED:
		zap_take(model, entry->item);
		break;
	case PART_FLUSH:
		flush_take_merged(model, entry->item);
		break;
	case PART_BUNDLE:
		judge_bundle(model, entry->item);
		snapshot_recycle(model, (struct bundle *)entry->item);
		break;
	}
	if (model->counts.now < entry->time)
		model->counts.now = entry->time;
}

/* Of a merged record: its change, and its flush in its turn. */
static void take_flushed(struct model *model, const struct queue_entry *entry)
{
	struct queue_entry flush = queue_flush(entry);
	bool follows = queue_flush_follows(&model->queue, &flush);

	if (follows && zap_take_flushed(model, entry->item)) {
		model->forgotten = false;
		queue_done(&model->queue, entry);
		return;
	}
	take(model, entry);
	if (!follows) {
		queue_flush_later(model, &flush);
		return;
	}
	take(model, &flush);
	queue_done(&model->queue, &flush);
}

static void take_before(struct model *model, __u64 time)
{
	struct queue_entry entry;

	queue_sort(model);
	while (queue_next(&model->queue, time, &entry)) {
		if (entry_part(&entry) == PART_ZAP_FLUSHED) {
			take_flushed(model, &entry);
			continue;
		}
		take(model, &entry);
		queue_done(&model->queue, &entry);
	}
}

static void advance(struct model *model, __u64 watermark)
{
	if (watermark <= model->horizon)
		return;
	model->horizon = watermark;
	take_before(model, watermark);
	if (model->counts.now < watermark)
		model->counts.now = watermark;
	request_check_stuck(model, watermark);
	loose_expire(model, watermark);
	promise_expire(model, watermark);
	changes_settle(model, watermark);
	MODEL_NOTIFY(model, advanced, watermark);
}

static void feed_disorder(struct model *model, const struct record_header *record)
{
	struct record_loss loss = {
		.header.inode = record->inode,
		.header.time = model->horizon,
		.since = record->time,
		.count = 1,
		.cause = RECORD_LOSS_DISORDER,
	};

	doubt_loss(model, &loss);
}

/*
 * What joins joins something: an inode whose announcement was lost, and that was gone when the
 * sensors asked what it is. So far as it goes this is a loss, too.
 */
static void feed_unannounced(struct model *model, const struct record_header *record)
{
	struct record_loss loss = {
		.header = { .kind = RECORD_LOSS, .size = sizeof(loss), .time = record->time },
		.since = record->time,
		.count = 1,
		.cause = RECORD_LOSS_RING_FULL,
	};

	doubt_loss(model, &loss);
	queue_add_record(model, &loss.header);
}

static void feed_fact(struct model *model, const struct record_fact *record)
{
	const char *key = record_fact_key(record);
	struct fact *fact;

	if (!key || model->facts_nr >= FACTS_MAX) {
		model->counts.malformed++;
		return;
	}
	if (!model_grow(model, &model->facts, model->facts_nr, &model->facts_room,
			sizeof(*model->facts)))
		return;
	fact = &model->facts[model->facts_nr];
	fact->key = malloc((size_t)record->key_length + record->value_length);
	if (!fact->key) {
		model->failed = true;
		return;
	}
	memcpy(fact->key, key, (size_t)record->key_length + record->value_length);
	fact->value = fact->key + record->key_length;
	model->facts_nr++;
}

static void feed_heartbeat(struct model *model, const struct record_heartbeat *record)
{
	bool gap = doubt_gap(model, record->watermark);

	model->counts.groups &= record->groups;
	model->counts.ring_bytes = record->ring_bytes;
	model->counts.ring_waiting = record->produced_bytes > record->ring_bytes
					     ? record->produced_bytes - record->ring_bytes
					     : 0;
	model->heartbeats++;
	advance(model, record->watermark);
	if (gap)
		doubt_forget_all(model);
}

static void feed_inode(struct model *model, const struct record_inode *record)
{
	if (!record->header.inode || record->header.inode > 0xffffffffULL ||
	    record->pages > MODEL_PGOFF_MAX) {
		model->counts.malformed++;
		return;
	}
	inode_update(model, record);
	if (record->dead)
		queue_add_record(model, &record->header);
}

static void feed_event(struct model *model, const struct record_header *record)
{
	if (record->inode > 0xffffffffULL) {
		model->counts.malformed++;
		return;
	}
	if (record->time < model->horizon)
		feed_disorder(model, record);
	if (record->kind == RECORD_JOIN && !record->inode)
		feed_unannounced(model, record);
	else
		queue_add_record(model, record);
}

/* Nothing can be compared with such a read. That the kernel has got it wrong is for a rule to say. */
static void default_turned(struct model *model, const struct record_snapshot *record)
{
	struct inode *inode = inode_find(model, record->header.inode);

	if (!inode || inode->base.dead || inode->base.provider != record->provider ||
	    inode->base.flags != record->inode_flags ||
	    inode->base.default_state == record->default_state || record->default_state > 1)
		return;
	if (!inode->turning) {
		inode->turning = true;
		return;
	}
	inode->base.default_state = record->default_state;
	MODEL_NOTIFY(model, inode_turned, &inode->base);
}

static void feed_record(struct model *model, const struct record_header *record)
{
	if (record_contradicts(record)) {
		model->counts.malformed++;
		if (record->kind == RECORD_SNAPSHOT_BEGIN)
			default_turned(model, (const struct record_snapshot *)record);
		return;
	}
	switch ((enum record_kind)record->kind) {
		RECORD_KINDS(ONLY_WAITS)
		feed_event(model, record);
		break;
	case RECORD_SNAPSHOT_BEGIN:
		if (snapshot_begin(model, (const struct record_snapshot *)record))
			queue_add_record(model, record);
		break;
	case RECORD_SNAPSHOT_PAGE:
		snapshot_page(model, (const struct record_snapshot_page *)record);
		break;
	case RECORD_PROMISE_READ:
		snapshot_promise(model, (const struct record_promise_read *)record);
		break;
	case RECORD_SNAPSHOT_END:
		snapshot_end(model, (const struct record_snapshot *)record);
		break;
	case RECORD_HEARTBEAT:
		feed_heartbeat(model, (const struct record_heartbeat *)record);
		break;
	case RECORD_LOSS:
		doubt_loss(model, (const struct record_loss *)record);
		queue_add_record(model, record);
		break;
	case RECORD_INODE:
		feed_inode(model, (const struct record_inode *)record);
		break;
	case RECORD_FACT:
		feed_fact(model, (const struct record_fact *)record);
		break;
	case RECORD_STACK:
		if (record_stack_text((const struct record_stack *)record))
			MODEL_NOTIFY(model, stack_met, (const struct record_stack *)record);
		break;
	case RECORD_SUMMARY:
		MODEL_NOTIFY(model, summed, (const struct record_summary *)record);
		break;
	case RECORD_MAP_BEGIN:
	case RECORD_MAP_OWNER:
	case RECORD_MAP_RUN:
	case RECORD_MAP_END:
		MODEL_NOTIFY(model, mapped, record);
		break;
	case RECORD_END:
		model->counts.ended = true;
		model->counts.command_status = ((const struct record_end *)record)->command_status;
		break;
	case RECORD_NONE:
		RECORD_KINDS(NEVER_FED)
		break;
	}
}

/* Of those kinds that nearly all records are. false: nothing was done. */
static bool feed_common(struct model *model, const struct record_header *record)
{
	const struct record_zap *zap = (const struct record_zap *)record;
	const struct record_snapshot_page *page = (const struct record_snapshot_page *)record;

	if (record->kind == RECORD_SNAPSHOT_PAGE && record->size == sizeof(*page) &&
	    !page_contradicts(page)) {
		snapshot_page(model, page);
		return true;
	}
	if (record->kind != RECORD_ZAP || record->size != sizeof(*zap) ||
	    record->time < model->horizon || record->inode > 0xffffffffULL || zap_contradicts(zap))
		return false;
	queue_add_zap(model, zap);
	return true;
}

int model_feed(struct model *model, const struct record_header *record)
{
	if (model->failed)
		return -ENOMEM;
	model->counts.records++;
	model->fed += record->size;
	if (!model->counts.started)
		model->counts.started = record->time;
	if (feed_common(model, record))
		return model->failed ? -ENOMEM : 0;
	if (record->size < record_stored_size(record->kind))
		model->counts.malformed++;
	else
		feed_record(model, record);
	return model->failed ? -ENOMEM : 0;
}

int model_finish(struct model *model)
{
	if (model->finished)
		return model->failed ? -ENOMEM : 0;
	model->finished = true;
	/* Without an end, what is younger than the last watermark may have lost its neighbours. */
	if (model->counts.ended)
		take_before(model, ~0ULL);
	request_check_stuck(model, model->counts.now);
	loose_expire(model, model->counts.now);
	model->counts.promises_stuck = promise_calls_stuck(model);
	for (size_t i = 0; i < model->kept_nr; i++) {
		struct inode *inode = model->kept[i];

		inode->base.uncompared = inode_uncompared(inode, &inode->unread);
	}
	MODEL_NOTIFY(model, finished, model->counts.now);
	return model->failed ? -ENOMEM : 0;
}
