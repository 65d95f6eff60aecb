// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "run/filter.h"
#include "run/memory.h"
#include "run/replay.h"
#include "run/say.h"
#include "run/session.h"

struct run {
	struct run_options options;
	struct model *model;
	struct replay replay;
	volatile sig_atomic_t enough;
};

enum gmemtrace_status run_open(struct run **out, const struct run_options *options)
{
	struct run *run = calloc(1, sizeof(*run));
	enum gmemtrace_status status = GMEMTRACE_ERROR;

	*out = NULL;
	if (!run)
		goto no_memory;
	run->options = *options;
	run->options.model.vm = filter_vm(options);
	if (!run->options.model.memory_most)
		run->options.model.memory_most = memory_half();
	if (options->file) {
		status = replay_open(&run->replay, options);
		if (status)
			goto failed;
		if (!run->options.model.stuck_ns)
			run->options.model.stuck_ns = run->replay.stuck_ns;
		if (!filter_vm(options))
			run->options.model.vm = run->replay.vm;
	}
	run->model = model_create(&run->options.model);
	if (!run->model)
		goto no_memory;
	*out = run;
	return 0;
no_memory:
	run_say(options, "out of memory");
failed:
	run_close(run);
	return status ? status : GMEMTRACE_ERROR;
}

struct model *run_model(struct run *run)
{
	return run->model;
}

static void filter_say_none(const struct run_options *options)
{
	const char *traced = options->file ? " that was traced" : "";

	if (options->comm || options->inode)
		run_say(options,
			"no inode was seen that passes the filter: --inode takes a number such as "
			"g3, --comm the name of a VM's process%s, --vm its id",
			traced);
	else
		run_say(options, "no inode of VM %u was seen: --vm takes the process id of a VM%s",
			options->vm, traced);
}

/* A number may be another capture's: the letter tells. */
static enum gmemtrace_status inode_check(const struct run *run)
{
	const struct run_options *options = &run->options;
	const struct model_inode *inode = NULL;
	char name[MODEL_INODE_NAME_MAX];

	while (options->inode_letter && (inode = model_inode_next(run->model, inode))) {
		model_inode_name(inode, name, sizeof(name));
		if (inode->number != options->inode || *name == options->inode_letter)
			continue;
		run_say(options,
			"--inode %c%llu: that inode is %s here (%s): is it another capture's "
			"number?",
			options->inode_letter, (unsigned long long)options->inode, name,
			model_provider_name(inode->provider));
		return GMEMTRACE_ERROR;
	}
	return 0;
}

enum gmemtrace_status run_source(struct run *run, struct verdict *verdict,
				 struct run_result *result)
{
	const struct run_options *options = &run->options;
	enum gmemtrace_status status = 0;

	*result = (struct run_result){ .command_status = -1 };
	if (options->file)
		status = replay_run(&run->replay, options, run->model, verdict, &run->enough,
				    result);
	else
		status = session_run(options, run->model, verdict, &run->enough, result);
	if (!status && filter_vm(options) && !result->inodes)
		filter_say_none(options);
	return status ? status : inode_check(run);
}

void run_enough(struct run *run)
{
	run->enough = true;
}

void run_close(struct run *run)
{
	if (!run)
		return;
	replay_close(&run->replay);
	model_free(run->model);
	free(run);
}

enum gmemtrace_status run_status_worse(enum gmemtrace_status one, enum gmemtrace_status other)
{
	static const enum gmemtrace_status order[] = { GMEMTRACE_VIOLATED, GMEMTRACE_INCONCLUSIVE,
						       GMEMTRACE_ERROR, GMEMTRACE_CANNOT_RUN,
						       GMEMTRACE_USAGE };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (one == order[i] || other == order[i])
			return order[i];
	}
	return one ? one : other;
}

enum gmemtrace_status run_status(const struct run_result *result, const struct verdict *verdict)
{
	enum gmemtrace_status status = result->failure;

	if (result->command_status > 0)
		status = run_status_worse(status, GMEMTRACE_ERROR);
	if (!verdict)
		return status;
	return run_status_worse(
		status, verdict_exit_status(verdict_value(verdict), result->command_status));
}
