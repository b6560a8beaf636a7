// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of compound devmaps, on real memremap_pages().
 *
 * It maps physical memory that nobody else may use, and for an altmap that must
 * be memory indeed. Which, is told by two parameters:
 *
 *	compound_devmap_kunit.start=0x140000000 compound_devmap_kunit.size=0xc0000000
 *
 * for instance. Both have to be aligned to 1 GiB, and 3 GiB are needed; the last
 * 64 MiB before them, too, with RAM below. memmap=3136M$5056M keeps all of it from
 * the page allocator. Without the parameters the suite is empty.
 */
#include <kunit/test.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/sched/task.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/uaccess.h>
#include <linux/vmstat.h>
#include <linux/xarray.h>

#include "compound_devmap_kunit.h"

static unsigned long start;
module_param(start, ulong, 0);
MODULE_PARM_DESC(start, "first byte of the physical memory to test on");
static unsigned long size;
module_param(size, ulong, 0);
MODULE_PARM_DESC(size, "its size in bytes");

#define PMD_ORDER	(PMD_SHIFT - PAGE_SHIFT)
#define PUD_ORDER	(PUD_SHIFT - PAGE_SHIFT)
#define MAX_RANGES	3

/* Where a range of a test lies, relative to the start of the memory */
struct span {
	unsigned long offset;
	unsigned long len;
};

static struct dev_pagemap *new_pgmap(struct kunit *test, unsigned int order,
				     const struct vmem_altmap *altmap,
				     const struct span *spans, int nr)
{
	struct dev_pagemap *pgmap;
	int i;

	pgmap = kunit_kzalloc(test, sizeof(*pgmap) +
			      MAX_RANGES * sizeof(struct range), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pgmap);

	pgmap->type = MEMORY_DEVICE_GENERIC;
	set_pgmap_order(pgmap, order);
	pgmap->nr_range = nr;
	for (i = 0; i < nr; i++) {
		KUNIT_ASSERT_LE(test, spans[i].offset + spans[i].len, size);
		pgmap->ranges[i].start = start + spans[i].offset;
		pgmap->ranges[i].end = pgmap->ranges[i].start +
				       spans[i].len - 1;
	}
	if (altmap) {
		memcpy(&pgmap->altmap, altmap, sizeof(*altmap));
		pgmap->flags = PGMAP_ALTMAP_VALID;
	}
	return pgmap;
}

static unsigned long nr_compound(const struct dev_pagemap *pgmap)
{
	return 1UL << pgmap_order(pgmap);
}

static unsigned long first_pfn(const struct dev_pagemap *pgmap, int i)
{
	unsigned long pfn = PHYS_PFN(pgmap->ranges[i].start);

	if (pgmap->flags & PGMAP_ALTMAP_VALID)
		pfn += pgmap->altmap.reserve + pgmap->altmap.free;
	return pfn;
}

static unsigned long end_pfn(const struct dev_pagemap *pgmap, int i)
{
	return PHYS_PFN(pgmap->ranges[i].end + 1);
}

/* What is wrong with the struct page of @pfn, or NULL */
static const char *wrong_page(struct dev_pagemap *pgmap, unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);
	struct page *head;

	head = pfn_to_page(ALIGN_DOWN(pfn, nr_compound(pgmap)));
	if (!is_zone_device_page(page))
		return "not in ZONE_DEVICE";
	if (compound_head(page) != head)
		return "compound_head()";
	if (page_pgmap(page) != pgmap)
		return "page_pgmap()";
	if (is_pci_p2pdma_page(page) || is_device_private_page(page))
		return "type of its pgmap";
	if (!PageReserved(page))
		return "PG_reserved";
	if (page_mapcount(page))
		return "page_mapcount()";
	if (get_pageblock_migratetype(page) != MIGRATE_MOVABLE)
		return "migratetype of its pageblock";

	if (page != head) {
		if (!PageTail(page) || PageHead(page))
			return "PageTail()";
		if (page_ref_count(page))
			return "reference count of a tail";
		if (page - head > NR_TAILS_USED && page->mapping != TAIL_MAPPING)
			return "mapping of a tail";
		return NULL;
	}

	if (PageTail(page) || !!PageHead(page) != !!pgmap_order(pgmap))
		return "PageHead()";
	if (page_ref_count(page) != 1)
		return "reference count of a head";
	if (page->mapping)
		return "mapping of a head";
	if (compound_order(page) != pgmap_order(pgmap))
		return "compound_order()";
	if (compound_nr(page) != nr_compound(pgmap))
		return "compound_nr()";
	if (pgmap_order(pgmap) > 1 && pincount(page))
		return "pincount()";
	return NULL;
}

