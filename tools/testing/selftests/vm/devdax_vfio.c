// SPDX-License-Identifier: GPL-2.0
/*
 * Maps a device-dax device for DMA through VFIO: QEMU's "edu" device, behind an
 * IOMMU, writes to it and reads from it; what is mapped counts as locked memory,
 * keeps its device from being unbound, and is let go by the unmap.
 * usage: devdax_vfio DEVICE PCI-ADDRESS [bench] (like dax0.0 0000:00:03.0)
 * The PCI device has to be bound to vfio-pci. Nobody else may use either.
 * With bench, prints instead what it takes to map 1 GiB, and to unmap it, in
 * nanoseconds.
 */
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "devdax.h"

#define IOVA		(1UL << 20)	/* "edu" has 28 bits */
#define MAX_DMA		2048		/* half of its buffer */
#define BENCH_SIZE	(1UL << 30)
#define CYCLE_BYTES	(20UL << 30)	/* mapped and unmapped, all in all */

/* Its registers, in BAR 0 */
#define EDU_DMA_SRC	0x80
#define EDU_DMA_DST	0x88
#define EDU_DMA_COUNT	0x90
#define EDU_DMA_CMD	0x98
#define EDU_DMA_RUN	1
#define EDU_DMA_TO_RAM	2
#define EDU_BUFFER	0x40000

static int container;

static void check(bool ok, const char *what)
{
	if (!ok)
		err(1, "%s", what);
}

static void map_at(void *p, unsigned long size, unsigned long iova)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)p,
		.iova = iova,
		.size = size,
	};

	check(!ioctl(container, VFIO_IOMMU_MAP_DMA, &map), "VFIO_IOMMU_MAP_DMA");
}

static void unmap_at(unsigned long size, unsigned long iova)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = size,
	};

	check(!ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap) &&
	      unmap.size == size, "unmap");
}

static void map(void *p, unsigned long size)
{
	map_at(p, size, IOVA);
}

static void unmap(unsigned long size)
{
	unmap_at(size, IOVA);
}

static unsigned long locked(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	unsigned long kib = ULONG_MAX;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmLck: %lu kB", &kib) == 1)
			break;
	check(kib != ULONG_MAX, "/proc/self/status");
	fclose(file);
	return kib * 1024;
}

static void expect_locked(unsigned long want)
{
	if (locked() != want)
		errx(1, "%lu bytes are locked, and should be %lu", locked(), want);
}

/* The PCI device, in its group, in our container */
static int open_pci(const char *address)
{
	char path[PATH_MAX], group[PATH_MAX] = "";
	int fd;

	container = open("/dev/vfio/vfio", O_RDWR);
	check(container >= 0, "/dev/vfio/vfio");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", address);
	check(readlink(path, group, sizeof(group) - 1) > 0, path);
	snprintf(path, sizeof(path), "/dev/vfio/%s", basename(group));
	fd = open(path, O_RDWR);
	check(fd >= 0, path);
	check(!ioctl(fd, VFIO_GROUP_SET_CONTAINER, &container), "set container");
	check(!ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), "set IOMMU");
	fd = ioctl(fd, VFIO_GROUP_GET_DEVICE_FD, address);
	check(fd >= 0, address);
	return fd;
}

