// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "run/filter.h"
#include "cli/output.h"
#include "run/replay.h"

/* The facts that a recorder writes first. */
static void replay_read_facts(struct replay *replay, struct capture_reader *reader)
{
	const struct record_header *record;

	while (capture_next(reader, &record) == 1 && record->kind == RECORD_FACT) {
		const struct record_fact *fact = (const void *)record;

		if (!strcmp(record_fact_key(fact), "option.stuck_ns"))
			replay->stuck_ns = strtoull(record_fact_value(fact), NULL, 10);
	}
}

int replay_open(struct replay *replay, const char *path)
{
	struct stat status;
	char message[512];

	*replay = (struct replay){ .path = path };
	/* A pipe can be read once only. */
	if (!stat(path, &status) && S_ISREG(status.st_mode)) {
		if (capture_open(path, &replay->reader, message, sizeof(message)))
			goto failed;
		replay_read_facts(replay, replay->reader);
		capture_reader_close(replay->reader);
	}
	if (capture_open(path, &replay->reader, message, sizeof(message)))
		goto failed;
	return 0;
failed:
	replay->reader = NULL;
	output_error("%s", message);
	return GMEMTRACE_ERROR;
}

/* A capture whose writer was killed, or that lost its end on the way here. */
static void replay_tell_incomplete(const struct replay *replay, struct verdict *verdict)
{
	const struct capture_info *info = capture_info(replay->reader);
	const char *message = capture_message(replay->reader);

	if (!info->incomplete && !info->cut)
		return;
	if (*message)
		output_notice("%s", message);
	if (verdict)
		verdict_mark_incomplete(verdict, info->cut
							 ? "the capture is cut: its end is missing"
							 : "the capture was never finished");
}

static int replay_feed(struct replay *replay, struct filter *filter, struct model *model,
		       struct verdict *verdict, const bool *enough)
{
	const struct record_header *record;
	int read;

	while (!(enough && *enough) && (read = capture_next(replay->reader, &record)) != 0) {
		if (read < 0) {
			output_error("%s", capture_message(replay->reader));
			return GMEMTRACE_ERROR;
		}
		record = filter_apply(filter, record);
		if (!record || !model_feed(model, record))
			continue;
		output_error("out of memory for the model: the rest of %s is not judged",
			     replay->path);
		if (verdict)
			verdict_mark_incomplete(
				verdict, "memory for the model was short: a part was not judged");
		return 0;
	}
	if (!(enough && *enough))
		replay_tell_incomplete(replay, verdict);
	return 0;
}

int replay_run(struct replay *replay, uint32_t vm, struct model *model, struct verdict *verdict,
	       const bool *enough)
{
	struct filter filter = { .vm = vm };
	int status = replay_feed(replay, &filter, model, verdict, enough);

	if (vm && !filter.inodes && !status)
		output_notice("no inode of VM %u is in %s: --vm takes the process id of a VM that "
			      "was traced",
			      vm, replay->path);
	filter_destroy(&filter);
	if (!status && model_finish(model))
		status = GMEMTRACE_ERROR;
	return status;
}

void replay_close(struct replay *replay)
{
	capture_reader_close(replay->reader);
	replay->reader = NULL;
}