/* Invariant: every page of the map is what the geometry says. */
static void check_pages(struct kunit *test, struct dev_pagemap *pgmap)
{
	const char *wrong;
	unsigned long pfn;
	int i;

	for (i = 0; i < pgmap->nr_range; i++) {
		for (pfn = first_pfn(pgmap, i); pfn < end_pfn(pgmap, i); pfn++) {
			wrong = wrong_page(pgmap, pfn);
			if (wrong) {
				KUNIT_FAIL(test, "order %u, range %d, its page %#lx: %s\n",
					   pgmap_order(pgmap), i,
					   pfn - first_pfn(pgmap, i), wrong);
				return;
			}
			if (!(pfn % 4096))
				cond_resched();
		}
	}
}

/* The entry that maps @addr of the vmemmap, and the PTE table that it is in */
static pte_t vmemmap_entry(unsigned long addr, struct page **table)
{
	pmd_t *pmd;

	pmd = pmd_offset(pud_offset(p4d_offset(pgd_offset_k(addr), addr), addr),
			 addr);
	*table = pmd_leaf(*pmd) ? NULL : pmd_page(*pmd);
	if (!*table)
		/* pmd_write() does not tell of a block of arm64: can_write() */
		return pfn_pte(pmd_pfn(*pmd) + (addr % PMD_SIZE >> PAGE_SHIFT),
			       PAGE_KERNEL);
	return *pte_offset_kernel(pmd, addr);
}

/* Writes what is there, so that nothing is broken where it can be written. */
static bool can_write(struct page *page)
{
	unsigned long flags = page->flags;

	return !copy_to_kernel_nofault(&page->flags, &flags, sizeof(flags));
}

/*
 * Whether the tails of a compound page have to share the storage of their struct
 * pages. The code under test is not asked.
 */
static bool should_share(const struct dev_pagemap *pgmap)
{
	/* the frame with the head, the first with tails, and others like that */
	unsigned long frames = sizeof(struct page) * nr_compound(pgmap) / PAGE_SIZE;

	return (IS_ENABLED(CONFIG_X86_64) || IS_ENABLED(CONFIG_ARM64)) &&
	       IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP) &&
	       is_power_of_2(sizeof(struct page)) && frames > 2 &&
	       !(pgmap->flags & PGMAP_ALTMAP_VALID);
}

/* One range: what was not seen before is, and its bytes are returned. */
static unsigned long check_memmap_range(struct kunit *test,
					struct dev_pagemap *pgmap, int range,
					struct xarray *seen)
{
	/* from the start of the altmap, where there is one */
	unsigned long pfn = PHYS_PFN(pgmap->ranges[range].start);
	unsigned long end = (unsigned long)pfn_to_page(end_pfn(pgmap, range));
	unsigned long addr, nr = nr_compound(pgmap), found = 0;
	bool share_tables = IS_ENABLED(CONFIG_X86_64);
	bool dedup = should_share(pgmap);

	for (addr = (unsigned long)pfn_to_page(pfn); addr < end; addr += PAGE_SIZE) {
		struct page *page = (struct page *)addr, *table, *other_table;
		struct page *head =
			pfn_to_page(ALIGN_DOWN(page_to_pfn(page), nr));
		/* where the first frame of tails is, and their first table */
		unsigned long tails = (unsigned long)head + PAGE_SIZE;
		unsigned long tables = ALIGN(tails, PMD_SIZE);
		bool shared = dedup && page != head;
		pte_t pte = vmemmap_entry(addr, &table);

		if (IS_ALIGNED(addr, PMD_SIZE))
			cond_resched();
		KUNIT_ASSERT_TRUE(test, !!pte_present(pte));
		KUNIT_ASSERT_EQ(test, !!pte_write(pte), !shared);
		KUNIT_ASSERT_EQ(test, !!can_write(page), !shared);
		if (table && !xa_load(seen, page_to_pfn(table))) {
			KUNIT_ASSERT_FALSE(test, share_tables && shared &&
					   addr > tables);
			xa_store(seen, page_to_pfn(table), test, GFP_KERNEL);
			found += PAGE_SIZE;
		}
		if (!xa_load(seen, pte_pfn(pte))) {
			KUNIT_ASSERT_FALSE(test, shared && addr != tails);
			xa_store(seen, pte_pfn(pte), test, GFP_KERNEL);
			found += PAGE_SIZE;
			continue;
		}
		/* A frame that was there before is the one with the tails. */
		KUNIT_ASSERT_TRUE(test, shared && addr != tails);
		KUNIT_ASSERT_EQ(test, pte_pfn(pte),
				pte_pfn(vmemmap_entry(tails, &other_table)));
	}
	return found;
}

