// SPDX-License-Identifier: GPL-2.0
/*
 * What /sys/kernel/debug/gup_test answers to addresses, sizes, counts and flags
 * that nobody should give it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../kselftest_harness.h"
#include "../../../../mm/gup_test.h"

#define PATH	"/sys/kernel/debug/gup_test"
#define PAGES	4
#define MINE	1	/* a mapping of PAGES base pages, and nothing behind it */

/* The time limit only ends what hangs: emulated machines are slow. */
#define GUP_INPUT_TEST(name)	TEST_F_TIMEOUT(gup_input, name, 300)

FIXTURE(gup_input)
{
	int gup;
	char *p;
	unsigned long page_size;
};

FIXTURE_SETUP(gup_input)
{
	self->page_size = sysconf(_SC_PAGESIZE);
	self->gup = open(PATH, O_RDWR);
	ASSERT_GE(self->gup, 0);
	self->p = mmap(NULL, (PAGES + 1) * self->page_size,
		       PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ASSERT_NE(MAP_FAILED, self->p);
	ASSERT_EQ(0, munmap(self->p + PAGES * self->page_size, self->page_size));
}

FIXTURE_TEARDOWN(gup_input)
{
	close(self->gup);
	munmap(self->p, PAGES * self->page_size);
}

/* An answer is an errno, or 0 for a run that covered @covers pages. */
GUP_INPUT_TEST(runs)
{
	static const unsigned long cmds[] = {
		GUP_FAST_BENCHMARK, PIN_FAST_BENCHMARK, PIN_LONGTERM_BENCHMARK,
		GUP_BASIC_TEST, PIN_BASIC_TEST, DUMP_USER_PAGES_TEST,
		PIN_LONGTERM_FAST_BENCHMARK,
	};
	static const struct {
		const char *what;
		__u64 addr, size;	/* in MINE: pages from its beginning */
		__u32 per_call, flags, test_flags;
		int answer;
		unsigned int covers;
	} inputs[] = {
		{ "all of it", MINE, PAGES, 1, 1, 0, 0, PAGES },
		{ "pages per call beyond it", MINE, PAGES, 1000, 1, 0, 0, PAGES },
		{ "no page per call", MINE, PAGES, 0, 1, 0, EINVAL },
		{ "pages per call beyond int", MINE, PAGES, 1U << 31, 1, 0, EINVAL },
		{ "all pages that fit into 32 bits", MINE, PAGES, ~0U, 1, 0, EINVAL },
		{ "nothing", MINE, 0, 1, 1, 0, 0, 0 },
		{ "more than is mapped", MINE, PAGES + 1, 1, 1, 0, 0, PAGES },
		{ "flags that are the callee's", MINE, PAGES, 1, 0x40000, 0, EINVAL },
		{ "all flags", MINE, PAGES, 1, ~0U, 0, EINVAL },
		{ "all flags of the test", MINE, PAGES, 1, 1, ~0U, EINVAL },
		{ "nothing mapped", 0, 4096, 1, 1, 0, EFAULT },
		{ "past the end of memory", ~0ULL - 4095, 8192, 1, 1, 0, EINVAL },
		{ "the kernel", 0xffff888000000000ULL, 4096, 1, 1, 0, EFAULT },
		{ "no canonical address", 1ULL << 60, 4096, 1, 1, 0, EFAULT },
		{ "all there is", 0, ~0ULL, 1, 1, 0, EINVAL },
		{ "more pages than an int", 0, 1ULL << 43, 1, 1, 0, EINVAL },
		{ "more bytes than a long", 0, 1ULL << 63, 1, 1, 0, EINVAL },
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		for (j = 0; j < ARRAY_SIZE(inputs); j++) {
			struct gup_test test = {
				.addr = inputs[j].addr,
				.size = inputs[j].size,
				.nr_pages_per_call = inputs[j].per_call,
				.gup_flags = inputs[j].flags,
				.test_flags = inputs[j].test_flags,
			};
			int answer;

			if (test.addr == MINE) {
				test.addr = (uintptr_t)self->p;
				test.size *= self->page_size;
			}
			answer = ioctl(self->gup, cmds[i], &test) ? errno : 0;
			EXPECT_EQ(inputs[j].answer, answer) {
				TH_LOG("%s, command %u: %s", inputs[j].what, i,
				       strerror(answer));
			}
			if (!answer)
				EXPECT_EQ(inputs[j].covers, test.size / self->page_size) {
					TH_LOG("%s, command %u", inputs[j].what, i);
				}
		}
	}
}

/*
 * Each flag is taken or refused, and GUP never WARNs of it. Only a pin can be
 * for long, so pins take just one flag that gets refuse, FOLL_LONGTERM. Its
 * value differs between kernels.
 */
GUP_INPUT_TEST(each_flag)
{
	static const struct {
		const char *what;
		unsigned long get, pin;
		__u32 pin_test_flags;
	} pairs[] = {
		{ "fast", GUP_FAST_BENCHMARK, PIN_FAST_BENCHMARK },
		{ "slow", GUP_BASIC_TEST, PIN_BASIC_TEST },
		{ "dump", DUMP_USER_PAGES_TEST, DUMP_USER_PAGES_TEST,
		  GUP_TEST_FLAG_DUMP_PAGES_USE_PIN },
	};
	unsigned int i, flag;

	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		unsigned int for_long = 0;

		for (flag = 1; flag; flag <<= 1) {
			struct gup_test get = {
				.addr = (uintptr_t)self->p,
				.size = PAGES * self->page_size,
				.nr_pages_per_call = PAGES,
				.gup_flags = flag,
			};
			struct gup_test pin = get;
			int got, pinned;

			pin.test_flags = pairs[i].pin_test_flags;
			got = ioctl(self->gup, pairs[i].get, &get) ? errno : 0;
			pinned = ioctl(self->gup, pairs[i].pin, &pin) ? errno : 0;
			EXPECT_TRUE(!got || got == EINVAL) {
				TH_LOG("%s, get with flag %#x: %s", pairs[i].what,
				       flag, strerror(got));
			}
			EXPECT_TRUE(!pinned || pinned == EINVAL) {
				TH_LOG("%s, pin with flag %#x: %s", pairs[i].what,
				       flag, strerror(pinned));
			}
			for_long += got && !pinned;
		}
		EXPECT_EQ(1, for_long) {
			TH_LOG("%s: pins take %u flags that gets refuse",
			       pairs[i].what, for_long);
		}
	}
}

