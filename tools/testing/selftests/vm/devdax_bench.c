// SPDX-License-Identifier: GPL-2.0
/*
 * What it takes to disable and to enable a device-dax device: nanoseconds of
 * the guest's clock, which are instructions where the machine counts them.
 * Prints what enabling took, and disabling, both of all; what disabling took
 * less its waits, for RCU; and how many KiB of memory enabling took.
 */
#include "devdax.h"

/* What a write to the driver took */
struct cost {
	long long ns;		/* until it was done */
	long long run_ns;	/* of these, of this process: without its waits */
	long long taken_kb;	/* memory */
};

static long long free_kb(void)
{
	long long kb = -1;
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemFree: %lld kB", &kb) == 1)
			break;
	if (kb < 0)
		err(1, "/proc/meminfo");
	fclose(file);
	return kb;
}

static struct cost write_and_measure(const char *attr, const char *dev)
{
	struct cost cost;
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/dax/drivers/device_dax/%s", attr);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		err(1, "%s", path);
	cost.taken_kb = free_kb();
	cost.ns = now(CLOCK_MONOTONIC);
	cost.run_ns = now(CLOCK_PROCESS_CPUTIME_ID);
	if (write(fd, dev, strlen(dev)) < 0)
		err(1, "%s %s", attr, dev);
	cost.run_ns = now(CLOCK_PROCESS_CPUTIME_ID) - cost.run_ns;
	cost.ns = now(CLOCK_MONOTONIC) - cost.ns;
	cost.taken_kb -= free_kb();
	close(fd);
	return cost;
}

int main(int argc, char **argv)
{
	struct cost disable, enable;

	if (argc != 2)
		errx(1, "usage: devdax_bench DEVICE (like dax0.0)");
	disable = write_and_measure("unbind", argv[1]);
	enable = write_and_measure("bind", argv[1]);
	printf("%lld %lld %lld %lld\n", enable.ns, disable.ns, disable.run_ns,
	       enable.taken_kb);
	return 0;
}
