// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of one device-dax device: what its mappings hold, what may be mapped,
 * what its pages are, and what pins and poison do to them. The device, which
 * loses what it holds, is named by the environment: DAX=dax0.0. DAX_PINS=1000
 * ends pinned_over_and_over early, where a kernel is too slow to fill a count.
 * DAX_RSS=none says that smaps of this kernel counts no page of a device.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/fuse.h>
#include <linux/futex.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "../kselftest_harness.h"
#include "../../../../mm/gup_test.h"
#include "devdax.h"

#ifndef BUS_MCEERR_AR
#define BUS_MCEERR_AR	4
#define BUS_MCEERR_AO	5
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif

#define FOLL_WRITE	0x01

static unsigned long page_size;

/* A task that is about to be scheduled again has a stack to show, too. */
static bool is_asleep(pid_t pid)
{
	char path[64], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (f) {
		if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		fclose(f);
	}
	return state == 'S' || state == 'D';
}

/* Whether @pid sleeps in @function, or in one that @function calls */
static bool is_blocked_in(pid_t pid, const char *function)
{
	char path[64], stack[4096], *at;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stack", pid);
	fd = open(path, O_RDONLY);
	len = fd < 0 ? 0 : read(fd, stack, sizeof(stack) - 1);
	if (fd >= 0)
		close(fd);
	stack[len > 0 ? len : 0] = 0;
	at = strchr(stack, '\n');
	if (at)
		at = strchr(at + 1, '\n');
	if (at)
		*at = 0;
	return strstr(stack, function) && is_asleep(pid);
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {};

	return waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) ||
	       info.si_pid == pid;
}

static void wait_until_blocked_in(pid_t pid, const char *function)
{
	while (!is_blocked_in(pid, function) && !has_ended(pid))
		usleep(1000);
}

static int nr_mappings(const char *path)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];
	int nr = 0;

	while (f && fgets(line, sizeof(line), f))
		nr += !!strstr(line, path);
	if (f)
		fclose(f);
	return nr;
}

/* The time limit only ends what hangs: emulated machines are slow. */
#define DEVDAX_TEST(name)	TEST_F_TIMEOUT(devdax, name, 300)

FIXTURE(devdax)
{
	const char *name;
	char path[64];
	unsigned long align;
	unsigned long size;	/* of the device */
	unsigned long len;	/* of the mapping: three pages of align */
	int fd;
	int gup;
	char *p;
};

FIXTURE_SETUP(devdax)
{
	page_size = sysconf(_SC_PAGESIZE);
	self->name = getenv("DAX");
	ASSERT_NE(NULL, self->name) {
		TH_LOG("name a device: DAX=dax0.0");
	}
	snprintf(self->path, sizeof(self->path), "/dev/%s", self->name);
	self->align = sysfs_number(self->name, "align");
	self->size = sysfs_number(self->name, "size");
	self->len = 3 * self->align;
	ASSERT_LE(self->len, self->size);

	self->fd = open(self->path, O_RDWR);
	ASSERT_GE(self->fd, 0);
	self->gup = open("/sys/kernel/debug/gup_test", O_RDWR);
	ASSERT_GE(self->gup, 0);
	self->p = mmap(NULL, self->len, PROT_READ | PROT_WRITE, MAP_SHARED,
		       self->fd, 0);
	ASSERT_NE(MAP_FAILED, self->p);
}

/* Binds the device anew, while nobody has it open, and maps @len of it. */
static bool bind_and_map(FIXTURE_DATA(devdax) *self, unsigned long len)
{
	munmap(self->p, self->len);
	close(self->fd);
	if (driver_write(self->name, "bind"))
		return false;
	self->len = len;
	self->fd = open(self->path, O_RDWR);
	self->p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd,
		       0);
	return self->p != MAP_FAILED;
}

FIXTURE_TEARDOWN(devdax)
{
	munmap(self->p, self->len);
	close(self->gup);
	close(self->fd);
}

/*
 * Offsets that matter: around every boundary of align, and some inside that are
 * tails far from their head. Returns how many.
 */
static int interesting_offsets(unsigned long align, unsigned long len,
			       unsigned long *offsets, int max)
{
	static const unsigned long inside[] = {
		1, 2, 3, 511, 512, 513, 1023, 1024, 32767, 32768, 131073,
	};
	unsigned long base;
	unsigned int i;
	int nr = 0;

	for (base = 0; base < len; base += align) {
		offsets[nr++] = base;
		for (i = 0; i < ARRAY_SIZE(inside); i++)
			if (inside[i] * page_size < align - page_size)
				offsets[nr++] = base + inside[i] * page_size;
		if (align > page_size)
			offsets[nr++] = base + align - page_size;
		if (nr + (int)ARRAY_SIZE(inside) + 2 > max)
			abort();
	}
	return nr;
}

/* What is written through one mapping is read through others, page by page. */
DEVDAX_TEST(patterns)
{
	unsigned long offsets[64], i, nr, seed = getpid();
	uint64_t *word;
	char *q;

	nr = interesting_offsets(self->align, self->len, offsets, 64);
	for (i = 0; i < nr; i++) {
		word = (uint64_t *)(self->p + offsets[i]);
		word[0] = offsets[i] ^ seed;
		word[page_size / 8 - 1] = ~offsets[i] ^ seed;
	}

	q = mmap(NULL, self->len, PROT_READ, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, q);
	for (i = 0; i < nr; i++) {
		word = (uint64_t *)(q + offsets[i]);
		ASSERT_EQ(offsets[i] ^ seed, word[0]);
		ASSERT_EQ(~offsets[i] ^ seed, word[page_size / 8 - 1]);
	}
	munmap(q, self->len);

	/* A mapping that starts at the second page of align sees the same. */
	q = mmap(NULL, self->align, PROT_READ, MAP_SHARED, self->fd,
		 self->align);
	ASSERT_NE(MAP_FAILED, q);
	for (i = 0; i < nr; i++) {
		if (offsets[i] < self->align || offsets[i] >= 2 * self->align)
			continue;
		word = (uint64_t *)(q + offsets[i] - self->align);
		ASSERT_EQ(offsets[i] ^ seed, word[0]);
	}
	munmap(q, self->align);
}

