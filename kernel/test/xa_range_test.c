// SPDX-License-Identifier: GPL-2.0
/*
 * virt/kvm/xa_range.c in the kernel's own userspace harness (tools/testing/radix-tree): one
 * writer and several readers without a lock, memory that runs out, and no node left behind.
 *
 * usage: xa_range_test SECONDS SEED
 *
 * The writer stores random ranges and keeps what every index should say in a plain array beside
 * it. An index whose value a store does not change must read the same all through the store:
 * that is what a split of an entry with siblings breaks. An index that does change may read
 * either value; a sequence count for each index says which reads those are.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <linux/slab.h>
#include <linux/radix-tree.h>
#include <linux/rcupdate.h>
#include <linux/xarray.h>

#include "xa_range.h"

/* What the model follows, and the index space, of which ranges may cover nearly all. */
#define INDICES (5 * (1UL << (3 * XA_CHUNK_SHIFT)))
#define MODELLED (1UL << 16)
#define SPACE (1UL << 52)
#define PATTERN 512 /* indices that alternate() changes, which half of the loads are of */
#define READERS 3

extern int nr_allocated;
extern struct kmem_cache *radix_tree_node_cachep;
void kmem_cache_set_non_kernel(struct kmem_cache *cache, unsigned int nr);

static DEFINE_XARRAY_FLAGS(array, XA_FLAGS_ACCOUNT);
static unsigned char *model;
static unsigned int *changes; /* odd while the index changes */
static unsigned int indices;
static int stop;
static unsigned long loads, wrong, stores, failures, undone;

static unsigned long random_below(unsigned int *seed, unsigned long limit)
{
	return ((unsigned long)rand_r(seed) << 31 ^ rand_r(seed)) % limit;
}

static void *entry_of(unsigned int value)
{
	return value ? xa_mk_value(value) : NULL;
}

static void *read_entries(void *arg)
{
	unsigned int seed = (unsigned long)arg, before, i;
	unsigned long count = 0, bad = 0;
	unsigned char value;
	void *entry;

	rcu_register_thread();
	while (!uatomic_read(&stop)) {
		i = seed & 1 ? random_below(&seed, indices) : random_below(&seed, PATTERN);
		before = __atomic_load_n(&changes[i], __ATOMIC_ACQUIRE);
		value = __atomic_load_n(&model[i], __ATOMIC_ACQUIRE);
		entry = xa_load(&array, i);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (before & 1 || before != __atomic_load_n(&changes[i], __ATOMIC_ACQUIRE))
			continue;
		count++;
		if (entry != entry_of(value) && !bad++)
			fprintf(stderr, "index %u: %p instead of %p\n", i, entry, entry_of(value));
	}
	rcu_unregister_thread();
	__atomic_add_fetch(&loads, count, __ATOMIC_RELAXED);
	__atomic_add_fetch(&wrong, bad, __ATOMIC_RELAXED);
	return NULL;
}

/* The model's turn: @delta is 1 before a store and 1 after it, with the new value between. */
static void mark_changes(unsigned int first, unsigned int last, unsigned int value, bool done)
{
	unsigned int i;

	for (i = first; i <= last && i < indices; i++) {
		if (!done && model[i] != value)
			__atomic_add_fetch(&changes[i], 1, __ATOMIC_SEQ_CST);
		if (!done || !(changes[i] & 1))
			continue;
		__atomic_store_n(&model[i], value, __ATOMIC_RELEASE);
		__atomic_add_fetch(&changes[i], 1, __ATOMIC_SEQ_CST);
	}
}

/* Memory is there, or is not from the n-th allocation on. */
static gfp_t random_gfp(unsigned int *seed)
{
	if (random_below(seed, 8))
		return GFP_KERNEL;
	kmem_cache_set_non_kernel(radix_tree_node_cachep, random_below(seed, 4));
	return GFP_NOWAIT;
}

static void store_once(unsigned long first, unsigned long last, unsigned int value, gfp_t gfp,
		       bool cancel)
{
	int r = kvm_xa_prepare_range(&array, first, last, entry_of(value), gfp);

	if (r) {
		failures++;
		return;
	}
	if (cancel) {
		kvm_xa_cancel_range(&array, first, last);
		return;
	}
	mark_changes(first, last, value, false);
	if (kvm_xa_store_range(&array, first, last, entry_of(value))) {
		fprintf(stderr, "a prepared store of %lu-%lu failed\n", first, last);
		wrong++;
	}
	mark_changes(first, last, value, true);
	stores++;
}

/*
 * A change that is taken back: filled, then its parts filled with what they had, without memory.
 * The range has @value and nothing, as direct map state does.
 */
