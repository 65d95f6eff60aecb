/* SPDX-License-Identifier: GPL-2.0 */
/* What is, of promises: guest frames that an inode backs, and who set its pages last. src/model alone includes this. */
#ifndef GMEMTRACE_MODEL_PROMISES_H
#define GMEMTRACE_MODEL_PROMISES_H

#include "model/state.h"

/* Who set a run of pages last. */
enum promise_who {
	PROMISE_UNKNOWN, /* it may have been anybody */
	PROMISE_KVM, /* nobody since the inode was made, or KVM for its VM */
	PROMISE_USER, /* KVM_GMEM_SET_DIRECT_MAP: the last writer wins, and whatever it says is right */
};

/* What is known of how a run of pages came to be as it is. */
struct promise_span {
	__u64 first, last; /* pgoff */
	__u64 since; /* ns: end of what decided it */
	enum promise_who who;
	__u64 bound; /* number: of the VM that bound it since, and so took back what is private; 0: none */
	/* enum model_state: of the last that succeeded; 0: none ever, EITHER: bound since */
	__u32 asked;
	__u64 vm; /* number: of the last that KVM did for a VM; 0: none */
	struct model_conversion conversion; /* the last that covered it */
};

#define SPAN_LIST_MAX 128

/* A few of an inode's, in order, without gaps: its lists together have all page offsets. */
struct span_list {
	struct promise_span *spans;
	size_t nr, room;
};

/* What is said of all pages in a range at once. */
struct promise_news {
	__u64 since;
	bool decides; /* `who` is who set them last */
	enum promise_who who;
	__u64 vm; /* number: whom KVM did it for; 0: nobody */
	bool asks; /* `asked` is what succeeded */
	__u32 asked;
	bool binds; /* they are bound anew: what they were asked to be before says no more of them */
	__u64 takes_back; /* number: of the VM that makes those absent which are private; 0: none */
	const struct model_conversion *conversion; /* NULL: it was none */
};

/* Read once, and not as promised. */
struct promise_suspect {
	__u64 first, last; /* pgoff */
	__u64 begin, end; /* ns: of the read */
	enum model_promise_break how;
};

struct promises {
	struct promise_vm **vms; /* that have bound it: one, unless it was handed on */
	size_t vms_nr, vms_room;
	bool unmapped; /* not all of its bindings are known: it is not judged */
	bool binding; /* bound a moment ago: what is private of it is still to become absent */
	struct span_list *lists; /* none is empty, but where memory was short */
	size_t lists_nr, lists_room;
	size_t spans_nr; /* in all of them */
	struct promise_suspect *suspects;
	size_t suspects_nr, suspects_room;
};

/* Guest frames that are backed by an inode. */
struct promise_binding {
	struct inode *inode;
	__u64 gfn, pgoff, nr;
};

struct promise_vm {
	__u64 number;
	__u64 touched; /* ns: its promises changed last */
	__u32 open; /* conversions under way */
	struct promise_binding *bindings; /* in order of gfns */
	size_t bindings_nr, bindings_room;
};

/* span.c: who set the pages of an inode last, that has promises */
/* @inode->promises is new. */
void spans_begin(struct model *model, struct inode *inode);
void spans_free(struct model *model, struct promises *promises);
void spans_set(struct model *model, struct promises *promises, __u64 first, __u64 last,
	       const struct promise_news *news);
/* What is known of the page at @pgoff. */
void promise_span_at(const struct inode *inode, __u64 pgoff, struct promise_span *span);

/* promise.c: what KVM is told, and who set what last */
/* NULL: nothing was ever said of it. */
const struct promise_vm *promise_vm_find(const struct model *model, __u64 number);
void promise_take(struct model *model, const struct record_promise *record);
/* A request that changes a range ended: KVM's own, or its user's. */
void promise_request(struct model *model, const struct request *request);
/* The run is bound so. NULL: no memory. */
struct promise_vm *promise_learn(struct model *model, struct inode *inode, __u64 vm, __u64 gfn,
				 __u64 pgoff, __u64 nr);
/* How many bindings lie between that of @first, that one included, and that of @gfn. */
__u32 promise_slots(const struct promise_vm *vm, __u64 first, __u64 gfn);
void promise_forget(struct model *model, struct inode *inode);
/* What KVM began for its VM, and has not ended for long: nothing is known of that VM since. */
__u64 promise_calls_stuck(const struct model *model);
/* Something was lost at @time, which the end of any call may be that is open. */
void promise_doubt(struct model *model, __u64 time);
/* Calls that were open then, and of which nothing was heard for as long as one may run unseen, are over. */
void promise_expire(struct model *model, __u64 now);
void promise_free_all(struct model *model);

#endif
