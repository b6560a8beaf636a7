// SPDX-License-Identifier: GPL-2.0
/*
 * Bind a device-dax device with the first, the second, and so on of the memory
 * allocations that it takes failing, until none does: after each failure all is
 * as before, and a plain bind works. The device, which loses what it holds, is
 * named by the environment: DAX=dax0.0. The kernel needs CONFIG_FAILSLAB,
 * CONFIG_FAIL_PAGE_ALLOC and CONFIG_FAULT_INJECTION_DEBUG_FS.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../kselftest_harness.h"
#include "devdax.h"

static void write_file(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		err(1, "'%s' to %s", value, path);
	close(fd);
}

/* How many allocations are left until one of this task fails */
static int left_to_fail(int fail_nth)
{
	char value[16] = "";

	if (pread(fail_nth, value, sizeof(value) - 1, 0) <= 0)
		err(1, "/proc/self/fail-nth");
	return atoi(value);
}

/* Fail the @nth allocation of this task from now on, or none. */
static void set_fail_nth(int fail_nth, int nth)
{
	char value[16];
	int len = snprintf(value, sizeof(value), "%d", nth);

	if (pwrite(fail_nth, value, len, 0) != len)
		err(1, "%d to /proc/self/fail-nth", nth);
}

static bool is_bound(const char *dev)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/driver", dev);
	return !lstat(path, &st);
}

/* KiB of memory in the direct map */
static long direct_map(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];
	long kib, sum = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "DirectMap%*[^:]: %ld", &kib) == 1)
			sum += kib;
	if (!sum)
		errx(1, "no direct map in /proc/meminfo");
	fclose(file);
	return sum;
}

FIXTURE(devdax_fail)
{
	const char *name;
	int fail_nth;
	int bind;	/* open, since to open a file takes memory, too */
};

FIXTURE_SETUP(devdax_fail)
{
	static const char * const capabilities[] = { "failslab", "fail_page_alloc" };
	char path[128];
	unsigned int i;

	self->name = getenv("DAX");
	ASSERT_NE(NULL, self->name) {
		TH_LOG("name a device: DAX=dax0.0");
	}
	/* Those that may sleep, too; and none shall print a stack */
	for (i = 0; i < ARRAY_SIZE(capabilities); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/ignore-gfp-wait",
			 capabilities[i]);
		write_file(path, "N");
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/verbose",
			 capabilities[i]);
		write_file(path, "0");
	}
	write_file("/sys/kernel/debug/fail_page_alloc/min-order", "0");

	self->fail_nth = open("/proc/self/fail-nth", O_RDWR);
	ASSERT_GE(self->fail_nth, 0);
	self->bind = open("/sys/bus/dax/drivers/device_dax/bind", O_WRONLY);
	ASSERT_GE(self->bind, 0);
	int error = is_bound(self->name) ? driver_write(self->name, "unbind") : 0;

	ASSERT_EQ(0, error);
}

FIXTURE_TEARDOWN(devdax_fail)
{
	int error = is_bound(self->name) ? 0 : driver_write(self->name, "bind");

	EXPECT_EQ(0, error);
}

TEST_F_TIMEOUT(devdax_fail, every_allocation, 1800)
{
	int nth, error, left, failed = 0, survived = 0;
	long mapped = direct_map();

	for (nth = 1;; nth++) {
		set_fail_nth(self->fail_nth, nth);
		error = pwrite(self->bind, self->name, strlen(self->name), 0) < 0 ?
			errno : 0;
		left = left_to_fail(self->fail_nth);
		set_fail_nth(self->fail_nth, 0);

		ASSERT_EQ(!error, is_bound(self->name)) {
			TH_LOG("allocation %d: bind says %s", nth, strerror(error));
		}
		if (error) {
			ASSERT_EQ(0, left) {
				TH_LOG("bind failed before allocation %d did: %s",
				       nth, strerror(error));
			}
			ASSERT_EQ(mapped, direct_map()) {
				TH_LOG("allocation %d: a part is mapped still", nth);
			}
			ASSERT_EQ(0, driver_write(self->name, "bind")) {
				TH_LOG("no bind after allocation %d failed", nth);
			}
			failed++;
		} else {
			survived++;
		}
		ASSERT_EQ(0, driver_write(self->name, "unbind"));
		ASSERT_EQ(mapped, direct_map());
		/* What is left counts down no further: it was not used up. */
		if (left)
			break;
	}
	TH_LOG("%d allocations: %d failed the bind, %d did not", nth - 1, failed,
	       survived - 1);
	/* The least of it: page tables, memmap, and what driver and core take */
	EXPECT_LT(10, failed);
}

TEST_HARNESS_MAIN
