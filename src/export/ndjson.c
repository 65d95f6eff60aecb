// SPDX-License-Identifier: GPL-2.0
/* A run as lines of JSON, an object each: what happened, when it was known (export.schema.json). */
#include "export/export.h"
#include "report/object.h"

struct ndjson {
	FILE *out;
	bool failed; /* memory was short for a line */
};

static void *ndjson_create(FILE *out)
{
	struct ndjson *ndjson = calloc(1, sizeof(*ndjson));

	if (ndjson)
		ndjson->out = out;
	return ndjson;
}

static void ndjson_free(void *writer)
{
	free(writer);
}

static bool ndjson_failed(const void *writer)
{
	return ((const struct ndjson *)writer)->failed;
}

static struct json_object *line_begin(const char *type)
{
	struct json_object *line = json_new();

	add_text(line, "type", type);
	return line;
}

static void line_end(struct ndjson *ndjson, struct json_object *line)
{
	if (json_write(ndjson->out, line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE))
		ndjson->failed = true;
}

/* Of others: null where there is none. */
static void add_words(struct json_object *line, const char *key, const char *words)
{
	json_add(line, key, words && *words ? words_json(words) : NULL);
}

/* Stacks are longer than words_json() takes. */
static void add_stack(struct json_object *line, const char *key, const char *stack)
{
	char clean[LATENCY_STACK_MAX];

	if (stack)
		escape_text(clean, sizeof(clean), stack);
	json_add(line, key, stack ? json_string(clean) : NULL);
}

static const char *state_name(bool present)
{
	return present ? "present" : "absent";
}

static void add_task(struct json_object *line, __u32 tid, __u32 tgid, __u32 cpu)
{
	add_count(line, "tid", tid);
	add_count(line, "tgid", tgid);
	add_count(line, "cpu", cpu);
}

static void add_operation(struct json_object *line, enum record_operation operation)
{
	add_words(line, "request",
		  operation == RECORD_OPERATION_NONE ? NULL : model_operation_name(operation));
}

static void ndjson_run(void *writer, const struct export_run *run)
{
	struct json_object *line = line_begin("run");

	add_text(line, "schema", EXPORT_SCHEMA);
	add_count(line, "time", run->started);
	add_words(line, "tool", run->tool);
	add_words(line, "kernel", run->kernel);
	add_words(line, "command", run->command);
	line_end(writer, line);
}

static void ndjson_inode(void *writer, const struct model_inode *inode)
{
	struct json_object *line = line_begin("inode");

	add_count(line, "time", inode->met);
	add_inode_name(line, inode);
	json_add(line, "vm", vm_json(inode));
	add_text(line, "provider", model_provider_name(inode->provider));
	add_count(line, "pages", inode->pages);
	add_text(line, "default", state_name(inode->default_state));
	add_flag(line, "before_attach", inode->before_attach);
	line_end(writer, line);
}

static void ndjson_request(void *writer, const struct model_request *request, __u64 now)
{
	struct json_object *line = line_begin("request");

	add_inode_name(line, request->inode);
	add_text(line, "request", model_operation_name(request->operation));
	add_text(line, "asks_for", export_asked(request));
	add_count(line, "pgoff_first", request->pgoff_first);
	add_count(line, "pgoff_last", request->pgoff_last);
	add_known(line, "begin", request->begin, request->begin);
	add_known(line, "end", request->end, !now);
	json_add(line, "result", now ? NULL : json_int(request->result));
	add_task(line, request->tid, request->tgid, request->cpu);
	line_end(writer, line);
}

static void ndjson_zapped(void *writer, const struct model_zap *zap)
{
	struct json_object *line = line_begin("change");

	add_inode_name(line, zap->inode);
	add_text(line, "made", state_name(zap->valid));
	add_known(line, "pgoff", zap->pgoff, zap->inode);
	add_count(line, "pfn", zap->pfn);
	add_count(line, "pages", zap->nr);
	add_known(line, "begin", zap->begin, zap->begin);
	add_count(line, "end", zap->end);
	add_int(line, "result", zap->result);
	add_task(line, zap->tid, zap->tgid, zap->cpu);
	line_end(writer, line);
}

/* null: later than the record can say. */
static void add_offset(struct json_object *line, const char *key, __u32 offset)
{
	add_known(line, key, offset, offset != 0xffffffffU);
}

static struct json_object *answers_json(const struct flush_seen *flush)
{
	struct json_object *answers = json_list();

	for (size_t i = 0; i < flush->answers_nr; i++) {
		const struct record_answer *answer = &flush->answers[i];
		struct json_object *object = json_new();

		add_count(object, "cpu", answer->cpu);
		add_offset(object, "asked_ns", answer->asked);
		add_known(object, "entered_ns", answer->entered,
			  answer->entered && answer->entered != answer->left &&
				  answer->entered != 0xffffffffU);
		add_known(object, "left_ns", answer->left,
			  answer->entered && answer->left != 0xffffffffU);
		add_count(object, "tid", answer->tid);
		add_text(object, "interrupted", latency_context(answer->bits));
		json_append(answers, object);
	}
	return answers;
}

static struct json_object *late_json(const struct flush_seen *flush)
{
	const struct record_flush_timed *timed = flush->timed;
	struct json_object *object;
	char comm[RECORD_COMM_LEN + 1] = "";

	if (!timed || !timed->late_entered)
		return NULL;
	memcpy(comm, timed->late_comm, RECORD_COMM_LEN);
	object = json_new();
	add_count(object, "cpu", timed->late_cpu);
	add_count(object, "asked", timed->late_asked);
	add_known(object, "entered", timed->late_entered, timed->late_entered != timed->late_left);
	add_count(object, "left", timed->late_left);
	add_count(object, "tid", timed->late_tid);
	add_words(object, "comm", comm);
	add_text(object, "interrupted", latency_context(timed->late_bits));
	add_stack(object, "stack", flush->late_stack);
	return object;
}