static volatile void *map_bar(int pci)
{
	struct vfio_region_info bar = {
		.argsz = sizeof(bar), .index = VFIO_PCI_BAR0_REGION_INDEX,
	}, config = {
		.argsz = sizeof(config), .index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	uint16_t command;
	void *p;

	check(!ioctl(pci, VFIO_DEVICE_GET_REGION_INFO, &bar), "BAR 0");
	check(!ioctl(pci, VFIO_DEVICE_GET_REGION_INFO, &config), "configuration");
	/* memory, and to be master of the bus */
	check(pread(pci, &command, 2, config.offset + 4) == 2, "read command");
	command |= 6;
	check(pwrite(pci, &command, 2, config.offset + 4) == 2, "write command");
	p = mmap(NULL, bar.size, PROT_READ | PROT_WRITE, MAP_SHARED, pci,
		 bar.offset);
	check(p != MAP_FAILED, "map BAR 0");
	return p;
}

static void dma(volatile char *bar, uint64_t src, uint64_t dst, uint64_t cmd)
{
	*(volatile uint64_t *)(bar + EDU_DMA_SRC) = src;
	*(volatile uint64_t *)(bar + EDU_DMA_DST) = dst;
	*(volatile uint64_t *)(bar + EDU_DMA_COUNT) = MAX_DMA;
	*(volatile uint64_t *)(bar + EDU_DMA_CMD) = EDU_DMA_RUN | cmd;
	while (*(volatile uint64_t *)(bar + EDU_DMA_CMD) & EDU_DMA_RUN)
		usleep(1000);
}

/* From one end of what is mapped to the other, through the PCI device */
static void copy_by_dma(volatile void *bar, char *p, unsigned long size)
{
	char *last = p + size - MAX_DMA;

	memset(p, 0x5a, MAX_DMA);
	memset(last, 0, MAX_DMA);
	dma(bar, IOVA, EDU_BUFFER, 0);
	dma(bar, EDU_BUFFER, IOVA + size - MAX_DMA, EDU_DMA_TO_RAM);
	if (memcmp(p, last, MAX_DMA))
		errx(1, "DMA did not get to where it should");
}

static void bench(const char *dev)
{
	char *p = map_device(dev, BENCH_SIZE);
	long long start, mapped, end;

	/* The faults are not what is measured. */
	map_at(p, BENCH_SIZE, BENCH_SIZE);
	unmap_at(BENCH_SIZE, BENCH_SIZE);
	start = now(CLOCK_MONOTONIC);
	map_at(p, BENCH_SIZE, BENCH_SIZE);
	mapped = now(CLOCK_MONOTONIC);
	unmap_at(BENCH_SIZE, BENCH_SIZE);
	end = now(CLOCK_MONOTONIC);
	printf("%lld %lld\n", mapped - start, end - mapped);
}

int main(int argc, char **argv)
{
	unsigned long align, size, whole, i;
	volatile void *bar;
	int status;
	char *p;
	pid_t pid;

	if (argc < 3 || argc > 4 || (argc == 4 && strcmp(argv[3], "bench"))) {
		fprintf(stderr, "usage: devdax_vfio DEVICE PCI-ADDRESS [bench]\n");
		return 2;
	}
	align = sysfs_number(argv[1], "align");
	/* what the PCI device can reach of a page, or some of them */
	whole = align < (2UL << 20) ? 2UL << 20 : align;
	size = whole < (64UL << 20) ? whole : 64UL << 20;
	bar = map_bar(open_pci(argv[2]));
	if (argc == 4) {
		bench(argv[1]);
		return 0;
	}
	p = map_device(argv[1], whole);

	map(p, size);
	expect_locked(size);
	copy_by_dma(bar, p, size);
	unmap(size);
	expect_locked(0);

	/* A page of it, or 2 MiB: at an address where the IOMMU can have such pages */
	for (i = 0; i < CYCLE_BYTES / whole; i++) {
		map_at(p, whole, 1UL << 30);
		unmap_at(whole, 1UL << 30);
	}
	expect_locked(0);

	/* The unbind waits for the unmap. */
	map(p, size);
	pid = fork();
	check(pid >= 0, "fork");
	if (!pid)
		_exit(driver_write(argv[1], "unbind"));
	for (i = 0; i < 500; i++) {
		usleep(1000);
		if (waitpid(pid, &status, WNOHANG))
			errx(1, "the unbind did not wait for the unmap");
	}
	unmap(size);
	check(waitpid(pid, &status, 0) == pid && !status, "unbind");
	expect_locked(0);
	check(!driver_write(argv[1], "bind"), "bind");
	return 0;
}
