// SPDX-License-Identifier: GPL-2.0
/* Areas of private memory, and what is done to their pages; see area.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "area.h"
#include "kernel/kvm_uapi.h"
#include "vcpu.h"

static const uint64_t inode_flags[AREA_INODES] = {
	KVM_GMEM_NO_DIRECT_MAP,
	0,
	KVM_GMEM_DIRECT_MAP_DYNAMIC,
};

static uint64_t side_pages(uint64_t pages)
{
	return pages < 4 ? 1 : pages / 4;
}

uint64_t area_total_pages(uint64_t pages)
{
	return pages + 2 * side_pages(pages);
}

bool region_is_flagged(const struct region *region)
{
	return inode_flags[region->inode] != 0;
}

static int create_inode(struct area *area, unsigned int inode, uint64_t pages)
{
	struct kvm_create_guest_memfd request = {
		.size = pages * LOAD_PAGE_SIZE,
		.flags = inode_flags[inode],
	};
	int fd;

	if (area->vm->marks_folios && request.flags)
		request.flags = GUEST_MEMFD_FLAG_NO_DIRECT_MAP;
	fd = ioctl(area->vm->fd, KVM_CREATE_GUEST_MEMFD, &request);
	if (fd < 0 && errno == EINVAL && request.flags)
		return load_cannot_run("this kernel's guest_memfd does not know flag %llu: it does "
				       "not carry the direct-map series",
				       (unsigned long long)request.flags);
	if (fd < 0 && errno == EOPNOTSUPP)
		return load_cannot_run(
			"this kernel cannot change its direct map (KVM_CREATE_GUEST_MEMFD: %s)",
			strerror(errno));
	if (fd < 0)
		return load_fail_call("KVM_CREATE_GUEST_MEMFD: %s", strerror(errno));
	area->fds[inode] = fd;
	return LOAD_OK;
}

static int create_region(struct area *area, unsigned int index, unsigned int inode, uint64_t offset,
			 uint64_t pages)
{
	struct region *region = &area->regions[index];

	*region = (struct region){
		.first = area->pages,
		.pages = pages,
		.slot = area->vm->slots++,
		.inode = inode,
		.offset = offset,
	};
	area->pages += pages;
	region->shared = mmap(NULL, pages * LOAD_PAGE_SIZE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (region->shared == MAP_FAILED) {
		region->shared = NULL;
		return load_fail_call("mmap of %llu pages: %s", (unsigned long long)pages,
				      strerror(errno));
	}
	return LOAD_OK;
}

static int create_inodes(struct area *area, uint64_t pages)
{
	uint64_t side = side_pages(pages);
	int status = create_inode(area, 0, pages + 3 * AREA_GAP);

	if (!status)
		status = create_inode(area, 1, side);
	if (!status)
		status = create_inode(area, 2, side + AREA_GAP);
	return status;
}

static int create_regions(struct area *area, uint64_t pages)
{
	uint64_t low = pages - pages / 2, side = side_pages(pages);
	int status = create_region(area, 0, 0, 2 * AREA_GAP + low, pages / 2);

	if (!status)
		status = create_region(area, 1, 0, AREA_GAP, low);
	if (!status)
		status = create_region(area, 2, 1, 0, side);
	if (!status)
		status = create_region(area, 3, 2, AREA_GAP, side);
	return status;
}

/* Keys are odd and even, so that no value is right on both sides. */
static int create_expectations(struct area *area, uint64_t total, uint64_t seed)
{
	area->random = load_random_start(seed, area->gpa);
	area->private_key = load_random_next(&area->random) | 1;
	area->shared_key = load_random_next(&area->random) & ~1U;
	area->is_private = calloc(total, 1);
	area->is_written = calloc(total, 1);
	if (!area->is_private || !area->is_written)
		return load_fail_call("no memory for %llu pages", (unsigned long long)total);
	return LOAD_OK;
}