DEVDAX_TEST(private_mapping_refused)
{
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->align, PROT_READ, MAP_PRIVATE,
				   self->fd, 0));
	EXPECT_EQ(EINVAL, errno);
}

DEVDAX_TEST(unaligned_mapping_refused)
{
	char *spare;

	/* an address to map to, so that nobody chooses one that hides it */
	spare = mmap(NULL, 3 * self->align, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, spare);
	spare = (char *)(((uintptr_t)spare + self->align - 1) &
			 ~(self->align - 1));

	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->align, PROT_READ, MAP_SHARED,
				   self->fd, self->align / 2));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(spare, self->align, PROT_READ,
				   MAP_SHARED | MAP_FIXED, self->fd,
				   self->align / 2));
	EXPECT_EQ(EINVAL, errno);
	if (self->align > page_size) {
		EXPECT_EQ(MAP_FAILED,
			  mmap(spare + page_size, self->align, PROT_READ,
			       MAP_SHARED | MAP_FIXED, self->fd, 0));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(-1, munmap(self->p, page_size));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(-1, mprotect(self->p + page_size, page_size,
				       PROT_READ));
		EXPECT_EQ(EINVAL, errno);
	}
}

TEST_F_SIGNAL(devdax, beyond_the_end_is_sigbus, SIGBUS)
{
	unsigned long end = self->size & ~(self->align - 1);
	char *q = mmap(NULL, self->align, PROT_READ, MAP_SHARED, self->fd, end);

	ASSERT_NE(MAP_FAILED, q);
	*(volatile char *)q;
}

/* What the kernel log says of the page at @offset, by DUMP_USER_PAGES_TEST */
struct dump {
	int refcount;
	int order;	/* -1: a base page */
	int pincount;
	unsigned long index;
	unsigned long mapping;
	unsigned long pfn;
};

/* What follows @key in a line of the log, as a number; 0 if the key is not there */
static unsigned long value_of(const char *line, const char *key, int base)
{
	const char *at = strstr(line, key);

	return at ? strtoul(at + strlen(key), NULL, base) : 0;
}

static int dump_page_at(int gup, char *addr, struct dump *dump)
{
	struct gup_test test = {
		.addr = (uintptr_t)addr,
		.size = page_size,
		.nr_pages_per_call = 1,
		.which_pages = { 1 },
	};
	char line[1024];
	int kmsg, found = 0;
	ssize_t len;

	memset(dump, 0, sizeof(*dump));
	dump->order = -1;
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	if (kmsg < 0 || lseek(kmsg, 0, SEEK_END) < 0)
		return -1;
	if (ioctl(gup, DUMP_USER_PAGES_TEST, &test) || test.size != page_size) {
		close(kmsg);
		return -1;
	}
	while ((len = read(kmsg, line, sizeof(line) - 1)) > 0) {
		line[len] = 0;
		if (strstr(line, ";page:") && strstr(line, " pfn:")) {
			dump->refcount = value_of(line, " refcount:", 10);
			dump->mapping = value_of(line, " mapping:", 16);
			dump->index = value_of(line, " index:", 16);
			dump->pfn = value_of(line, " pfn:", 16);
			found = 1;
		}
		/* There are others that begin like that, with the raw words. */
		if (strstr(line, ";head:") && strstr(line, "pincount:")) {
			dump->order = value_of(line, " order:", 10);
			dump->pincount = value_of(line, "pincount:", 10);
		}
	}
	close(kmsg);
	return found ? 0 : -1;
}

/* Each page of align is one compound page of that order, 4 KiB a base page. */
DEVDAX_TEST(pages_have_the_geometry)
{
	unsigned long offsets[64], i, nr, first = 0;
	int order = -1;
	struct dump dump;

	if (self->align > page_size)
		order = __builtin_ctzl(self->align / page_size);

	nr = interesting_offsets(self->align, self->len, offsets, 64);
	for (i = 0; i < nr; i++) {
		self->p[offsets[i]] = 1;
		ASSERT_EQ(0, dump_page_at(self->gup, self->p + offsets[i],
					  &dump));
		ASSERT_EQ(order, dump.order);
		/* one is the pgmap's, one this test's */
		ASSERT_EQ(2, dump.refcount);
		ASSERT_EQ(0, dump.pincount);
		ASSERT_EQ(offsets[i] / page_size, dump.index);
		ASSERT_NE(0, dump.mapping);
		if (order < 0)
			continue;
		if (offsets[i] % self->align == 0) {
			EXPECT_NE(first, dump.pfn);
			EXPECT_EQ(0, dump.pfn % (1UL << order));
			first = dump.pfn;
		}
		ASSERT_EQ(first + offsets[i] % self->align / page_size, dump.pfn);
	}
}

/* What is gotten and pinned over boundaries, from tail to tail, is at rest after. */
DEVDAX_TEST(get_and_pin)
{
	static const unsigned long commands[] = {
		GUP_FAST_BENCHMARK, GUP_BASIC_TEST, PIN_FAST_BENCHMARK,
		PIN_BASIC_TEST, PIN_LONGTERM_BENCHMARK,
		PIN_LONGTERM_FAST_BENCHMARK,
	};
	static const unsigned int per_call[] = { 1, 511, 512, 513, 262144 };
	/* around one boundary is enough for most, and all for the last */
	const unsigned long window = 2048 * page_size;
	unsigned long start, end;
	unsigned int i, j;
	struct dump dump;

	for (i = 0; i < ARRAY_SIZE(commands) * ARRAY_SIZE(per_call); i++) {
		j = i % ARRAY_SIZE(per_call);
		start = 0;
		end = self->len;
		if (self->align > window && per_call[j] <= 513) {
			start = self->align - window;
			end = self->align + window;
		}
		if (self->align > page_size) {
			start += page_size;
			end -= page_size;
		}
		struct gup_test test = {
			.addr = (uintptr_t)self->p + start,
			.size = end - start,
			.nr_pages_per_call = per_call[j],
			.gup_flags = FOLL_WRITE,
		};

		ASSERT_EQ(0, ioctl(self->gup, commands[i / ARRAY_SIZE(per_call)],
				   &test)) {
			TH_LOG("command %u, %u per call: %s", i, per_call[j],
			       strerror(errno));
		}
		ASSERT_EQ(end - start, test.size);
	}
	ASSERT_EQ(0, dump_page_at(self->gup, self->p + self->align, &dump));
	EXPECT_EQ(2, dump.refcount);
	EXPECT_EQ(0, dump.pincount);
}

