/* SPDX-License-Identifier: GPL-2.0 */
/*
 * BPF objects: which program goes with what, loading, attaching, counters.
 *
 * The object is opened twice. Part KERNEL hooks vmlinux and is there from the
 * start; part INODES knows what inodes are, and reads the kvm module's types:
 * it is loaded again when kvm appears. Both share the maps of the first.
 */
#ifndef GMEMTRACE_SENSOR_LOAD_H
#define GMEMTRACE_SENSOR_LOAD_H

#include <bpf/libbpf.h>

#include "sensor/kernel.h"
#include "sensor/sensor.h"

struct refusal;
struct sensors_bpf;

enum load_part {
	LOAD_PART_KERNEL,
	LOAD_PART_INODES,
	LOAD_PART_NR,
};

/* What a touch of the tool's own does (touch.h). */
enum touch_step {
	TOUCH_SECRET = 1 << 0, /* a memfd_secret page is faulted and freed */
	TOUCH_GMEM = 1 << 1, /* a guest_memfd is made, filled, punched, closed */
	TOUCH_GMEM_ABSENT = 1 << 2, /* it was one that leaves the direct map */
	TOUCH_GMEM_RANGE = 1 << 3, /* its state was changed by the ioctl */
	TOUCH_GMEM_MAPPED = 1 << 4, /* it was mapped and written to, and left the direct map then */
	TOUCH_GUEST = 1 << 5, /* a page was entered for a guest to reach, and taken from it */
};

struct load_program {
	const char *name; /* of the BPF program */
	const char *target; /* function it hooks; NULL: none (run by us, or a tracepoint) */
	unsigned int parameters; /* that the target takes, as bpf/ decodes them */
	enum load_part part;
	uint32_t group; /* enum sensor_group */
	bool required; /* cannot do without */
	const char *provenance; /* where the target comes from */
	uint32_t touch; /* bits of enum touch_step, each of which makes it fire; 0: none does */
};

#define LOAD_PROGRAMS_MAX 128

extern const struct load_program load_programs[];
extern const size_t load_programs_nr;

struct load {
	struct sensors_bpf *parts[LOAD_PART_NR];
	struct bpf_link *links[LOAD_PROGRAMS_MAX];
	int descriptors[LOAD_PROGRAMS_MAX]; /* of the programs that have links */
	uint64_t misses[LOAD_PROGRAMS_MAX]; /* as last read */
	/* errno: why the kernel did not attach it; 0: it did, or was not asked to. */
	int left_out[LOAD_PROGRAMS_MAX];
	struct zap_ring_entry *zaps; /* mapped */
	bool with_kvm; /* part INODES knows kvm's types */
	bool secret_by_folio; /* memfd_secret takes its pages out as v7 to v12 do, and may not flush them */
	bool plain_begins, plain_flushes,
		plain_zaps; /* of the programs that are there twice: the plain ones */
};

/* What tells of answers; the table of them stays small. */
enum sensor_answers load_answers_by(const struct kernel *kernel);

/* True where the running kernel has what the program needs. */
bool load_program_fits(const struct load_program *program, const struct kernel *kernel,
		       uint32_t groups);

/* Why SENSOR_GROUP_WITNESS cannot be on; NULL: it can. */
const char *load_unwitnessed(const struct kernel *kernel);

/* Why guest_memfds that only VMs' slots lead to are not looked for; NULL: they are. */
const char *load_unbound(const struct kernel *kernel);

/* Of @groups those that this kernel has what they need for. */
uint32_t load_groups(const struct kernel *kernel, uint32_t groups);

/* Of which groups the program is that libbpf named when it failed; 0: it named none of ours. */
uint32_t load_refused(const struct refusal *refusal);

/* Loads; the hooks come with load_attach(). */
int load_kernel_part(struct load *load, const struct kernel *kernel,
		     const struct sensor_options *options, struct sensor_failure *failure);

/*
 * Hooks every program of @part that is loaded. One that tracing can do without and that the kernel does not
 * attach is left out, with all that are nothing without it.
 */
int load_attach(struct load *load, enum load_part part, struct sensor_failure *failure);

/* Of which groups programs are left out; @index: of that program, as a word or two say why. */
uint32_t load_left_out(const struct load *load);
const char *load_left_out_words(const struct load *load, size_t index);

/*
 * Whether what program @index does not see is missing in what verdicts are made of. Else one rule, what only
 * some ask for, or how soon kvm is met rests on it.
 */
bool load_leaves_gap(size_t index);

/* Loads and attaches part INODES, in place of the one that is there. */
int load_inodes_part(struct load *load, const struct kernel *kernel,
		     const struct sensor_options *options, struct sensor_failure *failure);

/* The SEC("syscall") programs: those of both parts do what they do with the part's own types. */
#define LOAD_CALLS(call)                                                                           \
	call(POSITION, position) call(SWEEP, sweep) call(TAKE_LOSSES, take_losses)                 \
		call(IDENTIFY, identify) call(SNAPSHOT_LIVE, snapshot_live) call(WALK, walk)       \
			call(TOUCH_BEGIN, touch_begin) call(TEXT_READ, text_read)                  \
				call(DISCOVER_BOUND, discover_bound)

enum load_call {
#define LOAD_CALL(call, program) LOAD_CALL_##call,
	LOAD_CALLS(LOAD_CALL)
#undef LOAD_CALL
};

/* Runs one of them, of part @part. */
int load_run(const struct load *load, enum load_part part, enum load_call call, void *args,
	     size_t size);

/* Inodes that are there already go into the ring. */
int load_discover(const struct load *load);

/*
 * Whether no request on the inode is written from now on (bpf/left_out.h). 0 or -errno: -ENOENT where
 * it has been forgotten meanwhile, and will be announced anew.
 */
int load_leave_out(const struct load *load, const struct inode_key *inode, bool out);

/* Recursion misses of program @index since the last call. */
uint64_t load_misses(struct load *load, size_t index);

/* Every sensor is hooked: let them speak. */
void load_arm(const struct load *load);

/* From now on only what comes and goes is told (SENSOR_QUIET), or all of it again. Once armed. */
void load_quiet(const struct load *load, bool quiet);

/* The functions that are hooked, each once. Returns how many of @names were filled. */
size_t load_hooked(const struct load *load, const char *names[LOAD_PROGRAMS_MAX]);

/* How often program @index was called by the toucher, since load_sight_reset(). */
uint64_t load_sight(const struct load *load, size_t index);
void load_sight_reset(const struct load *load);

/* The toucher has ended: from now on its task may be anybody's. */
void load_touch_end(const struct load *load);

/* ns: when the kvm module was loaded since the last call; 0: it was not. */
uint64_t load_take_kvm_loaded(const struct load *load);

/* GMEM_STRANGE_SEEN and the flags of a guest_memfd whose design is not known, met since the last call; 0: there was none. */
uint64_t load_take_strange(const struct load *load);

/* The kvm module was loaded, and load_take_kvm_loaded() has not said so yet. */
bool load_kvm_waits(const struct load *load);

/* What the program take_losses has taken. */
const struct loss_taken *load_losses(const struct load *load);

/* Losses charged to nobody, exchanged for 0. @cause is below LOSS_CAUSES. */
uint64_t load_take_unknown_losses(const struct load *load, uint32_t cause);

/* The zap ring, mapped while @load is open. NULL, NULL where it cannot be. */
void load_zap_ring(const struct load *load, struct zap_ring_entry **entries,
		   struct zap_ring_ends **ends);

struct bpf_map *load_map(const struct load *load, const char *name);

void load_close(struct load *load);

#endif
