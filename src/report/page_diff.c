// SPDX-License-Identifier: GPL-2.0
/* The page of what changed between two runs: its flame graphs, and what each run was. */
#include "report/diff.h"
#include "report/page.h"

/* [places, before, after, squares before, squares after], a flush each. */
static int line_add(struct json_object *array, struct page_names *names, const struct diff *diff,
		    size_t index)
{
	const struct diff_line *line = &diff->lines[index];
	struct json_object *entry = json_list();
	struct json_object *places = names_places(names, line->frames);

	json_append(entry, places);
	for (int side = 0; side < DIFF_SIDES; side++)
		json_append(entry, json_double(diff_mean(diff, index, side)));
	for (int side = 0; side < DIFF_SIDES; side++)
		json_append(entry, json_double(line->sides[side].squares / diff->flushes[side]));
	json_append(array, entry);
	return places ? 0 : -ENOMEM;
}

static int graph_add(struct json_object *list, struct page_names *names, const struct diff *diff,
		     const char *weight)
{
	struct json_object *graph = json_new();
	struct json_object *lines = json_list();
	int error = 0;

	for (size_t i = 0; !error && i < diff->nr; i++)
		error = line_add(lines, names, diff, i);
	add_text(graph, "weight", weight);
	json_add(graph, "lines", lines);
	json_append(list, graph);
	return error;
}

static int graphs_add(struct json_object *list, struct page_names *names,
		      const struct report_profile *before, const struct report_profile *after)
{
	int error = 0;

	for (size_t i = 0; !error && i < PAGE_WEIGHTS; i++) {
		struct diff diff;

		if (report_diff_refusal(before, after, page_weights[i].weight))
			continue;
		error = diff_make(&diff, before, after, page_weights[i].weight);
		if (error)
			return error;
		if (diff.nr)
			error = graph_add(list, names, &diff, page_weights[i].name);
		diff_free(&diff);
	}
	return error;
}

static struct json_object *side_json(const struct report_profile *profile)
{
	struct json_object *object = json_new();

	add_count(object, "flushes", profile_flushes(profile));
	add_count(object, "lost", profile_lost(profile));
	add_text(object, "kernel", profile_kernel(profile));
	return object;
}

int report_diff_page(FILE *out, const struct report_profile *before,
		     const struct report_profile *after, const char *title)
{
	struct json_object *report = json_new();
	struct json_object *graphs = json_list();
	struct json_object *sides = json_list();
	struct page_names names;
	int error = names_make(&names);

	json_append(sides, side_json(before));
	json_append(sides, side_json(after));
	add_text(report, "schema", "gmemtrace-flush-diff-1");
	json_add(report, "title", words_json(title));
	json_add(report, "sides", sides);
	json_add(report, "sigmas", json_double(DIFF_SIGMAS));
	json_add(report, "flame", graphs);
	if (!error) {
		json_add(report, "frames", names.frames);
		error = graphs_add(graphs, &names, before, after);
		names_free(&names);
	}
	if (!error)
		error = page_write_report(out, report);
	json_object_put(report);
	return error;
}