static const char *stack_state_name(const struct flush_seen *flush)
{
	switch (flush->stack_state) {
	case RECORD_STACK_TAKEN:
		return "taken";
	case RECORD_STACK_COLLIDED:
		return "collided";
	case RECORD_STACK_LOST:
		return "lost";
	default:
		return "none";
	}
}

static void add_timed(struct json_object *line, const struct flush_seen *flush)
{
	const struct record_flush_timed *timed = flush->timed;

	add_flag(line, "timed", timed);
	add_known(line, "asked", timed ? timed->asked : 0,
		  timed && timed->asked && !(timed->bits & RECORD_FLUSH_UNASKED));
	add_known(line, "cpus_asked", timed ? timed->asked_nr : 0, timed);
	add_known(line, "cpus_answered", timed ? timed->answered_nr : 0,
		  timed && !(timed->bits & RECORD_FLUSH_UNANSWERED));
	json_add(line, "last", late_json(flush));
	json_add(line, "answers", answers_json(flush));
	add_text(line, "stack_state", stack_state_name(flush));
	add_count(line, "stack_weight", flush->weight);
	add_stack(line, "stack", flush->stack);
}

static void ndjson_flush(void *writer, const struct flush_seen *flush)
{
	struct json_object *line = line_begin("flush");

	add_inode_name(line, flush->inode);
	add_operation(line, flush->operation);
	add_text(line, "kind", flush_kind_name(flush->kind));
	add_known(line, "pages", flush->pages, flush->size != FLUSH_SIZE_EVERYTHING);
	add_count(line, "covered", flush->covered);
	add_count(line, "begin", flush->begin);
	add_count(line, "end", flush->end);
	add_task(line, flush->tid, flush->tgid,
		 flush->timed ? flush->timed->initiator : flush->cpu);
	add_words(line, "comm", flush->comm);
	add_timed(line, flush);
	line_end(writer, line);
}

static void ndjson_exposure(void *writer, const struct model_exposure *exposure)
{
	struct json_object *line = line_begin("exposure");

	add_inode_name(line, exposure->inode);
	add_count(line, "pgoff", exposure->pgoff);
	add_count(line, "pages", exposure->nr);
	add_count(line, "begin", exposure->begin);
	add_count(line, "end", exposure->end);
	add_flag(line, "own_flush", exposure->own);
	line_end(writer, line);
}

static const char *move_name(enum model_move move)
{
	switch (move) {
	case MODEL_JOINED:
		return "joined";
	case MODEL_PREPARED:
		return "prepared";
	case MODEL_LEFT:
		return "left";
	case MODEL_FREED:
		return "freed";
	}
	return "unknown";
}

static void ndjson_moved(void *writer, const struct model_moved *moved)
{
	struct json_object *line = line_begin("page");

	add_inode_name(line, moved->inode);
	add_text(line, "what", move_name(moved->move));
	add_known(line, "pgoff", moved->pgoff, moved->inode);
	add_count(line, "pfn", moved->pfn);
	add_count(line, "pages", moved->nr);
	add_count(line, "time", moved->time);
	add_task(line, moved->tid, moved->tgid, moved->cpu);
	line_end(writer, line);
}

static void ndjson_lost(void *writer, const struct model_doubt *doubt)
{
	bool loss = doubt->reason == MODEL_DOUBT_LOSS;
	struct json_object *line = line_begin("loss");

	add_inode_name(line, doubt->inode);
	add_text(line, "cause", loss ? record_loss_name(doubt->cause) : "unseen");
	add_count(line, "count", doubt->count);
	add_count(line, "begin", doubt->since);
	add_count(line, "end", doubt->until);
	line_end(writer, line);
}

static void ndjson_cause(void *writer, const struct verdict_violation *cause)
{
	bool violation = cause->rule->severity == RULE_SEVERITY_VIOLATION;
	struct json_object *line = line_begin(violation ? "violation" : "note");

	add_cause(line, cause);
	add_count(line, "begin", cause->time_first);
	add_count(line, "end", cause->time_last);
	line_end(writer, line);
}

static void ndjson_end(void *writer, const struct export_end *end)
{
	struct json_object *line = line_begin("end");

	add_count(line, "time", end->now);
	add_words(line, "verdict",
		  end->verdict ? verdict_value_name(verdict_value(end->verdict)) : NULL);
	add_flag(line, "ended", end->counts.ended);
	add_count(line, "records", end->counts.records);
	add_count(line, "flushes", end->flushes);
	add_count(line, "lost", end->counts.lost);
	add_count(line, "missed", end->counts.missed);
	line_end(writer, line);
}

const struct export_writer export_ndjson = {
	.create = ndjson_create,
	.free = ndjson_free,
	.failed = ndjson_failed,
	.run = ndjson_run,
	.inode = ndjson_inode,
	.request = ndjson_request,
	.zapped = ndjson_zapped,
	.flush = ndjson_flush,
	.exposure = ndjson_exposure,
	.moved = ndjson_moved,
	.lost = ndjson_lost,
	.cause = ndjson_cause,
	.end = ndjson_end,
};

extern const char export_lines_schema[];
__asm__(".pushsection .rodata\n"
	".local export_lines_schema\n"
	"export_lines_schema:\n"
	".incbin \"src/export/export.schema.json\"\n"
	".byte 0\n"
	".popsection\n");

const char *export_schema(void)
{
	return export_lines_schema;
}