/* Who only looks at the file does not drop what another opener has pinned. */
GUP_INPUT_TEST(closed_by_another)
{
	struct pin_longterm_test pin = {
		.addr = (uintptr_t)self->p,
		.size = PAGES * self->page_size,
	};
	__u64 addr;
	char *copy;
	int other;

	copy = mmap(NULL, PAGES * self->page_size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, copy);
	addr = (uintptr_t)copy;
	memcpy(self->p, "pinned", sizeof("pinned"));
	ASSERT_EQ(0, ioctl(self->gup, PIN_LONGTERM_TEST_START, &pin));
	other = open(PATH, O_RDWR);
	ASSERT_GE(other, 0);
	ASSERT_EQ(0, close(other));
	EXPECT_EQ(0, ioctl(self->gup, PIN_LONGTERM_TEST_READ, &addr));
	EXPECT_STREQ("pinned", copy);
	EXPECT_EQ(0, ioctl(self->gup, PIN_LONGTERM_TEST_STOP));
	munmap(copy, PAGES * self->page_size);
}

/* An array that memory has no room for is no reason to kill somebody. */
GUP_INPUT_TEST(too_many)
{
	struct gup_test test = {
		.size = (1ULL << 31) / 8 * self->page_size - self->page_size,
		.nr_pages_per_call = 1,
	};
	struct pin_longterm_test pin = { .size = test.size };

	EXPECT_EQ(-1, ioctl(self->gup, GUP_BASIC_TEST, &test));
	EXPECT_TRUE(errno == ENOMEM || errno == EFAULT);
	EXPECT_EQ(-1, ioctl(self->gup, PIN_LONGTERM_TEST_START, &pin));
	EXPECT_TRUE(errno == ENOMEM || errno == EFAULT);
}

/* Pages are told of where there is room, and only then. */
GUP_INPUT_TEST(arrays)
{
	__u64 pfns[PAGES];
	struct gup_pfns_test test = {
		.run = {
			.addr = (uintptr_t)self->p,
			.size = PAGES * self->page_size,
			.nr_pages_per_call = 1,
		},
		.cmd = GUP_BASIC_TEST,
	};

	test.pfns = (uintptr_t)pfns;
	EXPECT_EQ(0, ioctl(self->gup, GUP_PFNS_TEST, &test));
	test.pfns = 8;
	EXPECT_EQ(-1, ioctl(self->gup, GUP_PFNS_TEST, &test));
	EXPECT_EQ(EFAULT, errno);
	test.pfns = 0xffff888000000000ULL;
	EXPECT_EQ(-1, ioctl(self->gup, GUP_PFNS_TEST, &test));
	EXPECT_EQ(EFAULT, errno);
	test.pfns = (uintptr_t)pfns;
	test.flags = ~0U;
	EXPECT_EQ(-1, ioctl(self->gup, GUP_PFNS_TEST, &test));
	EXPECT_EQ(EINVAL, errno);
	test.flags = GUP_PFNS_TEST_FLAG_VMAS;
	test.cmd = GUP_FAST_BENCHMARK;
	EXPECT_EQ(-1, ioctl(self->gup, GUP_PFNS_TEST, &test));
	/* or EOPNOTSUPP, if GUP of this kernel returns no VMAs */
	EXPECT_TRUE(errno == EINVAL || errno == EOPNOTSUPP);
	test.flags = 0;
	test.cmd = PIN_LONGTERM_TEST_STOP;
	EXPECT_EQ(-1, ioctl(self->gup, GUP_PFNS_TEST, &test));
	EXPECT_NE(0, errno);
}

