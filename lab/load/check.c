// SPDX-License-Identifier: GPL-2.0
/* What the guest and we read and write in an area, and what is expected there. */
#include "area.h"
#include "vcpu.h"

static void fill_mailbox(struct area *area, enum guest_operation operation, uint64_t first,
			 uint64_t count, uint32_t stride, uint32_t key)
{
	volatile struct guest_mailbox *mailbox = area->mailbox;

	mailbox->operation = operation;
	mailbox->begin = area->gpa + first * LOAD_PAGE_SIZE;
	mailbox->end = mailbox->begin + count * LOAD_PAGE_SIZE;
	mailbox->stride = stride;
	mailbox->key = key;
}

static uint64_t words_of(uint64_t count, uint32_t stride)
{
	return (count * LOAD_PAGE_SIZE + stride - 1) / stride;
}

int area_guest_write(struct area *area, uint64_t first, uint64_t count)
{
	uint64_t page;
	int status;

	fill_mailbox(area, GUEST_WRITE, first, count, AREA_STRIDE, area->private_key);
	status = vcpu_run(area);
	for (page = first; page < first + count && !area->contested; page++)
		area->is_written[page] = 1;
	return status;
}

static int guest_verify(struct area *area, uint64_t first, uint64_t count, uint32_t stride,
			uint32_t key, uint32_t flags)
{
	volatile struct guest_mailbox *mailbox = area->mailbox;
	int status;

	fill_mailbox(area, GUEST_VERIFY, first, count, stride, key);
	mailbox->flags = flags;
	status = vcpu_run(area);
	if (status)
		return status;
	if (mailbox->errors)
		return load_fail(
			"the guest found %u wrong words in pages %llu to %llu, first in page %llu: "
			"0x%x instead of 0x%x",
			mailbox->errors, (unsigned long long)first,
			(unsigned long long)(first + count - 1),
			(unsigned long long)(mailbox->bad_address - area->gpa) >> LOAD_PAGE_SHIFT,
			mailbox->bad_value,
			flags & GUEST_ZERO_ONLY ? 0 : guest_value(mailbox->bad_address, key));
	load_counters.verified += words_of(count, stride);
	return LOAD_OK;
}

int area_guest_verify_zero(struct area *area, uint64_t first, uint64_t count)
{
	return guest_verify(area, first, count, AREA_STRIDE, 0, GUEST_ZERO_ONLY);
}

static int check_sample(struct area *area, uint64_t first, uint64_t count, uint32_t key,
			uint32_t flags)
{
	uint32_t stride = count / AREA_SAMPLE * LOAD_PAGE_SIZE;
	int status;

	if (count <= AREA_SAMPLE)
		return guest_verify(area, first, count, AREA_STRIDE, key, flags);
	status = guest_verify(area, first, 1, AREA_STRIDE, key, flags);
	if (!status)
		status = guest_verify(area, first + count - 1, 1, AREA_STRIDE, key, flags);
	if (!status)
		status = guest_verify(area, first, count, stride, key, flags);
	return status;
}

/* How many pages from `first` on are expected to be as it is. */
static uint64_t run_length(const struct area *area, uint64_t first, uint64_t count)
{
	uint64_t length = 1;

	while (length < count && area->is_private[first + length] == area->is_private[first] &&
	       area->is_written[first + length] == area->is_written[first])
		length++;
	return length;
}

int area_check(struct area *area, uint64_t first, uint64_t count)
{
	int status = LOAD_OK;

	if (area->contested)
		return check_sample(area, first, count, area->private_key, GUEST_ZERO_ALLOWED);
	while (count && !status) {
		uint64_t length = run_length(area, first, count);

		if (!area->is_private[first])
			status = check_sample(area, first, length, area->shared_key, 0);
		else if (area->is_written[first])
			status = check_sample(area, first, length, area->private_key, 0);
		else
			status = check_sample(area, first, length, 0, GUEST_ZERO_ONLY);
		first += length;
		count -= length;
	}
	return status;
}

int area_check_all(struct area *area)
{
	uint64_t first;
	int status = LOAD_OK;

	for (first = 0; first < area->pages && !status; first += AREA_SAMPLE) {
		uint64_t left = area->pages - first;

		/* So few pages that nothing is left out. */
		status = area_check(area, first, left < AREA_SAMPLE ? left : AREA_SAMPLE);
	}
	return status;
}

static uint32_t shared_word(const struct area *area, uint64_t offset)
{
	const struct region *region = area_region_at(area, offset >> LOAD_PAGE_SHIFT);

	return *(uint32_t *)(region->shared + offset - region->first * LOAD_PAGE_SIZE);
}

int area_host_check(struct area *area)
{
	uint64_t offset, end = area->pages * LOAD_PAGE_SIZE;

	for (offset = 0; offset < end; offset += AREA_STRIDE) {
		uint32_t expected = guest_value(area->gpa + offset, area->shared_key);
		uint32_t found = shared_word(area, offset);

		if (found != expected)
			return load_fail("shared page %llu holds 0x%x instead of 0x%x",
					 (unsigned long long)offset >> LOAD_PAGE_SHIFT, found,
					 expected);
	}
	load_counters.verified += words_of(area->pages, AREA_STRIDE);
	return LOAD_OK;
}
