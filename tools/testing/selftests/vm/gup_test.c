// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmarks and tests of get_user_pages(), pin_user_pages() and their fast
 * variants, through /sys/kernel/debug/gup_test (CONFIG_GUP_TEST).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "../../../../mm/gup_test.h"

#define GUP_TEST_FILE	"/sys/kernel/debug/gup_test"
#define MB		(1UL << 20)

/* Just the flag we need, from mm.h */
#define FOLL_WRITE	0x01	/* check pte is writable */

static const char usage_text[] =
"usage: gup_test [options] [page ...]\n"
"What to do, GUP_FAST_BENCHMARK by default:\n"
"  -u  get_user_pages_fast()                    GUP_FAST_BENCHMARK\n"
"  -U  get_user_pages()                         GUP_BASIC_TEST\n"
"  -a  pin_user_pages_fast()                    PIN_FAST_BENCHMARK\n"
"  -b  pin_user_pages()                         PIN_BASIC_TEST\n"
"  -L  pin_user_pages(FOLL_LONGTERM)            PIN_LONGTERM_BENCHMARK\n"
"  -l  pin_user_pages_fast(FOLL_LONGTERM)       PIN_LONGTERM_FAST_BENCHMARK\n"
"  -c  dump the pages named (8 at most, page 0 if none) to the kernel log\n"
"                                               DUMP_USER_PAGES_TEST\n"
"  -p  with -c: pin the pages instead of getting them\n"
"To what:\n"
"  -f FILE  map FILE (default /dev/zero)        -m MIB  so much of it (128)\n"
"  -S  shared, not private                      -H  hugetlb pages\n"
"  -t  with transparent huge pages              -T  without them\n"
"How:\n"
"  -n N  pages per call (1)                     -r N  repeat N times (1)\n"
"  -w  FOLL_WRITE (default)                     -W  no FOLL_WRITE\n"
"  -F FLAGS  other FOLL_* flags of this kernel\n";

static void __attribute__((noreturn, format(printf, 1, 2)))
fail(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "gup_test: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(1);
}

static void sigbus(int sig)
{
	static const char text[] =
		"gup_test: SIGBUS: no memory there (file or hugetlb pool too small, page size?)\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(2);
	_exit(1);
}

static unsigned long number(int opt, const char *text, unsigned long min,
			    unsigned long max)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 0);
	if (errno || *text == '-' || end == text || *end ||
	    value < min || value > max)
		fail("-%c %s: not in the range of %lu to %lu", opt, text, min,
		     max);
	return value;
}

static const char *command_name(unsigned long cmd)
{
	switch (cmd) {
	case GUP_FAST_BENCHMARK:
		return "GUP_FAST_BENCHMARK";
	case PIN_FAST_BENCHMARK:
		return "PIN_FAST_BENCHMARK";
	case PIN_LONGTERM_BENCHMARK:
		return "PIN_LONGTERM_BENCHMARK";
	case PIN_LONGTERM_FAST_BENCHMARK:
		return "PIN_LONGTERM_FAST_BENCHMARK";
	case GUP_BASIC_TEST:
		return "GUP_BASIC_TEST";
	case PIN_BASIC_TEST:
		return "PIN_BASIC_TEST";
	case DUMP_USER_PAGES_TEST:
		return "DUMP_USER_PAGES_TEST";
	}
	return "unknown";
}

