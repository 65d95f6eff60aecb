// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metrics/metrics.h"
#include "providers/provider.h"

#define NS_PER_SECOND 1e9
#define BUCKETS 13

/* Upper bounds, ns; what is above the last is in +Inf alone. The same on each host: they add up. */
static const __u64 bounds[BUCKETS] = {
	1000,	 2000,	   5000,      10000,	  20000,       50000,	     100000,
	1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000,
};

struct histogram {
	__u64 counts[BUCKETS + 1]; /* the last: above all bounds */
	double sum; /* ns: of a million pages that nobody flushes a whole number is full in hours */
};

struct metrics {
	struct model *model;
	struct verdict *verdict;
	struct histogram flushes, exposures;
};

static void histogram_add(struct histogram *histogram, __u64 ns, __u64 nr)
{
	size_t i = 0;

	while (i < BUCKETS && ns > bounds[i])
		i++;
	histogram->counts[i] += nr;
	histogram->sum += (double)ns * (double)nr;
}

static void on_flushed(void *context, const struct model_flush *flush,
		       const struct model_request *request, const struct model_inode *inode)
{
	struct metrics *metrics = context;

	(void)request;
	(void)inode;
	if (flush->end >= flush->begin)
		histogram_add(&metrics->flushes, flush->end - flush->begin, 1);
}

static void on_exposure(void *context, const struct model_exposure *exposure)
{
	struct metrics *metrics = context;

	if (exposure->end >= exposure->begin)
		histogram_add(&metrics->exposures, exposure->end - exposure->begin, exposure->nr);
}

struct metrics *metrics_create(struct model *model, struct verdict *verdict)
{
	struct metrics *metrics = calloc(1, sizeof(*metrics));
	struct model_observer observer = {
		.context = metrics,
		.flushed = on_flushed,
		.exposure_ended = on_exposure,
	};

	if (!metrics)
		return NULL;
	metrics->model = model;
	metrics->verdict = verdict;
	if (!model_observe(model, &observer))
		return metrics;
	free(metrics);
	return NULL;
}

void metrics_free(struct metrics *metrics)
{
	free(metrics);
}

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void single(FILE *out, const char *name, const char *type, const char *help, double value)
{
	head(out, name, type, help);
	fprintf(out, "%s %.17g\n", name, value);
}

static void write_histogram(FILE *out, const char *name, const char *help,
			    const struct histogram *histogram)
{
	__u64 below = 0;

	head(out, name, "histogram", help);
	for (size_t i = 0; i < BUCKETS; i++) {
		below += histogram->counts[i];
		fprintf(out, "%s_bucket{le=\"%g\"} %llu\n", name, (double)bounds[i] / NS_PER_SECOND,
			(unsigned long long)below);
	}
	below += histogram->counts[BUCKETS];
	fprintf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.9f\n%s_count %llu\n", name,
		(unsigned long long)below, name, histogram->sum / NS_PER_SECOND, name,
		(unsigned long long)below);
}

static void write_verdict(const struct metrics *metrics, FILE *out)
{
	static const enum verdict_value values[] = { VERDICT_CONSISTENT, VERDICT_VIOLATED,
						     VERDICT_INCONCLUSIVE };
	enum verdict_value now = verdict_value(metrics->verdict);

	head(out, "gmemtrace_verdict", "gauge", "What is said now: the value that is 1.");
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		fprintf(out, "gmemtrace_verdict{value=\"%s\"} %d\n", verdict_value_name(values[i]),
			values[i] == now);
}

static void write_rules(const struct metrics *metrics, FILE *out, enum rule_severity severity,
			const char *name, const char *help)
{
	const struct rule *rule = NULL;

	head(out, name, "counter", help);
	while ((rule = rule_next(rule))) {
		if (rule->severity == severity && rule->built)
			fprintf(out, "%s{rule=\"%s\"} %llu\n", name, rule->name,
				(unsigned long long)verdict_rule_told(metrics->verdict, rule->id));
	}
}

/* Of violations and of notes: a 0 of either is to be told from silence. */
static void write_judged(const struct metrics *metrics, FILE *out)
{
	const char *name = "gmemtrace_rule_judged";
	__u64 judged = verdict_judged(metrics->verdict);
	const struct rule *rule = NULL;

	head(out, name, "gauge",
	     "Whether the rule is judged now, if only in part; 0: that its pages are 0 proves "
	     "nothing.");
	while ((rule = rule_next(rule))) {
		if (rule->built)
			fprintf(out, "%s{rule=\"%s\"} %d\n", name, rule->name,
				(int)(judged >> rule->id & 1));
	}
}

