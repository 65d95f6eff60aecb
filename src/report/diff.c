// SPDX-License-Identifier: GPL-2.0
/* Two runs held against each other, line by line, normalised to a flush. */
#include "report/diff.h"

#define WIDTH_UNIT 1000.0 /* widths are integers: thousandths of a ns, or of a flush */

/* -1, 0 or 1: which of the two comes first. An index behind the last comes last. */
static int lines_order(const struct folded_line *one, bool one_there,
		       const struct folded_line *other, bool other_there)
{
	if (!one_there || !other_there)
		return one_there ? -1 : 1;
	return frames_compare(one, other);
}

static bool diff_add(struct diff *diff, const struct folded_line *line, int side)
{
	struct diff_line *to = &diff->lines[diff->nr];

	if (!to->frames)
		to->frames = strdup(line->frames);
	to->sides[side].weight = (double)line->weight;
	to->sides[side].squares = line->squares;
	return to->frames;
}

static bool diff_merge(struct diff *diff, const struct folded_line *before, size_t before_nr,
		       const struct folded_line *after, size_t after_nr)
{
	size_t i = 0, j = 0;

	while (i < before_nr || j < after_nr) {
		int order = lines_order(&before[i], i < before_nr, &after[j], j < after_nr);
		bool made = true;

		if (order <= 0)
			made = diff_add(diff, &before[i++], 0);
		if (made && order >= 0)
			made = diff_add(diff, &after[j++], 1);
		if (!made)
			return false;
		diff->nr++;
	}
	return true;
}

int diff_make(struct diff *diff, const struct report_profile *before,
	      const struct report_profile *after, enum report_weight weight)
{
	const struct folded_line *lines[DIFF_SIDES];
	size_t nr[DIFF_SIDES];

	*diff = (struct diff){ .flushes = { (double)profile_flushes(before),
					    (double)profile_flushes(after) } };
	profile_lines(before, weight, &lines[0], &nr[0]);
	profile_lines(after, weight, &lines[1], &nr[1]);
	diff->lines = calloc(nr[0] + nr[1] + 1, sizeof(*diff->lines));
	if (diff->lines && diff_merge(diff, lines[0], nr[0], lines[1], nr[1]))
		return 0;
	diff_free(diff);
	return -ENOMEM;
}

void diff_free(struct diff *diff)
{
	/* The one behind the last may have a name. */
	for (size_t i = 0; diff->lines && i <= diff->nr; i++)
		free(diff->lines[i].frames);
	free(diff->lines);
	diff->lines = NULL;
}

/*
 * The square of the standard error of a mean over all flushes, of which each has @side's weight or
 * none.
 */
static double mean_error_square(const struct diff_side *side, double flushes)
{
	double mean = side->weight / flushes;
	double variance = side->squares / flushes - mean * mean;

	return variance > 0 ? variance / flushes : 0;
}

/* @error_square: of their difference. */
static enum diff_verdict diff_judge(double before, double after, double error_square)
{
	double change = after - before;

	if (change * change <= DIFF_SIGMAS * DIFF_SIGMAS * error_square || before == after)
		return DIFF_NOISE;
	if (!before || !after)
		return before ? DIFF_GONE : DIFF_NEW;
	return after > before ? DIFF_MORE : DIFF_LESS;
}

void diff_change(const struct diff *diff, size_t first, size_t behind, struct diff_change *change)
{
	struct diff_side sums[DIFF_SIDES] = { 0 };
	double squares = 0;

	for (size_t i = first; i < behind; i++) {
		for (int side = 0; side < DIFF_SIDES; side++) {
			sums[side].weight += diff->lines[i].sides[side].weight;
			sums[side].squares += diff->lines[i].sides[side].squares;
		}
	}
	for (int side = 0; side < DIFF_SIDES; side++)
		squares += mean_error_square(&sums[side], diff->flushes[side]);
	change->before = sums[0].weight / diff->flushes[0];
	change->after = sums[1].weight / diff->flushes[1];
	change->verdict = diff_judge(change->before, change->after, squares);
}

/* --- what is written ------------------------------------------------------------ */

struct picture {
	struct diff diff;
	const char *unit; /* "ns" */
	const struct report_profile *sides[DIFF_SIDES];
};

