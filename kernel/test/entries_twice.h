/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The control of entries_test: the same functions as they were in a series that read entries several times, and
 * asked for the run before the first one. It must fail each of the tests.
 */
static pte_t *lookup_direct_map_entry(unsigned long addr)
{
	const pgdval_t mask = _PAGE_PRESENT | _PAGE_PSE;
	pgd_t *pgd = pgd_offset_k(addr);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;

	if (pgd_none(*pgd))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	if ((p4d_val(*p4d) & mask) != _PAGE_PRESENT)
		return NULL;
	pud = pud_offset(p4d, addr);
	if ((pud_val(*pud) & mask) != _PAGE_PRESENT)
		return NULL;
	pmd = pmd_offset(pud, addr);
	if ((pmd_val(*pmd) & mask) != _PAGE_PRESENT)
		return NULL;
	return pte_offset_kernel(pmd, addr);
}

static void set_direct_map_entries(pte_t *pte, unsigned int nr, bool valid)
{
	const pgprotval_t bits = _PAGE_PRESENT | _PAGE_RW;
	pte_t *end = pte + nr;
	pgprot_t prot;

	for (; pte < end; pte++) {
		if (pte_none(*pte) || !(pte_val(*pte) & _PAGE_PRESENT) != valid)
			continue;
		prot = __pgprot(valid ? pte_flags(*pte) | bits : pte_flags(*pte) & ~bits);
		set_pte(pte, pfn_pte(pte_pfn(*pte), prot));
	}
}

static int kvm_gmem_split_direct_map_batch(struct folio **folio, struct direct_map_run *unused,
					   unsigned int nr, gfp_t gfp)
{
	unsigned int i, nr_runs = 0;

	(void)unused;
	for (i = 0; i < nr; i++) {
		struct page *page = folio_page(folio[i], 0);
		struct direct_map_run *last = &run[nr_runs - 1];

		if (nr_runs && page_to_pfn(last->page) + last->nr == page_to_pfn(page)) {
			last->nr += folio_nr_pages(folio[i]);
			continue;
		}
		run[nr_runs].page = page;
		run[nr_runs++].nr = folio_nr_pages(folio[i]);
	}

	return set_direct_map_4k(run, nr_runs, gfp);
}
