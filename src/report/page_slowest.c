// SPDX-License-Identifier: GPL-2.0
#include "report/latency_words.h"
#include "report/page.h"

static __u64 span(__u64 begin, __u64 end)
{
	return end > begin ? end - begin : 0;
}

static void slow_late(struct page_slow *slow, const struct record_flush_timed *timed)
{
	if (!timed || !timed->late_entered || timed->late_left < timed->late_asked)
		return;
	slow->late = true;
	slow->late_cpu = timed->late_cpu;
	slow->late_tid = timed->late_tid;
	slow->late_bits = timed->late_bits;
	slow->late_ns = timed->late_left - timed->late_asked;
	slow->prepare_ns = span(timed->begin, timed->asked);
	slow->wait_ns = span(timed->asked, timed->late_left);
	slow->return_ns = span(timed->late_left, timed->end);
	memcpy(slow->late_comm, timed->late_comm, RECORD_COMM_LEN);
}

static __u64 together(const struct page_slow *slow, const struct page_flush *other)
{
	__u64 begin = slow->begin > other->begin ? slow->begin : other->begin;
	__u64 end = slow->begin + slow->ns < other->end ? slow->begin + slow->ns : other->end;

	return slow->cpu == other->cpu ? 0 : span(begin, end);
}

/* Of flushes by other CPUs meanwhile, the one that was longest at it. */
static void slow_meet(struct page_slow *slow, const struct page_flush *other)
{
	if (together(slow, other) > together(slow, &slow->other))
		slow->other = *other;
}

/* Those that ended before it are in `recent`, the others come. */
static void slow_meet_recent(const struct page_slowest *slowest, struct page_slow *slow)
{
	for (size_t i = 0; i < PAGE_RECENT; i++)
		slow_meet(slow, &slowest->recent[i]);
}

static void recent_take(struct page_slowest *slowest, const struct flush_seen *flush)
{
	struct page_flush *recent = &slowest->recent[slowest->recent_at++ & (PAGE_RECENT - 1)];

	*recent = (struct page_flush){
		.begin = flush->begin,
		.end = flush->end,
		.cpu = flush->cpu,
		.operation = flush->operation,
		.inode = flush->inode,
		.pgoff_first = flush->pgoff_first,
		.pgoff_last = flush->pgoff_last,
		.pages = flush->size == FLUSH_SIZE_EVERYTHING ? 0 : flush->pages,
	};
	if (flush->begin >= slowest->until)
		return;
	for (size_t i = 0; i < slowest->nr; i++)
		slow_meet(&slowest->list[i], recent);
}

static void slow_fill(struct page_slow *slow, const struct flush_seen *flush)
{
	*slow = (struct page_slow){
		.begin = flush->begin,
		.ns = span(flush->begin, flush->end),
		.pages = flush->pages,
		.cpu = flush->cpu,
		.tgid = flush->tgid,
		.kind = flush->kind,
		.operation = flush->operation,
		.everything = flush->size == FLUSH_SIZE_EVERYTHING,
		.pgoff_first = flush->pgoff_first,
		.pgoff_last = flush->pgoff_last,
	};
	snprintf(slow->comm, sizeof(slow->comm), "%s", flush->comm);
	if (flush->inode)
		model_inode_name(flush->inode, slow->inode, sizeof(slow->inode));
	slow_late(slow, flush->timed);
}

static void matrix_take(struct page_slowest *slowest, const struct flush_seen *flush)
{
	__u32 initiator = flush->timed ? flush->timed->initiator : 0;

	for (size_t i = 0; i < flush->answers_nr; i++) {
		const struct record_answer *answer = &flush->answers[i];

		if (!answer->entered || answer->left < answer->asked)
			continue;
		if (initiator >= PAGE_CPUS_MAX || answer->cpu >= PAGE_CPUS_MAX) {
			slowest->cpus_more = true;
			continue;
		}
		slowest->wait_ns[initiator][answer->cpu] += answer->left - answer->asked;
		if (initiator >= slowest->cpus)
			slowest->cpus = initiator + 1;
		if (answer->cpu >= slowest->cpus)
			slowest->cpus = answer->cpu + 1;
	}
}

void slowest_take(struct page_slowest *slowest, const struct flush_seen *flush)
{
	__u64 ns = span(flush->begin, flush->end);
	size_t at = slowest->nr;

	if (flush->kind == FLUSH_OURS)
		return;
	matrix_take(slowest, flush);
	recent_take(slowest, flush);
	if (at == PAGE_SLOWEST && slowest->list[at - 1].ns >= ns)
		return;
	if (at < PAGE_SLOWEST)
		slowest->nr++;
	else
		at--;
	for (; at && slowest->list[at - 1].ns < ns; at--)
		slowest->list[at] = slowest->list[at - 1];
	slow_fill(&slowest->list[at], flush);
	slow_meet_recent(slowest, &slowest->list[at]);
	if (flush->end > slowest->until)
		slowest->until = flush->end;
}

/* "186.1 ms", with three digits */
static void ns_words(__u64 ns, char *text, size_t size)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	double value = (double)ns;
	size_t unit = 0;

	while (value >= 1000 && unit < 3) {
		value /= 1000;
		unit++;
	}
	snprintf(text, size, "%.*f %s",
		 value >= 100 || !unit ? 0
		 : value >= 10	       ? 1
				       : 2,
		 value, units[unit]);
}