int main(int argc, char **argv)
{
	unsigned long cmd = GUP_FAST_BENCHMARK, size = 128 * MB, repeats = 1, i;
	int fd, filed = -1, opt, flags = MAP_PRIVATE, thp = -1, truncated = 0;
	const char *file = "/dev/zero";
	struct gup_test gup = {
		.nr_pages_per_call = 1,
		.gup_flags = FOLL_WRITE,
	};
	bool hugetlb = false, use_pin = false, readonly = false;
	long page_size = sysconf(_SC_PAGESIZE);
	char *p;

	while ((opt = getopt(argc, argv, "m:r:n:F:f:abclLpuUtTwWSH")) != -1) {
		switch (opt) {
		case 'a':
			cmd = PIN_FAST_BENCHMARK;
			break;
		case 'b':
			cmd = PIN_BASIC_TEST;
			break;
		case 'c':
			cmd = DUMP_USER_PAGES_TEST;
			break;
		case 'l':
			cmd = PIN_LONGTERM_FAST_BENCHMARK;
			break;
		case 'L':
			cmd = PIN_LONGTERM_BENCHMARK;
			break;
		case 'u':
			cmd = GUP_FAST_BENCHMARK;
			break;
		case 'U':
			cmd = GUP_BASIC_TEST;
			break;
		case 'p':
			use_pin = true;
			break;
		case 'm':
			size = number(opt, optarg, 1, LONG_MAX / MB) * MB;
			break;
		case 'r':
			repeats = number(opt, optarg, 1, ULONG_MAX);
			break;
		case 'n':
			gup.nr_pages_per_call = number(opt, optarg, 1, INT_MAX);
			break;
		case 'F':
			gup.gup_flags |= number(opt, optarg, 0, UINT_MAX);
			break;
		case 'w':
			readonly = false;
			break;
		case 'W':
			readonly = true;
			break;
		case 'f':
			file = optarg;
			break;
		case 'S':
			flags = MAP_SHARED;
			break;
		case 'H':
			hugetlb = true;
			break;
		case 't':
			thp = MADV_HUGEPAGE;
			break;
		case 'T':
			thp = MADV_NOHUGEPAGE;
			break;
		default:
			fprintf(stderr, "%s", usage_text);
			return 1;
		}
	}

	if (readonly)
		gup.gup_flags &= ~FOLL_WRITE;
	if (use_pin) {
		if (cmd != DUMP_USER_PAGES_TEST)
			fail("-p goes with -c");
		gup.test_flags = GUP_TEST_FLAG_DUMP_PAGES_USE_PIN;
	}
	if (optind < argc && cmd != DUMP_USER_PAGES_TEST)
		fail("%s: page numbers go with -c", argv[optind]);
	if (argc - optind > GUP_TEST_MAX_PAGES_TO_DUMP)
		fail("%d pages to dump, and %d at most", argc - optind,
		     GUP_TEST_MAX_PAGES_TO_DUMP);
	/* In the ioctl the first page is 1, so that 0 can be none. */
	if (cmd == DUMP_USER_PAGES_TEST)
		gup.which_pages[0] = 1;
	for (i = 0; optind < argc; i++, optind++)
		gup.which_pages[i] = 1 + number('c', argv[optind], 0,
						size / page_size - 1);

	fd = open(GUP_TEST_FILE, O_RDWR);
	if (fd < 0)
		fail("%s: %s (%s)", GUP_TEST_FILE, strerror(errno),
		     errno == ENOENT ?
		     "CONFIG_GUP_TEST=y, and debugfs mounted?" : "be root");

	if (hugetlb) {
		flags |= MAP_HUGETLB | MAP_ANONYMOUS;
		file = "hugetlb pages";
	} else {
		filed = open(file, O_RDWR);
		if (filed < 0)
			fail("%s: %s", file, strerror(errno));
	}
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, filed, 0);
	if (p == MAP_FAILED)
		fail("%s: can't map %lu MiB %s: %s", file, size / MB,
		     flags & MAP_SHARED ? "shared" : "private",
		     strerror(errno));
	if (thp >= 0 && madvise(p, size, thp))
		fail("%s: madvise(%s): %s", file, thp == MADV_HUGEPAGE ?
		     "MADV_HUGEPAGE" : "MADV_NOHUGEPAGE", strerror(errno));

	signal(SIGBUS, sigbus);
	for (i = 0; i < size; i += page_size)
		p[i] = 0;

	for (i = 0; i < repeats; i++) {
		gup.addr = (uintptr_t)p;
		gup.size = size;
		if (ioctl(fd, cmd, &gup))
			fail("%s on %s: %s%s", command_name(cmd), file,
			     strerror(errno),
			     errno == EINVAL || errno == ENOTTY ?
			     " (does this kernel have it?)" : "");

		printf("%s: Time: get:%lld put:%lld us", command_name(cmd),
		       (long long)gup.get_delta_usec,
		       (long long)gup.put_delta_usec);
		if (gup.size != size) {
			printf(", truncated (size: %lld)", (long long)gup.size);
			truncated = 1;
		}
		printf("\n");
	}

	return truncated;
}
