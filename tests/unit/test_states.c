// SPDX-License-Identifier: GPL-2.0
/*
 * The model of a page as doc/page.dot draws it: from each state each record leads where its edge
 * says, and a record without an edge leaves the page as it is.
 */
#include <stdio.h>
#include <stdlib.h>

#include "scene.h"

#define EDGES_MAX 64
#define NAME_LEN 32
#define PATH_MAX_ 16
#define PFN 100

struct edge {
	char from[NAME_LEN], to[NAME_LEN], event[NAME_LEN];
};

static struct edge edges[EDGES_MAX];
static size_t edges_nr;

static int drawing_read(void **state)
{
	FILE *file = fopen("doc/page.dot", "r");
	char line[256];

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		struct edge edge;

		if (sscanf(line, " %31[a-z_] -> %31[a-z_] [label=\"%31[a-z-]\"]", edge.from,
			   edge.to, edge.event) != 3)
			continue;
		assert_true(edges_nr < EDGES_MAX);
		edges[edges_nr++] = edge;
	}
	fclose(file);
	return !edges_nr;
}

static const struct edge *edge_find(const char *from, const char *event)
{
	for (size_t i = 0; i < edges_nr; i++) {
		if (!strcmp(edges[i].from, from) && !strcmp(edges[i].event, event))
			return &edges[i];
	}
	return NULL;
}

static void prepare(void)
{
	struct record_owner *record;

	stream_join(&stream, T, G, 0, PFN);
	record = (struct record_owner *)(stream.data + stream.used - sizeof(*record));
	record->prepared = 1;
}

static void ask(__u32 tid, bool present)
{
	stream_begin(&stream, tid, G, RECORD_OPERATION_SET_RANGE, 0, 0, present);
	stream_end(&stream, tid, G, RECORD_OPERATION_SET_RANGE, 0, 0, present);
}

/* Opposites at the same time: which came last nobody knows. */
static void ask_both(void)
{
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, true);
	stream_begin(&stream, T + 1, G, RECORD_OPERATION_SET_RANGE, 0, 0, false);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, true);
	stream_end(&stream, T + 1, G, RECORD_OPERATION_SET_RANGE, 0, 0, false);
}

static void happen(const char *event)
{
	if (!strcmp(event, "join"))
		stream_join(&stream, T, G, 0, PFN);
	else if (!strcmp(event, "prepare"))
		prepare();
	else if (!strcmp(event, "zap"))
		stream_zap(&stream, T, 0, 0, PFN, 1, false, 0);
	else if (!strcmp(event, "restore"))
		stream_zap(&stream, T, 0, 0, PFN, 1, true, 0);
	else if (!strcmp(event, "flush"))
		stream_flush(&stream, T, PFN, PFN, false);
	else if (!strcmp(event, "leave"))
		stream_leave(&stream, T, PFN);
	else if (!strcmp(event, "ask-present"))
		ask(T, true);
	else if (!strcmp(event, "ask-absent"))
		ask(T, false);
	else if (!strcmp(event, "ask-both"))
		ask_both();
	else
		fail_msg("doc/page.dot has an event '%s' that this test does not know", event);
	stream_heartbeat(&stream);
}

/* The edges that lead from @start to @wanted: the shortest way, backwards from its end. */
static size_t way_find(const char *start, const char *wanted, const struct edge **way)
{
	char reached[EDGES_MAX][NAME_LEN];
	const struct edge *by[EDGES_MAX] = { NULL };
	size_t nr = 1, length = 0, at;

	snprintf(reached[0], NAME_LEN, "%s", start);
	for (at = 0; at < nr && strcmp(reached[at], wanted) != 0; at++) {
		for (size_t i = 0; i < edges_nr; i++) {
			bool known = strcmp(edges[i].from, reached[at]) != 0;

			for (size_t j = 0; j < nr; j++)
				known = known || !strcmp(reached[j], edges[i].to);
			if (known)
				continue;
			snprintf(reached[nr], NAME_LEN, "%s", edges[i].to);
			by[nr++] = &edges[i];
		}
	}
	assert_true(at < nr);
	while (by[at] && length < PATH_MAX_) {
		way[length++] = by[at];
		for (size_t j = 0; j < nr; j++) {
			if (!strcmp(reached[j], way[length - 1]->from)) {
				at = j;
				break;
			}
		}
	}
	return length;
}

static const char *applied_name(const struct model_page *page)
{
	if (!page->resident)
		return "none";
	if (page->applied == MODEL_PRESENT)
		return page->prepared ? "present" : "came";
	if (page->applied != MODEL_ABSENT)
		return "unknown";
	if (page->exposed)
		return page->prepared ? "exposed" : "cut";
	return page->prepared ? "absent" : "hidden";
}

static const char *declared_name(const struct model_page *page)
{
	return page->declared == MODEL_PRESENT	? "wants_present"
	       : page->declared == MODEL_ABSENT ? "wants_absent"
						: "wants_either";
}

/* In @state, @event happens: where that leads. */
static void expect_step(const char *start, const char *state, const char *event)
{
	const struct edge *way[PATH_MAX_], *edge = edge_find(state, event);
	size_t length = way_find(start, state, way);
	const char *found, *wanted = edge ? edge->to : state;
	struct model_page page;

	stream_free(&stream);
	stream_init(&stream);
	stream_inode(&stream, G, RFC3, 64, false);
	while (length)
		happen(way[--length]->event);
	happen(event);
	stream_judge(&stream, NULL);
	model_page(stream.model, model_inode_find(stream.model, G), 0, &page);
	found = !strcmp(start, "none") ? applied_name(&page) : declared_name(&page);
	if (strcmp(found, wanted) != 0)
		fail_msg("from '%s' by '%s': '%s', and doc/page.dot says '%s'", state, event, found,
			 wanted);
}

static void expect_steps(const char *start, const char *const *states, size_t states_nr,
			 const char *const *events, size_t events_nr)
{
	for (size_t i = 0; i < states_nr; i++) {
		for (size_t j = 0; j < events_nr; j++)
			expect_step(start, states[i], events[j]);
	}
}

#define NR(array) (sizeof(array) / sizeof((array)[0]))

static void test_applied(void **state)
{
	static const char *const states[] = { "none",	 "came",    "cut",   "hidden",
					      "present", "exposed", "absent" };
	static const char *const events[] = {
		"join", "prepare", "zap", "restore", "flush", "leave"
	};

	(void)state;
	expect_steps("none", states, NR(states), events, NR(events));
}

static void test_declared(void **state)
{
	static const char *const states[] = { "wants_absent", "wants_present", "wants_either" };
	static const char *const events[] = { "ask-present", "ask-absent", "ask-both" };

	(void)state;
	expect_steps("wants_absent", states, NR(states), events, NR(events));
}

/* The drawing has no state that the two tests do not walk to. */
static void test_whole(void **state)
{
	size_t applied = 0, declared = 0;

	(void)state;
	for (size_t i = 0; i < edges_nr; i++) {
		if (strncmp(edges[i].from, "wants_", 6) != 0)
			applied++;
		else
			declared++;
	}
	assert_int_equal(applied, 19);
	assert_int_equal(declared, 6);
}

#define STATES_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STATES_TEST(test_applied),
		STATES_TEST(test_declared),
		cmocka_unit_test(test_whole),
	};

	return cmocka_run_group_tests(tests, drawing_read, NULL);
}
