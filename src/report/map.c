// SPDX-License-Identifier: GPL-2.0
#include "model/plural.h"
#include "report/map.h"
#include "report/object.h"

#define PAGE_KIB 4
#define ORPHANS_LISTED 64 /* in the text; JSON has all */

static const char *const size_names[MAP_SIZES] = { "4K", "2M", "1G" };
static const char *const size_keys[MAP_SIZES] = { "4k", "2m", "1g" };
static const __u64 size_pages[MAP_SIZES] = { 1, 512, 512 * 512 };

/* "512 KiB", "1.5 GiB" */
#define AMOUNT_MAX 32
static const char *amount(__u64 pages, char text[AMOUNT_MAX])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double value = (double)pages * PAGE_KIB;
	size_t unit = 0;

	while (value >= 1024 && unit < sizeof(units) / sizeof(units[0]) - 1) {
		value /= 1024;
		unit++;
	}
	snprintf(text, AMOUNT_MAX, value >= 100 || !unit ? "%.0f %s" : "%.1f %s", value,
		 units[unit]);
	return text;
}

/* The most pages first; then as they lie. */
static int sum_order(const void *left, const void *right)
{
	const struct map_sum *a = left, *b = right;

	if (a->pages != b->pages)
		return a->pages > b->pages ? -1 : 1;
	if (a->pfn != b->pfn)
		return a->pfn < b->pfn ? -1 : 1;
	return 0;
}

/* A copy, sorted; NULL where memory is short. The caller frees it. */
static struct map_sum *sums_sorted(const struct map *map)
{
	struct map_sum *sums = malloc((map->sums_nr + 1) * sizeof(*sums));

	if (!sums)
		return NULL;
	for (size_t i = 0; i < map->sums_nr; i++)
		sums[i] = map->sums[i];
	qsort(sums, map->sums_nr, sizeof(*sums), sum_order);
	return sums;
}

static void print_sizes(FILE *out, const struct map *map)
{
	char text[AMOUNT_MAX];

	fprintf(out, "direct map: pfn 0x%llx-0x%llx, %s\n", (unsigned long long)map->pfn_first,
		(unsigned long long)(map->pfn_first + map->pfn_nr - !!map->pfn_nr),
		amount(map->pfn_nr, text));
	for (size_t i = 0; i < MAP_SIZES; i++)
		fprintf(out, "  mapped by %s  %10s in %llu %s\n", size_names[i],
			amount(map->leaves[i] * size_pages[i], text),
			(unsigned long long)map->leaves[i],
			plural_of(map->leaves[i], "entry", "entries"));
	fprintf(out, "  absent        %10s, %llu page%s, holes not counted\n",
		amount(map->absent, text), (unsigned long long)map->absent, plural(map->absent));
	if (map->unread)
		fprintf(out, "  not read      %10s, %llu page%s\n", amount(map->unread, text),
			(unsigned long long)map->unread, plural(map->unread));
}

static void print_sum(FILE *out, const struct map_sum *sum)
{
	char name[64], text[AMOUNT_MAX];

	if (sum->i_ino)
		snprintf(name, sizeof(name), "%s inode %llu", map_owner_name(sum->owner),
			 (unsigned long long)sum->i_ino);
	else
		snprintf(name, sizeof(name), "%s", map_owner_name(sum->owner));
	fprintf(out, "  %-28s %10s, %llu page%s in %llu run%s, from pfn 0x%llx\n", name,
		amount(sum->pages, text), (unsigned long long)sum->pages, plural(sum->pages),
		(unsigned long long)sum->runs, plural(sum->runs), (unsigned long long)sum->pfn);
}

static void print_orphan(FILE *out, const struct map_run_of *run)
{
	fprintf(out, "  pfn 0x%llx-0x%llx, %llu page%s, %s", (unsigned long long)run->pfn,
		(unsigned long long)(run->pfn + run->nr - 1), (unsigned long long)run->nr,
		plural(run->nr), map_owner_name(run->owner));
	if (run->i_ino)
		fprintf(out, " (inode %llu)", (unsigned long long)run->i_ino);
	fprintf(out, ": %s\n", map_owner_means(run->owner));
}

