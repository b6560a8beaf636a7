// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of what get_user_pages() and friends write to their arrays, when they
 * are asked for ranges that mix a file on DAX with memory of all other kinds.
 * PIN_FILE=/dev/dax0.0 PIN_ALIGN=2097152 in the environment name the file, which
 * loses what it holds, and the size of its pages; PIN_REFUSED=1 tells that it
 * can't be pinned for long, as it lies on fsdax.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "../kselftest_harness.h"
#include "../../../../mm/gup_test.h"

#define FOLL_WRITE	0x01
#define MB		(1UL << 20)

/* What lies side by side in the address space, in this order */
enum part {
	SMALL,		/* anonymous base pages */
	THP,		/* anonymous huge pages */
	FRONT,		/* two pages of the file */
	AGAIN,		/* the first of them again: a VMA of its own */
	HUGETLB,
	BEHIND,		/* anonymous base pages */
	PARTS
};

FIXTURE(pin)
{
	const char *file;
	unsigned long page_size;
	unsigned long align;		/* of the file */
	unsigned long unit;		/* at least a PMD */
	char *start[PARTS + 1];		/* the last is the end */
	unsigned long nr_pages;
	uint64_t *want;			/* the page frame numbers of all */
	uint64_t *pfns;
	int gup;
};

FIXTURE_VARIANT(pin)
{
	unsigned long cmd;
	bool slow;
	bool longterm;
};

FIXTURE_VARIANT_ADD(pin, get_fast)
{
	.cmd = GUP_FAST_BENCHMARK,
};

FIXTURE_VARIANT_ADD(pin, get_slow)
{
	.cmd = GUP_BASIC_TEST,
	.slow = true,
};

FIXTURE_VARIANT_ADD(pin, pin_fast)
{
	.cmd = PIN_FAST_BENCHMARK,
};

FIXTURE_VARIANT_ADD(pin, pin_slow)
{
	.cmd = PIN_BASIC_TEST,
	.slow = true,
};

FIXTURE_VARIANT_ADD(pin, longterm_fast)
{
	.cmd = PIN_LONGTERM_FAST_BENCHMARK,
	.longterm = true,
};

FIXTURE_VARIANT_ADD(pin, longterm_slow)
{
	.cmd = PIN_LONGTERM_BENCHMARK,
	.slow = true,
	.longterm = true,
};

/* The time limit only ends what hangs: emulated machines are slow. */
#define PIN_TEST(name)	TEST_F_TIMEOUT(pin, name, 300)

static unsigned long number(const char *path, const char *format)
{
	unsigned long value;
	FILE *file = fopen(path, "r");

	if (!file || fscanf(file, format, &value) != 1) {
		fprintf(stderr, "devdax_pin_test: can't read %s\n", path);
		exit(1);
	}
	fclose(file);
	return value;
}

/* The ranges of the device, in pages; none if the file is no device */
struct range {
	uint64_t pfn;
	unsigned long nr, pgoff;
};

static int device_ranges(const char *file, unsigned long page_size,
			 struct range *ranges, int max)
{
	char dir[192], path[256];
	int i;

	if (strncmp(file, "/dev/", 5))
		return 0;
	for (i = 0; i < max; i++) {
		snprintf(dir, sizeof(dir), "/sys/bus/dax/devices/%s/mapping%d",
			 file + 5, i);
		if (access(dir, F_OK))
			break;
		snprintf(path, sizeof(path), "%s/start", dir);
		ranges[i].pfn = number(path, "%lx") / page_size;
		snprintf(path, sizeof(path), "%s/end", dir);
		ranges[i].nr = (number(path, "%lx") + 1) / page_size -
			       ranges[i].pfn;
		snprintf(path, sizeof(path), "%s/page_offset", dir);
		ranges[i].pgoff = number(path, "%lx");
	}
	return i;
}

/* Where device-dax says that a page of the file is; 0 if it does not */
static uint64_t device_pfn(const struct range *ranges, int nr,
			   unsigned long pgoff)
{
	int i;

	for (i = 0; i < nr; i++) {
		if (pgoff >= ranges[i].pgoff &&
		    pgoff - ranges[i].pgoff < ranges[i].nr)
			return ranges[i].pfn + pgoff - ranges[i].pgoff;
	}
	return 0;
}

/*
 * What the page tables map, told by /proc/self/pagemap, and by device-dax for
 * its own pages. It has to be the same where both know: pagemap does not look
 * into PUD entries.
 */