/* Red is more, blue is less; the deeper, the larger its share of what was there. */
static unsigned int change_color(const void *context, const struct svg_frame *frame)
{
	const struct picture *picture = context;
	struct diff_change change;
	unsigned int pale;
	double share;

	diff_change(&picture->diff, frame->first, frame->behind, &change);
	if (change.verdict == DIFF_NOISE)
		return 0xdddddd;
	share = change.after > change.before ? 1 - change.before / change.after
					     : 1 - change.after / change.before;
	pale = 210 - (unsigned int)(150 * share);
	if (change.verdict == DIFF_MORE || change.verdict == DIFF_NEW)
		return 0xff0000U | pale << 8 | pale;
	return pale << 16 | pale << 8 | 0xffU;
}

/* Shares of a flush have some, ns none. */
static int decimals(double value)
{
	return value && value < 100 ? 4 : 0;
}

static void change_title(FILE *out, const void *context, const struct svg_frame *frame,
			 __u64 weight, __u64 total)
{
	static const char *const words[] = {
		[DIFF_NOISE] = ", within the noise",
		[DIFF_MORE] = "",
		[DIFF_LESS] = "",
		[DIFF_NEW] = ", new",
		[DIFF_GONE] = ", gone",
	};
	const struct picture *picture = context;
	struct diff_change change;

	(void)weight;
	(void)total;
	diff_change(&picture->diff, frame->first, frame->behind, &change);
	fprintf(out, " (%.*f -&gt; %.*f %s a flush", decimals(change.before), change.before,
		decimals(change.after), change.after, picture->unit);
	if (change.before && change.after)
		fprintf(out, ", %+.1f %%", 100 * (change.after / change.before - 1));
	fprintf(out, "%s)", words[change.verdict]);
}

static void change_foot(FILE *out, const void *context, __u64 total)
{
	const struct picture *picture = context;

	(void)total;
	fprintf(out, "%llu flushes", (unsigned long long)profile_flushes(picture->sides[0]));
	fprintf(out,
		" -&gt; %llu; red: more a flush, blue: less or gone, grey: within %g standard "
		"errors",
		(unsigned long long)profile_flushes(picture->sides[1]), DIFF_SIGMAS);
}

double diff_mean(const struct diff *diff, size_t index, int side)
{
	return diff->lines[index].sides[side].weight / diff->flushes[side];
}

/* As wide as the larger of the two, so that what vanished is to be seen. NULL where memory is short. */
static struct folded_line *lines_drawn(const struct diff *diff)
{
	struct folded_line *lines = calloc(diff->nr + 1, sizeof(*lines));

	for (size_t i = 0; lines && i < diff->nr; i++) {
		double before = diff_mean(diff, i, 0), after = diff_mean(diff, i, 1);

		lines[i].frames = diff->lines[i].frames;
		lines[i].weight = (__u64)((before > after ? before : after) * WIDTH_UNIT + 0.5);
	}
	return lines;
}

int report_diff_svg(FILE *out, const struct report_profile *before,
		    const struct report_profile *after, enum report_weight weight)
{
	struct picture picture = {
		.unit = weight == REPORT_WEIGHT_COUNT ? "times" : "ns",
		.sides = { before, after },
	};
	char heading[128];
	const struct svg_style style = {
		.heading = heading,
		.context = &picture,
		.color = change_color,
		.title = change_title,
		.foot = change_foot,
	};
	struct folded_line *lines;
	int error = diff_make(&picture.diff, before, after, weight);

	if (error)
		return error;
	snprintf(heading, sizeof(heading), "%s: what changed a flush", folded_heading(weight));
	lines = lines_drawn(&picture.diff);
	error = lines ? svg_write(out, lines, picture.diff.nr, &style) : -ENOMEM;
	free(lines);
	diff_free(&picture.diff);
	return error;
}

/* As difffolded.pl writes it: of a million flushes each. */
int report_diff_folded(FILE *out, const struct report_profile *before,
		       const struct report_profile *after, enum report_weight weight)
{
	struct diff diff;
	int error = diff_make(&diff, before, after, weight);

	if (error)
		return error;
	for (size_t i = 0; i < diff.nr; i++)
		fprintf(out, "%s %.0f %.0f\n", diff.lines[i].frames, diff_mean(&diff, i, 0) * 1e6,
			diff_mean(&diff, i, 1) * 1e6);
	diff_free(&diff);
	return report_done(out);
}
