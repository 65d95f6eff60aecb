// SPDX-License-Identifier: GPL-2.0
/* Where the time of flushes goes, in the folded form that flame graphs are made of. */
#include <stdint.h>

#include "report/folded.h"

/* Everything that can be a frame; no padding, so that keys compare as memory. */
struct folded_key {
	__u64 inode; /* number, 0 none */
	const char *stack; /* the watch's: one text, one address; NULL none */
	__u32 tgid;
	__u32 cpu;
	__u32 operation;
	__u32 kind; /* enum flush_kind */
	__u32 exposure; /* 1: an exposure, not a flush */
	__u32 own; /* exposure: ended by the zapping task itself */
	char comm[RECORD_COMM_LEN];
};

struct folded_sum {
	__u64 ns, count, wait;
	double ns_squares, count_squares, wait_squares; /* how they scatter */
};

struct folded_entry {
	struct folded_key key;
	const struct model_inode *inode;
	struct folded_sum all;
	struct folded_sum sampled; /* flushes whose stack was due, for all that they stand for */
};

struct report_folded {
	struct flush_watch *watch;
	bool stacks; /* some were due */
	bool waits; /* some answers were seen */
	struct folded_entry *entries;
	size_t nr, room;
	size_t *slots; /* index + 1 into entries */
	size_t slots_nr; /* a power of two */
	bool cpus_alike; /* what it was on is no matter */
	bool unnumbered; /* frames are to be found again in another run */
	bool failed;
};

static __u64 hash_add(__u64 hash, __u64 value)
{
	return (hash ^ value) * 0x9e3779b97f4a7c15ULL;
}

static size_t folded_hash(const struct folded_key *key)
{
	__u64 hash = hash_add(1, key->inode), word;

	hash = hash_add(hash, (uintptr_t)key->stack);
	hash = hash_add(hash, (__u64)key->tgid << 32 | key->cpu);
	hash = hash_add(hash, (__u64)key->operation << 32 | key->kind);
	hash = hash_add(hash, (__u64)key->exposure << 32 | key->own);
	for (size_t i = 0; i < sizeof(key->comm); i += sizeof(word)) {
		memcpy(&word, key->comm + i, sizeof(word));
		hash = hash_add(hash, word);
	}
	return (size_t)(hash >> 20);
}

static bool folded_enlarge(struct report_folded *folded)
{
	size_t nr = folded->slots_nr ? folded->slots_nr * 2 : 256;
	struct folded_entry *entries = realloc(folded->entries, nr * sizeof(*entries));
	size_t *slots;

	if (!entries)
		return false;
	folded->entries = entries;
	slots = calloc(nr, sizeof(*slots));
	if (!slots)
		return false;
	for (size_t i = 0; i < folded->nr; i++) {
		size_t slot = folded_hash(&entries[i].key) & (nr - 1);

		while (slots[slot])
			slot = (slot + 1) & (nr - 1);
		slots[slot] = i + 1;
	}
	free(folded->slots);
	folded->slots = slots;
	folded->slots_nr = nr;
	return true;
}

/* NULL where memory is short. */
static struct folded_entry *folded_get(struct report_folded *folded, const struct folded_key *key,
				       const struct model_inode *inode)
{
	size_t slot;

	if (folded->nr * 2 >= folded->slots_nr && !folded_enlarge(folded)) {
		folded->failed = true;
		return NULL;
	}
	slot = folded_hash(key) & (folded->slots_nr - 1);
	while (folded->slots[slot] &&
	       memcmp(&folded->entries[folded->slots[slot] - 1].key, key, sizeof(*key)) != 0)
		slot = (slot + 1) & (folded->slots_nr - 1);
	if (!folded->slots[slot]) {
		folded->entries[folded->nr++] =
			(struct folded_entry){ .key = *key, .inode = inode };
		folded->slots[slot] = folded->nr;
	}
	return &folded->entries[folded->slots[slot] - 1];
}

static double square(double value)
{
	return value * value;
}

static void sum_add(struct folded_sum *sum, __u64 ns, __u64 wait, __u64 nr)
{
	sum->ns = times_added(sum->ns, ns, nr);
	sum->wait = times_added(sum->wait, wait, nr);
	sum->count += nr;
	sum->ns_squares += square((double)ns * (double)nr);
	sum->wait_squares += square((double)wait * (double)nr);
	sum->count_squares += square((double)nr);
}

