// SPDX-License-Identifier: GPL-2.0
/*
 * Tests that fsync() write-protects all that maps a huge page of a file on fsdax. If
 * it does not, the next fsync() does not learn of later writes, and leaves them out.
 * FILE=/mnt/huge in the environment names the file, which loses what it holds.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>

#include "../kselftest_harness.h"
#include "devdax.h"

#define HUGE		(2UL << 20)
#define SIZE		(16UL << 20)

FIXTURE(fsync)
{
	unsigned long page_size;
	int fd;
	off_t offset;		/* of a huge page, in the file */
	char *huge;		/* where it is mapped as such */
};

/* A second mapping, which the kernel has to make of base pages */
FIXTURE_VARIANT(fsync)
{
	unsigned long first;	/* which of the base pages it maps, of 512 */
	unsigned long nr;
	unsigned long shift;	/* by how many base pages it is out of place */
};

FIXTURE_VARIANT_ADD(fsync, out_of_place)
{
	.nr = 512,
	.shift = 1,
};

FIXTURE_VARIANT_ADD(fsync, behind_the_first_page)
{
	.first = 1,
	.nr = 511,
};

FIXTURE_VARIANT_ADD(fsync, behind_the_first_page_and_out_of_place)
{
	.first = 1,
	.nr = 511,
	.shift = 7,
};

FIXTURE_VARIANT_ADD(fsync, last_page)
{
	.first = 511,
	.nr = 1,
};

/* How many faults it takes to write to each of some pages */
static long faults_of_writes(char *p, unsigned long nr, unsigned long page_size)
{
	long before;

	page_faults();
	before = page_faults();
	for (; nr; nr--, p += page_size)
		*(volatile char *)p = nr;
	return page_faults() - before;
}

/* An address, a multiple of HUGE, behind which at least HUGE bytes are free */
static char *room(void)
{
	char *p = mmap(NULL, 3 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p + HUGE - (uintptr_t)p % HUGE;
}

static char *map_at(char *p, unsigned long size, int fd, off_t offset)
{
	return mmap(p, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, offset);
}

FIXTURE_SETUP(fsync)
{
	const char *file = getenv("FILE");

	ASSERT_NE(NULL, file) {
		TH_LOG("name a file: FILE=/mnt/huge");
	}
	self->page_size = sysconf(_SC_PAGESIZE);
	self->fd = open(file, O_RDWR | O_CREAT | O_TRUNC, 0600);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, posix_fallocate(self->fd, 0, SIZE));
	self->huge = room();
	ASSERT_NE(NULL, self->huge);
	/* The file system decides which parts of the file can be huge pages. */
	for (self->offset = 0; self->offset < (off_t)SIZE; self->offset += HUGE) {
		ASSERT_EQ(self->huge, map_at(self->huge, HUGE, self->fd, self->offset));
		if (faults_of_writes(self->huge, 512, self->page_size) == 1)
			return;
	}
	ASSERT_TRUE(false) {
		TH_LOG("%s has no huge page", file);
	}
}

FIXTURE_TEARDOWN(fsync)
{
}

TEST_F_TIMEOUT(fsync, protects_all_mappings, 300)
{
	char *other = room();
	unsigned long i;

	ASSERT_NE(NULL, other);
	other += variant->shift * self->page_size;
	if (!variant->shift)
		other += variant->first * self->page_size;
	ASSERT_EQ(other, map_at(other, variant->nr * self->page_size, self->fd,
				self->offset + variant->first * self->page_size));
	EXPECT_EQ((long)variant->nr, faults_of_writes(other, variant->nr, self->page_size));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, faults_of_writes(other, variant->nr, self->page_size));
		EXPECT_EQ(0, faults_of_writes(self->huge, 512, self->page_size));
		ASSERT_EQ(0, fsync(self->fd));
		EXPECT_EQ((long)variant->nr,
			  faults_of_writes(other, variant->nr, self->page_size));
		EXPECT_EQ(1, faults_of_writes(self->huge, 512, self->page_size));
	}
}

TEST_HARNESS_MAIN