static void print_orphans(FILE *out, const struct map *map)
{
	const char *reason = map_not_judged(map);
	const struct map_runs *orphans = &map->orphans;

	if (reason)
		fprintf(out, "orphans: not judged%s: %s\n",
			map_proven(map) && orphans->nr ? " throughout" : "", reason);
	if (!map_proven(map) && orphans->nr)
		return;
	if (!orphans->nr) {
		if (!reason)
			fprintf(out, "orphans: none: every absent page is somebody's\n");
		return;
	}
	fprintf(out, "orphans: %llu %s absent and nobody's who is known\n",
		(unsigned long long)map_orphan_pages(map),
		plural_of(map_orphan_pages(map), "page is", "pages are"));
	for (size_t i = 0; i < orphans->nr && i < ORPHANS_LISTED; i++)
		print_orphan(out, &orphans->list[i]);
	if (orphans->nr > ORPHANS_LISTED)
		fprintf(out, "  and %zu range%s more (--json has all)\n",
			orphans->nr - ORPHANS_LISTED, plural(orphans->nr - ORPHANS_LISTED));
}

int report_map_text(FILE *out, const struct map *map)
{
	struct map_sum *sums = sums_sorted(map);

	if (!sums)
		return -ENOMEM;
	print_sizes(out, map);
	fprintf(out, "absent, by owner\n");
	for (size_t i = 0; i < map->sums_nr; i++)
		print_sum(out, &sums[i]);
	print_orphans(out, map);
	free(sums);
	return report_done(out);
}

static struct json_object *json_present(const struct map *map)
{
	struct json_object *object = json_new();

	for (size_t i = 0; i < MAP_SIZES; i++) {
		struct json_object *size = json_new();

		add_count(size, "entries", map->leaves[i]);
		add_count(size, "pages", map->leaves[i] * size_pages[i]);
		json_add(object, size_keys[i], size);
	}
	return object;
}

static struct json_object *json_sums(const struct map *map, const struct map_sum *sums)
{
	struct json_object *list = json_list();

	for (size_t i = 0; i < map->sums_nr; i++) {
		struct json_object *sum = json_new();

		add_text(sum, "owner", map_owner_name(sums[i].owner));
		add_known(sum, "i_ino", sums[i].i_ino, sums[i].i_ino);
		add_count(sum, "pages", sums[i].pages);
		add_count(sum, "runs", sums[i].runs);
		add_count(sum, "pfn", sums[i].pfn);
		json_append(list, sum);
	}
	return list;
}

static struct json_object *json_orphans(const struct map *map)
{
	struct json_object *list = json_list();

	for (size_t i = 0; map_proven(map) && i < map->orphans.nr; i++) {
		const struct map_run_of *run = &map->orphans.list[i];
		struct json_object *orphan = json_new();

		add_count(orphan, "pfn_first", run->pfn);
		add_count(orphan, "pfn_last", run->pfn + run->nr - 1);
		add_count(orphan, "pages", run->nr);
		add_text(orphan, "owner", map_owner_name(run->owner));
		add_known(orphan, "i_ino", run->i_ino, run->i_ino);
		add_count(orphan, "entry_bytes", 1ULL << run->shift);
		add_text(orphan, "means", map_owner_means(run->owner));
		json_append(list, orphan);
	}
	return list;
}

int report_map_json(FILE *out, const struct map *map)
{
	struct json_object *object = json_new();
	struct map_sum *sums = sums_sorted(map);
	const char *reason = map_not_judged(map);
	int error;

	if (!sums) {
		json_object_put(object);
		return -ENOMEM;
	}
	add_text(object, "schema", REPORT_MAP_SCHEMA);
	add_count(object, "pfn_first", map->pfn_first);
	add_count(object, "pages", map->pfn_nr);
	json_add(object, "present", json_present(map));
	add_count(object, "absent", map->absent);
	add_count(object, "unread", map->unread);
	json_add(object, "absent_by", json_sums(map, sums));
	json_add(object, "not_judged", reason ? json_string(reason) : NULL);
	json_add(object, "orphans", json_orphans(map));
	add_count(object, "orphan_pages", map_proven(map) ? map_orphan_pages(map) : 0);
	add_count(object, "passes", map->passes);
	add_count(object, "ns", map->end - map->begin);
	free(sums);
	error = json_write(out, object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
	return error ? error : report_done(out);
}

extern const char map_schema[];
__asm__(".pushsection .rodata\n"
	".local map_schema\n"
	"map_schema:\n"
	".incbin \"src/report/map.schema.json\"\n"
	".byte 0\n"
	".popsection\n");

const char *report_map_schema(void)
{
	return map_schema;
}
