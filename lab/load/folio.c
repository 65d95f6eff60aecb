// SPDX-License-Identifier: GPL-2.0
/* KVM_GMEM_SET_DIRECT_MAP: within one folio, over ranges and holes, and what it must refuse. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "fleet.h"
#include "kernel/kvm_uapi.h"
#include "steps.h"

#define SINGLE_PAGES 16

/* The last eighth of the area stays absent until the end. */
static uint64_t resident_pages(const struct area *area)
{
	return area->pages - area->pages / 8;
}

static int folio_begin(struct area *area)
{
	uint64_t resident = resident_pages(area);
	int status = area_convert(area, 0, area->pages, true);

	if (!status)
		status = area_prefault(area, 0, resident);
	if (!status)
		status = area_guest_write(area, 0, resident);
	return status;
}

static int refuse(const char *what, int fd, struct kvm_gmem_direct_map request, int expected)
{
	if (!ioctl(fd, KVM_GMEM_SET_DIRECT_MAP, &request))
		return load_fail("KVM_GMEM_SET_DIRECT_MAP took %s", what);
	if (errno != expected)
		return load_fail("KVM_GMEM_SET_DIRECT_MAP refused %s with \"%s\" instead of \"%s\"",
				 what, strerror(errno), strerror(expected));
	return LOAD_OK;
}

/* Nothing of these may have an effect. */
static int refuse_nonsense(const struct area *area)
{
	const uint64_t page = LOAD_PAGE_SIZE, far = 1ULL << 50;
	const struct {
		const char *what;
		struct kvm_gmem_direct_map request;
	} refused[] = {
		{ "an empty range", { .offset = 0, .size = 0 } },
		{ "an offset within a page", { .offset = 8, .size = page } },
		{ "a size of half a page", { .offset = 0, .size = page / 2 } },
		{ "a range behind the end", { .offset = far, .size = page } },
		{ "a range that ends behind the end", { .offset = 0, .size = far } },
		{ "a range that wraps around", { .offset = page, .size = -page } },
		{ "a state that is neither 0 nor 1", { .offset = 0, .size = page, .present = 2 } },
		{ "a reserved field", { .offset = 0, .size = page, .reserved = { [4] = 1 } } },
	};
	struct kvm_gmem_direct_map valid = { .offset = 0, .size = page, .present = 1 };
	unsigned int i;
	int status = refuse("an inode without a flag", area->fds[1], valid, EOPNOTSUPP);

	for (i = 0; i < sizeof(refused) / sizeof(*refused) && !status; i++)
		status = refuse(refused[i].what, area->fds[0], refused[i].request, EINVAL);
	return status;
}

static int change_pages(struct area *area)
{
	unsigned int i;
	int status = LOAD_OK;

	for (i = 0; i < SINGLE_PAGES && !status; i++) {
		uint64_t page = load_random_below(&area->random, area->pages);

		status = area_set_direct_map(area, page, 1, i & 1);
	}
	return status;
}

static int change_ranges(struct area *area, bool present)
{
	struct range range = range_random(area, area->pages);
	int status = area_set_direct_map(area, range.first, range.count, present);

	/* Part of the range back, so that both states lie within it. */
	if (!status && range.count > 2)
		status = area_set_direct_map(area, range.first + 1, range.count / 2, !present);
	return status;
}

/* Private data stays what it is, whichever state the direct map is in. */
static int folio_round(struct area *area, unsigned int round)
{
	int status = refuse_nonsense(area);

	if (!status)
		status = change_pages(area);
	if (!status)
		status = change_ranges(area, round & 1);
	if (!status)
		status = area_check(area, 0, resident_pages(area));
	return status;
}

int scenario_folio(const struct load_options *options)
{
	static const struct area_scenario scenario = {
		.name = "folio",
		.begin = folio_begin,
		.round = folio_round,
		/* Absent pages take the state that was declared when the guest comes. */
		.end = area_check_all,
	};

	return fleet_run(&scenario, options);
}
