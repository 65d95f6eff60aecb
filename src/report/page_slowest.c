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
	if (at == PAGE_SLOWEST && slowest->list[at - 1].ns >= ns)
		return;
	if (at < PAGE_SLOWEST)
		slowest->nr++;
	else
		at--;
	for (; at && slowest->list[at - 1].ns < ns; at--)
		slowest->list[at] = slowest->list[at - 1];
	slow_fill(&slowest->list[at], flush);
}

/* "CPU 1 answered last, 186.1 ms after it was asked: vhost-12 (idle)" */
static void slow_meanwhile(const struct page_slow *slow, char *text, size_t size)
{
	char comm[LATENCY_WORDS_MAX];

	if (!slow->late) {
		snprintf(text, size, "-");
		return;
	}
	snprintf(text, size, "CPU %u answered last, %llu.%03llu ms after it was asked: %s (%s)",
		 slow->late_cpu, (unsigned long long)slow->late_ns / 1000000,
		 (unsigned long long)slow->late_ns / 1000 % 1000,
		 latency_comm(slow->late_comm, comm), latency_context(slow->late_bits));
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
	struct json_object *object = json_object_new_object();
	char text[LATENCY_WORDS_MAX * 2 + 64], comm[LATENCY_WORDS_MAX];

	add_count(object, "at_ns", slow->begin > begin ? slow->begin - begin : 0);
	add_count(object, "ns", slow->ns);
	add_known(object, "prepare_ns", slow->prepare_ns, slow->late);
	add_known(object, "wait_ns", slow->wait_ns, slow->late);
	add_known(object, "return_ns", slow->return_ns, slow->late);
	slow_what(slow, text, sizeof(text));
	add_text(object, "kind", text);
	add_count(object, "cpu", slow->cpu);
	snprintf(text, sizeof(text), "%s-%u", latency_comm(slow->comm, comm), slow->tgid);
	add_text(object, "task", text);
	snprintf(text, sizeof(text), "%s%s%s", slow->inode, *slow->inode ? " " : "",
		 slow->operation ? model_operation_name(slow->operation) : "-");
	add_text(object, "request", text);
	slow_meanwhile(slow, text, sizeof(text));
	add_text(object, "meanwhile", text);
	return object;
}

struct json_object *slowest_json(const struct page_slowest *slowest, __u64 begin)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < slowest->nr; i++)
		json_object_array_add(list, slow_json(&slowest->list[i], begin));
	return list;
}

struct json_object *slowest_matrix_json(const struct page_slowest *slowest)
{
	struct json_object *object, *cpus, *rows;

	if (!slowest->cpus)
		return NULL;
	object = json_object_new_object();
	cpus = json_object_new_array();
	rows = json_object_new_array();
	for (__u32 i = 0; i < slowest->cpus; i++) {
		struct json_object *row = json_object_new_array();

		json_object_array_add(cpus, json_object_new_uint64(i));
		for (__u32 j = 0; j < slowest->cpus; j++)
			json_object_array_add(row, json_object_new_uint64(slowest->wait_ns[i][j]));
		json_object_array_add(rows, row);
	}
	json_object_object_add(object, "cpus", cpus);
	json_object_object_add(object, "wait_ns", rows);
	return object;
}