static void write_shared(struct region *region, uint64_t gpa, uint32_t key)
{
	uint64_t offset;

	for (offset = 0; offset < region->pages * LOAD_PAGE_SIZE; offset += AREA_STRIDE)
		*(volatile uint32_t *)(region->shared + offset) = guest_value(gpa + offset, key);
}

int area_create(struct area *area, struct vm *vm, uint64_t pages, uint64_t seed)
{
	uint64_t bytes = area_total_pages(pages) * LOAD_PAGE_SIZE;
	unsigned int i;
	int status;

	*area = (struct area){
		.vm = vm, .gpa = vm->gpa_next, .fds = { -1, -1, -1 }, .vcpu_fd = -1
	};
	if (area->gpa + bytes > AREA_GPA_END)
		return load_fail("%llu pages do not fit below the guest's 3 GiB",
				 (unsigned long long)pages);
	vm->gpa_next += bytes;
	status = create_inodes(area, pages);
	if (!status)
		status = create_regions(area, pages);
	if (!status)
		status = create_expectations(area, area->pages, seed);
	if (!status)
		status = vcpu_create(area);
	for (i = 0; i < AREA_REGIONS && !status; i++)
		write_shared(&area->regions[i], area->gpa + area->regions[i].first * LOAD_PAGE_SIZE,
			     area->shared_key);
	return status;
}

static int bind_region(struct area *area, const struct region *region)
{
	struct kvm_userspace_memory_region2 slot = {
		.slot = region->slot,
		.flags = KVM_MEM_GUEST_MEMFD,
		.guest_phys_addr = area->gpa + region->first * LOAD_PAGE_SIZE,
		.memory_size = region->pages * LOAD_PAGE_SIZE,
		.userspace_addr = (uintptr_t)region->shared,
		.guest_memfd = area->fds[region->inode],
		.guest_memfd_offset = region->offset * LOAD_PAGE_SIZE,
	};

	if (ioctl(area->vm->fd, KVM_SET_USER_MEMORY_REGION2, &slot))
		return load_fail_call("KVM_SET_USER_MEMORY_REGION2: %s", strerror(errno));
	return LOAD_OK;
}

int area_bind(struct area *area)
{
	int status = LOAD_OK;
	unsigned int i;

	for (i = 0; i < AREA_REGIONS && !status; i++)
		status = bind_region(area, &area->regions[i]);
	return status;
}

void area_destroy(struct area *area)
{
	unsigned int i;

	/* Not an area yet. */
	if (!area->vm)
		return;
	vcpu_destroy(area);
	for (i = 0; i < AREA_INODES; i++) {
		if (area->fds[i] >= 0)
			close(area->fds[i]);
	}
	for (i = 0; i < AREA_REGIONS; i++) {
		if (area->regions[i].shared)
			munmap(area->regions[i].shared, area->regions[i].pages * LOAD_PAGE_SIZE);
	}
	free(area->is_private);
	free(area->is_written);
	*area = (struct area){ 0 };
}

const struct region *area_region_at(const struct area *area, uint64_t page)
{
	unsigned int i = AREA_REGIONS - 1;

	while (i && area->regions[i].first > page)
		i--;
	return &area->regions[i];
}

struct piece area_piece(const struct area *area, uint64_t first, uint64_t count)
{
	const struct region *region = area_region_at(area, first);
	uint64_t left = region->first + region->pages - first;

	return (struct piece){ region, first, count < left ? count : left };
}

/* Notes the new attributes; returns how many pages of flagged inodes they change. */
static uint64_t note_conversion(struct area *area, uint64_t first, uint64_t count, bool private)
{
	uint64_t changed = 0, page;

	for (page = first; page < first + count; page++) {
		bool flagged = region_is_flagged(area_region_at(area, page));

		if (area->contested) {
			changed += flagged;
			continue;
		}
		changed += flagged && area->is_private[page] != private;
		area->is_private[page] = private;
	}
	return changed;
}

