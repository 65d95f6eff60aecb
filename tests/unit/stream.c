// SPDX-License-Identifier: GPL-2.0
/* Builds streams of records by hand, and has them judged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "stream.h"
#include "gmemtrace/report.h"

void stream_init(struct stream *stream)
{
	memset(stream, 0, sizeof(*stream));
	stream->now = SECOND;
}

void stream_free(struct stream *stream)
{
	verdict_free(stream->verdict);
	model_free(stream->model);
	free(stream->data);
	memset(stream, 0, sizeof(*stream));
}

void stream_add(struct stream *stream, const struct record_header *record)
{
	if (stream->used + record->size > stream->room) {
		stream->room = stream->room ? stream->room * 2 : 65536;
		stream->data = realloc(stream->data, stream->room);
		assert_non_null(stream->data);
	}
	memcpy(stream->data + stream->used, record, record->size);
	stream->used += record->size;
	stream->now += 1000;
}

static struct record_header header(const struct stream *stream, __u16 kind, size_t size, __u32 tid,
				   __u64 inode)
{
	return (struct record_header){
		.kind = kind,
		.size = (__u16)size,
		.cpu = tid % 4,
		.tid = tid,
		.tgid = 100,
		.time = stream->now,
		.inode = inode,
	};
}

void stream_inode(struct stream *stream, __u64 inode, enum record_provider provider, __u64 pages,
		  bool before_attach)
{
	struct record_inode record = {
		.header = header(stream, RECORD_INODE, sizeof(record), 100, inode),
		.i_ino = 1000 + inode,
		.pages = pages,
		.provider = provider,
		.default_state = provider == RECORD_PROVIDER_GMEM_PLAIN ||
				 provider == RECORD_PROVIDER_FOLIO_BIT,
		.before_attach = before_attach,
		.vm = 100,
		.comm = "vmm",
	};

	stream_add(stream, &record.header);
}

void stream_inode_of(struct stream *stream, __u64 inode, enum record_provider provider, __u64 pages,
		     __u32 vm)
{
	struct record_inode record = {
		.header = header(stream, RECORD_INODE, sizeof(record), vm, inode),
		.pages = pages,
		.provider = provider,
		.vm = vm,
	};

	stream_add(stream, &record.header);
}

void stream_inode_dead(struct stream *stream, __u64 inode)
{
	struct record_inode record = {
		.header = header(stream, RECORD_INODE, sizeof(record), 100, inode),
		.dead = 1,
	};

	stream_add(stream, &record.header);
}

void stream_request(struct stream *stream, __u16 kind, __u32 tid, __u64 inode,
		    enum record_operation operation, __u64 first, __u64 last, bool state,
		    __s64 result)
{
	struct record_request record = {
		.header = header(stream, kind, sizeof(record), tid, inode),
		.pgoff_first = first,
		.pgoff_last = last,
		.result = result,
		.operation = operation,
		.state = state,
	};

	stream_add(stream, &record.header);
}

void stream_begin(struct stream *stream, __u32 tid, __u64 inode, enum record_operation operation,
		  __u64 first, __u64 last, bool state)
{
	stream_request(stream, RECORD_REQUEST_BEGIN, tid, inode, operation, first, last, state, 0);
}

void stream_end(struct stream *stream, __u32 tid, __u64 inode, enum record_operation operation,
		__u64 first, __u64 last, bool state)
{
	stream_request(stream, RECORD_REQUEST_END, tid, inode, operation, first, last, state, 0);
}

static struct record_zap zap(const struct stream *stream, __u32 tid, __u64 inode, __u64 pgoff,
			     __u64 pfn, __u32 nr, bool valid, __s32 result)
{
	return (struct record_zap){
		.header = header(stream, RECORD_ZAP, sizeof(struct record_zap), tid, inode),
		.pgoff = inode ? pgoff : 0,
		.page = pfn,
		.nr = nr,
		.result = result,
		.zap_end = stream->now,
		.valid = valid,
		.routine = RECORD_ZAP_VALID,
	};
}

void stream_zap(struct stream *stream, __u32 tid, __u64 inode, __u64 pgoff, __u64 pfn, __u32 nr,
		bool valid, __s32 result)
{
	struct record_zap record = zap(stream, tid, inode, pgoff, pfn, nr, valid, result);

	stream_add(stream, &record.header);
}

void stream_zap_flush(struct stream *stream, __u32 tid, __u64 inode, __u64 pgoff, __u64 pfn,
		      __u32 nr, __u64 first, __u64 last)
{
	struct record_zap record = zap(stream, tid, inode, pgoff, pfn, nr, false, 0);

	record.flush_begin = stream->now + 10;
	record.flush_first = first;
	record.flush_last = last;
	record.flush_routine = RECORD_FLUSH_RANGE;
	record.header.time = stream->now + 500;
	stream_add(stream, &record.header);
}

void stream_flush(struct stream *stream, __u32 tid, __u64 first, __u64 last, bool full)
{
	struct record_flush record = {
		.header = header(stream, RECORD_FLUSH, sizeof(record), tid, 0),
		.begin = stream->now - 100,
		.first = first,
		.last = last,
		.routine = RECORD_FLUSH_RANGE,
		.full = full,
	};

	stream_add(stream, &record.header);
}

void stream_flush_all(struct stream *stream, __u32 tid)
{
	struct record_flush record = {
		.header = header(stream, RECORD_FLUSH, sizeof(record), tid, 0),
		.begin = stream->now - 100,
		.last = ~0ULL,
		.routine = RECORD_FLUSH_ALL,
		.full = 1,
	};

	stream_add(stream, &record.header);
}

void stream_zap_flush_all(struct stream *stream, __u32 tid, __u64 inode, __u64 pgoff, __u64 pfn)
{
	struct record_zap record = zap(stream, tid, inode, pgoff, pfn, 1, false, 0);

	record.flush_begin = stream->now + 10;
	record.flush_last = ~0ULL;
	record.flush_routine = RECORD_FLUSH_ALL;
	record.flush_full = 1;
	record.header.time = stream->now + 500;
	stream_add(stream, &record.header);
}

static void owner(struct stream *stream, __u16 kind, __u32 tid, __u64 inode, __u64 pgoff, __u64 pfn)
{
	struct record_owner record = {
		.header = header(stream, kind, sizeof(record), tid, inode),
		.page = pfn,
		.pgoff = pgoff,
		.nr = 1,
	};

	stream_add(stream, &record.header);
}

void stream_join(struct stream *stream, __u32 tid, __u64 inode, __u64 pgoff, __u64 pfn)
{
	owner(stream, RECORD_JOIN, tid, inode, pgoff, pfn);
}

void stream_leave(struct stream *stream, __u32 tid, __u64 pfn)
{
	owner(stream, RECORD_LEAVE, tid, 0, 0, pfn);
}

void stream_page_free(struct stream *stream, __u32 tid, __u64 pfn, bool absent)
{
	struct record_page_free record = {
		.header = header(stream, RECORD_PAGE_FREE, sizeof(record), tid, 0),
		.page = pfn,
		.absent = absent,
	};

	stream_add(stream, &record.header);
}

void stream_call(struct stream *stream, __u32 tid)
{
	struct record_call record = {
		.header = { .kind = RECORD_CALL, .size = sizeof(record), .tid = tid },
		.begin = stream->now,
	};

	record.header.time = stream->now += 1000;
	stream_add(stream, &record.header);
}

void stream_caller(struct stream *stream, __u32 tid, __u64 page, const char *names)
{
	size_t length = strlen(names) + 1;
	union {
		struct record_caller record;
		char bytes[sizeof(struct record_caller) + RECORD_CALLER_TEXT_MAX];
	} room = { .record = { .header = { .kind = RECORD_CALLER, .tid = tid },
			       .page = page,
			       .length = (__u32)length } };

	memcpy(room.record.text, names, length);
	room.record.header.size = (__u16)((sizeof(room.record) + length + 7) & ~7UL);
	room.record.header.time = stream->now += 1000;
	stream_add(stream, &room.record.header);
}

void stream_unanswered(struct stream *stream, __u32 tid, __u64 begin, __u64 missing, __u64 unasked)
{
	struct record_unanswered record = {
		.header = { .kind = RECORD_UNANSWERED, .size = sizeof(record), .tid = tid },
		.begin = begin,
		.end = stream->now,
		.online = { 0xf },
		.asked = { 0xf & ~unasked },
		.answered = { 0xf & ~missing },
	};

	record.header.time = stream->now += 1000;
	stream_add(stream, &record.header);
}

void stream_heartbeat(struct stream *stream)
{
	struct record_heartbeat record = {
		.header = header(stream, RECORD_HEARTBEAT, sizeof(record), 0, 0),
		.watermark = stream->now,
		.groups = SENSOR_GROUP_VERDICT | SENSOR_GROUP_PAGE_FREE | stream->groups,
	};

	stream_add(stream, &record.header);
}

void stream_loss(struct stream *stream, __u64 inode, enum record_loss_cause cause, __u64 since,
		 __u64 count)
{
	struct record_loss record = {
		.header = header(stream, RECORD_LOSS, sizeof(record), 0, inode),
		.since = since,
		.count = count,
		.cause = cause,
	};

	stream_add(stream, &record.header);
}

void stream_fact(struct stream *stream, const char *key, const char *value)
{
	size_t key_length = strlen(key) + 1, value_length = strlen(value) + 1;
	size_t size = (sizeof(struct record_fact) + key_length + value_length + 7) & ~7UL;
	struct record_fact *record = calloc(1, size);

	assert_non_null(record);
	record->header = header(stream, RECORD_FACT, size, 0, 0);
	record->key_length = (__u32)key_length;
	record->value_length = (__u32)value_length;
	memcpy(record->text, key, key_length);
	memcpy(record->text + key_length, value, value_length);
	stream_add(stream, &record->header);
	free(record);
}

static void programs_name(struct stream *stream, const char *const *programs, unsigned int *number)
{
	char key[64];

	for (size_t i = 0; i < RULE_PROGRAMS_MAX && programs[i]; i++) {
		snprintf(key, sizeof(key), "sensor.program.%u", (*number)++);
		stream_fact(stream, key, programs[i]);
	}
}

void stream_programs(struct stream *stream)
{
	const struct rule *rule = NULL;
	unsigned int number = 100;

	stream_fact(stream, RECORD_FACT_GLOBAL, RECORD_GLOBAL_YES);
	/* Of half of a rule: no rule names it alone. */
	programs_name(stream, (const char *const[RULE_PROGRAMS_MAX]){ "guest_unmap_exit" },
		      &number);
	while ((rule = rule_next(rule))) {
		const char *const since[RULE_PROGRAMS_MAX] = { rule->since };

		programs_name(stream, rule->watches, &number);
		programs_name(stream, rule->trusts, &number);
		programs_name(stream, since, &number);
	}
}