/*
 * Pinned over and over, its count ends somewhere: that fails the pin, and loses
 * nothing. The kernel gives half of the counter to pins.
 */
DEVDAX_TEST(pinned_over_and_over)
{
	static const unsigned int flags[] = {
		PIN_LONGTERM_TEST_FLAG_USE_WRITE | PIN_LONGTERM_TEST_FLAG_USE_FAST,
		PIN_LONGTERM_TEST_FLAG_USE_WRITE,
	};
	const char *limit = getenv("DAX_PINS");
	unsigned long max, times = ~0UL;
	struct dump dump;
	unsigned int i;

	/*
	 * What a pin of a whole page counts for; a base page has a bias. The
	 * kernel leaves some room.
	 */
	max = (INT_MAX - (1 << 16) - 1) /
	      (self->align > page_size ? self->align / page_size : 1024);
	if (limit)
		times = strtoul(limit, NULL, 0);
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		struct pin_over_test test = {
			.addr = (uintptr_t)self->p + self->align,
			.size = self->align,
			.times = times,
			.flags = flags[i],
		};

		ASSERT_EQ(0, ioctl(self->gup, PIN_OVER_TEST, &test));
		EXPECT_EQ(times < max ? times : max, test.times);
		EXPECT_EQ(times < max ? 0 : ENOMEM, test.error);
		ASSERT_EQ(0, dump_page_at(self->gup, self->p + self->align,
					  &dump));
		EXPECT_EQ(2, dump.refcount);
		EXPECT_EQ(0, dump.pincount);
	}
}

/* Those who take single pages of it: vmsplice() and process_vm_readv() */
DEVDAX_TEST(single_page_users)
{
	unsigned long offset = self->align + (self->align > page_size ?
					      self->align - page_size : 0);
	struct iovec iov = { self->p + offset, page_size };
	char *buf = malloc(page_size), *want = malloc(page_size);
	struct iovec local = { buf, page_size };
	struct dump dump;
	int pipefd[2];

	memset(want, 0x5a, page_size);
	memcpy(self->p + offset, want, page_size);

	ASSERT_EQ(0, pipe(pipefd));
	ASSERT_EQ(page_size, vmsplice(pipefd[1], &iov, 1, 0));
	ASSERT_EQ(page_size, read(pipefd[0], buf, page_size));
	EXPECT_EQ(0, memcmp(buf, want, page_size));

	memset(buf, 0, page_size);
	ASSERT_EQ(page_size, process_vm_readv(getpid(), &local, 1, &iov, 1, 0));
	EXPECT_EQ(0, memcmp(buf, want, page_size));

	close(pipefd[0]);
	close(pipefd[1]);
	ASSERT_EQ(0, dump_page_at(self->gup, self->p + offset, &dump));
	EXPECT_EQ(2, dump.refcount);
}

/* How many faults it takes to look at the first and the last page of three */
static long faults_of_a_look(const char *p, unsigned long align)
{
	long before;

	/* The stack may fault, too, after clear_refs: the first call does that. */
	page_faults();
	before = page_faults();
	*(volatile const char *)p;
	*(volatile const char *)(p + 3 * align - 1);
	return page_faults() - before;
}

/* What smaps, or smaps_rollup, says of the mapping that begins at @start, in bytes */
static unsigned long smaps(const char *file, const char *start, const char *key)
{
	char line[512], address[32];
	FILE *f = fopen(file, "r");
	bool found = !start;
	unsigned long kib;

	snprintf(address, sizeof(address), "%lx-", (unsigned long)start);
	while (f && fgets(line, sizeof(line), f)) {
		if (start && !strncmp(line, address, strlen(address)))
			found = true;
		if (found && !strncmp(line, key, strlen(key)) &&
		    sscanf(line + strlen(key), ": %lu kB", &kib) == 1) {
			fclose(f);
			return kib * 1024;
		}
	}
	if (f)
		fclose(f);
	return ~0UL;
}

#define PM_SOFT_DIRTY	(1ULL << 55)
#define PM_PRESENT	(1ULL << 63)
#define PM_PFN(entry)	((entry) & ((1ULL << 55) - 1))

static uint64_t page_entry(const char *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (pread(fd, &entry, sizeof(entry),
		  (uintptr_t)p / page_size * sizeof(entry)) != sizeof(entry))
		entry = 0;
	close(fd);
	return entry;
}

static bool write_to(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);
	bool done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return done;
}

static bool read_all(const char *file)
{
	int fd = open(file, O_RDONLY);
	char text[4096];
	ssize_t len;

	do
		len = read(fd, text, sizeof(text));
	while (len > 0);
	close(fd);
	return !len;
}

/* To look at a mapping tells what it maps, and takes nothing away. */
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC	(1 << 15)
#endif

/*
 * userfaultfd would mark pages in tables of smaller pages than the device has. Kernels
 * without asynchronous write protection refuse all mappings of devices.
 */
DEVDAX_TEST(userfaultfd_refused)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { (uintptr_t)self->p, self->len },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	int fd;

	/* A kernel without userfaultfd refuses all. */
	if (access("/proc/sys/vm/unprivileged_userfaultfd", F_OK))
		return;
	fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	ASSERT_GE(fd, 0);
	api.features = UFFD_FEATURE_WP_ASYNC;
	if (ioctl(fd, UFFDIO_API, &api)) {
		close(fd);
		fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
		ASSERT_GE(fd, 0);
		api = (struct uffdio_api){ .api = UFFD_API };
		ASSERT_EQ(0, ioctl(fd, UFFDIO_API, &api));
	}
	if (self->align > page_size) {
		EXPECT_EQ(-1, ioctl(fd, UFFDIO_REGISTER, &range));
		EXPECT_EQ(EINVAL, errno);
	}
	close(fd);
	self->p[0] = 1;
}

/*
 * A debugger reads what the process itself has no access to, touched before or not.
 * Where the kernel fails, it does so for ever.
 */
