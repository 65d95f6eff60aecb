// SPDX-License-Identifier: GPL-2.0
/*
 * The flame graphs of a page. A name stands once, however many stacks it is in, and what cannot be
 * seen is summed up: a page of ten million flushes is no larger than one of ten thousand.
 */
#include "report/folded.h"
#include "report/page.h"

#define NAMELESS "[unknown]" /* as src/sensor/stacks.c writes it */

struct graphs {
	struct page_graphs made;
	struct page_names names;
};

const struct page_weight page_weights[PAGE_WEIGHTS] = {
	{ REPORT_WEIGHT_NS, "ns" },
	{ REPORT_WEIGHT_WAIT, "wait" },
	{ REPORT_WEIGHT_COUNT, "count" },
	{ REPORT_WEIGHT_EXPOSURE, "exposure" },
};

static void name_free(struct lh_entry *entry)
{
	json_object_put((struct json_object *)lh_entry_v(entry));
	free(lh_entry_k(entry));
}

/* The place of @name in frames; -1 where memory is short. */
static long frame_id(struct page_names *names, const char *name, size_t length)
{
	char *copy = strndup(name, length);
	size_t id = json_length(names->frames);
	struct json_object *number;
	void *found;

	if (!copy)
		return -1;
	if (lh_table_lookup_ex(names->ids, copy, &found)) {
		free(copy);
		return (long)json_object_get_int64(found);
	}
	number = json_int((int64_t)id);
	if (lh_table_insert(names->ids, copy, number)) {
		json_object_put(number);
		free(copy);
		return -1;
	}
	json_append(names->frames, json_string(copy));
	return (long)id;
}

struct json_object *names_places(struct page_names *names, const char *frames)
{
	struct json_object *array = json_list();

	for (size_t length; *frames; frames += length + (frames[length] == ';')) {
		long id;

		length = strcspn(frames, ";");
		id = frame_id(names, frames, length);
		if (id < 0) {
			json_object_put(array);
			return NULL;
		}
		json_append(array, json_int(id));
	}
	return array;
}

int names_make(struct page_names *names)
{
	names->ids = lh_kchar_table_new(1024, name_free);
	names->frames = names->ids ? json_list() : NULL;
	return names->ids ? 0 : -ENOMEM;
}

void names_free(struct page_names *names)
{
	lh_table_free(names->ids);
	names->ids = NULL;
}

static int weight_compare(const void *left, const void *right)
{
	const __u64 *one = left, *other = right;

	return (*one < *other) - (*one > *other);
}

/* Lines of that weight and more are drawn, or a few less. 0 and @least, or -ENOMEM. */
static int weight_least(const struct folded_line *lines, size_t nr, __u64 *least)
{
	__u64 *weights;

	*least = 0;
	if (nr <= PAGE_LINES_MAX)
		return 0;
	weights = calloc(nr, sizeof(*weights));
	if (!weights)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++)
		weights[i] = lines[i].weight;
	qsort(weights, nr, sizeof(*weights), weight_compare);
	*least = weights[PAGE_LINES_MAX - 1];
	free(weights);
	return 0;
}

static int line_add(struct graphs *graphs, struct json_object *array, const char *frames,
		    __u64 weight)
{
	struct json_object *line = json_list();
	struct json_object *ids = names_places(&graphs->names, frames);

	json_append(line, ids);
	json_append(line, json_count(weight));
	json_append(array, line);
	return ids ? 0 : -ENOMEM;
}

static int lines_add(struct graphs *graphs, struct json_object *array,
		     const struct folded_line *lines, size_t nr)
{
	__u64 least, others = 0;
	size_t drawn = 0;
	int error = weight_least(lines, nr, &least);

	for (size_t i = 0; !error && i < nr; i++) {
		if (lines[i].weight < least || drawn == PAGE_LINES_MAX) {
			others = times_added(others, lines[i].weight, 1);
			continue;
		}
		error = line_add(graphs, array, lines[i].frames, lines[i].weight);
		drawn++;
	}
	if (!error && others)
		error = line_add(graphs, array, "[others]", others);
	if (nr - drawn > graphs->made.left)
		graphs->made.left = nr - drawn;
	return error;
}

/* A weight that was not recorded is no graph. */
static int graph_add(struct graphs *graphs, struct report_folded *folded, enum report_weight weight,
		     const char *name)
{
	struct json_object *graph, *array;
	struct folded_line *lines;
	size_t nr;
	int error = folded_lines(folded, weight, REPORT_BY_STACK, &lines, &nr);

	if (error)
		return error == -EOPNOTSUPP ? 0 : error;
	if (nr) {
		graph = json_new();
		array = json_list();
		add_text(graph, "weight", name);
		json_add(graph, "lines", array);
		json_append(graphs->made.list, graph);
		error = lines_add(graphs, array, lines, nr);
	}
	folded_lines_free(lines, nr);
	return error;
}

int graphs_make(struct page_graphs *made, struct report_folded *folded)
{
	struct graphs graphs = { 0 };
	int error = names_make(&graphs.names);

	if (error)
		return error;
	graphs.made.frames = graphs.names.frames;
	graphs.made.list = json_list();
	for (size_t i = 0; !error && i < PAGE_WEIGHTS; i++)
		error = graph_add(&graphs, folded, page_weights[i].weight, page_weights[i].name);
	graphs.made.nameless = lh_table_lookup_ex(graphs.names.ids, NAMELESS, NULL);
	names_free(&graphs.names);
	if (error) {
		json_object_put(graphs.made.frames);
		json_object_put(graphs.made.list);
		return error;
	}
	*made = graphs.made;
	return 0;
}
