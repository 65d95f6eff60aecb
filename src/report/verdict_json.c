// SPDX-License-Identifier: GPL-2.0
/* The verdict as JSON. */
#include "escape.h"
#include "object.h"

#define FACT_MAX 4096 /* as much of one is stored */
#define INODES_MAX 10000 /* that are listed */

static struct json_object *event_json(const struct model_event *event)
{
	struct json_object *object = json_object_new_object();
	char text[REPORT_EVENT_MAX];

	add_count(object, "time", event->time);
	add_count(object, "cpu", event->cpu);
	add_count(object, "tid", event->tid);
	add_text(object, "event", report_event(event, text));
	return object;
}

static struct json_object *violation_json(const struct verdict_violation *violation)
{
	struct json_object *object = json_object_new_object();
	struct json_object *sources = json_object_new_array();
	struct json_object *events = json_object_new_array();

	add_text(object, "rule", violation->rule->name);
	add_int(object, "id", violation->rule->id);
	add_text(object, "severity",
		 violation->rule->severity == RULE_SEVERITY_VIOLATION ? "violation" : "note");
	add_inode_name(object, violation->inode);
	json_object_object_add(object, "vm", vm_json(violation->inode));
	add_known(object, "pgoff_first", violation->pgoff_first, violation->pgoff_known);
	add_known(object, "pgoff_last", violation->pgoff_last, violation->pgoff_known);
	add_count(object, "count", violation->count);
	add_count(object, "occurrences", violation->occurrences);
	add_count(object, "pages", violation->pages);
	add_count(object, "time_first", violation->time_first);
	add_count(object, "time_last", violation->time_last);
	for (size_t i = 0; i < violation->sources_nr; i++) {
		struct json_object *source = json_object_new_object();

		add_text(source, "source", violation->sources[i].name);
		json_object_object_add(source, "says", words_json(violation->sources[i].says));
		json_object_array_add(sources, source);
	}
	json_object_object_add(object, "sources", sources);
	for (size_t i = 0; i < violation->events_nr; i++)
		json_object_array_add(events, event_json(&violation->events[i]));
	json_object_object_add(object, "events", events);
	json_object_object_add(object, "words", words_json(violation->words));
	return object;
}