TEST_F_TIMEOUT(devdax, read_without_access, 60)
{
	int mem = open("/proc/self/mem", O_RDONLY);
	char buf;

	ASSERT_GE(mem, 0);
	self->p[0] = 0x5a;
	self->p[self->align] = 0x5b;
	ASSERT_EQ(0, madvise(self->p + self->align, self->align, MADV_DONTNEED));
	ASSERT_EQ(0, mprotect(self->p, 2 * self->align, PROT_NONE));
	ASSERT_EQ(1, pread(mem, &buf, 1, (uintptr_t)self->p));
	EXPECT_EQ(0x5a, buf);
	ASSERT_EQ(1, pread(mem, &buf, 1, (uintptr_t)self->p + self->align));
	EXPECT_EQ(0x5b, buf);
	ASSERT_EQ(0, mprotect(self->p, 2 * self->align, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0x5a, self->p[0]);
	close(mem);
}

DEVDAX_TEST(looked_at)
{
	unsigned long nr = self->align / page_size, resident, i;
	unsigned char *vec = malloc(3 * nr);
	char *p = self->p, *last = p + 2 * self->align, *anon;
	const char *rss = getenv("DAX_RSS");

	p[0] = 1;
	last[self->align - 1] = 1;
	faults_of_a_look(p, self->align);

	/*
	 * No base pages of a device, which vm_normal_page() does not know. Nor huge
	 * ones, if the environment says that this kernel does not count these.
	 */
	resident = self->align > page_size && !(rss && !strcmp(rss, "none")) ?
		   2 * self->align : 0;
	EXPECT_EQ(resident, smaps("/proc/self/smaps", p, "Rss"));
	EXPECT_EQ(resident, smaps("/proc/self/smaps", p, "Pss"));
	EXPECT_EQ(resident, smaps("/proc/self/smaps", p, "Private_Dirty"));
	EXPECT_LE(resident, smaps("/proc/self/smaps_rollup", NULL, "Rss"));
	/* Without NUMA there is no such file. */
	EXPECT_TRUE(access("/proc/self/numa_maps", F_OK) || read_all("/proc/self/numa_maps"));

	EXPECT_EQ(PM_PRESENT, page_entry(p) & PM_PRESENT);
	EXPECT_EQ(PM_PFN(page_entry(p)) + nr - 1,
		  PM_PFN(page_entry(p + self->align - page_size)));
	EXPECT_EQ(0, page_entry(p + self->align) & PM_PRESENT);
	EXPECT_EQ(PM_PFN(page_entry(p)) + 3 * nr - 1,
		  PM_PFN(page_entry(p + 3 * self->align - page_size)));

	memset(vec, 2, 3 * nr);
	ASSERT_EQ(0, mincore(p, self->len, vec));
	for (i = 0; i < 3 * nr && vec[i] == (i / nr != 1); i++)
		;
	EXPECT_EQ(3 * nr, i);
	free(vec);

	EXPECT_TRUE(write_to("/proc/self/clear_refs", "1"));
	EXPECT_EQ(0, faults_of_a_look(p, self->align));

	/* Where the kernel tells what was written to since: */
	anon = mmap(NULL, page_size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, anon);
	*anon = 1;
	EXPECT_TRUE(write_to("/proc/self/clear_refs", "4"));
	EXPECT_EQ(0, faults_of_a_look(p, self->align));
	*anon = 2;
	if (page_entry(anon) & PM_SOFT_DIRTY) {
		EXPECT_EQ(0, page_entry(p) & PM_SOFT_DIRTY);
		*(volatile char *)p = 2;
		EXPECT_EQ(PM_SOFT_DIRTY, page_entry(p) & PM_SOFT_DIRTY);
		EXPECT_EQ(0, page_entry(last) & PM_SOFT_DIRTY);
	}
	EXPECT_EQ(1, last[self->align - 1]);
	munmap(anon, page_size);
}

/* Advice on a mapping takes nothing away, whoever gives it on how much of it. */
DEVDAX_TEST(advised)
{
	static const int advice[] = {
		MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED, MADV_RANDOM, MADV_NORMAL,
		MADV_DONTDUMP, MADV_DODUMP, MADV_DONTFORK, MADV_DOFORK,
	};
	unsigned long lens[] = { self->len, self->align };
	struct iovec iov = { .iov_base = self->p };
	char *p = self->p;
	int pidfd, fds[2];
	unsigned int i, j;

	ASSERT_EQ(0, pipe(fds));
	pidfd = syscall(SYS_pidfd_open, getpid(), 0);
	ASSERT_GE(pidfd, 0);
	p[0] = 1;
	p[3 * self->align - 1] = 2;
	faults_of_a_look(p, self->align);
	for (i = 0; i < ARRAY_SIZE(advice); i++) {
		for (j = 0; j < ARRAY_SIZE(lens); j++) {
			EXPECT_EQ(0, madvise(p, lens[j], advice[i])) {
				TH_LOG("advice %d: %s", advice[i], strerror(errno));
			}
			/* The processor may still have what the tables have lost. */
			EXPECT_EQ(PM_PRESENT, page_entry(p) & PM_PRESENT) {
				TH_LOG("advice %d", advice[i]);
			}
			EXPECT_EQ(0, faults_of_a_look(p, self->align)) {
				TH_LOG("advice %d", advice[i]);
			}
		}
	}
	/* for a part of a page, where no VMA has to be split */
	for (i = 0; i < 2; i++) {
		iov.iov_len = page_size;
		EXPECT_EQ(0, madvise(p, page_size, advice[i]));
		EXPECT_EQ(page_size, syscall(SYS_process_madvise, pidfd, &iov, 1,
					     advice[i], 0));
		iov.iov_len = self->align;
		EXPECT_EQ((long)self->align,
			  syscall(SYS_process_madvise, pidfd, &iov, 1,
				  advice[i], 0));
		EXPECT_EQ(0, faults_of_a_look(p, self->align));
	}

	/* nor does advice against huge pages, where there are no others */
	EXPECT_EQ(0, madvise(p, self->len, MADV_NOHUGEPAGE));
	EXPECT_EQ(0, prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	*(volatile char *)(p + self->align) = 3;

	/* and munmap() finds what it has to flush */
	ASSERT_EQ(1, write(fds[1], p, 1));
	ASSERT_EQ(0, munmap(p, self->len));
	EXPECT_EQ(-1, write(fds[1], p, 1));
	EXPECT_EQ(EFAULT, errno);
	close(pidfd);
	close(fds[0]);
	close(fds[1]);
}

/* No call leaves a mapping that begins or ends inside a page. */
DEVDAX_TEST(moved_in_parts)
{
	const int move = MREMAP_MAYMOVE, to = MREMAP_MAYMOVE | MREMAP_FIXED;
	unsigned long align = self->align, len = self->len, part = page_size;
	char *p = self->p, *room, *q;
	const struct {
		char *from;
		unsigned long old_len, new_len;
		int flags;
		long to;	/* from q */
	} calls[] = {
		{ p, part, part, to, 0 },		/* a part of a page */
		{ p + part, part, part, to, part },
		{ p + part, align, align, to, part },
		{ p, align - part, align, to, 0 },
		{ p, align, align, to, part },		/* to inside of a page */
		{ p, len, len, to, -(long)part },
		{ p, part, 2 * part, move, 0 },		/* to grow */
		{ p, len, len + part, 0, 0 },
		{ p, len, len + part, move, 0 },
		{ p, len, len + part, to, 0 },
		{ p, len, len - part, 0, 0 },		/* to shrink */
		{ p, len, align + part, to, 0 },
		{ p, 0, part, move, 0 },		/* to map it twice */
		{ p, 0, part, to, 0 },
		{ p + part, 0, align, move, 0 },
		{ p + part, 0, align, to, 0 },
		{ p, part, part, move | 4 /* MREMAP_DONTUNMAP */, 0 },
	};
	unsigned int i;

	room = mmap(NULL, len + 3 * align, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, room);
	q = (char *)(((uintptr_t)room + 2 * align - 1) & ~(align - 1));
	p[0] = 1;
	p[align - 1] = 2;
	q[0] = 3;
	q[part] = 4;
	for (i = 0; align > page_size && i < ARRAY_SIZE(calls); i++) {
		EXPECT_EQ(MAP_FAILED,
			  mremap(calls[i].from, calls[i].old_len,
				 calls[i].new_len, calls[i].flags,
				 q + calls[i].to)) {
			TH_LOG("call %u", i);
		}
		EXPECT_EQ(EINVAL, errno) {
			TH_LOG("call %u: %s", i, strerror(errno));
		}
		/* and nothing has changed */
		ASSERT_EQ(1, nr_mappings(self->path)) {
			TH_LOG("call %u", i);
		}
		ASSERT_EQ(3, q[0]);
		ASSERT_EQ(4, q[part]);
		ASSERT_EQ(1, p[0]);
		ASSERT_EQ(2, p[align - 1]);
	}

	/* What is whole goes. */
	ASSERT_EQ(q, mremap(p, align, align, to, q));
	EXPECT_EQ(2, q[align - 1]);
	ASSERT_EQ(q + align, mremap(q, 0, align, to, q + align));
	EXPECT_EQ(2, q[2 * align - 1]);
	q[0] = 5;
	EXPECT_EQ(5, q[align]);
	munmap(room, len + 3 * align);
}

/* A child sees what the parent writes, through the mapping it inherits. */
DEVDAX_TEST(fork_shares)
{
	volatile uint64_t *word = (uint64_t *)(self->p + self->align);
	int status;
	pid_t pid;

	*word = 1;
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		int seen = *word;

		*word = 2;
		_exit(seen == 1 ? 0 : 1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(2, *word);
}

/* A mapping that moves takes along what it maps, and leaves nothing behind. */
DEVDAX_TEST(moved_mapping)
{
	char *q, *old = self->p;
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	old[0] = 1;
	old[self->len - 1] = 2;
	/* an address that suits */
	q = mmap(NULL, self->len, PROT_NONE, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, q);
	/* The kernel's use of an address may be cached apart from our own. */
	ASSERT_EQ(1, write(fds[1], old, 1));
	self->p = mremap(old, self->len, self->len,
			 MREMAP_MAYMOVE | MREMAP_FIXED, q);
	ASSERT_EQ(q, self->p);

	/* The processor must have forgotten, too. */
	EXPECT_EQ(-1, write(fds[1], old, 1));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(1, q[0]);
	EXPECT_EQ(2, q[self->len - 1]);
	q[0] = 3;
	EXPECT_EQ(1, write(fds[1], q, 1));
	close(fds[0]);
	close(fds[1]);
}

/* What was written before may be read, and no more be written. */
DEVDAX_TEST(protected_mapping)
{
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(2, write(fds[1], "12", 2));
	/* by the kernel, for what it has cached of the address */
	ASSERT_EQ(1, read(fds[0], self->p, 1));
	self->p[0] = 1;
	ASSERT_EQ(0, mprotect(self->p, self->len, PROT_READ));
	EXPECT_EQ(-1, read(fds[0], self->p, 1));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(1, self->p[0]);
	ASSERT_EQ(0, mprotect(self->p, self->len, PROT_READ | PROT_WRITE));
	self->p[0] = 2;

	/* Of two that are protected alike, the kernel may make one. */
	self->p[self->align] = 2;
	ASSERT_EQ(0, mprotect(self->p, self->align, PROT_READ));
	if (self->align > page_size) {
		ASSERT_EQ(-1, mprotect(self->p + self->align, page_size,
				       PROT_READ));
		ASSERT_EQ(EINVAL, errno);
		ASSERT_EQ(-1, mprotect(self->p + self->align - page_size,
				       page_size, PROT_READ | PROT_WRITE));
		ASSERT_EQ(EINVAL, errno);
	}
	self->p[self->align] = 3;
	EXPECT_EQ(2, self->p[0]);
	/* And it does, of whole pages. */
	EXPECT_EQ(2, nr_mappings(self->path));
	ASSERT_EQ(0, mprotect(self->p, self->align, PROT_READ | PROT_WRITE));
	EXPECT_EQ(1, nr_mappings(self->path));
	close(fds[0]);
	close(fds[1]);
}

/* One page of several goes, and what another holds stays. */
DEVDAX_TEST(partly_unmapped)
{
	char *p = self->p;

	p[2 * self->align] = 4;
	ASSERT_EQ(0, munmap(p + self->align, self->align));
	EXPECT_EQ(4, p[2 * self->align]);
	ASSERT_EQ(0, madvise(p + 2 * self->align, self->align, MADV_DONTNEED));
	EXPECT_EQ(4, p[2 * self->align]);
}

/* A futex on a tail page has one key, whatever address it is mapped to. */
DEVDAX_TEST(shared_futex)
{
	unsigned long offset = 2 * self->align - page_size;
	uint32_t *futex = (uint32_t *)(self->p + offset), *other;
	int status, i;
	pid_t pid;
	char *q;

	q = mmap(NULL, 2 * self->align, PROT_READ | PROT_WRITE, MAP_SHARED,
		 self->fd, 0);
	ASSERT_NE(MAP_FAILED, q);
	other = (uint32_t *)(q + offset);
	*futex = 7;
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid)
		_exit(syscall(SYS_futex, futex, FUTEX_WAIT, 7, NULL) ? 1 : 0);
	wait_until_blocked_in(pid, "futex_wait");
	/* It is in there some time before it can be woken up. */
	for (i = 0; i < 1000 && !has_ended(pid); i++) {
		if (syscall(SYS_futex, other, FUTEX_WAKE, 1) == 1)
			break;
		usleep(1000);
	}
	if (i == 1000) {
		TH_LOG("the wake-up went astray");
		kill(pid, SIGKILL);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	munmap(q, 2 * self->align);
}

/* Pages that one thread touches first, and another by futex() as soon as it can */
struct first_touch {
	char *p;
	unsigned long align, nr;
	_Atomic unsigned long turn;	/* number of the page: 1 to nr */
	_Atomic unsigned long done;	/* the last that futex() was called for */
};

static void *futex_at_each_turn(void *arg)
{
	struct first_touch *touch = arg;
	unsigned long i, tries, failed = 0;
	unsigned char there;

	for (i = 1; i <= touch->nr; i++) {
		/* the tail that is the last to learn what it belongs to */
		char *futex = touch->p + i * touch->align - page_size;

		while (touch->turn < i)
			;
		/*
		 * The moment that matters is when the entry is there. Do not
		 * wait for ever: a kernel may drop the entry that it looks at.
		 */
		there = 0;
		for (tries = 0; tries < 1000 && !(there & 1); tries++)
			mincore(futex, page_size, &there);
		if (syscall(SYS_futex, futex, FUTEX_WAKE, 1))
			failed++;
		touch->done = i;
	}
	return (void *)failed;
}

/* Who finds a page by its page table entry also finds what it belongs to. */
DEVDAX_TEST(futex_at_first_touch)
{
	struct first_touch touch = { .align = self->align };
	pthread_t thread;
	unsigned long i;
	void *failed;

	touch.nr = self->size / self->align;
	if (touch.nr > 32768)
		touch.nr = 32768;

	/* Then no page has been touched. */
	ASSERT_EQ(0, driver_write(self->name, "unbind"));
	ASSERT_TRUE(bind_and_map(self, touch.nr * self->align));
	touch.p = self->p;

	ASSERT_EQ(0, pthread_create(&thread, NULL, futex_at_each_turn, &touch));
	for (i = 1; i <= touch.nr; i++) {
		touch.turn = i;
		*(volatile char *)(self->p + (i - 1) * self->align) = 1;
		while (touch.done < i)
			sched_yield();
	}
	ASSERT_EQ(0, pthread_join(thread, &failed));
	EXPECT_EQ(0, (unsigned long)failed) {
		TH_LOG("futex() failed for %lu of %lu pages",
		       (unsigned long)failed, touch.nr);
	}
}

static int fuse_reply(int fuse, uint64_t unique, int error, void *data,
		      size_t len)
{
	struct fuse_out_header header = {
		.len = sizeof(header) + len,
		.error = error,
		.unique = unique,
	};
	struct iovec iov[] = {
		{ &header, sizeof(header) },
		{ data, len },
	};

	return writev(fuse, iov, 2) == header.len ? 0 : -1;
}

/* Answers all that the reader of one file asks for, but FUSE_READ */
static int fuse_serve(int fuse, struct fuse_in_header *in)
{
	struct fuse_init_out init = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_write = page_size,
	};
	struct fuse_attr_out attr = {
		.attr = {
			.ino = FUSE_ROOT_ID,
			.mode = S_IFREG | 0644,
			.nlink = 1,
			.size = page_size,
		},
	};
	struct fuse_open_out opened = {};

	switch (in->opcode) {
	case FUSE_INIT:
		return fuse_reply(fuse, in->unique, 0, &init, sizeof(init));
	case FUSE_GETATTR:
		return fuse_reply(fuse, in->unique, 0, &attr, sizeof(attr));
	case FUSE_OPEN:
		return fuse_reply(fuse, in->unique, 0, &opened, sizeof(opened));
	default:
		return fuse_reply(fuse, in->unique, -EOPNOTSUPP, NULL, 0);
	}
}

/*
 * A FUSE server gives away a page of a device that is about to go: the pipe has
 * the last reference. It is not for the taking.
 */
DEVDAX_TEST(not_stolen_by_fuse)
{
	static uint64_t in[FUSE_MIN_READ_BUFFER / 4];
	struct fuse_in_header *request = (void *)in;
	char *page = self->p + self->align - page_size;
	struct fuse_out_header answer = {
		.len = sizeof(answer) + page_size,
	};
	struct iovec iov = { page, page_size };
	char options[128], file[] = "/tmp/fuse.XXXXXX", got[2] = "";
	int fuse, fd, pipefd[2], status;
	pid_t reader, unbind;

	memset(page, 0x5a, page_size);
	fd = mkstemp(file);
	ASSERT_GE(fd, 0);
	close(fd);
	fuse = open("/dev/fuse", O_RDWR);
	ASSERT_GE(fuse, 0);
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=100644,user_id=0,group_id=0", fuse);
	ASSERT_EQ(0, mount("fuse", file, "fuse", 0, options));

	reader = fork();
	ASSERT_GE(reader, 0);
	if (!reader) {
		/* if the parent dies, so does the file system */
		close(fuse);
		fd = open(file, O_RDONLY);
		if (fd < 0 || pread(fd, got, 1, 0) != 1 ||
		    pread(fd, got + 1, 1, page_size - 1) != 1) {
			TH_LOG("the reader: %s", strerror(errno));
			_exit(1);
		}
		_exit(strcmp(got, "ZZ") ? 2 : 0);
	}
	do {
		ASSERT_LT(0, read(fuse, in, sizeof(in)));
		if (request->opcode != FUSE_READ)
			ASSERT_EQ(0, fuse_serve(fuse, request));
	} while (request->opcode != FUSE_READ);

	answer.unique = request->unique;
	ASSERT_EQ(0, pipe(pipefd));
	ASSERT_EQ(sizeof(answer), write(pipefd[1], &answer, sizeof(answer)));
	ASSERT_EQ(page_size, vmsplice(pipefd[1], &iov, 1, SPLICE_F_GIFT));
	unbind = fork();
	ASSERT_GE(unbind, 0);
	if (!unbind) {
		close(fuse);
		close(pipefd[0]);
		close(pipefd[1]);
		_exit(driver_write(self->name, "unbind"));
	}
	wait_until_blocked_in(unbind, "memunmap_pages");
	EXPECT_FALSE(has_ended(unbind)) {
		TH_LOG("unbind did not wait for the pipe");
	}
	EXPECT_EQ(answer.len, splice(pipefd[0], NULL, fuse, NULL, answer.len,
				     SPLICE_F_MOVE));
	close(pipefd[0]);
	close(pipefd[1]);
	/* Nothing but the unbind is left to wait for, had it been stolen. */
	ASSERT_EQ(unbind, waitpid(unbind, &status, 0));
	EXPECT_EQ(0, status);

	do {
		ASSERT_LT(0, read(fuse, in, sizeof(in)));
		ASSERT_EQ(0, fuse_serve(fuse, request));
	} while (request->opcode != FUSE_RELEASE);
	ASSERT_EQ(reader, waitpid(reader, &status, 0));
	EXPECT_EQ(0, status) {
		TH_LOG("the reader got something else");
	}
	umount2(file, MNT_DETACH);
	close(fuse);
	unlink(file);
	ASSERT_TRUE(bind_and_map(self, self->len));
}

/* A pin holds up the unbind of its device, and the unpin lets it go on. */
DEVDAX_TEST(pin_holds_unbind)
{
	static const unsigned int flags[] = {
		PIN_LONGTERM_TEST_FLAG_USE_WRITE,
		PIN_LONGTERM_TEST_FLAG_USE_WRITE | PIN_LONGTERM_TEST_FLAG_USE_FAST,
	};
	unsigned int i, looks;
	int status;
	pid_t pid;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		/* a base page, or the last tail and the head behind it */
		struct pin_longterm_test pin = {
			.addr = (uintptr_t)self->p + self->align - page_size,
			.size = 2 * page_size,
			.flags = flags[i],
		};
		char *held = malloc(pin.size);
		__u64 held_addr = (uintptr_t)held;

		memset(self->p + self->align - page_size, 0x33 + i, pin.size);
		ASSERT_EQ(0, ioctl(self->gup, PIN_LONGTERM_TEST_START, &pin));

		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid) {
			/* if the parent dies, its pin must not stay for us */
			close(self->gup);
			_exit(driver_write(self->name, "unbind"));
		}
		/* It may sleep there for other reasons, but not for long. */
		for (looks = 0; looks < 500 && !has_ended(pid); looks++) {
			if (!is_blocked_in(pid, "memunmap_pages"))
				looks = 0;
			usleep(1000);
		}
		EXPECT_FALSE(has_ended(pid)) {
			TH_LOG("unbind did not wait for the pin");
		}
		/* The memory is there for as long as it is pinned. */
		ASSERT_EQ(0, ioctl(self->gup, PIN_LONGTERM_TEST_READ,
				   &held_addr));
		EXPECT_EQ(0x33 + (int)i, held[0]);
		EXPECT_EQ(0x33 + (int)i, held[2 * page_size - 1]);
		free(held);

		ASSERT_EQ(0, ioctl(self->gup, PIN_LONGTERM_TEST_STOP));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_EQ(0, status);

		ASSERT_TRUE(bind_and_map(self, self->len));
	}
}