int area_convert(struct area *area, uint64_t first, uint64_t count, bool private)
{
	struct kvm_memory_attributes attributes = {
		.address = area->gpa + first * LOAD_PAGE_SIZE,
		.size = count * LOAD_PAGE_SIZE,
		.attributes = private ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0,
	};

	if (ioctl(area->vm->fd, KVM_SET_MEMORY_ATTRIBUTES, &attributes))
		return load_fail_call("KVM_SET_MEMORY_ATTRIBUTES of %llu pages to %s: %s",
				      (unsigned long long)count, private ? "private" : "shared",
				      strerror(errno));
	load_counters.requests++;
	load_counters.transitions += note_conversion(area, first, count, private);
	return LOAD_OK;
}

int area_prefault(struct area *area, uint64_t first, uint64_t count)
{
	struct kvm_pre_fault_memory range = {
		.gpa = area->gpa + first * LOAD_PAGE_SIZE,
		.size = count * LOAD_PAGE_SIZE,
	};

	while (range.size) {
		if (!ioctl(area->vcpu_fd, KVM_PRE_FAULT_MEMORY, &range) || errno == EINTR ||
		    errno == EAGAIN)
			continue;
		/* The page was converted in between. */
		if (errno == EFAULT && area->contested)
			return LOAD_OK;
		return load_fail_call("KVM_PRE_FAULT_MEMORY: %s", strerror(errno));
	}
	load_counters.faulted += count;
	return LOAD_OK;
}

static off_t piece_offset(const struct piece *piece)
{
	return (piece->region->offset + piece->first - piece->region->first) * LOAD_PAGE_SIZE;
}

static int allocate_pieces(struct area *area, uint64_t first, uint64_t count, int mode)
{
	while (count) {
		struct piece piece = area_piece(area, first, count);

		if (fallocate(area->fds[piece.region->inode], mode | FALLOC_FL_KEEP_SIZE,
			      piece_offset(&piece), piece.count * LOAD_PAGE_SIZE))
			return load_fail_call("fallocate of a guest_memfd%s: %s",
					      mode & FALLOC_FL_PUNCH_HOLE ? ", punching a hole"
									  : "",
					      strerror(errno));
		load_counters.requests++;
		first += piece.count;
		count -= piece.count;
	}
	return LOAD_OK;
}

int area_punch(struct area *area, uint64_t first, uint64_t count)
{
	if (!area->contested)
		memset(area->is_written + first, 0, count);
	return allocate_pieces(area, first, count, FALLOC_FL_PUNCH_HOLE);
}

int area_allocate(struct area *area, uint64_t first, uint64_t count)
{
	return allocate_pieces(area, first, count, 0);
}

int area_allocate_gap(struct area *area)
{
	if (fallocate(area->fds[0], FALLOC_FL_KEEP_SIZE, 0, AREA_GAP * LOAD_PAGE_SIZE))
		return load_fail_call("fallocate of a guest_memfd: %s", strerror(errno));
	return LOAD_OK;
}

int area_set_direct_map(struct area *area, uint64_t first, uint64_t count, bool present)
{
	while (count) {
		struct piece piece = area_piece(area, first, count);
		struct kvm_gmem_direct_map request = {
			.offset = piece_offset(&piece),
			.size = piece.count * LOAD_PAGE_SIZE,
			.present = present,
		};

		first += piece.count;
		count -= piece.count;
		if (!region_is_flagged(piece.region) || area->vm->marks_folios)
			continue;
		if (ioctl(area->fds[piece.region->inode], KVM_GMEM_SET_DIRECT_MAP, &request))
			return load_fail_call("KVM_GMEM_SET_DIRECT_MAP of %llu pages to %s: %s",
					      (unsigned long long)piece.count,
					      present ? "present" : "absent", strerror(errno));
		load_counters.requests++;
		load_counters.transitions += piece.count;
	}
	return LOAD_OK;
}