static struct json_object *causes_json(const struct verdict *verdict,
				       const struct verdict_violation *(*at)(const struct verdict *,
									     size_t))
{
	struct json_object *array = json_object_new_array();
	const struct verdict_violation *violation;

	for (size_t i = 0; (violation = at(verdict, i)); i++) {
		struct json_object *object = violation_json(violation);
		const char *why = verdict_allows(verdict, violation->rule);

		if (why)
			json_object_object_add(object, "reason", words_json(why));
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *not_judged_json(const struct verdict *verdict)
{
	struct json_object *array = json_object_new_array();
	const struct verdict_not_judged *entry;

	for (size_t i = 0; (entry = verdict_not_judged(verdict, i)); i++) {
		struct json_object *object = json_object_new_object();

		add_text(object, "rule", entry->rule->name);
		add_int(object, "id", entry->rule->id);
		json_object_object_add(object, "reason", words_json(entry->reason));
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *inode_json(const struct model_inode *inode)
{
	struct json_object *object = json_object_new_object();

	add_inode_name(object, inode);
	add_text(object, "provider", model_provider_name(inode->provider));
	add_count(object, "i_ino", inode->i_ino);
	json_object_object_add(object, "vm", vm_json(inode));
	add_flag(object, "before_attach", inode->before_attach);
	add_count(object, "pages", inode->pages);
	add_count(object, "pages_compared", inode->compared);
	add_count(object, "transitions", inode->transitions);
	add_count(object, "zapped", inode->zapped);
	add_count(object, "restored", inode->restored);
	add_count(object, "requests", inode->requests);
	add_count(object, "flushes", inode->flushes);
	add_count(object, "flush_ns", inode->flush_ns);
	add_count(object, "lost", inode->lost);
	return object;
}

/* Whoever floods us with inodes is not to have an object of 4 kB for each. */
static void add_inodes(struct json_object *object, const struct model *model)
{
	struct json_object *array = json_object_new_array();
	const struct model_inode *inode = NULL;
	__u64 unlisted = 0;

	while ((inode = model_inode_next(model, inode))) {
		if (json_object_array_length(array) < INODES_MAX)
			json_object_array_add(array, inode_json(inode));
		else
			unlisted++;
	}
	json_object_object_add(object, "per_inode", array);
	add_count(object, "per_inode_unlisted", unlisted);
}

static struct json_object *facts_json(const struct model *model)
{
	struct json_object *object = json_object_new_object();
	char name[FACT_MAX], text[FACT_MAX];
	const char *key, *value;

	/* Whoever wrote the capture: JSON is UTF-8. */
	for (size_t i = 0; model_fact(model, i, &key, &value); i++) {
		escape_text(name, sizeof(name), key);
		escape_text(text, sizeof(text), value);
		add_text(object, name, text);
	}
	return object;
}

static struct json_object *losses_json(const struct model_counts *counts)
{
	struct json_object *object = json_object_new_object();

	for (__u32 cause = 0; cause < RECORD_LOSS_IDS_MAX; cause++) {
		if (counts->lost_by_cause[cause])
			add_count(object, record_loss_name(cause), counts->lost_by_cause[cause]);
	}
	return object;
}

static void add_counts(struct json_object *object, const struct model_counts *counts)
{
	add_count(object, "transitions", counts->transitions);
	add_count(object, "pages", counts->pages_compared);
	add_count(object, "pages_total", counts->pages);
	add_count(object, "pages_inconclusive", counts->pages_inconclusive);
	add_count(object, "page_reads", counts->pages_read);
	add_count(object, "page_reads_unknown", counts->pages_unknown);
	add_count(object, "snapshots", counts->snapshots);
	add_count(object, "snapshot_chunks", counts->chunks);
	add_count(object, "snapshot_chunks_failed", counts->chunks_failed);
	add_count(object, "inodes", counts->inodes);
	add_count(object, "requests", counts->requests);
	add_count(object, "flushes", counts->flushes);
	add_count(object, "zaps_foreign", counts->zaps_foreign);
	add_count(object, "foreign_flushed", counts->foreign_flushed);
	add_count(object, "unexplained", counts->unexplained);
	add_count(object, "records", counts->records);
	add_count(object, "malformed", counts->malformed);
	add_count(object, "lost", counts->lost);
	add_count(object, "missed", counts->missed);
	json_object_object_add(object, "lost_by_cause", losses_json(counts));
	add_int(object, "command_status", counts->command_status);
}

static int json_write(FILE *out, const struct verdict *verdict, bool color)
{
	struct json_object *object = json_object_new_object(), *reasons = json_object_new_array();
	const struct model *model = verdict_model(verdict);
	struct model_counts counts;
	enum verdict_value value = verdict_value(verdict);
	const char *reason;

	(void)color;
	model_count(model, &counts);
	add_text(object, "schema", REPORT_VERDICT_SCHEMA);
	add_text(object, "verdict", verdict_value_name(value));
	add_int(object, "exit_status", verdict_exit_status(value, counts.command_status));
	add_counts(object, &counts);
	add_count(object, "duration_ns", report_duration(verdict));
	add_count(object, "pages_uncompared", model_pages_uncompared(model));
	for (size_t i = 0; (reason = verdict_reason(verdict, i)); i++)
		json_object_array_add(reasons, words_json(reason));
	json_object_object_add(object, "reasons", reasons);
	json_object_object_add(object, "violations", causes_json(verdict, verdict_violation));
	add_count(object, "violations_unlisted", verdict_unlisted(verdict));
	json_object_object_add(object, "allowed", causes_json(verdict, verdict_allowed));
	add_count(object, "allowed_unlisted", verdict_alloweds_unlisted(verdict));
	json_object_object_add(object, "notes", causes_json(verdict, verdict_note));
	add_count(object, "notes_unlisted", verdict_notes_unlisted(verdict));
	json_object_object_add(object, "rules_not_judged", not_judged_json(verdict));
	add_inodes(object, model);
	json_object_object_add(object, "facts", facts_json(model));
	fprintf(out, "%s\n",
		json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							       JSON_C_TO_STRING_SPACED |
							       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	return report_done(out);
}

/* The file that says it, as it is in the source. */
extern const char schema_start[], schema_end[];
__asm__(".pushsection .rodata\n"
	".local schema_start, schema_end\n"
	"schema_start:\n"
	".incbin \"src/report/verdict.schema.json\"\n"
	"schema_end:\n"
	".byte 0\n"
	".popsection\n");

static const struct report_format json = {
	.name = "json",
	.help = "as one JSON object",
	.schema = schema_start,
	.machine = true,
	.write = json_write,
};
REPORT_FORMAT_ENTER(json);
