/* SPDX-License-Identifier: GPL-2.0 */
/* Where in a stream a rule fires: at that record, and at no other. */
#ifndef GMEMTRACE_TESTS_HERE_H
#define GMEMTRACE_TESTS_HERE_H

#include "minimal.h"
#include "scene.h"

/* The next record added to the stream is the one at which the rule must fire. */
static size_t here_at;

static inline void here(void)
{
	here_at = stream.used;
}

static inline size_t here_count(__u32 rule)
{
	const struct verdict_violation *found;
	size_t count = 0;

	for (size_t i = 0; (found = verdict_violation(stream.verdict, i)); i++)
		count += found->rule->id == rule;
	for (size_t i = 0; (found = verdict_note(stream.verdict, i)); i++)
		count += found->rule->id == rule;
	return count;
}

/* Judges the stream cut after each of its records, ended properly; it is left whole, and judged. */
static inline void expect_here(__u32 rule)
{
	struct stream whole = stream;
	size_t used = stream.used;

	for (size_t cut = 0; cut < used;) {
		const struct record_header *record = (const void *)(whole.data + cut);
		size_t at = cut;

		cut += record->size;
		stream_init(&stream);
		stream.groups = whole.groups;
		for (size_t done = 0; done < cut;) {
			const struct record_header *copy = (const void *)(whole.data + done);

			stream_add(&stream, copy);
			done += copy->size;
		}
		stream.now = whole.now + 10 * SECOND;
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		if ((here_count(rule) != 0) != (at >= here_at))
			fail_msg("rule %u %s at the record at byte %zu, and it is to fire at byte "
				 "%zu",
				 rule, at >= here_at ? "is silent" : "fires", at, here_at);
		stream_free(&stream);
	}
	stream = whole;
	stream.now += 10 * SECOND;
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	/* And no event of its proof is one too many. */
	expect_minimal_of(&stream, rule);
}

/* The rule says nothing of the whole stream. */
static inline void expect_silent(__u32 rule)
{
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	assert_int_equal(here_count(rule), 0);
}

/* Of causes beyond the limit nothing is said, and they are counted: the rule fires twice, apart. */
static inline void expect_unlisted(__u32 rule)
{
	const struct verdict_options limited = { .violations_max = 1 };

	stream_finish(&stream);
	stream_judge_with(&stream, NULL, &limited);
	assert_int_equal(here_count(rule), 1);
	assert_true(verdict_unlisted(stream.verdict) + verdict_notes_unlisted(stream.verdict) > 0);
}

static inline const struct verdict_violation *here_found(__u32 rule)
{
	const struct verdict_violation *found;

	for (size_t i = 0; (found = verdict_violation(stream.verdict, i)); i++) {
		if (found->rule->id == rule)
			return found;
	}
	for (size_t i = 0; (found = verdict_note(stream.verdict, i)); i++) {
		if (found->rule->id == rule)
			return found;
	}
	fail_msg("rule %u says nothing", rule);
	return NULL;
}

/* The rule's only cause is about these pages of inode G. */
static inline void expect_pages(__u32 rule, __u64 first, __u64 last)
{
	const struct verdict_violation *found = here_found(rule);

	assert_int_equal(here_count(rule), 1);
	assert_non_null(found->inode);
	assert_int_equal(found->inode->number, G);
	assert_int_equal(found->pgoff_first, first);
	assert_int_equal(found->pgoff_last, last);
}

static inline void here_anew(void)
{
	stream_free(&stream);
	stream_init(&stream);
}

/* Anew, of a memfd_secret, with each CPU's part in a flush watched. */
static inline void here_secret(void)
{
	here_anew();
	stream.groups = SENSOR_GROUP_WITNESS;
	stream_inode(&stream, G, SECRET, 64, false);
	stream_heartbeat(&stream);
}

#endif
