// SPDX-License-Identifier: GPL-2.0
/* A page's story as JSON. */
#include "report/object.h"
#include "report/story.h"

static const char *state_word(enum model_state state)
{
	if (state == MODEL_PRESENT)
		return "present";
	return state == MODEL_ABSENT ? "absent" : "unknown";
}

static const char *kind_word(enum story_kind kind)
{
	static const char *const words[] = {
		[STORY_MET] = "met",	       [STORY_JOINED] = "joined",
		[STORY_PREPARED] = "prepared", [STORY_CHANGED] = "changed",
		[STORY_FLUSHED] = "flushed",   [STORY_UNFLUSHED] = "unflushed",
		[STORY_REQUESTED] = "request", [STORY_READ] = "read",
		[STORY_LEFT] = "left",	       [STORY_FREED] = "freed",
		[STORY_TAKEN] = "taken",       [STORY_RELEASED] = "released",
		[STORY_LOST] = "lost",
	};

	return words[kind];
}

static struct json_object *request_json(const struct story_request *request)
{
	struct json_object *object = json_new();

	add_text(object, "operation", model_operation_name(request->operation));
	add_text(object, "outermost", model_operation_name(request->outer));
	add_count(object, "pgoff_first", request->first);
	add_count(object, "pgoff_last", request->last);
	add_text(object, "state", request->state ? "present" : "absent");
	add_count(object, "begin", request->begin);
	add_known(object, "end", request->end, request->end);
	json_add(object, "result", request->end ? json_int(request->result) : NULL);
	return object;
}

static void add_change(struct json_object *object, const struct story_step *step)
{
	add_text(object, "to", step->present ? "present" : "absent");
	add_flag(object, "again", step->again);
	add_int(object, "result", step->result);
	add_count(object, "run_pages", step->run);
}

static void add_flush(struct json_object *object, const struct story_step *step)
{
	add_count(object, "exposed_ns", step->exposed);
	if (step->kind == STORY_UNFLUSHED) {
		add_flag(object, "flushed_other_pages", step->missed);
		add_flag(object, "perhaps_by_other_means", step->otherwise);
		return;
	}
	add_known(object, "flush_begin", step->flush_begin, step->flush_begin);
	add_known(object, "flush_pages", step->flush_pages, step->flush_pages);
	add_flag(object, "own", step->own);
	json_add(object, "stack", step->stack ? words_json(step->stack) : NULL);
}

static void add_read(struct json_object *object, const struct story_step *step)
{
	add_count(object, "reads", step->reads);
	add_flag(object, "settled", step->settled);
	add_flag(object, "resident", step->bits & RECORD_PAGE_RESIDENT);
	add_flag(object, "deviates", step->bits & RECORD_PAGE_DEVIATES);
	add_flag(object, "prepared", step->bits & RECORD_PAGE_PREPARED);
	add_text(object, "model_declared", state_word(step->declared));
	add_text(object, "model_applied", state_word(step->applied));
	add_text(object, "xarray", state_word(step->xarray));
	add_text(object, "page_table", state_word(step->table));
	add_flag(object, "differs", step->differs);
	add_flag(object, "proven", step->proven);
}

static void add_loss(struct json_object *object, const struct story_step *step)
{
	add_count(object, "since", step->since);
	add_count(object, "count", step->lost);
	add_text(object, "cause", step->cause ? record_loss_name(step->cause) : "unseen");
}

static struct json_object *step_json(const struct story *story, const struct story_step *step)
{
	struct json_object *object = json_new();
	char text[STORY_TEXT_MAX];

	add_count(object, "time", step->time);
	add_text(object, "event", kind_word(step->kind));
	add_inode_name(object, model_inode_find(story_model(story), step->inode));
	add_known(object, "pgoff", step->pgoff, step->nr);
	add_known(object, "pages", step->nr, step->nr);
	add_known(object, "pfn", step->pfn, step->pfn);
	add_known(object, "cpu", step->cpu, step->tid);
	add_known(object, "tid", step->tid, step->tid);
	add_known(object, "tgid", step->tgid, step->tid);
	json_add(object, "request", step->request.operation ? request_json(&step->request) : NULL);
	if (step->kind == STORY_CHANGED)
		add_change(object, step);
	else if (step->kind == STORY_FLUSHED || step->kind == STORY_UNFLUSHED)
		add_flush(object, step);
	else if (step->kind == STORY_READ)
		add_read(object, step);
	else if (step->kind == STORY_LOST)
		add_loss(object, step);
	else if (step->kind == STORY_FREED)
		add_flag(object, "absent", step->absent);
	add_text(object, "label", story_label(step));
	json_add(object, "words", words_json(story_text(story, step, text)));
	return object;
}