void stream_finish(struct stream *stream)
{
	struct record_end record;

	stream->now += SECOND;
	stream_heartbeat(stream);
	record = (struct record_end){
		.header = header(stream, RECORD_END, sizeof(record), 0, 0),
		.command_status = 0,
	};
	stream_add(stream, &record.header);
}

static void bracket(struct stream *stream, __u16 kind, const struct record_snapshot *shape)
{
	struct record_snapshot record = *shape;

	record.header = header(stream, kind, sizeof(record), 1, shape->header.inode);
	stream_add(stream, &record.header);
}

static __u64 vm_of(const struct stream *stream)
{
	return stream->vm ? stream->vm : 1;
}

void stream_promise(struct stream *stream, __u32 tid, __u64 inode, enum record_promise_event event,
		    __u64 gfn, __u64 nr, __u64 pgoff, bool private, __s64 result)
{
	struct record_promise record = {
		.header = header(stream, RECORD_PROMISE, sizeof(record), tid, inode),
		.vm = event == RECORD_PROMISE_CONVERTED || event == RECORD_PROMISE_CONVERT_END
			      ? 0
			      : vm_of(stream),
		.gfn_first = gfn,
		.gfn_nr = nr,
		.pgoff = pgoff,
		.result = result,
		.event = event,
		.is_private = private,
	};

	stream_add(stream, &record.header);
}

