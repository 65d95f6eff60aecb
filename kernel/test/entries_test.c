// SPDX-License-Identifier: GPL-2.0
/*
 * How often the series reads an entry of the page tables, and whether it looks before the first of its runs: its
 * own functions, as kernel/test/entries cuts them out, on tables of this process.
 *
 * The tables cannot be accessed. What tries to is counted, done as a single step, and then the entry is another
 * one, as if a CPU had set a bit of it or somebody had split a leaf. So who reads an entry twice is found out.
 *
 * usage: entries_test lookup|present|absent|runs
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define PAGE_SIZE 4096UL
#define PTRS_PER_PTE 512
#define LEVELS 5
#define TRAP_FLAG 0x100
#define ERROR_WRITE 2

#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile __typeof__(x) *)&(x) = (value))

typedef unsigned long pteval_t, pgdval_t, pgprotval_t;
typedef struct {
	pteval_t value;
} pte_t, pgprot_t;

#define _PAGE_PRESENT 0x1UL
#define _PAGE_RW 0x2UL
#define _PAGE_ACCESSED 0x20UL
#define _PAGE_DIRTY 0x40UL
#define _PAGE_PSE 0x80UL
#define _PAGE_GLOBAL 0x100UL
#define PTE_PFN_MASK 0x000ffffffffff000UL
#define PAGE_KERNEL __pgprot(_PAGE_PRESENT | _PAGE_RW | _PAGE_DIRTY | _PAGE_GLOBAL | _PAGE_ACCESSED)
#define __pgprot(bits) ((pgprot_t){ bits })
#define pgprot_val(prot) ((prot).value)
#define __pte(bits) ((pte_t){ bits })
#define pte_val(pte) ((pte).value)
#define ptep_get(pte) READ_ONCE(*(pte))
#define set_pte(pte, new) WRITE_ONCE(*(pte), new)
#define pte_none(pte) (!pte_val(pte))
#define pte_flags(pte) (pte_val(pte) & ~PTE_PFN_MASK)
/* Of an absent entry the frame is stored inverted. */
#define protnone_mask(value) ((value) && !((value)&_PAGE_PRESENT) ? PTE_PFN_MASK : 0)
#define pte_pfn(pte) (((pte_val(pte) ^ protnone_mask(pte_val(pte))) & PTE_PFN_MASK) / PAGE_SIZE)
#define pfn_pte(pfn, prot)                                                                         \
	__pte((((pfn)*PAGE_SIZE ^ protnone_mask(pgprot_val(prot))) & PTE_PFN_MASK) |               \
	      pgprot_val(prot))

/* All levels are there, each in a page of its own. */
typedef pte_t pgd_t, p4d_t, pud_t, pmd_t;
static pte_t (*table)[PTRS_PER_PTE];
static unsigned int reads[LEVELS][PTRS_PER_PTE];

#define index_of(addr, level) ((addr) >> (12 + 9 * (LEVELS - 1 - (level))) & (PTRS_PER_PTE - 1))
#define below(entry, addr, level) ((pte_t *)(pte_val(entry) & PTE_PFN_MASK) + index_of(addr, level))
#define pgd_offset_k(addr) (&table[0][index_of(addr, 0)])
#define pgdp_get ptep_get
#define p4dp_get ptep_get
#define pudp_get ptep_get
#define pmdp_get ptep_get
#define pgd_none pte_none
#define p4d_val pte_val
#define pud_val pte_val
#define pmd_val pte_val
#define p4d_offset_lockless(pgdp, pgd, addr) ((void)(pgdp), below(pgd, addr, 1))
#define pud_offset_lockless(p4dp, p4d, addr) ((void)(p4dp), below(p4d, addr, 2))
#define pmd_offset_lockless(pudp, pud, addr) ((void)(pudp), below(pud, addr, 3))
#define p4d_offset(pgdp, addr) below(*(pgdp), addr, 1)
#define pud_offset(p4dp, addr) below(*(p4dp), addr, 2)
#define pmd_offset(pudp, addr) below(*(pudp), addr, 3)
#define pte_offset_kernel(pmdp, addr) below(*(pmdp), addr, 4)

struct page {
	unsigned long pfn;
};
typedef unsigned int gfp_t;
struct direct_map_run {
	struct page *page;
	unsigned int nr;
};
struct kvm_gmem_inode_private {
	unsigned long split_leaf;
};
struct inode {
	void *i_private;
};
struct address_space {
	struct inode *host;
};
struct folio {
	struct page page;
	struct address_space *mapping;
};

/* What a batch has room for: an array whose bounds the sanitizer knows. */
#define RUNS 8
static struct direct_map_run run[RUNS];
static unsigned int runs_split;

#define folio_page(folio, n) (&(folio)->page + (n))
#define folio_nr_pages(folio) 1U
#define page_to_pfn(page) ((page)->pfn)

static bool kvm_gmem_is_split(struct kvm_gmem_inode_private *priv, struct folio *folio)
{
	return priv->split_leaf == folio->page.pfn / PTRS_PER_PTE;
}

