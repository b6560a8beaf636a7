/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of device-dax devices do by way of sysfs */
#ifndef SELFTESTS_VM_DEVDAX_H
#define SELFTESTS_VM_DEVDAX_H

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

#endif
