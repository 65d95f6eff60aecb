// SPDX-License-Identifier: GPL-2.0
/* The verdict as JSON. */
#include "compare.h"
#include "escape.h"
#include "object.h"

#define FACT_MAX 4096 /* as much of one is stored */
#define INODES_MAX 10000 /* that are listed */

static struct json_object *pattern_json(const struct verdict_pattern *pattern)
{
	struct json_object *object = json_new();

	add_text(object, "rule", pattern->rule->name);
	add_int(object, "id", pattern->rule->id);
	add_text(object, "what", pattern->what);
	json_add(object, "also", *pattern->also ? json_string(pattern->also) : NULL);
	json_add(object, "step", pattern->step ? json_count(pattern->step) : NULL);
	json_add(object, "behind", pattern->step ? json_count(pattern->behind) : NULL);
	json_add(object, "later_slots", json_flag(pattern->later_slots));
	add_count(object, "causes", pattern->causes);
	add_count(object, "occurrences", pattern->occurrences);
	add_count(object, "pages", pattern->pages);
	return object;
}

static struct json_object *patterns_json(const struct verdict *verdict)
{
	struct json_object *array = json_list();
	const struct verdict_pattern *pattern;

	for (size_t i = 0; (pattern = verdict_pattern(verdict, i)); i++)
		json_append(array, pattern_json(pattern));
	return array;
}

static struct json_object *causes_json(const struct verdict *verdict,
				       const struct verdict_violation *(*at)(const struct verdict *,
									     size_t))
{
	struct json_object *array = json_list();
	const struct verdict_violation *violation;

	for (size_t i = 0; (violation = at(verdict, i)); i++) {
		struct json_object *object = json_new();
		const char *why = verdict_allows(verdict, violation->rule);

		add_cause(object, violation);
		if (why)
			json_add(object, "reason", words_json(why));
		json_append(array, object);
	}
	return array;
}

/* null where all pages are judged. */
static struct json_object *narrowed_json(const struct verdict *verdict)
{
	struct json_object *object;
	__u64 first, last;

	if (!verdict_narrowed(verdict, &first, &last))
		return NULL;
	object = json_new();
	add_count(object, "pgoff_first", first);
	add_count(object, "pgoff_last", last);
	add_count(object, "left_out", verdict_left_out(verdict));
	return object;
}

static struct json_object *not_judged_json(const struct verdict *verdict)
{
	struct json_object *array = json_list();
	const struct verdict_not_judged *entry;

	for (size_t i = 0; (entry = verdict_not_judged(verdict, i)); i++) {
		struct json_object *object = json_new();

		add_text(object, "rule", entry->rule->name);
		add_int(object, "id", entry->rule->id);
		json_add(object, "reason", words_json(entry->reason));
		json_append(array, object);
	}
	return array;
}

static struct json_object *inode_json(const struct model_inode *inode)
{
	struct json_object *object = json_new();

	add_inode_name(object, inode);
	add_text(object, "provider", model_provider_name(inode->provider));
	add_count(object, "i_ino", inode->i_ino);
	json_add(object, "vm", vm_json(inode));
	add_flag(object, "before_attach", inode->before_attach);
	add_count(object, "flags", inode->flags);
	add_text(object, "default", inode->default_state ? "present" : "absent");
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
	struct json_object *array = json_list();
	const struct model_inode *inode = NULL;
	__u64 unlisted = 0;

	while ((inode = model_inode_next(model, inode))) {
		if (json_length(array) < INODES_MAX)
			json_append(array, inode_json(inode));
		else
			unlisted++;
	}
	json_add(object, "per_inode", array);
	add_count(object, "per_inode_unlisted", unlisted);
}

static struct json_object *facts_json(const struct model *model)
{
	struct json_object *object = json_new();
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

static void add_fact(struct json_object *object, const char *key, const struct model *model,
		     const char *fact)
{
	const char *value = model_fact_find(model, fact);

	json_add(object, key, value ? words_json(value) : NULL);
}

/* Routines of the kernel, with blanks between. */
static struct json_object *livepatched_json(const struct model *model)
{
	struct json_object *list = json_list();
	const char *names = model_fact_find(model, RECORD_FACT_LIVEPATCHED);
	char text[REPORT_CLEAN_MAX], *rest = text, *name;

	snprintf(text, sizeof(text), "%s", names ? names : "");
	while ((name = strsep(&rest, " "))) {
		if (*name)
			json_append(list, words_json(name));
	}
	return list;
}

/* What was judged: of an older capture not all is known. */
static struct json_object *kernel_json(const struct model *model)
{
	struct json_object *object = json_new();

	add_fact(object, "release", model, "kernel.release");
	add_fact(object, "version", model, "kernel.version");
	add_fact(object, "vmlinux_build_id", model, "kernel.build_id");
	add_fact(object, "kvm_build_id", model, "kernel.kvm_build_id");
	return object;
}

/* The same moment by both clocks. */
static struct json_object *clock_json(const struct model *model)
{
	const char *fact = model_fact_find(model, "clock");
	unsigned long long monotonic, realtime;
	struct json_object *object;

	if (!fact || sscanf(fact, "%llu %llu", &monotonic, &realtime) != 2)
		return NULL;
	object = json_new();
	add_count(object, "monotonic_ns", monotonic);
	add_count(object, "realtime_ns", realtime);
	return object;
}

static struct json_object *losses_json(const struct model_counts *counts)
{
	struct json_object *object = json_new();

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
	add_count(object, "contradicted", counts->contradicted);
	add_count(object, "records", counts->records);
	add_count(object, "malformed", counts->malformed);
	add_count(object, "lost", counts->lost);
	add_count(object, "missed", counts->missed);
	json_add(object, "lost_by_cause", losses_json(counts));
	add_int(object, "command_status", counts->command_status);
}

static int json_verdict(FILE *out, const struct verdict *verdict, bool color)
{
	struct json_object *object = json_new(), *reasons = json_list();
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
		json_append(reasons, words_json(reason));
	json_add(object, "reasons", reasons);
	json_add(object, "patterns", patterns_json(verdict));
	json_add(object, "violations", causes_json(verdict, verdict_violation));
	add_count(object, "violations_unlisted", verdict_unlisted(verdict));
	json_add(object, "allowed", causes_json(verdict, verdict_allowed));
	add_count(object, "allowed_unlisted", verdict_alloweds_unlisted(verdict));
	json_add(object, "notes", causes_json(verdict, verdict_note));
	add_count(object, "notes_unlisted", verdict_notes_unlisted(verdict));
	json_add(object, "pages_only", narrowed_json(verdict));
	json_add(object, "rules_not_judged", not_judged_json(verdict));
	add_inodes(object, model);
	json_add(object, "kernel", kernel_json(model));
	json_add(object, "live_patched", livepatched_json(model));
	json_add(object, "clock", clock_json(model));
	json_add(object, "facts", facts_json(model));
	return report_json_done(out, object);
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
	.write = json_verdict,
	.compare = compare_json,
};
REPORT_FORMAT_ENTER(json);
