/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of device-dax devices share: sysfs, a clock, and what old headers lack */
#ifndef SELFTESTS_VM_DEVDAX_H
#define SELFTESTS_VM_DEVDAX_H

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#ifndef MADV_COLD
#define MADV_COLD	20
#define MADV_PAGEOUT	21
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise	440
#endif

/* Nanoseconds: instructions, where the machine counts them */
static inline long long now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static inline unsigned long long sysfs_number(const char *dev, const char *attr)
{
	unsigned long long value = 0;
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/%s", dev, attr);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%llu", &value) != 1)
		err(1, "%s", path);
	fclose(file);
	return value;
}

/* Of this process, so far. Not inlined: each call uses the same part of the stack. */
static __attribute__((noinline, unused)) long page_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

/* Bind or unbind: returns 0 or errno. */
static inline int driver_write(const char *dev, const char *attr)
{
	char path[256];
	int fd, ret = 0;

	snprintf(path, sizeof(path), "/sys/bus/dax/drivers/device_dax/%s", attr);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return errno;
	if (write(fd, dev, strlen(dev)) < 0)
		ret = errno;
	close(fd);
	return ret;
}

static inline char *map_device(const char *dev, unsigned long size)
{
	char path[256], *p;
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", dev);
	fd = open(path, O_RDWR);
	if (fd < 0)
		err(1, "%s", path);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		err(1, "%s: can't map %lu bytes", path, size);
	close(fd);
	return p;
}

#endif
