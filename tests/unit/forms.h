/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Designs that may be merged, an entry each, in numbers that nobody has yet: what the table must be
 * able to say. The Makefile has the table and the rules of test_forms include this first.
 */
#ifndef GMEMTRACE_TESTS_FORMS_H
#define GMEMTRACE_TESTS_FORMS_H

enum form {
	FORM_PAGEBLOCK = 6, /* absent by pageblock before a page joins */
	FORM_ALLOCATOR, /* taken out and flushed by the allocator: memfd_secret, converted */
	FORM_FREE, /* absent, rightly, while it is free */
	FORM_MAPLE, /* what it is asked to be stands in a maple tree */
};

#define PROVIDERS_MORE(X)                                                                          \
	X(FORM_PAGEBLOCK,                                                                          \
	  PROVIDER_JUDGED | PROVIDER_PROMISES_ABSENCE | PROVIDER_TAKES_REQUESTS |                  \
		  PROVIDER_TELLS_RESIDENCY | PROVIDER_ALLOCATOR_FLUSHES,                           \
	  PROVIDER_NAMED("pageblock"), .letter = 'g', .declared = PROVIDER_DECLARED_XARRAY,        \
	  .legal = MODEL_EITHER, .unprepared = MODEL_EITHER, .freed = MODEL_EITHER,                \
	  .defaults = MODEL_EITHER)                                                                \
	X(FORM_ALLOCATOR,                                                                          \
	  PROVIDER_JUDGED | PROVIDER_PROMISES_ABSENCE | PROVIDER_ALLOCATOR_FLUSHES,                \
	  PROVIDER_NAMED("allocator"), .letter = 's', .declared = PROVIDER_DECLARED_BY_KIND,       \
	  .because = "every page of a memfd_secret must be", .legal = MODEL_ABSENT,                \
	  .unprepared = MODEL_EITHER, .freed = MODEL_PRESENT, .flagless = true,                    \
	  .defaults = MODEL_ABSENT)                                                                \
	X(FORM_FREE,                                                                               \
	  PROVIDER_JUDGED | PROVIDER_PROMISES_ABSENCE | PROVIDER_PROMISES_FLUSH |                  \
		  PROVIDER_FLUSHES_EACH,                                                           \
	  PROVIDER_NAMED("free"), .letter = 's', .declared = PROVIDER_DECLARED_BY_KIND,            \
	  .because = "every page of a memfd_secret must be", .legal = MODEL_ABSENT,                \
	  .unprepared = MODEL_EITHER, .freed = MODEL_EITHER, .flagless = true,                     \
	  .defaults = MODEL_ABSENT)                                                                \
	X(FORM_MAPLE, PROVIDER_JUDGED | PROVIDER_TELLS_RESIDENCY, PROVIDER_NAMED("maple"),         \
	  .letter = 'g', .declared = PROVIDER_DECLARED_MAPLE_TREE, .legal = MODEL_EITHER,          \
	  .unprepared = MODEL_EITHER, .freed = MODEL_PRESENT, .defaults = MODEL_EITHER)

#endif