static void fill_and_undo(unsigned int first, unsigned int last, unsigned int value)
{
	unsigned int i, part, other = value ? 0 : 1;

	for (i = first; i <= last; i++) {
		if (model[i] != value && model[i] != other)
			return;
	}
	if (kvm_xa_prepare_range(&array, first, last, entry_of(value), GFP_KERNEL))
		return;
	for (i = first; i <= last; i++)
		__atomic_add_fetch(&changes[i], model[i] != value, __ATOMIC_SEQ_CST);
	wrong += !!kvm_xa_fill_range(&array, first, last, entry_of(value));
	for (i = first; i <= last; i = part) {
		for (part = i + 1; part <= last && model[part] == model[i];)
			part++;
		if (model[i] != value)
			wrong += !!kvm_xa_fill_range(&array, i, part - 1, entry_of(other));
	}
	for (i = first; i <= last; i++)
		__atomic_add_fetch(&changes[i], model[i] != value, __ATOMIC_SEQ_CST);
	kvm_xa_cancel_range(&array, first, last);
	undone++;
}

static void verify(void)
{
	unsigned int i;

	for (i = 0; i < indices; i++) {
		if (xa_load(&array, i) == entry_of(model[i]))
			continue;
		fprintf(stderr, "index %u is wrong at rest\n", i);
		wrong++;
		return;
	}
}

/* Aligned and not, of one page and of many, now and then of nearly all of the index space. */
static void store_randomly(unsigned int *seed)
{
	unsigned int align = XA_CHUNK_SHIFT * random_below(seed, 4);
	unsigned long first = random_below(seed, indices);
	unsigned long nr = 1 + random_below(seed, random_below(seed, 3) ? 600 : indices);
	unsigned long last;

	if (!random_below(seed, 3))
		first &= ~((1UL << align) - 1);
	last = first + nr - 1;
	if (!random_below(seed, 3))
		last |= (1UL << align) - 1;
	if (!random_below(seed, 32))
		last = SPACE - 1 - random_below(seed, 2) * 12345;
	if (last < indices && !random_below(seed, 4))
		fill_and_undo(first, last, random_below(seed, 2));
	else
		store_once(first, last, random_below(seed, 32) ? random_below(seed, 2) : 2,
			   random_gfp(seed), !random_below(seed, 16));
}

/* The pattern that was found in the field: a part of a larger range, then the whole of it. */
static void alternate(void)
{
	int i;

	for (i = 0; i < 32; i++) {
		store_once(0, XA_CHUNK_MASK, 0, GFP_KERNEL, false);
		store_once(0, PATTERN - 1, 1, GFP_KERNEL, false);
	}
}

static void run(int seconds, unsigned int seed)
{
	pthread_t thread[READERS];
	time_t end = time(NULL) + seconds;
	long i;

	stop = 0;
	for (i = 0; i < READERS; i++)
		pthread_create(&thread[i], NULL, read_entries, (void *)(seed + i + 1));
	for (i = 0; time(NULL) < end; i++) {
		store_randomly(&seed);
		alternate();
		if (!(i % 512))
			verify();
	}
	uatomic_set(&stop, 1);
	for (i = 0; i < READERS; i++)
		pthread_join(thread[i], NULL);
	verify();
}

/* A range of half of all indices costs a handful of nodes, and its erasure a handful of steps. */
static void test_cost(void)
{
	int before = nr_allocated, nodes;

	store_once(0, SPACE - 1, 1, GFP_KERNEL, false);
	nodes = nr_allocated - before;
	store_once(77777, 77777, 2, GFP_KERNEL, false);
	store_once(0, SPACE - 1, 0, GFP_KERNEL, false);
	printf("# %d nodes for 2^52 indices\n", nodes);
	if (nodes > 64 / XA_CHUNK_SHIFT) {
		fprintf(stderr, "%d nodes for one range\n", nodes);
		wrong++;
	}
}

int main(int argc, char **argv)
{
	int seconds = argc > 1 ? atoi(argv[1]) : 5;
	unsigned int seed = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;

	rcu_register_thread();
	radix_tree_init();
	indices = INDICES < MODELLED ? INDICES : MODELLED;
	model = calloc(indices, sizeof(*model));
	changes = calloc(indices, sizeof(*changes));
	if (!model || !changes)
		return 2;

	if (xa_reserve(&array, SPACE, GFP_KERNEL))
		return 2;
	test_cost();
	run(seconds, seed);

	xa_destroy(&array);
	rcu_barrier();
	printf("# shift %d: %lu loads, %lu stores, %lu undone, %lu without memory, %lu wrong, "
	       "%d nodes left\n",
	       XA_CHUNK_SHIFT, loads, stores, undone, failures, wrong, nr_allocated);
	rcu_unregister_thread();
	return wrong || nr_allocated || !loads || !stores || !undone;
}