/* "g1 configure 0x4f2-0x4f2", "-" */
static void request_words(const char *inode, enum record_operation operation, __u64 first,
			  __u64 last, char *text, size_t size)
{
	if (operation == RECORD_OPERATION_NONE)
		snprintf(text, size, "%s%s-", inode, *inode ? " " : "");
	else if (operation == RECORD_OPERATION_SECRETMEM_FAULT)
		snprintf(text, size, "%s %s", inode, model_operation_name(operation));
	else
		snprintf(text, size, "%s%s%s 0x%llx-0x%llx", inode, *inode ? " " : "",
			 model_operation_name(operation), (unsigned long long)first,
			 (unsigned long long)last);
}

/* "CPU 1 answered last, 186 ms after it was asked: vhost-12 (idle)" */
static void slow_late_words(const struct page_slow *slow, char *text, size_t size)
{
	char comm[LATENCY_WORDS_MAX], time[32];

	*text = '\0';
	if (!slow->late)
		return;
	ns_words(slow->late_ns, time, sizeof(time));
	snprintf(text, size, "CPU %u answered last, %s after it was asked: %s (%s)", slow->late_cpu,
		 time, latency_comm(slow->late_comm, comm), latency_context(slow->late_bits));
}

/* "CPU 0 flushed for 186 ms (g6 set_range 0x104-0x105)" */
static void slow_other_words(const struct page_slow *slow, char *text, size_t size)
{
	const struct page_flush *other = &slow->other;
	char inode[MODEL_INODE_NAME_MAX] = "", request[MODEL_INODE_NAME_MAX + 96], time[32];

	*text = '\0';
	if (!other->end)
		return;
	if (other->inode)
		model_inode_name(other->inode, inode, sizeof(inode));
	ns_words(span(other->begin, other->end), time, sizeof(time));
	if (other->operation != RECORD_OPERATION_NONE)
		request_words(inode, other->operation, other->pgoff_first, other->pgoff_last,
			      request, sizeof(request));
	else if (other->pages)
		snprintf(request, sizeof(request), "%llu %s", (unsigned long long)other->pages,
			 other->pages == 1 ? "page" : "pages");
	else
		snprintf(request, sizeof(request), "everything");
	snprintf(text, size, "CPU %u flushed for %s (%s)", other->cpu, time, request);
}

static void slow_meanwhile(const struct page_slow *slow, char *text, size_t size)
{
	char late[LATENCY_WORDS_MAX + 128], other[MODEL_INODE_NAME_MAX + 192];

	slow_late_words(slow, late, sizeof(late));
	slow_other_words(slow, other, sizeof(other));
	snprintf(text, size, "%s%s%s%s", late, *late && *other ? "; " : "", other,
		 *late || *other ? "" : "-");
}

static void slow_what(const struct page_slow *slow, char *text, size_t size)
{
	if (slow->everything)
		snprintf(text, size, "everything (%s)", flush_kind_name(slow->kind));
	else
		snprintf(text, size, "%llu %s (%s)", (unsigned long long)slow->pages,
			 slow->pages == 1 ? "page" : "pages", flush_kind_name(slow->kind));
}

static struct json_object *slow_json(const struct page_slow *slow, __u64 begin)
{
	struct json_object *object = json_new();
	char text[LATENCY_WORDS_MAX * 2 + 512], comm[LATENCY_WORDS_MAX];

	add_count(object, "at_ns", slow->begin > begin ? slow->begin - begin : 0);
	add_count(object, "ns", slow->ns);
	add_known(object, "prepare_ns", slow->prepare_ns, slow->late);
	add_known(object, "wait_ns", slow->wait_ns, slow->late);
	add_known(object, "return_ns", slow->return_ns, slow->late);
	slow_what(slow, text, sizeof(text));
	add_text(object, "kind", text);
	add_count(object, "cpu", slow->cpu);
	snprintf(text, sizeof(text), "%s-%u", *slow->comm ? latency_comm(slow->comm, comm) : "task",
		 slow->tgid);
	add_text(object, "task", text);
	request_words(slow->inode, slow->operation, slow->pgoff_first, slow->pgoff_last, text,
		      sizeof(text));
	add_text(object, "request", text);
	slow_meanwhile(slow, text, sizeof(text));
	add_text(object, "meanwhile", text);
	return object;
}

struct json_object *slowest_json(const struct page_slowest *slowest, __u64 begin)
{
	struct json_object *list = json_list();

	for (size_t i = 0; i < slowest->nr; i++)
		json_append(list, slow_json(&slowest->list[i], begin));
	return list;
}

struct json_object *slowest_matrix_json(const struct page_slowest *slowest)
{
	struct json_object *object, *cpus, *rows;

	if (!slowest->cpus)
		return NULL;
	object = json_new();
	cpus = json_list();
	rows = json_list();
	for (__u32 i = 0; i < slowest->cpus; i++) {
		struct json_object *row = json_list();

		json_append(cpus, json_count(i));
		for (__u32 j = 0; j < slowest->cpus; j++)
			json_append(row, json_count(slowest->wait_ns[i][j]));
		json_append(rows, row);
	}
	json_add(object, "cpus", cpus);
	json_add(object, "wait_ns", rows);
	return object;
}
