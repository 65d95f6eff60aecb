// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/compare.h"
#include "cli/output.h"

#define JSON_MAX (256UL << 20) /* bytes: a verdict's text is a few */

/* What stands in front of anything else: '{' begins a verdict; a capture begins otherwise. */
static int first_byte(FILE *file)
{
	int byte;

	do
		byte = fgetc(file);
	while (byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r');
	/* A pipe has no other way back. */
	return ungetc(byte, file);
}

/* An option that says how a capture is judged; NULL: none was given. */
static const char *option_of_judging(const struct compare *compare)
{
	const struct verdict_options *verdict = compare->verdict;
	const struct run_options *run = compare->run;
	const struct rule *rule = NULL;

	while ((rule = rule_next(rule))) {
		if (verdict->allow[rule->id])
			return "--allow";
	}
	return verdict->require	      ? "--require"
	       : verdict->pages_min   ? "--min-pages"
	       : verdict->inodes_min  ? "--min-inodes"
	       : verdict->allow_empty ? "--allow-empty"
	       : verdict->pages_only  ? "--pgoff"
	       : run->vm	      ? "--vm"
	       : run->comm	      ? "--comm"
	       : run->inode	      ? "--inode"
	       : run->model.stuck_ns  ? "--stuck"
				      : NULL;
}

static char *file_read(FILE *file)
{
	char *text = NULL, *grown;
	size_t used = 0, room = 0, nr;

	do {
		if (room - used < 4096) {
			room = room ? room * 2 : 65536;
			grown = room > JSON_MAX ? NULL : realloc(text, room);
			if (!grown)
				goto cleanup;
			text = grown;
		}
		nr = fread(text + used, 1, room - used - 1, file);
		used += nr;
	} while (nr);
	if (ferror(file))
		goto cleanup;
	text[used] = '\0';
	return text;
cleanup:
	free(text);
	return NULL;
}

static char *verdict_text(const struct verdict *verdict)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int error;

	if (!out)
		return NULL;
	error = report_verdict(out, verdict, report_format_find("json"), false);
	if (fclose(out) || error) {
		free(text);
		return NULL;
	}
	return text;
}

/* Judges the capture. 0 and @text, which is the caller's. */
static enum gmemtrace_status capture_judge(const struct compare *compare, const char *path,
					   char **text)
{
	struct run_options options = *compare->run;
	struct verdict *verdict = NULL;
	enum gmemtrace_status status;
	struct run_result result;
	struct run *run;

	options.file = path;
	status = run_open(&run, &options);
	if (status)
		return status;
	status = GMEMTRACE_ERROR;
	verdict = verdict_create(run_model(run), compare->verdict);
	if (!verdict) {
		output_line("out of memory");
		goto cleanup;
	}
	status = run_source(run, verdict, &result);
	if (status)
		goto cleanup;
	*text = verdict_text(verdict);
	if (*text)
		goto cleanup;
	output_line("out of memory");
	status = GMEMTRACE_ERROR;
cleanup:
	verdict_free(verdict);
	run_close(run);
	return status;
}

/* A verdict that was printed is what it is. */
static enum gmemtrace_status verdict_take(const struct compare *compare, const char *path,
					  FILE *file, char **text)
{
	const char *option = option_of_judging(compare);

	if (option) {
		output_line("%s has no meaning for a verdict that was printed (%s): give the "
			    "capture",
			    option, path);
		return GMEMTRACE_USAGE;
	}
	*text = file_read(file);
	if (*text)
		return GMEMTRACE_CONSISTENT;
	output_line("%s: cannot read", path);
	return GMEMTRACE_ERROR;
}

static enum gmemtrace_status side_read(const struct compare *compare, const char *path, char **text)
{
	FILE *file = fopen(path, "re");
	enum gmemtrace_status status;
	bool again;
	int byte;

	if (!file) {
		output_line("%s: cannot open: %s", path, strerror(errno));
		return GMEMTRACE_ERROR;
	}
	byte = first_byte(file);
	if (byte == '{') {
		status = verdict_take(compare, path, file, text);
		fclose(file);
		return status;
	}
	again = !fseek(file, 0, SEEK_SET);
	fclose(file);
	if (again)
		return capture_judge(compare, path, text);
	output_line("%s: no verdict, and as a capture it cannot be read twice: give a file", path);
	return GMEMTRACE_ERROR;
}

static enum gmemtrace_status comparison_write(const struct report_format *format, const char *path,
					      const struct report_comparison *comparison)
{
	struct output *output = output_open(path);

	if (!output)
		return GMEMTRACE_ERROR;
	return output_close(output, format->compare(output_stream(output), comparison));
}

/* As a verdict's: see check.c. */
static enum gmemtrace_status summary_add(const struct compare *compare,
					 const struct report_comparison *comparison)
{
	const char *path = getenv("GITHUB_STEP_SUMMARY");
	struct output *output;

	if (strcmp(compare->format->name, "github") != 0 || !path || !*path)
		return GMEMTRACE_CONSISTENT;
	output = output_append(path);
	if (!output)
		return GMEMTRACE_ERROR;
	return output_close(
		output, report_format_find("markdown")->compare(output_stream(output), comparison));
}

static enum gmemtrace_status comparison_report(const struct compare *compare,
					       const struct report_comparison *comparison)
{
	enum gmemtrace_status status = report_comparison_status(comparison);

	status = run_status_worse(status, comparison_write(compare->format, "-", comparison));
	status = run_status_worse(status, summary_add(compare, comparison));
	if (compare->besides)
		status = run_status_worse(
			status,
			comparison_write(compare->besides, compare->besides_path, comparison));
	return status;
}

enum gmemtrace_status compare_run(const struct compare *compare)
{
	struct report_comparison *comparison = NULL;
	char *base = NULL, *patched = NULL, message[512];
	enum gmemtrace_status status;
	int error;

	status = side_read(compare, compare->base, &base);
	if (!status)
		status = side_read(compare, compare->patched, &patched);
	if (status)
		goto cleanup;
	status = GMEMTRACE_ERROR;
	error = report_compare(base, compare->base, patched, compare->patched, &comparison, message,
			       sizeof(message));
	if (error) {
		output_line("%s", error == -EINVAL ? message : "out of memory");
		goto cleanup;
	}
	status = comparison_report(compare, comparison);
cleanup:
	report_comparison_free(comparison);
	free(base);
	free(patched);
	return status;
}