static void write_losses(const struct model_counts *counts, FILE *out)
{
	const char *name = "gmemtrace_lost_records_total";

	head(out, name, "counter", "Records or calls that were not seen, by cause.");
#define LOSS_LINE(cause, id, text, damage)                                                         \
	fprintf(out, "%s{cause=\"%s\"} %llu\n", name, text,                                        \
		(unsigned long long)counts->lost_by_cause[id]);
	RECORD_LOSSES(LOSS_LINE)
#undef LOSS_LINE
}

/* A counter that begins anew, and a verdict that is green again, are no proof of what was before. */
static void write_deaths(const struct metrics_moment *moment, FILE *out)
{
	single(out, "gmemtrace_judge_deaths_total", "counter",
	       "Times that the judge has died: the next one knows nothing of what was found "
	       "before.",
	       (double)moment->judge_deaths);
}

static void write_walks(const struct metrics *metrics, const struct metrics_moment *moment,
			FILE *out)
{
	struct verdict_walked walked = verdict_walked(metrics->verdict);

	single(out, "gmemtrace_map_interval_seconds", "gauge",
	       "From one walk of the direct map to the next (--map); 0: none is asked for.",
	       moment->map_interval);
	single(out, "gmemtrace_map_walks_total", "counter",
	       "Walks of the whole direct map that were judged (--map).", (double)walked.walks);
	single(out, "gmemtrace_orphan_pages", "gauge",
	       "Pages that the last walk found absent from the direct map and nobody's.",
	       (double)walked.orphan_pages);
	single(out, "gmemtrace_map_walk_seconds", "gauge",
	       "How long the last walk of everything took.", (double)walked.ns / NS_PER_SECOND);
}

struct amounts {
	__u64 inodes, resident, absent;
};

static void write_amount(FILE *out, const char *name, const char *help,
			 const struct amounts amounts[PROVIDER_NUMBERS], size_t offset)
{
	const struct provider *provider = NULL;

	head(out, name, "gauge", help);
	while ((provider = provider_next(provider))) {
		const char *of = (const char *)&amounts[provider - provider_table];

		if (!provider->letter)
			continue;
		fprintf(out, "%s{provider=\"%s\"} %llu\n", name, provider->name,
			(unsigned long long)*(const __u64 *)(const void *)(of + offset));
	}
}

static void write_inodes(const struct metrics *metrics, FILE *out)
{
	struct amounts amounts[PROVIDER_NUMBERS] = { 0 };
	const struct model_inode *inode = NULL;

	while ((inode = model_inode_next(metrics->model, inode))) {
		struct amounts *of = &amounts[provider_of(inode->provider) -
					      provider_of(RECORD_PROVIDER_UNKNOWN)];

		of->inodes += !inode->dead;
		of->resident += inode->resident;
		of->absent += inode->absent;
	}
	write_amount(out, "gmemtrace_inodes", "guest_memfds and memfd_secrets that exist.", amounts,
		     offsetof(struct amounts, inodes));
	write_amount(out, "gmemtrace_resident_pages", "Pages of theirs that are resident.", amounts,
		     offsetof(struct amounts, resident));
	write_amount(out, "gmemtrace_absent_pages", "Pages of theirs out of the direct map.",
		     amounts, offsetof(struct amounts, absent));
}

static void write_processes(const struct metrics_moment *moment, FILE *out)
{
	static const char *const names[METRICS_PROCESSES] = {
		[METRICS_PARENT] = "parent",
		[METRICS_OWNER] = "owner",
		[METRICS_SERVER] = "server",
		[METRICS_JUDGE] = "judge",
	};
	const char *name = "gmemtrace_process_cpu_seconds_total";

	head(out, name, "counter",
	     "Processor time that gmemtraced's processes have taken; what calls pay that are "
	     "traced is not in it.");
	for (size_t i = 0; i < METRICS_PROCESSES; i++)
		fprintf(out, "%s{process=\"%s\"} %.17g\n", name, names[i], moment->cpu_seconds[i]);
}

