// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gmemtrace/capture.h"
#include "run/redact.h"
#include "run/replay.h"

#define WORD_MAX 24 /* "name-4294967295" and what may be behind it */
#define USER_FACT "sensor.lost.user."
#define WAIT_FACT "stuck."
#define TEXT_MAX ((size_t)16384) /* of a fact or a stack; the rest is left out */

/* As much as any record needs. */
union redact_room {
	struct record_header header;
	struct record_inode inode;
	struct record_flush_timed timed;
	struct record_fact fact;
	struct record_stack stack;
	struct record_caller caller;
	struct record_promise_read promise_read;
	char bytes[CAPTURE_RECORD_MAX + 1];
};

struct redact_name {
	uint32_t number;
	char text[];
};

/* A text that is put together; what does not fit is left out. */
struct redact_text {
	char *text;
	size_t used, size;
};

static int name_compare(const void *one, const void *other)
{
	return strcmp(((const struct redact_name *)one)->text,
		      ((const struct redact_name *)other)->text);
}

/* The number that stands for @length bytes of @text; 0: memory is short. */
static uint32_t name_number(struct redact *redact, const char *text, size_t length)
{
	struct redact_name *name = malloc(sizeof(*name) + length + 1), **found;

	if (!name)
		return 0;
	memcpy(name->text, text, length);
	name->text[length] = '\0';
	found = (struct redact_name **)tsearch(name, &redact->names, name_compare);
	if (!found || *found != name)
		free(name);
	else
		name->number = ++redact->names_nr;
	return found ? (*found)->number : 0;
}

static void text_put(struct redact_text *out, const char *text, size_t length)
{
	if (length >= out->size - out->used)
		length = out->size - out->used - 1;
	memcpy(out->text + out->used, text, length);
	out->used += length;
	out->text[out->used] = '\0';
}

/* What stands for a name. false: memory is short. */
static bool text_put_name(struct redact *redact, struct redact_text *out, const char *name,
			  size_t length)
{
	uint32_t number = name_number(redact, name, length);
	char word[WORD_MAX];

	text_put(out, word, (size_t)snprintf(word, sizeof(word), "name-%u", number));
	return number;
}

/* Nothing behind its end stays. */
static bool comm_redact(struct redact *redact, char comm[RECORD_COMM_LEN])
{
	char word[WORD_MAX] = "";
	struct redact_text out = { word, 0, RECORD_COMM_LEN };
	size_t length = strnlen(comm, RECORD_COMM_LEN);

	if (length && !text_put_name(redact, &out, comm, length))
		return false;
	memset(comm, 0, RECORD_COMM_LEN);
	memcpy(comm, word, out.used);
	return true;
}

/* Of the program its last component, as a task is called that runs it. */
static void word_trim(const char **word, size_t *length)
{
	const char *slash = memrchr(*word, '/', *length);

	if (slash) {
		*length -= (size_t)(slash + 1 - *word);
		*word = slash + 1;
	}
	if (*length >= RECORD_COMM_LEN)
		*length = RECORD_COMM_LEN - 1;
}

/* @words, between blanks. */
static bool words_redact(struct redact *redact, struct redact_text *out, const char *words)
{
	bool first = true;

	while (*words) {
		size_t length = strcspn(words, " "), step = length + (words[length] == ' ');
		const char *word = words;

		if (first)
			word_trim(&word, &length);
		else
			text_put(out, " ", 1);
		if (length && !text_put_name(redact, out, word, length))
			return false;
		first = false;
		words += step;
	}
	return true;
}

/* Where @name is over: the last @end that may still be behind it, as a name may have one in it. */
static const char *name_end(const char *name, const char *end)
{
	const char *found = strstr(name, end), *next = found;

	while (next && next - name < RECORD_COMM_LEN) {
		found = next;
		next = strstr(next + 1, end);
	}
	return found;
}

/* The names of tasks in @text, each in parentheses, behind which @end follows; @blanks: they may hold it. */
static bool tasks_redact(struct redact *redact, struct redact_text *out, const char *text,
			 const char *end, bool blanks)
{
	const char *open, *close;

	while ((open = strstr(text, " ("))) {
		open += 2;
		close = blanks ? name_end(open, end) : strstr(open, end);
		if (!close)
			break;
		text_put(out, text, (size_t)(open - text));
		if (!text_put_name(redact, out, open, (size_t)(close - open)))
			return false;
		text = close;
	}
	text_put(out, text, strlen(text));
	return true;
}