/*
 * Invariant: of one frame with the head and one of tails is all of the memmap of
 * a compound page made, and of as many PTE tables where they can be shared; and
 * only that with the head is writable. Without deduplication, each frame is on its
 * own. And what is said to have been allocated is what is found. Not for maps that
 * share sections.
 */
static void check_memmap(struct kunit *test, struct dev_pagemap *pgmap)
{
	unsigned long found = 0;
	struct xarray seen;
	int i;

	if (!IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP))
		return;

	xa_init(&seen);
	for (i = 0; i < pgmap->nr_range; i++)
		found += check_memmap_range(test, pgmap, i, &seen);
	xa_destroy(&seen);
	/* Else a huge page of the memmap may reach beyond that of the range. */
	if (is_power_of_2(sizeof(struct page)))
		KUNIT_EXPECT_EQ(test, pgmap->memmap_size, found);
}

/* The range has no pgmap, and no struct pages that could be looked at. */
static void check_gone(struct kunit *test, struct dev_pagemap *pgmap)
{
	struct dev_pagemap *found;
	int i;

	for (i = 0; i < pgmap->nr_range; i++) {
		found = find_pgmap(first_pfn(pgmap, i));
		KUNIT_EXPECT_PTR_EQ(test, (void *)found, NULL);
		put_dev_pagemap(found);
		found = find_pgmap(end_pfn(pgmap, i) - 1);
		KUNIT_EXPECT_PTR_EQ(test, (void *)found, NULL);
		put_dev_pagemap(found);
		KUNIT_EXPECT_FALSE(test, !!pfn_valid(first_pfn(pgmap, i)));
		KUNIT_EXPECT_FALSE(test, !!pfn_valid(end_pfn(pgmap, i) - 1));
	}
}

static void map(struct kunit *test, struct dev_pagemap *pgmap)
{
	void *addr = memremap_pages(pgmap, NUMA_NO_NODE);

	KUNIT_ASSERT_FALSE(test, IS_ERR(addr));
	KUNIT_EXPECT_PTR_EQ(test, addr, __va(pgmap->ranges[0].start));
}

static void map_check_unmap(struct kunit *test, struct dev_pagemap *pgmap)
{
	map(test, pgmap);
	check_pages(test, pgmap);
	check_memmap(test, pgmap);
	memunmap_pages(pgmap);
	check_gone(test, pgmap);
}

/* All orders from base pages to a PUD: two pages each, or two subsections. */
static void every_order(struct kunit *test)
{
	unsigned int order;

	for (order = 0; order <= PUD_ORDER; order++) {
		struct span span = {
			.len = 2 * max(PAGE_SIZE << order,
				       (unsigned long)SUBSECTION_SIZE),
		};

		map_check_unmap(test, new_pgmap(test, order, NULL, &span, 1));
	}
}

/* Begins and ends inside a section, with whole sections between */
static void unaligned_to_sections(struct kunit *test)
{
	static const struct span span = { SZ_2M, SZ_512M - SZ_64M };
	unsigned int order;

	for (order = 0; order <= PMD_ORDER; order += PMD_ORDER)
		map_check_unmap(test, new_pgmap(test, order, NULL, &span, 1));
}

