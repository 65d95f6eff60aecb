// SPDX-License-Identifier: GPL-2.0
/* gmemtrace holders: who holds memfd_secret and guest_memfd memory, and how much of it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/plural.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "holders/scan.h"
#include "providers/provider.h"
#include "report/escape.h"
#include "report/json.h"
#include "sensor/sensor.h"

#define HOLDERS_SCHEMA "gmemtrace-holders-1"
#define LOOK_NS 200000000ULL /* what is there when the sensors are armed is found at once */
#define PAGE_KIB 4

struct holders {
	struct options options;
	bool json;
	struct run *run;
	struct holders_list list;
	struct holders_seen seen;
	bool daemon; /* what it counted when it began tells nothing of now */
};

static const struct argp_option holders_table[] = {
	{ "json", 'j', NULL, 0, "as one JSON object", 0 },
	{ 0 },
};

static error_t holders_parse(int key, char *text, struct argp_state *state)
{
	struct holders *holders = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		options_init_children(state, &holders->options, OPTIONS_CHILDREN);
		return 0;
	case 'j':
		holders->json = true;
		return 0;
	case ARGP_KEY_ARG:
		options_usage(state->name, "%s: takes no arguments: it looks at this host", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp holders_argp = {
	holders_table,
	holders_parse,
	NULL,
	"Lists the memfd_secrets and guest_memfds of this host, how much memory they hold, and the "
	"processes that hold them, by descriptor or by mapping.\v"
	"Exit status: 0 done, 2 another error, 4 cannot run here, 64 usage error.",
	options_children,
	NULL,
	NULL,
};

static bool holder_of(const struct holder *holder, const struct model_inode *inode)
{
	return holder->i_ino == inode->i_ino &&
	       holder->letter == provider_of(inode->provider)->letter;
}

/* The next that is there still; @inode NULL: the first. */
static const struct model_inode *inode_next(const struct holders *holders,
					    const struct model_inode *inode)
{
	do {
		inode = model_inode_next(run_model(holders->run), inode);
	} while (inode && (inode->dead || !provider_has(inode->provider, PROVIDER_JUDGED)));
	return inode;
}

/* Of the others nothing is known then. */
static bool holders_filtered(const struct holders *holders)
{
	const struct run_options *run = &holders->options.run;

	return run->vm || run->comm || run->inode;
}

/* memfd_secrets that exist and are in nobody's descriptors or mappings; -1: not known. */
static int64_t secrets_unseen(const struct holders *holders)
{
	const char *users = model_fact_find(run_model(holders->run), SENSOR_FACT_SECRETMEM_USERS);
	const struct model_inode *inode = NULL;
	int64_t nr;

	if (!users || holders->daemon || holders_filtered(holders))
		return -1;
	nr = strtoll(users, NULL, 10);
	while ((inode = model_inode_next(run_model(holders->run), inode)))
		nr -= inode->provider == RECORD_PROVIDER_SECRETMEM && inode->before_attach;
	return nr > 0 ? nr : 0;
}

static bool holders_all_read(const struct holders *holders)
{
	return !holders->seen.unread && !holders->seen.threads_unread && !holders->seen.hidden;
}

/* Which guest_memfds in flight could not be found, as the sensors say it; NULL: all that are bound were looked for. */
static const char *flights_unseen(const struct holders *holders)
{
	const char *looked = model_fact_find(run_model(holders->run), SENSOR_FACT_BOUND);

	return looked && strcmp(looked, SENSOR_BOUND_ALL) != 0 ? looked : NULL;
}

static uint64_t secrets_seen(const struct holders *holders)
{
	const struct model_inode *inode = NULL;
	uint64_t nr = 0;

	while ((inode = inode_next(holders, inode)))
		nr += inode->provider == RECORD_PROVIDER_SECRETMEM;
	return nr;
}

/* Whether @holder has what no sensor knows: of a kind that cannot be told, or it came meanwhile. */
static bool holder_strange(const struct holders *holders, const struct holder *holder)
{
	const struct model_inode *inode = NULL;

	while ((inode = inode_next(holders, inode))) {
		if (holder_of(holder, inode))
			return false;
	}
	/* Others' were left out. */
	return !holders_filtered(holders);
}

static uint64_t holders_strange(const struct holders *holders)
{
	uint64_t nr = 0;

	for (size_t i = 0; i < holders->list.nr; i++)
		nr += holder_strange(holders, &holders->list.entries[i].holder);
	return nr;
}

static void print_holder(FILE *out, const struct holders_entry *entry)
{
	const struct holder *holder = &entry->holder;
	char comm[4 * HOLDER_COMM_MAX];

	escape_text(comm, sizeof(comm), holder->comm);
	fprintf(out, "    %-8d %-16s ", (int)holder->pid, comm);
	if (holder->descriptor >= 0 && holder->thread)
		fprintf(out, "descriptor %d of thread %d\n", holder->descriptor,
			(int)holder->thread);
	else if (holder->descriptor >= 0)
		fprintf(out, "descriptor %d\n", holder->descriptor);
	else if (entry->mappings > 1)
		fprintf(out, "%" PRIu64 " mappings of %" PRIu64 " page%s in all\n", entry->mappings,
			entry->mapped_pages, plural(entry->mapped_pages));
	else
		fprintf(out, "mapping of %" PRIu64 " page%s\n", entry->mapped_pages,
			plural(entry->mapped_pages));
}

static bool inode_held(const struct holders *holders, const struct model_inode *inode)
{
	for (size_t i = 0; i < holders->list.nr; i++) {
		if (holder_of(&holders->list.entries[i].holder, inode))
			return true;
	}
	return false;
}

/*
 * A daemon's sensors looked when it began: who has it since may be one that cannot be looked at. Nor do sensors see the
 * descriptors of other pid namespaces' processes, but all VMs.
 */
static bool inode_in_flight(const struct holders *holders, const struct model_inode *inode)
{
	return inode->bound && !inode_held(holders, inode) && !holders->seen.hidden &&
	       (!holders->daemon || holders_all_read(holders));
}

static void print_unheld(FILE *out, const struct holders *holders, const struct model_inode *inode)
{
	bool all = holders_all_read(holders);
	char comm[4 * RECORD_COMM_LEN];

	escape_text(comm, sizeof(comm), inode->comm);
	if (inode_in_flight(holders, inode))
		fprintf(out,
			"    bound to VM %u and in no descriptor and no mapping: in flight between "
			"processes\n",
			inode->vm);
	else if (all && holders->daemon)
		fprintf(out, "    in no descriptor and no mapping: in flight between processes, or "
			     "let go of while this was written\n");
	else if (all)
		fprintf(out, "    nobody any more: it was let go of while this was written\n");
	else if (inode->vm)
		fprintf(out, "    nobody who could be looked at; first met with process %u (%s)\n",
			inode->vm, comm);
	else
		fprintf(out, "    nobody who could be looked at\n");
}

static void print_inode(FILE *out, const struct holders *holders, const struct model_inode *inode)
{
	char name[MODEL_INODE_NAME_MAX], comm[4 * RECORD_COMM_LEN];

	model_inode_name(inode, name, sizeof(name));
	fprintf(out,
		"%-6s %-10s inode %llu: %llu page%s, %llu resident (%llu KiB), %llu absent from "
		"the "
		"direct map",
		name, provider_of(inode->provider)->name, (unsigned long long)inode->i_ino,
		(unsigned long long)inode->pages, plural(inode->pages),
		(unsigned long long)inode->resident, (unsigned long long)inode->resident * PAGE_KIB,
		(unsigned long long)inode->absent);
	escape_text(comm, sizeof(comm), inode->comm);
	if (provider_of(inode->provider)->letter == 'g' && inode->vm)
		fprintf(out, "; VM %u", inode->vm);
	if (provider_of(inode->provider)->letter == 'g' && inode->vm && comm[0])
		fprintf(out, " (%s)", comm);
	fputc('\n', out);
	for (size_t i = 0; i < holders->list.nr; i++) {
		if (holder_of(&holders->list.entries[i].holder, inode))
			print_holder(out, &holders->list.entries[i]);
	}
	if (!inode_held(holders, inode))
		print_unheld(out, holders, inode);
}

static void print_strange(FILE *out, const struct holders *holders)
{
	if (!holders_strange(holders))
		return;
	fprintf(out, "held, and not known to the sensors: of a kind that cannot be told here "
		     "(gmemtrace features), or it came meanwhile\n");
	for (size_t i = 0; i < holders->list.nr; i++) {
		if (holder_strange(holders, &holders->list.entries[i].holder))
			print_holder(out, &holders->list.entries[i]);
	}
}

static int print_text(FILE *out, const struct holders *holders)
{
	const struct model_inode *inode = NULL;
	int64_t unseen = secrets_unseen(holders);
	uint64_t secrets = secrets_seen(holders);

	while ((inode = inode_next(holders, inode)))
		print_inode(out, holders, inode);
	print_strange(out, holders);
	if (unseen > 0)
		fprintf(out,
			"%" PRId64 " memfd_secret%s more %s in no descriptor and no mapping: in "
			"flight between processes, or the kernel's own\n",
			unseen, plural((unsigned long long)unseen),
			plural_of((unsigned long long)unseen, "is", "are"));
	if (flights_unseen(holders))
		fprintf(out, "guest_memfds in flight between processes that were looked for: %s\n",
			flights_unseen(holders));
	if (holders->seen.unread)
		fprintf(out, "%" PRIu64 " of %" PRIu64 " processes could not be looked at\n",
			holders->seen.unread, holders->seen.processes);
	if (holders->seen.threads_unread)
		fprintf(out,
			"%" PRIu64
			" thread%s could not be looked at, which may have descriptors of %s "
			"own\n",
			holders->seen.threads_unread, plural(holders->seen.threads_unread),
			plural_of(holders->seen.threads_unread, "its", "their"));
	if (holders->seen.hidden)
		fprintf(out, "not all processes are to be seen from here: look in the host's own "
			     "pid namespace, as root\n");
	if (secrets || unseen > 0)
		fprintf(out, "hibernation: refused while there is a memfd_secret\n");
	else if (!holders_filtered(holders))
		fprintf(out, "hibernation: no memfd_secret is in its way\n");
	return ferror(out) ? -EIO : 0;
}

static struct json_object *json_holder(const struct holders_entry *entry)
{
	const struct holder *holder = &entry->holder;
	struct json_object *object = json_new();
	char comm[4 * HOLDER_COMM_MAX];

	escape_text(comm, sizeof(comm), holder->comm);
	json_add(object, "pid", json_int(holder->pid));
	json_add(object, "comm", json_string(comm));
	if (holder->thread)
		json_add(object, "thread", json_int(holder->thread));
	if (holder->descriptor >= 0) {
		json_add(object, "descriptor", json_int(holder->descriptor));
		return object;
	}
	json_add(object, "mapped_pages", json_count(entry->mapped_pages));
	json_add(object, "mappings", json_count(entry->mappings));
	return object;
}

/* null: nobody has been seen with it, who may be there all the same. */
static struct json_object *json_in_flight(const struct holders *holders,
					  const struct model_inode *inode)
{
	if (inode_in_flight(holders, inode))
		return json_flag(true);
	return inode_held(holders, inode) ? json_flag(false) : NULL;
}

static struct json_object *json_inode(const struct holders *holders,
				      const struct model_inode *inode)
{
	struct json_object *object = json_new(), *list = json_list();
	char name[MODEL_INODE_NAME_MAX];

	model_inode_name(inode, name, sizeof(name));
	json_add(object, "inode", json_string(name));
	json_add(object, "provider", json_string(provider_of(inode->provider)->name));
	json_add(object, "i_ino", json_count(inode->i_ino));
	json_add(object, "pages", json_count(inode->pages));
	json_add(object, "resident", json_count(inode->resident));
	json_add(object, "absent", json_count(inode->absent));
	json_add(object, "vm",
		 provider_of(inode->provider)->letter == 'g' && inode->vm ? json_count(inode->vm)
									  : NULL);
	for (size_t i = 0; i < holders->list.nr; i++) {
		if (holder_of(&holders->list.entries[i].holder, inode))
			json_append(list, json_holder(&holders->list.entries[i]));
	}
	json_add(object, "holders", list);
	json_add(object, "in_flight", json_in_flight(holders, inode));
	return object;
}

static struct json_object *json_strange(const struct holders *holders)
{
	struct json_object *list = json_list();

	for (size_t i = 0; i < holders->list.nr; i++) {
		if (holder_strange(holders, &holders->list.entries[i].holder))
			json_append(list, json_holder(&holders->list.entries[i]));
	}
	return list;
}

static struct json_object *json_looked_for(const struct holders *holders)
{
	const char *looked = model_fact_find(run_model(holders->run), SENSOR_FACT_BOUND);

	return looked ? json_string(looked) : NULL;
}

static int print_json(FILE *out, const struct holders *holders)
{
	struct json_object *object = json_new(), *list = json_list();
	const struct model_inode *inode = NULL;
	int64_t unseen = secrets_unseen(holders);
	bool refused = secrets_seen(holders) || unseen > 0;
	int error;

	while ((inode = inode_next(holders, inode)))
		json_append(list, json_inode(holders, inode));
	json_add(object, "schema", json_string(HOLDERS_SCHEMA));
	json_add(object, "inodes", list);
	json_add(object, "unknown_holders", json_strange(holders));
	json_add(object, "secrets_unseen", unseen < 0 ? NULL : json_int(unseen));
	json_add(object, "in_flight_looked_for", json_looked_for(holders));
	json_add(object, "processes_unread", json_count(holders->seen.unread));
	json_add(object, "threads_unread", json_count(holders->seen.threads_unread));
	json_add(object, "processes_hidden", json_flag(holders->seen.hidden));
	json_add(object, "hibernation_refused",
		 refused || !holders_filtered(holders) ? json_flag(refused) : NULL);
	error = json_write(out, object, JSON_C_TO_STRING_PRETTY);
	return !error && ferror(out) ? -EIO : error;
}

static enum gmemtrace_status holders_report(struct holders *holders)
{
	struct output *output = output_open("-");
	int error;

	if (!output)
		return GMEMTRACE_ERROR;
	error = holders->json ? print_json(output_stream(output), holders)
			      : print_text(output_stream(output), holders);
	return output_close(output, error);
}

static enum gmemtrace_status holders_look(struct holders *holders)
{
	struct run_result result;
	enum gmemtrace_status status = trace_run(holders->run, NULL, &result);
	int error;

	if (status)
		return status;
	holders->daemon = !result.ring_bytes;
	error = holders_scan("/proc", holders_list_add, &holders->list, &holders->seen);
	if (error || holders->list.failed) {
		output_line("cannot read /proc: %s", strerror(error ? -error : ENOMEM));
		return GMEMTRACE_ERROR;
	}
	return run_status_worse(run_status(&result, NULL), holders_report(holders));
}

int subcommand_holders(int argc, char **argv, char **command)
{
	struct holders holders = { 0 };
	enum gmemtrace_status status;

	options_parse(&holders_argp, argc, argv, &holders, &holders.options, command);
	if (holders.options.run.command)
		options_usage(argv[0], "takes no CMD: it looks at what is there");
	if (!holders.options.run.duration)
		holders.options.run.duration = LOOK_NS;
	status = run_open(&holders.run, &holders.options.run);
	if (!status)
		status = holders_look(&holders);
	run_close(holders.run);
	holders_list_free(&holders.list);
	return status;
}