static void promises_read(struct stream *stream, __u64 inode)
{
	for (size_t i = 0; i < stream->promises_nr; i++) {
		struct record_promise_read record = {
			.header = header(stream, RECORD_PROMISE_READ, sizeof(record), 0, inode),
			.vm = vm_of(stream),
			.pgoff = stream->promises[i].pgoff,
			.nr = stream->promises[i].nr,
			.gfn = stream->promises[i].gfn,
			.attributes = stream->promises[i].private ? RECORD_ATTRIBUTE_PRIVATE : 0,
			.snapshot = stream->snapshot,
			.address = STREAM_ADDRESS + (stream->promises[i].gfn << 12),
		};

		stream_add(stream, &record.header);
	}
}

void stream_read_begin(struct stream *stream, __u64 inode, enum record_provider provider,
		       bool default_state, enum record_snapshot_origin origin, __u32 pass,
		       __u64 first, __u64 nr, const struct stream_page *pages, size_t pages_nr)
{
	stream->reading = (struct record_snapshot){
		.header.inode = inode,
		.pgoff_first = first,
		.pgoff_nr = nr,
		.origin = origin,
		.pass = pass,
		.provider = provider,
		.default_state = default_state,
		.snapshot = ++stream->snapshot,
	};

	bracket(stream, RECORD_SNAPSHOT_BEGIN, &stream->reading);
	for (size_t i = 0; i < pages_nr; i++) {
		struct record_snapshot_page record = {
			.header = header(stream, RECORD_SNAPSHOT_PAGE, sizeof(record), 1, inode),
			.pgoff = pages[i].pgoff,
			.pfn = pages[i].pfn,
			.nr = pages[i].nr,
			.bits = pages[i].bits,
			.snapshot = stream->snapshot,
		};

		stream_add(stream, &record.header);
	}
	promises_read(stream, inode);
}