/* Two maps of different geometry in one section: one goes, the other stays. */
static void shared_section(struct kunit *test)
{
	static const struct span low = { 0, SZ_64M };
	static const struct span high = { SZ_64M, SZ_128M };
	struct dev_pagemap *base = new_pgmap(test, 0, NULL, &low, 1);
	struct dev_pagemap *compound = new_pgmap(test, PMD_ORDER, NULL, &high, 1);

	map(test, base);
	map(test, compound);
	check_pages(test, base);
	check_pages(test, compound);
	memunmap_pages(base);
	check_pages(test, compound);
	map(test, base);
	memunmap_pages(compound);
	check_pages(test, base);
	memunmap_pages(base);
	check_gone(test, base);
	check_gone(test, compound);
}

static void several_ranges(struct kunit *test)
{
	static const struct span pmd[] = {
		{ SZ_1G, SZ_2M }, { 0, SZ_128M + SZ_2M },
		{ SZ_1G + SZ_4M, SZ_64M },
	};
	static const struct span pud[] = {
		{ 2UL * SZ_1G, SZ_1G }, { 0, SZ_1G },
	};

	map_check_unmap(test, new_pgmap(test, 0, NULL, pmd, 3));
	map_check_unmap(test, new_pgmap(test, PMD_ORDER, NULL, pmd, 3));
	map_check_unmap(test, new_pgmap(test, PUD_ORDER, NULL, pud, 2));
}

/* The device's own memory holds the memmap; the pages begin behind it. */
static void altmap(struct kunit *test)
{
	static const struct span span = { 0, 2UL * SZ_1G };
	const struct vmem_altmap pmd = {
		.base_pfn = PHYS_PFN(start),
		.end_pfn = PHYS_PFN(start + span.len),
		.reserve = PHYS_PFN(SZ_8K),
		.free = PHYS_PFN(SZ_64M - SZ_8K),
	}, pud = {
		.base_pfn = PHYS_PFN(start),
		.end_pfn = PHYS_PFN(start + span.len),
		.reserve = PHYS_PFN(SZ_8K),
		.free = PHYS_PFN(SZ_1G - SZ_8K),
	};

	map_check_unmap(test, new_pgmap(test, 0, &pmd, &span, 1));
	map_check_unmap(test, new_pgmap(test, PMD_ORDER, &pmd, &span, 1));
	map_check_unmap(test, new_pgmap(test, PUD_ORDER, &pud, &span, 1));
}

static void expect_refused(struct kunit *test, struct dev_pagemap *pgmap)
{
	void *addr = memremap_pages(pgmap, NUMA_NO_NODE);

	KUNIT_EXPECT_TRUE(test, addr == ERR_PTR(-EINVAL));
	if (!IS_ERR(addr))
		memunmap_pages(pgmap);
	check_gone(test, pgmap);
}

static void refused(struct kunit *test)
{
	static const struct span ok = { 0, SZ_1G };
	static const struct span bad_start = { SZ_2M, SZ_1G };
	static const struct span bad_end = { 0, SZ_1G + SZ_2M };
	static const struct span empty = { SZ_1G, 0 };
	static const struct span bad_second[] = {
		{ 0, SZ_1G }, { SZ_1G + SZ_2M, SZ_1G },
	};
	const struct vmem_altmap bad_altmap = {
		.base_pfn = PHYS_PFN(start),
		.end_pfn = PHYS_PFN(start + SZ_1G),
		.reserve = PHYS_PFN(SZ_8K),
		.free = PHYS_PFN(SZ_64M),
	};
	struct dev_pagemap *pgmap;

	expect_refused(test, new_pgmap(test, PUD_ORDER + 1, NULL, &ok, 1));
	expect_refused(test, new_pgmap(test, BITS_PER_LONG, NULL, &ok, 1));
	expect_refused(test, new_pgmap(test, UINT_MAX, NULL, &ok, 1));
	expect_refused(test, new_pgmap(test, PUD_ORDER, NULL, &bad_start, 1));
	expect_refused(test, new_pgmap(test, PUD_ORDER, NULL, &bad_end, 1));
	expect_refused(test, new_pgmap(test, PUD_ORDER, NULL, bad_second, 2));
	expect_refused(test, new_pgmap(test, PMD_ORDER, NULL, &empty, 1));
	expect_refused(test, new_pgmap(test, PMD_ORDER, &bad_altmap, &ok, 1));

	pgmap = new_pgmap(test, PMD_ORDER, NULL, &ok, 1);
	pgmap->type = MEMORY_DEVICE_FS_DAX;
	expect_refused(test, pgmap);
	/* and what was refused can be had, once it is right */
	pgmap->type = MEMORY_DEVICE_GENERIC;
	map_check_unmap(test, pgmap);
}

