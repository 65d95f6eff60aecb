// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/child.h"
#include "daemon/confine.h"
#include "daemon/http.h"
#include "daemon/judge.h"
#include "daemon/walk.h"
#include "gmemtrace/run.h"
#include "metrics/metrics.h"
#include "report/escape.h"

#define FILE_NS 10000000000ULL /* between two files */
#define PAGE_NS 1000000000ULL /* between two pages that are served */
#define SNAPSHOT_NS 60000000000ULL /* between two reads of an inode */
#define TOLD_MAX 1024 /* causes; the verdict lists no more */
#define WALK_RECORDS 65536 /* of walks, in one turn */

/* A cause that was told of. */
struct told {
	const struct rule *rule;
	const struct model_inode *inode;
	uint64_t first, last; /* pgoff; of pages that have none: which cause it is */
};

struct judge {
	const struct judge_options *options;
	int channel;
	struct run *run;
	struct verdict *verdict;
	struct metrics *metrics;
	struct http *http;
	bool going; /* the sensors' first heartbeat is here */
	uint64_t filed, served; /* ns: model's time */
	bool confined;
	size_t listed; /* violations, when they were last looked at */
	__u64 taken_back; /* pages of violations, then */
	bool unlisted_said;
	struct told told[TOLD_MAX];
	size_t told_nr;
	struct judge_message message; /* that is being made */
};

static void judge_send(struct judge *judge, enum judge_message_kind kind, size_t size)
{
	judge->message.kind = kind;
	judge->message.size = (uint32_t)size;
	/* Whoever does not read it has gone, and we go with him. */
	if (send(judge->channel, &judge->message, offsetof(struct judge_message, u) + size,
		 MSG_NOSIGNAL) < 0)
		return;
}

static void judge_say(void *context, const char *line)
{
	struct judge *judge = context;
	size_t size = strlen(line);

	if (size > JUDGE_TEXT_MAX)
		size = JUDGE_TEXT_MAX;
	memcpy(judge->message.u.text, line, size);
	judge_send(judge, JUDGE_SAY, size);
}