static void write_counts(const struct model_counts *counts, const struct metrics_moment *moment,
			 FILE *out)
{
	single(out, "gmemtrace_transition_pages_total", "counter",
	       "Pages whose direct-map entry was changed, either way.",
	       (double)counts->transitions);
	single(out, "gmemtrace_compared_pages", "gauge",
	       "Distinct pages that were compared with the page tables.",
	       (double)counts->pages_compared);
	single(out, "gmemtrace_open_requests", "gauge", "Calls that have not ended.",
	       (double)counts->requests_open);
	single(out, "gmemtrace_records_total", "counter", "Records that were read.",
	       (double)counts->records);
	single(out, "gmemtrace_model_memory_bytes", "gauge", "Memory that the reader keeps.",
	       (double)counts->memory);
	single(out, "gmemtrace_reader_cpu_seconds_total", "counter",
	       "Processor time that the reader, process judge, has taken.",
	       moment->cpu_seconds[METRICS_JUDGE]);
	write_processes(moment, out);
	single(out, "gmemtrace_updated_timestamp_seconds", "gauge", "When this was written.",
	       moment->time);
}

int metrics_write(const struct metrics *metrics, const struct metrics_moment *moment, FILE *out)
{
	struct model_counts counts;

	model_count(metrics->model, &counts);
	head(out, "gmemtrace_build_info", "gauge", "The version.");
	fprintf(out, "gmemtrace_build_info{version=\"%s\"} 1\n", GMEMTRACE_VERSION);
	write_verdict(metrics, out);
	write_rules(metrics, out, RULE_SEVERITY_VIOLATION, "gmemtrace_violation_pages_total",
		    "Pages that a rule accuses, by rule.");
	write_rules(metrics, out, RULE_SEVERITY_NOTE, "gmemtrace_note_pages_total",
		    "Pages that a note of cost speaks of, by rule.");
	write_judged(metrics, out);
	write_inodes(metrics, out);
	write_deaths(moment, out);
	write_walks(metrics, moment, out);
	write_histogram(out, "gmemtrace_flush_duration_seconds", "How long a flush takes.",
			&metrics->flushes);
	write_histogram(out, "gmemtrace_exposure_seconds",
			"From a page's leaving the direct map to the flush that covers it.",
			&metrics->exposures);
	write_losses(&counts, out);
	write_counts(&counts, moment, out);
	return ferror(out) ? -EIO : 0;
}

/* A new file beside @path, whose name is in @fresh, PATH_MAX bytes. Its descriptor, or -errno. */
static int fresh_open(const char *path, char *fresh)
{
	int descriptor;

	/* The collector reads what ends in .prom. */
	if (snprintf(fresh, PATH_MAX, "%s.XXXXXX", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	descriptor = mkostemp(fresh, O_CLOEXEC);
	return descriptor < 0 ? -errno : descriptor;
}

int metrics_storable(const char *path)
{
	char fresh[PATH_MAX];
	struct stat status;
	int descriptor;

	if (!*path)
		return -EINVAL;
	if (!stat(path, &status) && S_ISDIR(status.st_mode))
		return -EISDIR;
	/* It takes the place of what is there: of a device, or of the link /dev/stdout, that must not be. */
	if (!lstat(path, &status) && !S_ISREG(status.st_mode))
		return -EEXIST;
	descriptor = fresh_open(path, fresh);
	if (descriptor < 0)
		return descriptor;
	close(descriptor);
	return unlink(fresh) ? -errno : 0;
}

/* Where there is room for a part the next try says what for there is none. */
static int write_all(int descriptor, const char *text, size_t size)
{
	while (size) {
		ssize_t written = write(descriptor, text, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written ? -errno : -ENOSPC;
		text += written;
		size -= (size_t)written;
	}
	return 0;
}

int metrics_store(const char *path, const char *text, size_t size)
{
	char fresh[PATH_MAX];
	int descriptor, error;

	descriptor = fresh_open(path, fresh);
	if (descriptor < 0)
		return descriptor;
	error = write_all(descriptor, text, size);
	/* Whoever collects it is not root. */
	if (!error && fchmod(descriptor, 0644))
		error = -errno;
	if (close(descriptor) && !error)
		error = -errno;
	if (!error && rename(fresh, path))
		error = -errno;
	if (error)
		unlink(fresh);
	return error;
}