struct unmapper {
	struct dev_pagemap *pgmap;
	struct completion done;
};

static int unmap_thread(void *data)
{
	struct unmapper *unmapper = data;

	memunmap_pages(unmapper->pgmap);
	complete(&unmapper->done);
	return 0;
}

/*
 * Unmap in a thread of its own, while a reference to a page holds it up. Return the
 * thread when it waits. finish_unmap() drops the reference to the thread.
 */
static struct task_struct *begin_unmap(struct kunit *test,
				       struct unmapper *unmapper)
{
	struct task_struct *task;

	init_completion(&unmapper->done);
	task = kthread_create(unmap_thread, unmapper, "devmap_unmap");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	get_task_struct(task);
	wake_up_process(task);
	/* The wait for references is the first that it sleeps in. */
	while (!is_waiting(task) && !completion_done(&unmapper->done))
		schedule_timeout_uninterruptible(1);
	KUNIT_EXPECT_FALSE(test, completion_done(&unmapper->done));
	return task;
}

static void finish_unmap(struct unmapper *unmapper, struct task_struct *task)
{
	wait_for_completion(&unmapper->done);
	put_task_struct(task);
}

static void drop_with_put_page(struct page *page)
{
	put_page(page);
}

static void drop_with_release_pages(struct page *page)
{
	release_pages(&page, 1);
}

/* Map a GiB, take a reference, unmap; drop the reference. */
static void hold_up_unmap(struct kunit *test, unsigned int order,
			  unsigned long offset, void (*drop)(struct page *page))
{
	static const struct span span = { 0, SZ_1G };
	struct unmapper unmapper;
	struct task_struct *task;
	struct page *page;

	unmapper.pgmap = new_pgmap(test, order, NULL, &span, 1);
	map(test, unmapper.pgmap);

	page = pfn_to_page(PHYS_PFN(start) + offset);
	get_page(page);
	task = begin_unmap(test, &unmapper);
	/* The pgmap counts it, can be found, and is not handed out any more. */
	KUNIT_EXPECT_TRUE(test, pgmap_has_references(unmapper.pgmap));
	KUNIT_EXPECT_TRUE(test, pfn_in_pgmap(page_to_pfn(page)));
	KUNIT_EXPECT_TRUE(test, !find_pgmap(page_to_pfn(page)));
	KUNIT_EXPECT_EQ(test, page_ref_count(compound_head(page)), 1);

	drop(page);
	finish_unmap(&unmapper, task);
	check_gone(test, unmapper.pgmap);
}

/*
 * A reference to any page of the map, taken before memunmap_pages(), holds it
 * up until it is dropped; whatever it is that drops it.
 */
static void last_reference(struct kunit *test)
{
	static const unsigned int orders[] = { 0, PMD_ORDER, PUD_ORDER };
	static const unsigned long offsets[] = { 0, 1, 511 };
	int i, j;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		for (j = 0; j < ARRAY_SIZE(offsets); j++) {
			hold_up_unmap(test, orders[i], offsets[j],
				      drop_with_put_page);
			hold_up_unmap(test, orders[i], offsets[j],
				      drop_with_release_pages);
		}
	}
}

static unsigned long free_pages_now(void)
{
	unsigned long nr = 0;
	struct zone *zone;

	/* What was freed by RCU, and what is cached by CPUs, is free too. */
	rcu_barrier();
	drain_all_pages(NULL);
	for_each_populated_zone(zone)
		nr += zone_page_state_snapshot(zone, NR_FREE_PAGES);
	return nr;
}

/*
 * All that a map took is given back, to the page. Debugging kernels put freed
 * objects and stack traces aside as they go, so that other memory may be taken
 * meanwhile; but what a map loses, it loses every time.
 */