static struct json_object *subject_json(const struct story *story)
{
	const struct story_subject *subject = story_subject(story);
	bool frame = subject->about == STORY_FRAME;
	struct json_object *object = json_new();

	add_inode_name(object, story_inode(story));
	add_known(object, "pgoff_first", story_pgoff(story), story_inode(story));
	add_known(object, "pgoff_last", frame ? story_pgoff(story) : subject->last,
		  story_inode(story));
	add_known(object, "pfn", subject->pfn, frame);
	return object;
}

static struct json_object *inode_json(const struct model_inode *inode)
{
	struct json_object *object;

	if (!inode)
		return NULL;
	object = json_new();
	add_inode_name(object, inode);
	add_count(object, "i_ino", inode->i_ino);
	add_text(object, "provider", model_provider_name(inode->provider));
	add_text(object, "default", inode->default_state ? "present" : "absent");
	add_count(object, "pages", inode->pages);
	json_add(object, "vm", vm_json(inode));
	add_count(object, "met", inode->met);
	add_flag(object, "before_attach", inode->before_attach);
	add_flag(object, "dead", inode->dead);
	return object;
}

static struct json_object *now_json(const struct story *story)
{
	struct json_object *object = json_new();
	struct model_page page = { .resident = false };
	char text[STORY_TEXT_MAX];

	add_flag(object, "resident", story_page(story, &page));
	if (page.resident) {
		add_count(object, "pfn", page.pfn);
		add_text(object, "declared", state_word(page.declared));
		add_text(object, "applied", state_word(page.applied));
		add_flag(object, "prepared", page.prepared);
		add_flag(object, "exposed", page.exposed);
		add_flag(object, "sure", page.sure);
	}
	add_text(object, "means", story_meaning(story, text));
	add_text(object, "not_known", story_unknown(story, text));
	return object;
}

static struct json_object *exposure_json(const struct story *story)
{
	struct json_object *object = json_new();
	struct story_exposures exposures;

	if (story_exposures(story, &exposures)) {
		json_object_put(object);
		return json_made(NULL);
	}
	add_count(object, "made_absent", exposures.zapped);
	add_count(object, "flushed", exposures.flushed);
	add_count(object, "undone", exposures.undone);
	add_known(object, "least_ns", exposures.least, exposures.flushed);
	add_known(object, "median_ns", exposures.median, exposures.flushed);
	add_known(object, "most_ns", exposures.most, exposures.flushed);
	return object;
}

static struct json_object *violations_json(const struct story *story, const struct verdict *verdict)
{
	struct json_object *array = json_list();
	const struct verdict_violation *violation;
	size_t index = 0;

	while ((violation = story_violation(story, verdict, &index))) {
		struct json_object *object = json_new();

		add_text(object, "rule", violation->rule->name);
		json_add(object, "words", words_json(violation->words));
		json_append(array, object);
	}
	return array;
}

int report_story_json(FILE *out, const struct story *story, const struct verdict *verdict)
{
	struct json_object *object = json_new(), *steps = json_list();

	add_text(object, "schema", REPORT_STORY_SCHEMA);
	json_add(object, "subject", subject_json(story));
	json_add(object, "inode", inode_json(story_inode(story)));
	for (size_t i = 0; i < story_steps(story); i++)
		json_append(steps, step_json(story, story_step(story, i)));
	json_add(object, "steps", steps);
	add_count(object, "steps_untold", story_untold(story));
	json_add(object, "now", now_json(story));
	json_add(object, "exposure", exposure_json(story));
	json_add(object, "violations", violations_json(story, verdict));
	return report_json_done(out, object);
}
