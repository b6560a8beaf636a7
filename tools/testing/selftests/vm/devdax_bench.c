// SPDX-License-Identifier: GPL-2.0
/*
 * What it takes to disable and to enable a device-dax device: nanoseconds of
 * the guest's clock, which are instructions where the machine counts them.
 * Prints what enabling took, with and without its waits for RCU; the same of
 * disabling; and how many KiB of memory enabling took. Of three rounds, the
 * least counts: the kernel may have other things to do.
 */
#include <limits.h>
#include "devdax.h"

/* What a write to the driver took */
struct cost {
	long long ns;		/* until it was done */
	long long run_ns;	/* of these, of this process: without its waits */
	long long taken_kb;	/* memory */
};

/* Memory that is free, or kept by a processor for its next allocations */
static long long free_kb(void)
{
	long long pages = 0, n;
	char line[256];
	FILE *file;

	file = fopen("/proc/sys/vm/stat_refresh", "r");
	if (!file)
		err(1, "/proc/sys/vm/stat_refresh");
	fgetc(file);
	fclose(file);

	file = fopen("/proc/zoneinfo", "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, " nr_free_pages %lld", &n) == 1 ||
		    sscanf(line, " count: %lld", &n) == 1)
			pages += n;
	if (!pages)
		err(1, "/proc/zoneinfo");
	fclose(file);
	return pages * sysconf(_SC_PAGESIZE) / 1024;
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

static void keep_least(struct cost *least, struct cost cost)
{
	if (cost.ns < least->ns)
		least->ns = cost.ns;
	if (cost.run_ns < least->run_ns)
		least->run_ns = cost.run_ns;
	if (cost.taken_kb < least->taken_kb)
		least->taken_kb = cost.taken_kb;
}

int main(int argc, char **argv)
{
	struct cost disable = { LLONG_MAX, LLONG_MAX, LLONG_MAX };
	struct cost enable = disable;
	int i;

	if (argc != 2)
		errx(1, "usage: devdax_bench DEVICE (like dax0.0)");
	for (i = 0; i < 3; i++) {
		keep_least(&disable, write_and_measure("unbind", argv[1]));
		keep_least(&enable, write_and_measure("bind", argv[1]));
	}
	printf("%lld %lld %lld %lld %lld\n", enable.ns, enable.run_ns,
	       disable.ns, disable.run_ns, enable.taken_kb);
	return 0;
}