static const struct {
	const char *what;
	__u64 addr, size;	/* in MINE: pages, as above */
	__u32 flags;
	int answer;
} no_pins[] = {
	{ "nothing", MINE, 0, 0, EINVAL },
	{ "more than is mapped", MINE, PAGES + 1, 0, EFAULT },
	{ "unknown flags", MINE, PAGES, 4, EINVAL },
	{ "half a page", 4096, 2048, 0, EINVAL },
	{ "begins in a page", 2048, 4096, 0, EINVAL },
	{ "nothing mapped", 0, 4096, 0, EFAULT },
	{ "past the end of memory", ~0ULL - 4095, 8192, 0, EINVAL },
	{ "more bytes than a long", 0, 1ULL << 63, 0, EINVAL },
	{ "more pages than an int", 0, 1ULL << 43, 0, EINVAL },
};

GUP_INPUT_TEST(long_pins)
{
	struct pin_longterm_test test;
	__u64 addr = 8;
	unsigned int i;
	int answer;

	/* nothing is pinned, so there is nothing to read, and nothing to stop */
	EXPECT_EQ(-1, ioctl(self->gup, PIN_LONGTERM_TEST_READ, &addr));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, ioctl(self->gup, PIN_LONGTERM_TEST_STOP));

	for (i = 0; i < ARRAY_SIZE(no_pins); i++) {
		test.addr = no_pins[i].addr;
		test.size = no_pins[i].size;
		test.flags = no_pins[i].flags;
		if (test.addr == MINE) {
			test.addr = (uintptr_t)self->p;
			test.size *= self->page_size;
		}
		answer = ioctl(self->gup, PIN_LONGTERM_TEST_START, &test) ? errno : 0;
		EXPECT_EQ(no_pins[i].answer, answer) {
			TH_LOG("%s: %s", no_pins[i].what, strerror(answer));
		}
	}

	/* one pin at a time, and what is pinned is read to where there is room */
	test.addr = (uintptr_t)self->p;
	test.size = PAGES * self->page_size;
	test.flags = 0;
	ASSERT_EQ(0, ioctl(self->gup, PIN_LONGTERM_TEST_START, &test));
	EXPECT_EQ(-1, ioctl(self->gup, PIN_LONGTERM_TEST_START, &test));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->gup, PIN_LONGTERM_TEST_READ, &addr));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, ioctl(self->gup, PIN_LONGTERM_TEST_STOP));
}

GUP_INPUT_TEST(over_and_over)
{
	unsigned int i;
	int answer;

	for (i = 0; i < ARRAY_SIZE(no_pins); i++) {
		struct pin_over_test test = {
			.addr = no_pins[i].addr,
			.size = no_pins[i].size,
			.times = ~0ULL,
			.flags = no_pins[i].flags,
		};

		if (test.addr == MINE) {
			test.addr = (uintptr_t)self->p;
			test.size *= self->page_size;
		}
		answer = ioctl(self->gup, PIN_OVER_TEST, &test) ? errno : test.error;
		EXPECT_EQ(no_pins[i].answer, answer) {
			TH_LOG("%s: %s", no_pins[i].what, strerror(answer));
		}
	}
}

GUP_INPUT_TEST(others)
{
	EXPECT_EQ(-1, ioctl(self->gup, GUP_FAST_BENCHMARK, NULL));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->gup, _IO('g', 200), NULL));
	EXPECT_NE(0, errno);
}

/* For root, and for nobody else */
GUP_INPUT_TEST(root_only)
{
	struct stat st;
	int status;
	pid_t pid;

	ASSERT_EQ(0, stat(PATH, &st));
	EXPECT_EQ(0600, st.st_mode & 07777);
	EXPECT_EQ(0, st.st_uid);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(1);
		_exit(open(PATH, O_RDONLY) < 0 && errno == EACCES ? 0 : 2);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