void stream_read_end(struct stream *stream)
{
	bracket(stream, RECORD_SNAPSHOT_END, &stream->reading);
}

void stream_read(struct stream *stream, __u64 inode, enum record_provider provider,
		 bool default_state, enum record_snapshot_origin origin, __u32 pass, __u64 first,
		 __u64 nr, const struct stream_page *pages, size_t pages_nr)
{
	stream_read_begin(stream, inode, provider, default_state, origin, pass, first, nr, pages,
			  pages_nr);
	stream_read_end(stream);
}

void stream_fault(struct stream *stream, __u32 tid, __u64 inode, __u64 pgoff, __u64 pfn)
{
	stream_join(stream, tid, inode, pgoff, pfn);
	stream_begin(stream, tid, inode, RECORD_OPERATION_CONFIGURE, pgoff, pgoff, false);
	stream_zap_flush(stream, tid, inode, pgoff, pfn, 1, pfn, pfn);
	stream_end(stream, tid, inode, RECORD_OPERATION_CONFIGURE, pgoff, pgoff, false);
}

const struct verdict *stream_judge(struct stream *stream, const struct model_options *options)
{
	return stream_judge_with(stream, options, NULL);
}

void stream_feed(const struct stream *stream, struct model *model)
{
	size_t at = 0;

	while (at < stream->used) {
		const struct record_header *record = (const void *)(stream->data + at);

		assert_int_equal(model_feed(model, record), 0);
		at += record->size;
	}
}

const struct verdict *stream_judge_with(struct stream *stream, const struct model_options *options,
					const struct verdict_options *verdict)
{
	stream->model = model_create(options);
	assert_non_null(stream->model);
	stream->verdict = verdict_create(stream->model, verdict);
	assert_non_null(stream->verdict);
	stream_feed(stream, stream->model);
	assert_int_equal(model_finish(stream->model), 0);
	return stream->verdict;
}

void stream_expect(struct stream *stream, enum verdict_value value)
{
	if (verdict_value(stream->verdict) != value)
		report_verdict(stderr, stream->verdict, report_format_find("text"), false);
	assert_int_equal(verdict_value(stream->verdict), value);
}

const struct verdict_violation *stream_expect_one(struct stream *stream, enum rule_id rule,
						  __u64 inode, __u64 first, __u64 last)
{
	const struct verdict_violation *violation = verdict_violation(stream->verdict, 0);

	stream_expect(stream, VERDICT_VIOLATED);
	if (verdict_violations(stream->verdict) != 1)
		report_verdict(stderr, stream->verdict, report_format_find("text"), false);
	assert_int_equal(verdict_violations(stream->verdict), 1);
	assert_string_equal(violation->rule->name, rule_find(rule)->name);
	if (inode)
		assert_int_equal(violation->inode->number, inode);
	assert_int_equal(violation->pgoff_first, first);
	assert_int_equal(violation->pgoff_last, last);
	assert_true(violation->words[0]);
	assert_true(violation->sources_nr > 0);
	return violation;
}

void stream_expect_unread(struct stream *stream)
{
	stream_expect(stream, VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict_violations(stream->verdict), 0);
}

void expect_same_page(const struct model_page *one, const struct model_page *other)
{
	assert_int_equal(one->declared, other->declared);
	assert_int_equal(one->resident, other->resident);
	if (!one->resident)
		return;
	assert_int_equal(one->pfn, other->pfn);
	assert_int_equal(one->applied, other->applied);
	assert_int_equal(one->prepared, other->prepared);
	assert_int_equal(one->exposed, other->exposed);
	assert_int_equal(one->sure, other->sure);
}
