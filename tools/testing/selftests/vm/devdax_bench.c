// SPDX-License-Identifier: GPL-2.0
/*
 * What it takes to disable and to enable a device-dax device: nanoseconds of
 * the guest's clock, which are instructions where the machine counts them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static long long driver_write(const char *attr, const char *dev)
{
	long long start;
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/dax/drivers/device_dax/%s", attr);
	fd = open(path, O_WRONLY);
	if (fd < 0) {
		fprintf(stderr, "devdax_bench: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	start = now();
	if (write(fd, dev, strlen(dev)) < 0) {
		fprintf(stderr, "devdax_bench: %s %s: %s\n", attr, dev,
			strerror(errno));
		exit(1);
	}
	start = now() - start;
	close(fd);
	return start;
}

int main(int argc, char **argv)
{
	long long disable, enable;

	if (argc != 2) {
		fprintf(stderr, "usage: devdax_bench DEVICE (like dax0.0)\n");
		return 1;
	}
	disable = driver_write("unbind", argv[1]);
	enable = driver_write("bind", argv[1]);
	printf("disable_ns=%lld enable_ns=%lld\n", disable, enable);
	return 0;
}