/* Of a module whose names say what a host runs. */
static bool module_is_ours(const char *module, size_t length)
{
	static const char *const ours[] = { "kvm]", "kvm_intel]", "kvm_amd]" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (strlen(ours[i]) == length && !strncmp(module, ours[i], length))
			return true;
	}
	return false;
}

/* A frame of a stack: "name", "name_[module]". */
static bool frame_redact(struct redact *redact, struct redact_text *out, const char *frame,
			 size_t length)
{
	static const char bpf[] = "bpf_prog_";
	const char *module = memmem(frame, length, "_[", 2);
	size_t name = module ? (size_t)(module - frame) : length;
	bool program = length > strlen(bpf) && !strncmp(frame, bpf, strlen(bpf));

	if (module)
		module += 2;
	if (!program && (!module || module_is_ours(module, length - name - 2))) {
		text_put(out, frame, length);
		return true;
	}
	if (!text_put_name(redact, out, frame, name))
		return false;
	if (!module)
		return true;
	text_put(out, "_[", 2);
	if (!text_put_name(redact, out, module, strcspn(module, "];")))
		return false;
	text_put(out, "]", 1);
	return true;
}

static bool frames_redact(struct redact *redact, struct redact_text *out, const char *stack)
{
	while (*stack) {
		size_t length = strcspn(stack, ";");

		if (!frame_redact(redact, out, stack, length))
			return false;
		stack += length;
		if (*stack)
			text_put(out, stack++, 1);
	}
	return true;
}

static bool begins(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

static bool ends(const char *text, const char *suffix)
{
	size_t length = strlen(text);

	return length >= strlen(suffix) && !strcmp(text + length - strlen(suffix), suffix);
}

/* Facts whose values are the kernel's words, or our own, or numbers. */
static bool fact_is_plain(const char *key)
{
	static const char *const plain[] = { "kernel.", "sensor.", "option.", "history.", "tool." };

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (begins(key, plain[i]))
			return true;
	}
	return begins(key, WAIT_FACT) && ends(key, ".wait");
}

static bool fact_value(struct redact *redact, struct redact_text *out, const char *key,
		       const char *value)
{
	if (!strcmp(key, "command"))
		return words_redact(redact, out, value);
	if (!strcmp(key, "option.comm"))
		return text_put_name(redact, out, value, strlen(value));
	if (begins(key, WAIT_FACT) && ends(key, ".others"))
		return tasks_redact(redact, out, value, ") ", false);
	if (!strcmp(key, RUN_INCOMPLETE_FACT))
		return tasks_redact(redact, out, value, ") of CMD ", true);
	text_put(out, fact_is_plain(key) ? value : REDACT_WORD,
		 strlen(fact_is_plain(key) ? value : REDACT_WORD));
	return true;
}

static bool fact_key(struct redact *redact, struct redact_text *out, const char *key)
{
	if (!begins(key, USER_FACT)) {
		text_put(out, key, strlen(key));
		return true;
	}
	text_put(out, USER_FACT, strlen(USER_FACT));
	return text_put_name(redact, out, key + strlen(USER_FACT), strlen(key) - strlen(USER_FACT));
}

static bool fact_redact(struct redact *redact, const struct record_fact *fact)
{
	const char *key = record_fact_key(fact), *value = record_fact_value(fact);
	struct record_fact *made = &redact->room->fact;
	struct redact_text out = { made->text, 0, TEXT_MAX };

	memset(made, 0, sizeof(*made));
	made->header = fact->header;
	/* Where its lengths do not fit nobody reads it. */
	if (key && !fact_key(redact, &out, key))
		return false;
	made->key_length = (__u32)out.used + 1;
	out = (struct redact_text){ made->text + made->key_length, 0, TEXT_MAX };
	out.text[0] = '\0';
	if (key && !fact_value(redact, &out, key, value))
		return false;
	made->value_length = (__u32)out.used + 1;
	made->header.size = (__u16)(sizeof(*made) + made->key_length + made->value_length);
	return true;
}

static bool stack_redact(struct redact *redact, const struct record_stack *stack)
{
	struct record_stack *made = &redact->room->stack;
	struct redact_text out = { made->text, 0, TEXT_MAX };
	const char *text = record_stack_text(stack);

	memset(made, 0, sizeof(*made) + 1);
	made->header = stack->header;
	made->id = stack->id;
	if (text && !frames_redact(redact, &out, text))
		return false;
	made->length = (__u32)out.used + 1;
	made->header.size = (__u16)(sizeof(*made) + made->length);
	return true;
}