/* ns: from the first CPU asked to the last answer. */
static __u64 flush_wait(const struct record_flush_timed *timed)
{
	if (!timed || !timed->asked || timed->late_left < timed->asked)
		return 0;
	return timed->late_left - timed->asked;
}

/* Where a stack was due and could not be had, that is its frame. */
static const char *flush_stack(const struct flush_seen *flush)
{
	if (!flush->weight || flush->stack)
		return flush->stack;
	return flush->stack_state == RECORD_STACK_COLLIDED ? "[stack_collided]" : "[stack_lost]";
}

static void folded_flushed(void *context, const struct flush_seen *flush)
{
	struct report_folded *folded = context;
	__u64 ns = flush->end > flush->begin ? flush->end - flush->begin : 0;
	__u64 wait = flush_wait(flush->timed);
	struct folded_key key = {
		.inode = flush->inode ? flush->inode->number : 0,
		.stack = flush_stack(flush),
		.tgid = flush->tgid,
		.cpu = folded->cpus_alike ? 0 : flush->cpu,
		.operation = flush->operation,
		.kind = flush->kind,
	};
	struct folded_entry *entry;

	if (flush->kind == FLUSH_OURS)
		return;
	memcpy(key.comm, flush->comm, strnlen(flush->comm, sizeof(key.comm)));
	entry = folded_get(folded, &key, flush->inode);
	if (!entry)
		return;
	folded->stacks |= flush->weight;
	folded->waits |= flush->timed && flush->timed->answered_nr;
	sum_add(&entry->all, ns, wait, 1);
	sum_add(&entry->sampled, ns, wait, flush->weight);
}

static void folded_exposed(void *context, const struct model_exposure *exposure)
{
	struct folded_key key = {
		.inode = exposure->inode->number,
		.tgid = exposure->inode->vm ? exposure->inode->vm : exposure->inode->tgid,
		.exposure = 1,
		.own = exposure->own,
	};
	__u64 ns = exposure->end > exposure->begin ? exposure->end - exposure->begin : 0;
	struct folded_entry *entry = folded_get(context, &key, exposure->inode);

	if (entry)
		sum_add(&entry->all, ns, 0, exposure->nr);
}

struct report_folded *report_folded_create(struct model *model)
{
	struct report_folded *folded = calloc(1, sizeof(*folded));
	const struct flush_observer flushes = { .context = folded, .seen = folded_flushed };
	struct model_observer observer = {
		.context = folded,
		.exposure_ended = folded_exposed,
	};
	size_t before = model_observers(model);

	if (!folded)
		return NULL;
	folded->watch = flush_watch_create(model, &flushes);
	if (folded->watch && !model_observe(model, &observer))
		return folded;
	model_observers_drop(model, before);
	report_folded_free(folded);
	return NULL;
}

void folded_without_cpus(struct report_folded *folded)
{
	folded->cpus_alike = true;
}

void folded_without_numbers(struct report_folded *folded)
{
	folded->unnumbered = true;
}

void folded_mode(const struct report_folded *folded, struct folded_mode *mode)
{
	*mode = (struct folded_mode){ .stacks = folded->stacks, .answers = folded->waits };
	for (size_t i = 0; i < folded->nr; i++) {
		if (!folded->entries[i].key.exposure)
			mode->flushes += folded->entries[i].all.count;
	}
}

void report_folded_free(struct report_folded *folded)
{
	if (!folded)
		return;
	flush_watch_free(folded->watch);
	free(folded->entries);
	free(folded->slots);
	free(folded);
}

#define TASK_MAX 48
#define FRAME_MAX 4096

static const char *folded_kind(const struct folded_key *key)
{
	if (key->exposure)
		return key->own ? "ended_by_own_flush" : "ended_by_foreign_flush";
	switch (key->kind) {
	case FLUSH_RANGED:
		return "flush_range";
	case FLUSH_CEILING:
		return "flush_full";
	case FLUSH_SPLIT:
		return "flush_split";
	case FLUSH_REDUNDANT:
		return "flush_redundant";
	case FLUSH_ELSEWHERE:
		return "flush_elsewhere";
	default:
		return "flush_all";
	}
}

/* Text of others as frames: nothing that ends a frame or a line, and no control characters. */
static void frame_clean(char *text, const char *keep)
{
	for (; *text; text++) {
		if (*text <= ' ' || *text >= 0x7f || (*text == ';' && !strchr(keep, ';')))
			*text = '_';
	}
}