/* What a process saw of a SIGBUS, told to its parent through shared memory */
struct seen {
	int signo;
	int code;
	int lsb;
	uintptr_t addr;
	int ready;
};

static struct seen *seen;

static void sigbus(int signo, siginfo_t *info, void *context)
{
	seen->code = info->si_code;
	seen->lsb = info->si_addr_lsb;
	seen->addr = (uintptr_t)info->si_addr;
	__atomic_store_n(&seen->signo, signo, __ATOMIC_SEQ_CST);
	_exit(0);
}

/* A signal that kills by default does so at once, whatever else is pending. */
static void terminated(int signo)
{
	_exit(13);
}

enum role {
	POISONS,	/* maps the page, and injects the error */
	MAPS,		/* maps it */
	OUTLIVES,	/* maps it, in a thread that outlives the main thread */
	DECLINES,	/* maps it, and does not want to know before it reads it */
	COVERS,		/* has a vma over it, but never touched it */
	ROLES
};

/* State of the main thread of this process, as a letter: Z when it has exited */
static char main_thread_state(void)
{
	FILE *file = fopen("/proc/self/stat", "r");
	char state = '?';

	if (file) {
		if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			state = '?';
		fclose(file);
	}
	return state;
}

static void *touch_and_wait(void *at)
{
	*(volatile char *)at = 1;
	/* A signal to a thread that is about to exit would be lost. */
	while (main_thread_state() != 'Z')
		usleep(1000);
	__atomic_store_n(&seen->ready, 1, __ATOMIC_SEQ_CST);
	pause();
	_exit(12);
}