static void read_pfns(struct __test_metadata *_metadata,
		      FIXTURE_DATA(pin) *self)
{
	unsigned long i, at, front = self->start[FRONT] - self->start[SMALL];
	unsigned long again = self->start[AGAIN] - self->start[SMALL];
	unsigned long end = self->start[HUGETLB] - self->start[SMALL];
	unsigned long size = self->nr_pages * sizeof(uint64_t);
	off_t offset = (uintptr_t)self->start[SMALL] / self->page_size * 8;
	int pagemap = open("/proc/self/pagemap", O_RDONLY);
	struct range ranges[16];
	uint64_t pfn, from_device;
	int nr = device_ranges(self->file, self->page_size, ranges, 16);
	unsigned long done;
	ssize_t ret;

	/* A device tells, or else nothing is compared with it. */
	ASSERT_TRUE(nr || strncmp(self->file, "/dev/", 5));
	ASSERT_GE(pagemap, 0);
	for (done = 0; done < size; done += ret) {
		ret = pread(pagemap, (char *)self->want + done, size - done,
			    offset + done);
		ASSERT_GT(ret, 0);
	}
	close(pagemap);

	for (i = 0; i < self->nr_pages; i++) {
		at = i * self->page_size;
		pfn = self->want[i] & (1ULL << 63) ?
			self->want[i] & ((1ULL << 55) - 1) : 0;
		if (at >= front && at < end) {
			at -= at >= again ? again : front;
			from_device = device_pfn(ranges, nr,
						 at / self->page_size);
			if (!pfn && self->align > 2 * MB)
				pfn = from_device;
			ASSERT_EQ(from_device ? from_device : pfn, pfn);
		}
		ASSERT_NE(0, pfn) {
			TH_LOG("page %lu is not mapped", i);
		}
		self->want[i] = pfn;
	}
}

static void touch(char *start, char *end, unsigned long step)
{
	for (; start < end; start += step)
		*(volatile char *)start = 1;
}

static void *map(char *at, unsigned long len, int flags, int fd)
{
	return mmap(at, len, PROT_READ | PROT_WRITE, MAP_FIXED | flags, fd, 0);
}

FIXTURE_SETUP(pin)
{
	unsigned long sizes[PARTS], i, nr_thp, len = 0;
	char *spare;
	int part, fd;

	self->page_size = sysconf(_SC_PAGESIZE);
	self->file = getenv("PIN_FILE");
	ASSERT_TRUE(self->file && getenv("PIN_ALIGN")) {
		TH_LOG("name a file: PIN_FILE=/dev/dax0.0 PIN_ALIGN=2097152");
	}
	self->align = strtoul(getenv("PIN_ALIGN"), NULL, 0);
	self->unit = self->align > 2 * MB ? self->align : 2 * MB;

	sizes[SMALL] = 2 * MB;
	sizes[THP] = 4 * MB;
	sizes[FRONT] = 2 * self->unit;
	sizes[AGAIN] = self->unit;
	sizes[HUGETLB] = 4 * MB;
	sizes[BEHIND] = 2 * MB;
	for (part = 0; part < PARTS; part++)
		len += sizes[part];

	/* The file has to be aligned in memory as it is on the device. */
	spare = mmap(NULL, len + 2 * self->unit, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, spare);
	spare += sizes[SMALL] + sizes[THP] + self->unit - 1;
	spare -= (uintptr_t)spare & (self->unit - 1);
	self->start[SMALL] = spare - sizes[THP] - sizes[SMALL];
	for (part = 0; part < PARTS; part++)
		self->start[part + 1] = self->start[part] + sizes[part];
	self->nr_pages = len / self->page_size;
	nr_thp = 2 * MB / self->page_size;

	fd = open(self->file, O_RDWR);
	ASSERT_GE(fd, 0);
	for (part = 0; part < PARTS; part++) {
		char *at = self->start[part];
		int flags = MAP_PRIVATE | MAP_ANONYMOUS;

		if (part == HUGETLB)
			flags |= MAP_HUGETLB;
		if (part == FRONT || part == AGAIN)
			flags = MAP_SHARED;
		ASSERT_EQ(at, map(at, sizes[part], flags,
				  flags & MAP_ANONYMOUS ? -1 : fd)) {
			TH_LOG("part %d: %s", part, strerror(errno));
		}
		if (!(flags & (MAP_SHARED | MAP_HUGETLB)))
			madvise(at, sizes[part], part == THP ?
				MADV_HUGEPAGE : MADV_NOHUGEPAGE);
		touch(at, at + sizes[part], self->page_size);
	}
	close(fd);

	self->gup = open("/sys/kernel/debug/gup_test", O_RDWR);
	ASSERT_GE(self->gup, 0);
	self->want = calloc(self->nr_pages, sizeof(*self->want));
	self->pfns = calloc(self->nr_pages, sizeof(*self->pfns));
	ASSERT_TRUE(self->want && self->pfns);
	read_pfns(_metadata, self);
	/* Or else nothing below is about huge pages. */
	for (i = 0; i < sizes[THP] / self->page_size; i++) {
		uint64_t *thp = self->want + sizes[SMALL] / self->page_size;

		ASSERT_EQ(i % nr_thp, thp[i] % nr_thp);
		ASSERT_EQ(thp[i - i % nr_thp] + i % nr_thp, thp[i]) {
			TH_LOG("the kernel has no huge page left");
		}
	}
	/* To look at a PUD through pagemap is to lose it. */
	touch(self->start[FRONT], self->start[HUGETLB], self->align);
}

