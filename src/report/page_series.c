// SPDX-License-Identifier: GPL-2.0
#include "report/page.h"

#define WIDTH_FIRST 1000000ULL /* ns */

/* Two steps become one, so that twice the time fits. */
static void steps_widen(struct page_series *series)
{
	for (size_t i = 0; i < PAGE_STEPS; i++) {
		struct page_step *step = &series->steps[i];

		if (i >= PAGE_STEPS / 2) {
			memset(step, 0, sizeof(*step));
			continue;
		}
		*step = series->steps[2 * i];
		step->flush_ns += series->steps[2 * i + 1].flush_ns;
		step->exposed += series->steps[2 * i + 1].exposed;
		step->lost |= series->steps[2 * i + 1].lost;
	}
	series->width *= 2;
}

/* The step of @time, and the steps are made to reach it. */
static size_t step_at(struct page_series *series, __u64 time)
{
	__u64 since = time > series->begin ? time - series->begin : 0;

	if (!series->width)
		series->width = WIDTH_FIRST;
	while (since / series->width >= PAGE_STEPS)
		steps_widen(series);
	if (since > series->last)
		series->last = since;
	return (size_t)(since / series->width);
}

void series_flush(struct page_series *series, __u64 begin, __u64 end)
{
	size_t last = step_at(series, end), first = step_at(series, begin);

	for (size_t i = first; i <= last; i++) {
		__u64 from = series->begin + i * series->width, to = from + series->width;

		from = from > begin ? from : begin;
		to = to < end ? to : end;
		series->steps[i].flush_ns += to > from ? to - from : 0;
	}
}

/* One of so many points is kept that they fit, evenly from all. */
static void point_keep(struct page_series *series, const struct page_point *point)
{
	if (!series->points_every)
		series->points_every = 1;
	if (series->points_met++ % series->points_every)
		return;
	if (series->points_nr == PAGE_POINTS_MAX) {
		for (size_t i = 0; i < PAGE_POINTS_MAX / 2; i++)
			series->points[i] = series->points[2 * i];
		series->points_nr = PAGE_POINTS_MAX / 2;
		series->points_every *= 2;
	}
	series->points[series->points_nr++] = *point;
}

void series_exposure(struct page_series *series, __u64 begin, __u64 end, __u64 pages, __u32 vm)
{
	struct page_point point = {
		.at = begin > series->begin ? begin - series->begin : 0,
		.ns = end > begin ? end - begin : 0,
		.pages = pages,
		.vm = vm,
	};
	size_t last = step_at(series, end), first = step_at(series, begin);

	point_keep(series, &point);
	series->steps[first].exposed += (__s64)pages;
	series->steps[last].exposed -= (__s64)pages;
}

void series_lost(struct page_series *series, __u64 since, __u64 until)
{
	size_t last = step_at(series, until), first = step_at(series, since);

	for (size_t i = first; i <= last; i++)
		series->steps[i].lost = true;
}

static void array_add(struct json_object *array, __u64 value)
{
	json_append(array, json_count(value));
}

struct json_object *series_points_json(const struct page_series *series)
{
	struct json_object *points = json_list();

	for (size_t i = 0; i < series->points_nr; i++) {
		const struct page_point *point = &series->points[i];
		struct json_object *entry = json_list();

		array_add(entry, point->at);
		array_add(entry, point->ns);
		array_add(entry, point->pages);
		array_add(entry, point->vm);
		json_append(points, entry);
	}
	return points;
}

struct json_object *series_steps_json(const struct page_series *series)
{
	struct json_object *steps = json_list();
	size_t nr = series->width ? (size_t)(series->last / series->width) + 1 : 0;
	__s64 exposed = 0;

	for (size_t i = 0; i < nr; i++) {
		const struct page_step *step = &series->steps[i];
		struct json_object *entry = json_list();

		exposed += step->exposed;
		array_add(entry, i * series->width);
		array_add(entry, step->flush_ns);
		array_add(entry, exposed > 0 ? (__u64)exposed : 0);
		json_append(entry, json_flag(step->lost));
		json_append(steps, entry);
	}
	return steps;
}
