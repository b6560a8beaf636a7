// SPDX-License-Identifier: GPL-2.0
/*
 * Direct I/O between a file and a mapping of a device-dax device: writes 1 GiB of
 * the device to the file, and reads it back to the device. Prints what each took,
 * in nanoseconds. usage: devdax_dio DEVICE FILE (like dax0.0 /mnt/data)
 */
#define _GNU_SOURCE
#include <stdint.h>

#include "devdax.h"

#define SIZE		(1UL << 30)
#define REQUEST		(16UL << 20)

static void transfer(int fd, char *p, int write)
{
	unsigned long i;
	ssize_t done;

	for (i = 0; i < SIZE; i += REQUEST) {
		done = write ? pwrite(fd, p + i, REQUEST, i) :
			       pread(fd, p + i, REQUEST, i);
		if (done != REQUEST)
			err(1, "%s at %lu: %zd", write ? "write" : "read", i, done);
	}
}

int main(int argc, char **argv)
{
	long long start, written, end;
	unsigned long i;
	uint64_t *word;
	char *p;
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: devdax_dio DEVICE FILE\n");
		return 2;
	}
	p = map_device(argv[1], SIZE);
	fd = open(argv[2], O_RDWR | O_CREAT | O_DIRECT, 0600);
	if (fd < 0)
		err(1, "%s", argv[2]);
	/* The file system is not what is measured. */
	errno = posix_fallocate(fd, 0, SIZE);
	if (errno)
		err(1, "%s: no room for 1 GiB", argv[2]);
	transfer(fd, p, 1);

	for (i = 0; i < SIZE; i += 4096)
		*(uint64_t *)(p + i) = i + 1;
	start = now(CLOCK_MONOTONIC);
	transfer(fd, p, 1);
	written = now(CLOCK_MONOTONIC);
	for (i = 0; i < SIZE; i += 4096)
		*(uint64_t *)(p + i) = 0;
	end = now(CLOCK_MONOTONIC);
	transfer(fd, p, 0);
	end = now(CLOCK_MONOTONIC) - end;
	for (i = 0; i < SIZE; i += 4096) {
		word = (uint64_t *)(p + i);
		if (*word != i + 1)
			errx(1, "at %lu there is %lu", i, (unsigned long)*word);
	}
	printf("%lld %lld\n", written - start, end);
	return 0;
}
