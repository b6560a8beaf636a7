// SPDX-License-Identifier: GPL-2.0
/*
 * Maps all of a device-dax device, pins its first page for long, says "pinned", and
 * keeps the pin until its standard input ends. usage: devdax_hold DEVICE (like dax0.0)
 */
#include <stdint.h>
#include <sys/ioctl.h>

#include "devdax.h"
#include "../../../../mm/gup_test.h"

int main(int argc, char **argv)
{
	struct pin_longterm_test pin = {
		.flags = PIN_LONGTERM_TEST_FLAG_USE_WRITE,
	};
	char buf[64];
	int gup;

	if (argc != 2) {
		fprintf(stderr, "usage: devdax_hold DEVICE\n");
		return 2;
	}
	pin.size = sysfs_number(argv[1], "align");
	pin.addr = (uintptr_t)map_device(argv[1], sysfs_number(argv[1], "size"));
	gup = open("/sys/kernel/debug/gup_test", O_RDWR);
	if (gup < 0 || ioctl(gup, PIN_LONGTERM_TEST_START, &pin))
		err(1, "%s: can't pin %llu bytes", argv[1], pin.size);
	puts("pinned");
	fflush(stdout);
	while (read(STDIN_FILENO, buf, sizeof(buf)) > 0)
		;
	if (ioctl(gup, PIN_LONGTERM_TEST_STOP))
		err(1, "%s: can't unpin", argv[1]);
	return 0;
}