static void nothing_lost(struct kunit *test)
{
	static const struct span span = { SZ_1G, SZ_1G };
	static const unsigned int orders[] = { 0, PMD_ORDER, PUD_ORDER };
	unsigned long before, lost, least;
	struct dev_pagemap *pgmap;
	int i, attempt, round;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		pgmap = new_pgmap(test, orders[i], NULL, &span, 1);
		/* The first time makes page tables that stay. */
		map_check_unmap(test, pgmap);

		least = ULONG_MAX;
		for (attempt = 0; attempt < 5 && least; attempt++) {
			before = free_pages_now();
			for (round = 0; round < 3; round++) {
				map(test, pgmap);
				memunmap_pages(pgmap);
			}
			lost = before - min(before, free_pages_now());
			least = min(least, lost);
		}
		/* KASAN's quarantine grows, but not by a page for each map. */
		KUNIT_EXPECT_LE_MSG(test, least,
				    IS_ENABLED(CONFIG_KASAN) ? 2UL : 0UL,
				    "pages lost by three maps of order %u",
				    orders[i]);
	}
}

/* of which there are eight in a page of 1 GiB */
#if SECTION_SIZE_BITS == 27
/*
 * Sections of a compound page go in any order; those that are left keep their
 * struct pages, and after the last of them nothing is lost.
 */
static void sections_in_any_order(struct kunit *test)
{
	static const unsigned char orders[][8] = {
		{ 0, 1, 2, 3, 4, 5, 6, 7 }, { 7, 6, 5, 4, 3, 2, 1, 0 },
		{ 1, 0, 2, 4, 6, 3, 5, 7 }, { 4, 5, 6, 7, 0, 3, 2, 1 },
	};
	static const struct span span = { 0, SZ_1G };
	struct dev_pagemap *pgmap = new_pgmap(test, PUD_ORDER, NULL, &span, 1);
	struct page *head = pfn_to_page(PHYS_PFN(start));
	unsigned long pfn = PHYS_PFN(start), before, lost;
	unsigned long least[ARRAY_SIZE(orders)];
	int i, j, k, attempt, nid = numa_mem_id();
	bool share = should_share(pgmap);
	int nr = PHYS_PFN(SZ_1G) / PAGES_PER_SECTION;

	KUNIT_ASSERT_EQ(test, nr, 8);
	/* The first time makes page tables that stay. */
	map_check_unmap(test, pgmap);

	memset(least, 0xff, sizeof(least));
	for (attempt = 0; attempt < 3 * ARRAY_SIZE(orders); attempt++) {
		i = attempt % ARRAY_SIZE(orders);
		before = free_pages_now();
		mem_hotplug_begin();
		KUNIT_EXPECT_EQ(test, 0,
				add_compound_page(head, nid, share, pgmap));
		for (j = 0; j < nr; j++) {
			remove_pages(pfn + orders[i][j] * PAGES_PER_SECTION,
				     PAGES_PER_SECTION, share, pgmap);
			if (!share)
				continue;
			for (k = j + 1; k < nr; k++) {
				struct page *last = head +
					(orders[i][k] + 1) * PAGES_PER_SECTION - 1;

				KUNIT_EXPECT_PTR_EQ(test, compound_head(last),
						    head);
				KUNIT_EXPECT_FALSE(test, can_write(last));
			}
		}
		mem_hotplug_done();
		/* Others may take a page meanwhile; what is lost is lost each time. */
		lost = before - min(before, free_pages_now());
		least[i] = min(least[i], lost);
	}
	for (i = 0; i < ARRAY_SIZE(orders); i++)
		KUNIT_EXPECT_LE(test, least[i],
				IS_ENABLED(CONFIG_KASAN) ? 1UL : 0UL);
}
#endif

/*
 * A section that is partly memory since boot has its memmap, and that shares
 * nothing, nor is it charged; but its pages are what others are.
 */
