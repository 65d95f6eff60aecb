// SPDX-License-Identifier: GPL-2.0
/* What is kept of a run when its model has gone, to be held against another run. */
#include "report/diff.h"
#include "report/latency_words.h"

#define WEIGHTS (REPORT_WEIGHT_WAIT + 1) /* by enum report_weight */
#define REASON_MAX 256
#define LOST_UNLIKE 0.01 /* of all flushes */

struct report_profile {
	struct {
		struct folded_line *lines;
		size_t nr;
		bool there; /* it was recorded */
	} weights[WEIGHTS];
	struct folded_mode mode;
	enum report_by by;
	bool timed; /* every flush was, not only the direct map's */
	__u64 lost; /* records, calls, and figures */
	char vm[32], kernel[64]; /* "" none */
};

static void profile_text(const struct model *model, const char *key, char *text, size_t size)
{
	const char *fact = model_fact_find(model, key);

	escape_text(text, size, fact ? fact : "");
}

static void profile_facts(struct report_profile *profile, const struct model *model)
{
	const char *groups = model_fact_find(model, "sensor.groups");
	struct model_counts counts;

	model_count(model, &counts);
	profile->timed = groups && strtoul(groups, NULL, 10) & SENSOR_GROUP_FLUSHES;
	for (size_t i = 0; i < RECORD_LOSS_IDS_MAX; i++)
		profile->lost += counts.lost_by_cause[i];
	profile_text(model, "option.vm", profile->vm, sizeof(profile->vm));
	profile_text(model, "kernel.release", profile->kernel, sizeof(profile->kernel));
}

struct report_profile *report_profile_create(const struct model *model,
					     struct report_folded *folded, enum report_by by)
{
	struct report_profile *profile = calloc(1, sizeof(*profile));
	int error = profile ? 0 : -ENOMEM;

	folded_without_numbers(folded);
	for (size_t i = REPORT_WEIGHT_NS; !error && i < WEIGHTS; i++) {
		error = folded_lines(folded, (enum report_weight)i, by, &profile->weights[i].lines,
				     &profile->weights[i].nr);
		profile->weights[i].there = !error;
		error = error == -EOPNOTSUPP ? 0 : error;
	}
	if (error) {
		report_profile_free(profile);
		return NULL;
	}
	profile->by = by;
	folded_mode(folded, &profile->mode);
	profile_facts(profile, model);
	return profile;
}

void report_profile_free(struct report_profile *profile)
{
	if (!profile)
		return;
	for (size_t i = 0; i < WEIGHTS; i++)
		folded_lines_free(profile->weights[i].lines, profile->weights[i].nr);
	free(profile);
}

static double lost_share(const struct report_profile *profile)
{
	double lost = (double)profile->lost;

	return lost / (lost + (double)profile->mode.flushes);
}

static const char *mode_unlike(const struct report_profile *before,
			       const struct report_profile *after, enum report_weight weight)
{
	if (before->timed != after->timed)
		return before->timed ? "the second has flushes of the direct map and of everything "
				       "only, the first has all: record both with --flushes"
				     : "the first has flushes of the direct map and of everything "
				       "only, the second has all: record both with --flushes";
	if (before->by == REPORT_BY_STACK && before->mode.stacks != after->mode.stacks)
		return "one of them has no stacks: record both with them (--stacks), or give "
		       "another --by";
	if (before->weights[weight].there != after->weights[weight].there)
		return "one of them has no acknowledgements: give another --weight";
	if (strcmp(before->vm, after->vm) != 0 && (!*before->vm || !*after->vm))
		return "one of them is of one VM only (--vm), and the other of all";
	return NULL;
}

const char *report_diff_refusal(const struct report_profile *before,
				const struct report_profile *after, enum report_weight weight)
{
	static char reason[REASON_MAX];
	const char *unlike = mode_unlike(before, after, weight);
	double shares[DIFF_SIDES];

	if (unlike)
		return unlike;
	if (!before->mode.flushes || !after->mode.flushes)
		return before->mode.flushes ? "no flush is in the second"
					    : "no flush is in the first";
	if (!before->weights[weight].there)
		return "neither has acknowledgements: give another --weight";
	shares[0] = lost_share(before);
	shares[1] = lost_share(after);
	if (shares[0] - shares[1] <= LOST_UNLIKE && shares[1] - shares[0] <= LOST_UNLIKE)
		return NULL;
	snprintf(reason, sizeof(reason),
		 "the first lost %.1f %%, the second %.1f %%: what was lost may be the difference",
		 100 * shares[0], 100 * shares[1]);
	return reason;
}

bool profile_lines(const struct report_profile *profile, enum report_weight weight,
		   const struct folded_line **lines, size_t *nr)
{
	*lines = profile->weights[weight].lines;
	*nr = profile->weights[weight].nr;
	return profile->weights[weight].there;
}

__u64 profile_flushes(const struct report_profile *profile)
{
	return profile->mode.flushes;
}

const char *profile_kernel(const struct report_profile *profile)
{
	return profile->kernel;
}

__u64 profile_lost(const struct report_profile *profile)
{
	return profile->lost;
}