/* "vmm-107"; a task without a known name is "task-107". */
static void folded_task(const struct report_folded *folded, const struct folded_entry *entry,
			char task[TASK_MAX])
{
	const struct folded_key *key = &entry->key;
	char comm[REPORT_COMM_MAX] = "";

	memcpy(comm, key->comm, sizeof(key->comm));
	if (!*comm && entry->inode && (key->exposure || entry->inode->tgid == key->tgid))
		memcpy(comm, entry->inode->comm, sizeof(comm) - 1);
	frame_clean(comm, "");
	if (folded->unnumbered)
		snprintf(task, TASK_MAX, "%s", *comm ? comm : "task");
	else
		snprintf(task, TASK_MAX, "%s-%u", *comm ? comm : "task", key->tgid);
}

static void frames_stack(const struct report_folded *folded, const struct folded_entry *entry,
			 const char *task, char *frames)
{
	const struct folded_key *key = &entry->key;
	char name[MODEL_INODE_NAME_MAX], stack[FRAME_MAX / 2] = "";
	const char *request = key->exposure ? "exposed"
			      : key->operation != RECORD_OPERATION_NONE
				      ? model_operation_name(key->operation)
				      : "no_request";

	if (folded->unnumbered && entry->inode)
		snprintf(name, sizeof(name), "%s", model_provider_name(entry->inode->provider));
	else
		model_inode_name(entry->inode, name, sizeof(name));
	if (key->stack) {
		snprintf(stack, sizeof(stack), "%s", key->stack);
		frame_clean(stack, ";");
	}
	if (*stack && !entry->inode && key->operation == RECORD_OPERATION_NONE)
		snprintf(frames, FRAME_MAX, "%s;%s;%s", task, stack, folded_kind(key));
	else
		snprintf(frames, FRAME_MAX, "%s;%s;%s;%s%s%s", task, name, request, stack,
			 *stack ? ";" : "", folded_kind(key));
}

/* NULL where memory is short. */
static char *folded_frames(const struct report_folded *folded, const struct folded_entry *entry,
			   enum report_by by)
{
	const struct folded_key *key = &entry->key;
	char task[TASK_MAX], frames[FRAME_MAX];

	folded_task(folded, entry, task);
	switch (by) {
	case REPORT_BY_VM:
		snprintf(frames, sizeof(frames), "%s", task);
		break;
	case REPORT_BY_CPU:
		snprintf(frames, sizeof(frames), "cpu%u;%s", key->cpu, folded_kind(key));
		break;
	case REPORT_BY_KIND:
		snprintf(frames, sizeof(frames), "%s", folded_kind(key));
		break;
	case REPORT_BY_INITIATOR:
		snprintf(frames, sizeof(frames), "%s;cpu%u;%s", task, key->cpu, folded_kind(key));
		break;
	case REPORT_BY_STACK:
		frames_stack(folded, entry, task, frames);
		break;
	}
	return strdup(frames);
}

int frames_compare(const void *left, const void *right)
{
	const unsigned char *one = (const void *)((const struct folded_line *)left)->frames;
	const unsigned char *other = (const void *)((const struct folded_line *)right)->frames;

	while (*one && *one == *other) {
		one++;
		other++;
	}
	return (*one == ';' ? 1 : *one) - (*other == ';' ? 1 : *other);
}

/* Sorts, and makes one of like lines. How many are left. */
static size_t lines_merge(struct folded_line *lines, size_t nr)
{
	size_t kept = 0;

	if (nr)
		qsort(lines, nr, sizeof(*lines), frames_compare);
	for (size_t i = 0; i < nr; i++) {
		if (kept && !strcmp(lines[kept - 1].frames, lines[i].frames)) {
			lines[kept - 1].weight =
				times_added(lines[kept - 1].weight, lines[i].weight, 1);
			lines[kept - 1].squares += lines[i].squares;
			free(lines[i].frames);
		} else {
			lines[kept++] = lines[i];
		}
	}
	return kept;
}

static const struct folded_sum *entry_sum(const struct report_folded *folded,
					  const struct folded_entry *entry, enum report_by by)
{
	if (by == REPORT_BY_STACK && folded->stacks && !entry->key.exposure)
		return &entry->sampled;
	return &entry->all;
}

static __u64 entry_weight(const struct report_folded *folded, const struct folded_entry *entry,
			  enum report_weight weight, enum report_by by)
{
	const struct folded_sum *sum = entry_sum(folded, entry, by);

	if (weight == REPORT_WEIGHT_COUNT)
		return sum->count;
	return weight == REPORT_WEIGHT_WAIT ? sum->wait : sum->ns;
}