/*
 * An error in a page is told to exactly the processes that map it, with the
 * address that it has for them and the size of what is lost.
 */
static void poison(struct __test_metadata *_metadata, const char *path,
		   unsigned long align, unsigned long offset)
{
	int role, status, lsb = __builtin_ctzl(align);
	struct seen *shared;
	pid_t pids[ROLES];
	pthread_t thread;
	uintptr_t *addrs;
	char *q;
	int fd;

	shared = mmap(NULL, page_size, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	addrs = (uintptr_t *)(shared + ROLES);

	for (role = ROLES - 1; role >= 0; role--) {
		pids[role] = fork();
		ASSERT_GE(pids[role], 0);
		if (!pids[role]) {
			struct sigaction sa = {
				.sa_sigaction = sigbus,
				.sa_flags = SA_SIGINFO,
			};

			/* The handler runs, whatever else is pending. */
			sigfillset(&sa.sa_mask);
			seen = &shared[role];
			sigaction(SIGBUS, &sa, NULL);
			signal(SIGTERM, terminated);
			if (role == DECLINES &&
			    prctl(PR_MCE_KILL, PR_MCE_KILL_SET,
				  PR_MCE_KILL_LATE, 0, 0))
				_exit(14);
			/* A thread inherits the wish to be told at once. */
			if (role == OUTLIVES &&
			    prctl(PR_MCE_KILL, PR_MCE_KILL_SET,
				  PR_MCE_KILL_EARLY, 0, 0))
				_exit(14);
			fd = open(path, O_RDWR);
			q = mmap(NULL, 3 * align, PROT_READ | PROT_WRITE,
				 MAP_SHARED, fd, 0);
			if (q == MAP_FAILED)
				_exit(10);
			addrs[role] = (uintptr_t)q + offset;
			if (role == OUTLIVES) {
				if (pthread_create(&thread, NULL,
						   touch_and_wait, q + offset))
					_exit(15);
				pthread_exit(NULL);
			}
			if (role != COVERS)
				*(volatile char *)(q + offset) = 1;
			__atomic_store_n(&seen->ready, 1, __ATOMIC_SEQ_CST);
			if (role == POISONS) {
				madvise(q + offset, page_size, MADV_HWPOISON);
				_exit(11);
			}
			pause();
			_exit(12);
		}
		while (!__atomic_load_n(&shared[role].ready, __ATOMIC_SEQ_CST)) {
			ASSERT_EQ(0, waitpid(pids[role], &status, WNOHANG));
			usleep(1000);
		}
	}

	/* The signals of the others were sent when the injector's arrives. */
	ASSERT_EQ(pids[POISONS], waitpid(pids[POISONS], &status, 0));
	EXPECT_EQ(0, status);
	kill(pids[DECLINES], SIGTERM);
	ASSERT_EQ(pids[DECLINES], waitpid(pids[DECLINES], &status, 0));
	EXPECT_EQ(13, WEXITSTATUS(status)) {
		TH_LOG("who asked to be told late was told at once");
	}
	kill(pids[COVERS], SIGTERM);
	ASSERT_EQ(pids[COVERS], waitpid(pids[COVERS], &status, 0));
	EXPECT_EQ(13, WEXITSTATUS(status)) {
		TH_LOG("who only has a vma over it was signalled");
	}
	/* SIGTERM, if no SIGBUS came: of two pending, SIGBUS is delivered first */
	for (role = MAPS; role <= OUTLIVES; role++) {
		kill(pids[role], SIGTERM);
		ASSERT_EQ(pids[role], waitpid(pids[role], &status, 0));
		EXPECT_EQ(0, status) {
			TH_LOG("who maps it was not signalled (%d)", role);
		}
	}

	for (role = POISONS; role <= OUTLIVES; role++) {
		EXPECT_EQ(SIGBUS, shared[role].signo);
		EXPECT_EQ(role == POISONS ? BUS_MCEERR_AR : BUS_MCEERR_AO,
			  shared[role].code);
		EXPECT_EQ(lsb, shared[role].lsb);
		EXPECT_EQ(addrs[role], shared[role].addr);
	}
	munmap(shared, page_size);
}

static unsigned long corrupted_kib(void)
{
	unsigned long kib = 0;
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "HardwareCorrupted: %lu kB", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib;
}

/*
 * A page of memory that is no device's is taken out of service, as if it were to
 * fail soon: it is counted, and whatever becomes of devices has to leave it so.
 */
TEST(poisoned_memory)
{
	unsigned long before = corrupted_kib();
	char *p;

	page_size = sysconf(_SC_PAGESIZE);
	p = mmap(NULL, page_size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, p);
	*p = 1;
	EXPECT_EQ(0, madvise(p, page_size, MADV_SOFT_OFFLINE)) {
		TH_LOG("%s", strerror(errno));
	}
	EXPECT_EQ(1, *p);
	EXPECT_EQ(before + page_size / 1024, corrupted_kib());
	munmap(p, page_size);
}

DEVDAX_TEST(poisoned_head)
{
	poison(_metadata, self->path, self->align, self->align);
}

DEVDAX_TEST(poisoned_tail)
{
	poison(_metadata, self->path, self->align,
	       2 * self->align - page_size);
}

static volatile sig_atomic_t told;

static void count_sigbus(int signo)
{
	told++;
}

/* Who has pinned a page keeps it through an error in it, and can give it back. */
DEVDAX_TEST(poisoned_under_a_pin)
{
	/* a base page, or the last tail and the head behind it */
	struct pin_longterm_test pin = {
		.addr = (uintptr_t)self->p + self->align - page_size,
		.size = 2 * page_size,
		.flags = PIN_LONGTERM_TEST_FLAG_USE_WRITE |
			 PIN_LONGTERM_TEST_FLAG_USE_FAST,
	};
	char *at = (char *)(uintptr_t)pin.addr, *held = malloc(pin.size);
	__u64 held_addr = (uintptr_t)held;
	struct dump dump;
	int i;

	memset(at, 0x55, pin.size);
	ASSERT_EQ(0, ioctl(self->gup, PIN_LONGTERM_TEST_START, &pin));
	signal(SIGBUS, count_sigbus);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, madvise(at + i * page_size, page_size,
				     MADV_HWPOISON)) {
			TH_LOG("%s", strerror(errno));
		}
		EXPECT_EQ(i + 1, told);
	}

	ASSERT_EQ(0, ioctl(self->gup, PIN_LONGTERM_TEST_READ, &held_addr));
	EXPECT_EQ(0x55, held[0]);
	EXPECT_EQ(0x55, held[pin.size - 1]);
	free(held);
	ASSERT_EQ(0, ioctl(self->gup, PIN_LONGTERM_TEST_STOP));
	ASSERT_EQ(0, dump_page_at(self->gup, at, &dump));
	EXPECT_EQ(2, dump.refcount);
	EXPECT_EQ(0, dump.pincount);
	ASSERT_EQ(0, dump_page_at(self->gup, at + page_size, &dump));
	EXPECT_EQ(2, dump.refcount);
	EXPECT_EQ(0, dump.pincount);
}

TEST_HARNESS_MAIN