FIXTURE_TEARDOWN(pin)
{
}

/* Get pages [first, end), and compare what came. */
static void compare(struct __test_metadata *_metadata,
		    FIXTURE_DATA(pin) *self, const FIXTURE_VARIANT(pin) *variant,
		    unsigned long first, unsigned long end,
		    unsigned long per_call, bool vmas)
{
	unsigned long base = (uintptr_t)self->start[SMALL];
	unsigned long front = ((uintptr_t)self->start[FRONT] - base) /
			      self->page_size;
	unsigned long hugetlb = ((uintptr_t)self->start[HUGETLB] - base) /
				self->page_size;
	struct gup_pfns_test test = {
		.run = {
			.addr = base + first * self->page_size,
			.size = (end - first) * self->page_size,
			.nr_pages_per_call = per_call,
			.gup_flags = FOLL_WRITE,
		},
		.pfns = (uintptr_t)self->pfns,
		.cmd = variant->cmd,
		.flags = vmas ? GUP_PFNS_TEST_FLAG_VMAS : 0,
	};
	bool refused = variant->longterm && getenv("PIN_REFUSED") &&
		       first < hugetlb && end > front;
	unsigned long i, got;
	int ret;

	memset(self->pfns, 0, (end - first) * sizeof(*self->pfns));
	ret = ioctl(self->gup, GUP_PFNS_TEST, &test);
	if (ret && errno == EOPNOTSUPP && vmas) {
		/* GUP of later kernels returns no VMAs. */
		test.flags = 0;
		test.run.size = (end - first) * self->page_size;
		ret = ioctl(self->gup, GUP_PFNS_TEST, &test);
	}
	if (refused && ret) {
		ASSERT_EQ(EOPNOTSUPP, errno);
		return;
	}
	ASSERT_EQ(0, ret) {
		TH_LOG("pages %lu to %lu, %lu a call: %s", first, end,
		       per_call, strerror(errno));
	}
	got = test.run.size / self->page_size;
	/* where the call is refused, what comes before may have been taken */
	ASSERT_LE(first + got, refused ? front : end);
	ASSERT_LE(refused ? 0 : end - first, got);
	for (i = 0; i < got; i++) {
		ASSERT_EQ(self->want[first + i], self->pfns[i]) {
			TH_LOG("pages %lu to %lu, %lu a call: wrong page at %lu",
			       first, end, per_call, i);
		}
	}
}

/*
 * The array holds the right page at every index: batches of all sizes, around
 * each boundary of pages and VMAs, and all over.
 */
PIN_TEST(arrays)
{
	static const unsigned long per_call[] = { 1, 511, 512, 513 };
	/* so that a batch of any size ends on either side, within something */
	const unsigned long window = 1029;
	unsigned long boundary, first, end;
	unsigned int part, i;

	for (part = 1; part <= PARTS; part++) {
		/* the last is the one between the file's two pages */
		boundary = (part < PARTS ? self->start[part] :
			    self->start[FRONT] + self->unit) -
			   self->start[SMALL];
		boundary /= self->page_size;
		first = boundary > window ? boundary - window : 0;
		end = boundary + window;
		if (end > self->nr_pages)
			end = self->nr_pages;
		for (i = 0; i < sizeof(per_call) / sizeof(*per_call); i++)
			compare(_metadata, self, variant, first, end,
				per_call[i], false);
	}
	compare(_metadata, self, variant, 1, self->nr_pages - 1, 262144, false);
	/* The slow ones can be asked for the VMA that maps each page, too. */
	compare(_metadata, self, variant, 3, self->nr_pages - 5, 1021,
		variant->slow);
	compare(_metadata, self, variant, 0, self->nr_pages, 262143,
		variant->slow);
}

/* Without an array: MAP_POPULATE maps all of it, and nothing faults after. */
PIN_TEST(populate)
{
	/* written to, or the kernel is the first to, which is a fault as well */
	struct rusage before = { 0 }, after = { 0 };
	int fd = open(self->file, O_RDWR);
	char *at = self->start[FRONT];

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, munmap(at, 2 * self->unit));
	ASSERT_EQ(at, map(at, 2 * self->unit, MAP_SHARED | MAP_POPULATE, fd));
	close(fd);

	/* A populate of a shared mapping reads, a write may have to tell. */
	getrusage(RUSAGE_SELF, &before);
	for (; at < self->start[AGAIN]; at += self->page_size)
		(void)*(volatile char *)at;
	getrusage(RUSAGE_SELF, &after);
	EXPECT_EQ(before.ru_minflt + before.ru_majflt,
		  after.ru_minflt + after.ru_majflt);

	/* What was populated by a read can be pinned to be written. */
	read_pfns(_metadata, self);
	touch(self->start[FRONT], self->start[HUGETLB], self->align);
	compare(_metadata, self, variant, 0, self->nr_pages, 513, false);
}

TEST_HARNESS_MAIN