static double entry_squares(const struct report_folded *folded, const struct folded_entry *entry,
			    enum report_weight weight, enum report_by by)
{
	const struct folded_sum *sum = entry_sum(folded, entry, by);

	if (weight == REPORT_WEIGHT_COUNT)
		return sum->count_squares;
	return weight == REPORT_WEIGHT_WAIT ? sum->wait_squares : sum->ns_squares;
}

void folded_lines_free(struct folded_line *lines, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		free(lines[i].frames);
	free(lines);
}

int folded_lines(struct report_folded *folded, enum report_weight weight, enum report_by by,
		 struct folded_line **made, size_t *made_nr)
{
	struct folded_line *lines;
	bool failed = false;
	size_t nr = 0;

	flush_watch_finish(folded->watch);
	if (weight == REPORT_WEIGHT_WAIT && !folded->waits)
		return -EOPNOTSUPP;
	if (folded->failed || flush_watch_failed(folded->watch))
		return -ENOMEM;
	lines = calloc(folded->nr ? folded->nr : 1, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	for (size_t i = 0; i < folded->nr; i++) {
		const struct folded_entry *entry = &folded->entries[i];
		__u64 value = entry_weight(folded, entry, weight, by);

		if (entry->key.exposure != (weight == REPORT_WEIGHT_EXPOSURE) || !value)
			continue;
		lines[nr].frames = folded_frames(folded, entry, by);
		failed |= !lines[nr].frames;
		lines[nr].weight = value;
		lines[nr].squares = entry_squares(folded, entry, weight, by);
		nr += !!lines[nr].frames;
	}
	if (failed) {
		folded_lines_free(lines, nr);
		return -ENOMEM;
	}
	*made = lines;
	*made_nr = lines_merge(lines, nr);
	return 0;
}

int report_folded_write(FILE *out, struct report_folded *folded, enum report_weight weight,
			enum report_by by)
{
	struct folded_line *lines;
	size_t nr;
	int error = folded_lines(folded, weight, by, &lines, &nr);

	if (error)
		return error;
	for (size_t i = 0; i < nr; i++)
		fprintf(out, "%s %llu\n", lines[i].frames, (unsigned long long)lines[i].weight);
	folded_lines_free(lines, nr);
	return report_done(out);
}

/* Warm, and the same for the same name in every picture; waiting for others is blue. */
static unsigned int name_color(const void *context, const struct svg_frame *frame)
{
	const char *name = frame->name;
	size_t length = frame->length;
	unsigned int hash = 2166136261U;

	(void)context;
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)name[i]) * 16777619U;
	if (length > 6 && !strncmp(name, "flush_", 6) && strncmp(name, "flush_tlb", 9) != 0)
		return 0x4477aaU + (hash % 24);
	return (205 + hash % 50) << 16 | (80 + hash / 64 % 110) << 8 | (40 + hash / 8192 % 30);
}

static void weight_title(FILE *out, const void *context, const struct svg_frame *frame,
			 __u64 weight, __u64 total)
{
	(void)frame;
	fprintf(out, " (%llu %s, %.2f %%)", (unsigned long long)weight, (const char *)context,
		100.0 * (double)weight / (double)total);
}

static void weight_foot(FILE *out, const void *context, __u64 total)
{
	fprintf(out, "%llu %s in all", (unsigned long long)total, (const char *)context);
}

const char *folded_heading(enum report_weight weight)
{
	static const char *const words[] = {
		[REPORT_WEIGHT_NS] = "Time in flushes of kernel mappings",
		[REPORT_WEIGHT_COUNT] = "Flushes of kernel mappings",
		[REPORT_WEIGHT_EXPOSURE] = "Exposure: from a zap to its flush, a page",
		[REPORT_WEIGHT_WAIT] = "Time waited for other CPUs to flush",
	};

	return words[weight];
}

int report_folded_svg(FILE *out, struct report_folded *folded, enum report_weight weight,
		      enum report_by by)
{
	const struct svg_style style = {
		.heading = folded_heading(weight),
		.context = weight == REPORT_WEIGHT_COUNT ? "flushes" : "ns",
		.color = name_color,
		.title = weight_title,
		.foot = weight_foot,
	};
	struct folded_line *lines;
	size_t nr;
	int error = folded_lines(folded, weight, by, &lines, &nr);

	if (error)
		return error;
	error = svg_write(out, lines, nr, &style);
	folded_lines_free(lines, nr);
	return error;
}