static double seconds(clockid_t clock)
{
	struct timespec time = { 0 };

	clock_gettime(clock, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Of any process: for reading its clock nobody needs a privilege. */
static double process_seconds(pid_t pid)
{
	clockid_t clock;

	return pid > 0 && !clock_getcpuclockid(pid, &clock) ? seconds(clock) : 0;
}

static struct metrics_moment moment_now(const struct judge_options *options)
{
	return (struct metrics_moment){
		.time = seconds(CLOCK_REALTIME),
		.judge_deaths = options->deaths,
		.map_interval = (double)options->map_every / 1e9,
		.cpu_seconds = {
			[METRICS_PARENT] = process_seconds(getppid()),
			[METRICS_OWNER] = process_seconds(options->owner),
			[METRICS_SERVER] = process_seconds(options->server),
			[METRICS_JUDGE] = seconds(CLOCK_PROCESS_CPUTIME_ID),
		},
	};
}

/* The metrics as they are now, in memory that is the caller's. NULL: there is none. */
static char *metrics_text(const struct judge *judge, size_t *size)
{
	const struct metrics_moment moment = moment_now(judge->options);
	char *text = NULL;
	FILE *out = open_memstream(&text, size);
	int error;

	if (!out)
		return NULL;
	error = metrics_write(judge->metrics, &moment, out);
	if (!fclose(out) && !error)
		return text;
	free(text);
	return NULL;
}

static void metrics_publish(struct judge *judge, bool file, bool page)
{
	size_t size = 0;
	char *text = file || page ? metrics_text(judge, &size) : NULL;

	if (!text)
		return;
	if (file && size <= JUDGE_TEXT_MAX) {
		memcpy(judge->message.u.text, text, size);
		judge_send(judge, JUDGE_METRICS, size);
	}
	if (page)
		http_publish(judge->http, text, size);
	free(text);
}

static struct told told_of(const struct verdict_violation *violation)
{
	bool known = violation->pgoff_known;

	return (struct told){
		.rule = violation->rule,
		.inode = violation->inode,
		.first = known ? violation->pgoff_first : violation->variant,
		.last = known ? violation->pgoff_last : violation->variant,
	};
}

/* Causes of one rule that touch become one: what touches what was told is no new one. */
static bool was_told(const struct judge *judge, const struct told *now)
{
	for (size_t i = 0; i < judge->told_nr; i++) {
		const struct told *told = &judge->told[i];

		if (told->rule == now->rule && told->inode == now->inode &&
		    told->first <= now->last && now->first <= told->last)
			return true;
	}
	return false;
}

static void violation_fill(struct alarm_violation *to, const struct verdict_violation *violation)
{
	const struct model_inode *inode = violation->inode;
	char comm[RECORD_COMM_LEN + 1] = "";

	*to = (struct alarm_violation){ .pages = violation->pages };
	snprintf(to->rule, sizeof(to->rule), "%s", violation->rule->name);
	escape_text(to->words, sizeof(to->words), violation->words);
	if (violation->pgoff_known)
		snprintf(to->pgoff, sizeof(to->pgoff), "0x%llx-0x%llx",
			 (unsigned long long)violation->pgoff_first,
			 (unsigned long long)violation->pgoff_last);
	if (!inode)
		return;
	model_inode_name(inode, to->inode, sizeof(to->inode));
	to->vm = inode->vm ? inode->vm : inode->tgid;
	memcpy(comm, inode->comm, RECORD_COMM_LEN);
	escape_text(to->comm, sizeof(to->comm), comm);
}

static void violation_tell(struct judge *judge, const struct verdict_violation *violation)
{
	const struct told now = told_of(violation);

	if (judge->told_nr == TOLD_MAX || was_told(judge, &now))
		return;
	judge->told[judge->told_nr++] = now;
	violation_fill(&judge->message.u.violation, violation);
	judge_send(judge, JUDGE_VIOLATION, sizeof(judge->message.u.violation));
}

/* There may be fewer violations for another reason: causes become one. */
static __u64 taken_back(const struct verdict *verdict)
{
	const struct rule *rule = NULL;
	__u64 pages = 0;

	while ((rule = rule_next(rule))) {
		if (rule->severity == RULE_SEVERITY_VIOLATION)
			pages += verdict_rule_told(verdict, rule->id) -
				 verdict_rule_count(verdict, rule->id);
	}
	return pages;
}

static void violations_tell(struct judge *judge)
{
	const struct verdict_violation *violation;
	size_t listed = verdict_violations(judge->verdict);
	__u64 back = taken_back(judge->verdict);

	if (verdict_unlisted(judge->verdict) && !judge->unlisted_said) {
		judge->unlisted_said = true;
		judge_say(judge,
			  "more violations than can be listed: those that follow are counted "
			  "and not told of");
	}
	if (listed == judge->listed && back == judge->taken_back)
		return;
	if (back != judge->taken_back)
		judge_say(judge, "violations that were told of are taken back: their pages came or "
				 "changed by what no sensor knows");
	judge->listed = listed;
	judge->taken_back = back;
	for (size_t i = 0; (violation = verdict_violation(judge->verdict, i)); i++)
		violation_tell(judge, violation);
}

static void on_advanced(void *context, __u64 now)
{
	struct judge *judge = context;
	bool file = judge->options->file && (!judge->filed || now >= judge->filed + FILE_NS);
	bool page = judge->http && (!judge->served || now >= judge->served + PAGE_NS);

	judge->going = true;
	violations_tell(judge);
	metrics_publish(judge, file, page);
	if (file)
		judge->filed = now;
	if (page)
		judge->served = now;
}

/* Once what needs it has been opened. */
static void judge_confine(struct judge *judge)
{
	char message[256];

	if (judge->confined)
		return;
	judge->confined = true;
	if (confine(message, sizeof(message))) {
		judge_say(judge, message);
		_exit(GMEMTRACE_ERROR);
	}
	/* Once is enough: who serves says it, but of a capture nobody does. */
	if (*message && judge->options->capture)
		judge_say(judge, message);
	if (judge->options->listener < 0)
		return;
	judge->http = http_start(judge->options->listener, HTTP_PATIENCE_S);
	if (!judge->http)
		judge_say(judge, "--metrics: cannot start the server: no thread or no memory");
}

/* Behind the sensors' first records, so that these say when it all began. */
static void walks_take(struct judge *judge)
{
	union walk_packet packet;

	for (int i = 0; i < WALK_RECORDS && walk_receive(judge->options->walks, &packet); i++) {
		/* Short of memory the next of the sensors' records says so. */
		if (model_feed(run_model(judge->run), &packet.header))
			return;
	}
}

/* The first time that it is called it is connected. */
static void on_tick(void *context)
{
	struct judge *judge = context;

	judge_confine(judge);
	if (judge->going && judge->options->walks >= 0)
		walks_take(judge);
}

static int judge_run(struct judge *judge, struct run *run)
{
	/* A host without such memory is no host in doubt. */
	const struct verdict_options judging = { .allow_empty = true };
	const struct model_observer observer = { .context = judge, .advanced = on_advanced };
	struct run_result result;
	int status;

	judge->run = run;
	judge->verdict = verdict_create(run_model(run), &judging);
	judge->metrics = judge->verdict ? metrics_create(run_model(run), judge->verdict) : NULL;
	if (!judge->metrics || model_observe(run_model(run), &observer))
		return GMEMTRACE_ERROR;
	if (judge->options->capture)
		judge_confine(judge);
	status = run_source(run, judge->verdict, &result);
	if (status)
		return status;
	violations_tell(judge);
	metrics_publish(judge, judge->options->file, judge->http);
	/* What was found in a capture stays to be asked for, and its file is kept as if it were traced. */
	while (judge->options->capture) {
		poll(NULL, 0, FILE_NS / 1000000);
		metrics_publish(judge, judge->options->file, false);
	}
	return 0;
}

static _Noreturn void judge_child(const struct judge_options *options, int channel)
{
	struct judge judge = { .options = options, .channel = channel };
	const struct run_options source = {
		.file = options->capture,
		.socket = options->socket,
		.socket_only = true,
		.snapshot_interval = SNAPSHOT_NS,
		.simulate_loss = options->simulate_loss,
		.say = judge_say,
		.tick = on_tick,
		.context = &judge,
	};
	const int kept[] = { channel, options->listener, options->walks };
	struct run *run;
	int status;

	child_begin(kept, sizeof(kept) / sizeof(kept[0]));
	status = run_open(&run, &source);
	if (!status)
		status = judge_run(&judge, run);
	/* What it has goes with it. */
	_exit(status);
}

pid_t judge_spawn(const struct judge_options *options, int *channel)
{
	int ends[2];
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -errno;
	child = fork();
	if (!child)
		judge_child(options, ends[1]);
	close(ends[1]);
	*channel = ends[0];
	if (child > 0)
		return child;
	close(ends[0]);
	return -errno;
}

static bool text_ends(const char *text, size_t size)
{
	return memchr(text, '\0', size);
}

static bool violation_makes_sense(const struct alarm_violation *violation)
{
	return text_ends(violation->rule, sizeof(violation->rule)) &&
	       text_ends(violation->inode, sizeof(violation->inode)) &&
	       text_ends(violation->pgoff, sizeof(violation->pgoff)) &&
	       text_ends(violation->comm, sizeof(violation->comm)) &&
	       text_ends(violation->words, sizeof(violation->words));
}

int judge_receive(int channel, struct judge_message *message)
{
	ssize_t bytes = recv(channel, message, sizeof(*message), MSG_DONTWAIT);
	size_t head = offsetof(struct judge_message, u);

	if (bytes < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (!bytes)
		return 0;
	if ((size_t)bytes < head || message->size != (size_t)bytes - head)
		return -EPROTO;
	switch (message->kind) {
	case JUDGE_VIOLATION:
		if (message->size != sizeof(message->u.violation) ||
		    !violation_makes_sense(&message->u.violation))
			return -EPROTO;
		return (int)bytes;
	case JUDGE_METRICS:
	case JUDGE_SAY:
		return (int)bytes;
	default:
		return -EPROTO;
	}
}