static bool caller_redact(struct redact *redact, const struct record_caller *caller)
{
	struct record_caller *made = &redact->room->caller;
	struct redact_text out = { made->text, 0, TEXT_MAX };
	const char *text = record_caller_text(caller);

	memset(made, 0, sizeof(*made) + 1);
	made->header = caller->header;
	made->page = caller->page;
	if (text && !frames_redact(redact, &out, text))
		return false;
	made->length = (__u32)out.used + 1;
	made->header.size = (__u16)(sizeof(*made) + made->length);
	return true;
}

/* To a multiple of 8 bytes. */
static const struct record_header *room_finish(struct redact *redact)
{
	struct record_header *header = &redact->room->header;
	size_t padded = (header->size + 7UL) & ~7UL;

	memset(redact->room->bytes + header->size, 0, padded - header->size);
	header->size = (__u16)padded;
	return header;
}

/* A later version's record may hold more behind what is known of it. */
static bool room_copy(struct redact *redact, const struct record_header *record)
{
	__u16 known = record_stored_size(record->kind);
	size_t length = record->size < known ? record->size : known;

	memcpy(redact->room, record, length);
	memset(redact->room->bytes + length, 0, known - length);
	redact->room->header.size = known;
	return true;
}

static bool names_redact(struct redact *redact, const struct record_header *record)
{
	struct record_flush_timed *timed = &redact->room->timed;

	room_copy(redact, record);
	if (record->kind == RECORD_INODE)
		return comm_redact(redact, redact->room->inode.comm);
	return comm_redact(redact, timed->comm) && comm_redact(redact, timed->late_comm);
}

/* Whether a copy was made of it. A kind that is not here does not compile: does it hold names? */
static bool record_change(struct redact *redact, const struct record_header *record)
{
	switch ((enum record_kind)record->kind) {
	case RECORD_INODE:
	case RECORD_FLUSH_TIMED:
		return names_redact(redact, record);
	case RECORD_FACT:
		return fact_redact(redact, (const struct record_fact *)record);
	case RECORD_STACK:
		return stack_redact(redact, (const struct record_stack *)record);
	case RECORD_CALLER:
		return caller_redact(redact, (const struct record_caller *)record);
	case RECORD_PROMISE_READ:
		room_copy(redact, record);
		redact->room->promise_read.address = 0;
		return true;
	case RECORD_REQUEST_BEGIN:
	case RECORD_REQUEST_END:
	case RECORD_ZAP:
	case RECORD_FLUSH:
	case RECORD_JOIN:
	case RECORD_LEAVE:
	case RECORD_SNAPSHOT_BEGIN:
	case RECORD_SNAPSHOT_PAGE:
	case RECORD_SNAPSHOT_END:
	case RECORD_HEARTBEAT:
	case RECORD_LOSS:
	case RECORD_PAGE_FREE:
	case RECORD_END:
	case RECORD_ANSWERS:
	case RECORD_LEAVES:
	case RECORD_PROMISE:
	case RECORD_MAP_BEGIN:
	case RECORD_MAP_OWNER:
	case RECORD_MAP_RUN:
	case RECORD_MAP_END:
	case RECORD_SLEEP:
	case RECORD_UNANSWERED:
	case RECORD_CALL:
	case RECORD_STALE:
	case RECORD_GUEST_MAPPED:
	case RECORD_GUEST_UNMAPPED:
		return room_copy(redact, record);
	case RECORD_NONE:
	case RECORD_SNAPSHOT_BLOCK:
	case RECORD_SNAPSHOT_RUN:
	case RECORD_CALLER_FRAMES:
	case RECORD_SUMMARY: /* numbers, as many as it says */
		break;
	}
	memcpy(redact->room, record, record->size);
	return true;
}

int redact_init(struct redact *redact)
{
	*redact = (struct redact){ .room = calloc(1, sizeof(*redact->room)) };
	return redact->room ? 0 : -ENOMEM;
}

const struct record_header *redact_record(struct redact *redact, const struct record_header *record)
{
	return record_change(redact, record) ? room_finish(redact) : NULL;
}

void redact_destroy(struct redact *redact)
{
	tdestroy(redact->names, free);
	free(redact->room);
	*redact = (struct redact){ 0 };
}
