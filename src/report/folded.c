// SPDX-License-Identifier: GPL-2.0
/* Where the time of flushes goes, in the folded form that flame graphs are made of. */
#include "internal.h"

/* Everything that can be a frame; all integers, so that keys compare as memory. */
struct folded_key {
	__u64 inode; /* number, 0 none */
	__u32 tgid;
	__u32 cpu;
	__u32 operation;
	__u32 full;
	__u32 exposure; /* 1: an exposure, not a flush */
	__u32 own; /* exposure: ended by the zapping task itself */
};

struct folded_entry {
	struct folded_key key;
	const struct model_inode *inode;
	__u64 ns, count;
};

struct report_folded {
	struct folded_entry *entries;
	size_t nr, room;
	size_t *slots; /* index + 1 into entries */
	size_t slots_nr; /* a power of two */
	bool failed;
};

static __u64 hash_add(__u64 hash, __u64 value)
{
	return (hash ^ value) * 0x9e3779b97f4a7c15ULL;
}

static size_t folded_hash(const struct folded_key *key)
{
	__u64 hash = hash_add(1, key->inode);

	hash = hash_add(hash, (__u64)key->tgid << 32 | key->cpu);
	hash = hash_add(hash, (__u64)key->operation << 32 | key->full);
	hash = hash_add(hash, (__u64)key->exposure << 32 | key->own);
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

static void folded_add(struct report_folded *folded, const struct folded_key *key,
		       const struct model_inode *inode, __u64 ns, __u64 count)
{
	struct folded_entry *entry;
	size_t slot;

	if (folded->nr * 2 >= folded->slots_nr && !folded_enlarge(folded)) {
		folded->failed = true;
		return;
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
	entry = &folded->entries[folded->slots[slot] - 1];
	entry->ns += ns;
	entry->count += count;
}

static void folded_flushed(void *context, const struct model_flush *flush,
			   const struct model_request *request, const struct model_inode *inode)
{
	struct folded_key key = {
		.inode = inode ? inode->number : 0,
		.tgid = flush->tgid,
		.cpu = flush->cpu,
		.operation = request ? request->operation : RECORD_OPERATION_NONE,
		.full = flush->full,
	};

	folded_add(context, &key, inode, flush->end > flush->begin ? flush->end - flush->begin : 0,
		   1);
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

	folded_add(context, &key, exposure->inode, ns * exposure->nr, exposure->nr);
}

struct report_folded *report_folded_create(struct model *model)
{
	struct report_folded *folded = calloc(1, sizeof(*folded));
	struct model_observer observer = {
		.context = folded,
		.flushed = folded_flushed,
		.exposure_ended = folded_exposed,
	};

	if (!folded)
		return NULL;
	if (!model_observe(model, &observer))
		return folded;
	free(folded);
	return NULL;
}

void report_folded_free(struct report_folded *folded)
{
	if (!folded)
		return;
	free(folded->entries);
	free(folded->slots);
	free(folded);
}

#define FRAMES_MAX 160

struct folded_line {
	char frames[FRAMES_MAX];
	__u64 weight;
};

static const char *folded_kind(const struct folded_key *key)
{
	if (key->exposure)
		return key->own ? "ended_by_own_flush" : "ended_by_foreign_flush";
	return key->full ? "flush_full" : "flush_range";
}

static void folded_frames(const struct folded_entry *entry, enum report_by by, char *frames)
{
	const struct folded_key *key = &entry->key;
	char comm[REPORT_COMM_MAX], name[MODEL_INODE_NAME_MAX];

	model_inode_name(entry->inode, name, sizeof(name));
	report_comm(entry->inode, comm);
	switch (by) {
	case REPORT_BY_VM:
		snprintf(frames, FRAMES_MAX, "%s-%u", comm, key->tgid);
		break;
	case REPORT_BY_CPU:
		snprintf(frames, FRAMES_MAX, "cpu%u;%s", key->cpu, folded_kind(key));
		break;
	case REPORT_BY_KIND:
		snprintf(frames, FRAMES_MAX, "%s", folded_kind(key));
		break;
	case REPORT_BY_STACK:
		snprintf(frames, FRAMES_MAX, "%s-%u;%s;%s;%s", comm, key->tgid, name,
			 key->exposure ? "exposed"
			 : key->operation != RECORD_OPERATION_NONE
				 ? model_operation_name(key->operation)
				 : "no_request",
			 folded_kind(key));
		break;
	}
}

static int line_compare(const void *left, const void *right)
{
	return strcmp(((const struct folded_line *)left)->frames,
		      ((const struct folded_line *)right)->frames);
}

/* Sorts, sums up like lines, and prints. */
static void lines_write(FILE *out, struct folded_line *lines, size_t nr)
{
	qsort(lines, nr, sizeof(*lines), line_compare);
	for (size_t i = 0; i < nr;) {
		__u64 weight = 0;
		size_t first = i;

		for (; i < nr && !strcmp(lines[i].frames, lines[first].frames); i++)
			weight += lines[i].weight;
		if (weight)
			fprintf(out, "%s %llu\n", lines[first].frames, (unsigned long long)weight);
	}
}

int report_folded_write(FILE *out, const struct report_folded *folded, enum report_weight weight,
			enum report_by by)
{
	struct folded_line *lines;
	size_t nr = 0;

	if (weight == REPORT_WEIGHT_WAIT)
		return -EOPNOTSUPP;
	if (folded->failed)
		return -ENOMEM;
	lines = calloc(folded->nr ? folded->nr : 1, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	for (size_t i = 0; i < folded->nr; i++) {
		const struct folded_entry *entry = &folded->entries[i];

		if (entry->key.exposure != (weight == REPORT_WEIGHT_EXPOSURE))
			continue;
		folded_frames(entry, by, lines[nr].frames);
		lines[nr++].weight = weight == REPORT_WEIGHT_COUNT ? entry->count : entry->ns;
	}
	lines_write(out, lines, nr);
	free(lines);
	return report_done(out);
}