static void section_from_boot(struct kunit *test)
{
	static const unsigned int orders[] = { 0, PMD_ORDER, PMD_ORDER + 3 };
	static const struct span span = { 0, SZ_64M };
	/* what the section has before the range */
	unsigned long ram = ALIGN_DOWN(PHYS_PFN(start) - 1, PAGES_PER_SECTION);
	struct dev_pagemap *pgmap;
	struct unmapper unmapper;
	struct task_struct *task;
	struct page *page;
	int i;

	KUNIT_ASSERT_TRUE(test, early_section(__pfn_to_section(PHYS_PFN(start) -
							       1)));
	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		pgmap = new_pgmap(test, orders[i], NULL, &span, 1);
		pgmap->range.start -= SZ_64M;
		pgmap->range.end -= SZ_64M;
		map(test, pgmap);
		check_pages(test, pgmap);
		KUNIT_EXPECT_EQ(test, pgmap->memmap_size, 0UL);
		/* The section is online, and the pages of the device are not. */
		KUNIT_EXPECT_TRUE(test, !pfn_to_online_page(first_pfn(pgmap, 0)));
		KUNIT_EXPECT_TRUE(test, !pfn_to_online_page(end_pfn(pgmap, 0) - 1));
		KUNIT_EXPECT_FALSE(test, !pfn_to_online_page(ram));
#ifdef CONFIG_MEMORY_FAILURE
		/* So the poison of the device is not counted as that of RAM. */
		SetPageHWPoison(pfn_to_page(first_pfn(pgmap, 0)));
#endif
		/* Nor are they online while the device goes. */
		page = pfn_to_page(first_pfn(pgmap, 0));
		get_page(page);
		unmapper.pgmap = pgmap;
		task = begin_unmap(test, &unmapper);
		KUNIT_EXPECT_TRUE(test, !pfn_to_online_page(first_pfn(pgmap, 0)));
		put_page(page);
		finish_unmap(&unmapper, task);
#ifdef CONFIG_MEMORY_FAILURE
		KUNIT_EXPECT_EQ(test, 0L,
				atomic_long_read(&num_poisoned_pages));
#endif
		KUNIT_EXPECT_TRUE(test, !pfn_to_online_page(first_pfn(pgmap, 0)));
		KUNIT_EXPECT_FALSE(test, !pfn_to_online_page(ram));
	}
}

#ifdef CONFIG_MEMORY_FAILURE
/* Poison elsewhere is no reason to touch, nor to uncount, what goes. */
static void poison_elsewhere(struct kunit *test)
{
	static const unsigned int orders[] = { 0, PMD_ORDER, PUD_ORDER };
	static const struct span span = { SZ_1G, SZ_1G };
	long before = atomic_long_read(&num_poisoned_pages);
	struct page *elsewhere = ZERO_PAGE(0);
	struct dev_pagemap *pgmap;
	int i;

	count_poison(elsewhere);
	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		pgmap = new_pgmap(test, orders[i], NULL, &span, 1);
		map(test, pgmap);
		/* as memory_failure() does */
		SetPageHWPoison(pfn_to_page(first_pfn(pgmap, 0)));
		memunmap_pages(pgmap);
		KUNIT_EXPECT_EQ(test, atomic_long_read(&num_poisoned_pages),
				before + 1);
		map_check_unmap(test, pgmap);
	}
	uncount_poison(elsewhere);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&num_poisoned_pages), before);
}
#endif

static int compound_devmap_init(struct kunit *test)
{
	if (!IS_ALIGNED(start | size, SZ_1G) || size < 3UL * SZ_1G) {
		kunit_err(test, "compound_devmap_kunit.start= and .size= must name 3 GiB of unused memory, aligned to 1 GiB; they are %#lx and %#lx\n",
			  start, size);
		return -EINVAL;
	}
	return 0;
}

static struct kunit_case compound_devmap_cases[] = {
	KUNIT_CASE(every_order),
	KUNIT_CASE(unaligned_to_sections),
	KUNIT_CASE(shared_section),
	KUNIT_CASE(several_ranges),
	KUNIT_CASE(altmap),
	KUNIT_CASE(refused),
	KUNIT_CASE(last_reference),
	KUNIT_CASE(nothing_lost),
#if SECTION_SIZE_BITS == 27
	KUNIT_CASE(sections_in_any_order),
#endif
	KUNIT_CASE(section_from_boot),
#ifdef CONFIG_MEMORY_FAILURE
	KUNIT_CASE(poison_elsewhere),
#endif
	{}
};

static struct kunit_suite compound_devmap_suite = {
	.name = "compound_devmap",
	.init = compound_devmap_init,
	.test_cases = compound_devmap_cases,
};

static int __init compound_devmap_choose_cases(void)
{
	if (!size)
		compound_devmap_cases[0].run_case = NULL;
	return 0;
}
core_initcall(compound_devmap_choose_cases);

kunit_test_suite(compound_devmap_suite);

MODULE_LICENSE("GPL");
