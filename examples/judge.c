// SPDX-License-Identifier: GPL-2.0
/*
 * A program of one's own on libgmemtrace: judges the capture FILE, and prints what was changed
 * inode by inode and what is violated.
 *
 *	cc judge.c $(pkg-config --cflags --libs libgmemtrace) -o judge
 */
#include <stdio.h>

#include <gmemtrace/run.h>

static void say(void *context, const char *line)
{
	fprintf((FILE *)context, "judge: %s\n", line);
}

static void inodes_print(const struct model *model)
{
	const struct model_inode *inode = NULL;
	char name[MODEL_INODE_NAME_MAX];

	while ((inode = model_inode_next(model, inode))) {
		model_inode_name(inode, name, sizeof(name));
		printf("%s: %llu pages made absent, %llu present\n", name, inode->zapped,
		       inode->restored);
	}
}

static void violations_print(const struct verdict *verdict)
{
	const struct verdict_violation *violation;

	for (size_t i = 0; (violation = verdict_violation(verdict, i)); i++)
		printf("%s: %s\n", violation->rule->name, violation->words);
	for (size_t i = 0; verdict_reason(verdict, i); i++)
		printf("not known: %s\n", verdict_reason(verdict, i));
	printf("%s\n", verdict_value_name(verdict_value(verdict)));
}

int main(int argc, char **argv)
{
	struct run_options options = {};
	enum gmemtrace_status status;
	struct run_result result;
	struct verdict *verdict;
	struct run *run;

	options.file = argc == 2 ? argv[1] : "gmemtrace.cap";
	options.say = say;
	options.context = stderr;
	status = run_open(&run, &options);
	if (status)
		return status;
	verdict = verdict_create(run_model(run), NULL);
	status = verdict ? run_source(run, verdict, &result) : GMEMTRACE_ERROR;
	if (!status) {
		inodes_print(run_model(run));
		violations_print(verdict);
		status = run_status(&result, verdict);
	}
	verdict_free(verdict);
	run_close(run);
	return status;
}