static int set_direct_map_4k(const struct direct_map_run *runs, unsigned int nr, gfp_t gfp)
{
	(void)runs;
	(void)gfp;
	runs_split = nr;
	return 0;
}

#include ENTRIES

static void forbid_tables(int protection)
{
	mprotect(table, LEVELS * PAGE_SIZE, protection);
}

static pte_t *touched;

static void on_access(int signal, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	size_t at = ((char *)info->si_addr - (char *)table) / sizeof(pte_t);

	if (at >= (size_t)LEVELS * PTRS_PER_PTE)
		_Exit(3);
	(void)signal;
	touched = (pte_t *)table + at;
	if (!(registers[REG_ERR] & ERROR_WRITE))
		reads[at / PTRS_PER_PTE][at % PTRS_PER_PTE]++;
	forbid_tables(PROT_READ | PROT_WRITE);
	registers[REG_EFL] |= TRAP_FLAG;
}

/* The access is done: the entry is another one from now on. */
static void on_step(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	touched->value ^= _PAGE_ACCESSED;
	forbid_tables(PROT_NONE);
	((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
}

static void set_up(void)
{
	struct sigaction access = { .sa_sigaction = on_access, .sa_flags = SA_SIGINFO };
	struct sigaction step = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };

	table = mmap(NULL, LEVELS * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	if (table == MAP_FAILED)
		exit(2);
	for (int level = 0; level + 1 < LEVELS; level++)
		for (int i = 0; i < PTRS_PER_PTE; i++)
			table[level][i] = __pte((pteval_t)table[level + 1] | _PAGE_PRESENT);
	sigaction(SIGSEGV, &access, NULL);
	sigaction(SIGTRAP, &step, NULL);
}

/* Each entry was read so often: once where it had to be. */
static int judge(int level, unsigned int first, unsigned int nr)
{
	for (unsigned int i = 0; i < PTRS_PER_PTE; i++) {
		unsigned int want = i >= first && i < first + nr;

		if (reads[level][i] == want)
			continue;
		printf("# level %d, entry %u: read %u times, not %u\n", level, i, reads[level][i],
		       want);
		return 1;
	}
	return 0;
}

static int test_lookup(void)
{
	const unsigned long addr = 0x0123456789abc000UL;
	pte_t *pte;

	forbid_tables(PROT_NONE);
	pte = lookup_direct_map_entry(addr);
	forbid_tables(PROT_READ | PROT_WRITE);
	if (pte != &table[LEVELS - 1][index_of(addr, LEVELS - 1)])
		return 1;
	for (int level = 0; level + 1 < LEVELS; level++)
		if (judge(level, (unsigned int)index_of(addr, level), 1))
			return 1;
	return judge(LEVELS - 1, 0, 0);
}

/* Entries 3 to 12 change, each to what it was made from and nothing else. */
static int test_entries(bool valid)
{
	const pteval_t changed = _PAGE_PRESENT | _PAGE_RW | _PAGE_DIRTY | _PAGE_GLOBAL;
	pte_t *entry = table[LEVELS - 1];

	for (unsigned long i = 0; i < PTRS_PER_PTE; i++)
		entry[i] = pfn_pte(0x100 + i, __pgprot(valid ? _PAGE_PSE : _PAGE_PSE | changed));
	forbid_tables(PROT_NONE);
	set_direct_map_entries(&entry[3], 10, valid);
	forbid_tables(PROT_READ | PROT_WRITE);
	for (unsigned long i = 3; i < 13; i++) {
		if (pte_pfn(entry[i]) == 0x100 + i &&
		    !(pte_val(entry[i]) & _PAGE_PRESENT) == !valid)
			continue;
		printf("# entry %lu: %lx\n", i, pte_val(entry[i]));
		return 1;
	}
	return judge(LEVELS - 1, 3, 10);
}

static int split(unsigned int first, unsigned int nr, unsigned int apart)
{
	struct kvm_gmem_inode_private priv = { .split_leaf = 1 };
	struct inode inode = { &priv };
	struct address_space mapping = { &inode };
	struct folio folio[RUNS], *folios[RUNS];

	for (unsigned int i = 0; i < nr; i++) {
		folio[i] = (struct folio){ { first + i * apart }, &mapping };
		folios[i] = &folio[i];
	}
	runs_split = 0;
	return kvm_gmem_split_direct_map_batch(folios, NULL, nr, 0) ? -1 : (int)runs_split;
}

static int test_runs(void)
{
	/* One run, as many as there are folios, and none where the leaf is known to be split. */
	return split(4096, RUNS, 1) != 1 || split(4096, RUNS, 2) != RUNS || split(512, RUNS, 1) > 1;
}

int main(int argc, char **argv)
{
	const char *name = argc == 2 ? argv[1] : "";

	set_up();
	if (!strcmp(name, "lookup"))
		return test_lookup();
	if (!strcmp(name, "present"))
		return test_entries(true);
	if (!strcmp(name, "absent"))
		return test_entries(false);
	if (!strcmp(name, "runs"))
		return test_runs();
	fprintf(stderr, "usage: entries_test lookup|present|absent|runs\n");
	return 64;
}
