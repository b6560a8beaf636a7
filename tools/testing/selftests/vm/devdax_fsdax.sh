#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Tests that ext4 on fsdax works as before beside device-dax.
. "$(dirname "$0")/devdax_lib.sh"

fsdax_and_back() {
	create fsdax mem '' 2G && destroy
}

begin_tests
check "fsdax: create" create fsdax mem '' 2G
blockdev=$(ndctl list -n "$namespace" | json blockdev)
check "fsdax: mkfs" mkfs.ext4 -q -F -b 4096 "/dev/$blockdev"
check "fsdax: mount -o dax" mount -t ext4 -o dax=always "/dev/$blockdev" /mnt
dd if=/dev/urandom of=/tmp/data bs=1M count=64 2>/dev/null
check "fsdax: write a file" cp /tmp/data /mnt/data
check "fsdax: read it" cmp /tmp/data /mnt/data
for option in u U a b; do
	check "fsdax: gup_test -$option" \
		gup_test -$option -f /mnt/data -S -m 64 -n 512
done
# Pins of no known end are refused: the file system could not truncate. The gup_test of later
# kernels does not say why it got no page.
for option in L l; do
	! gup_test -$option -f /mnt/data -S -m 64 -n 512 > /tmp/out 2>&1 &&
		grep -q 'Operation not supported\|truncated (size: 0)' /tmp/out
	result $? "fsdax: gup_test -$option is refused"
done
PIN_FILE=/mnt/data PIN_ALIGN=2097152 PIN_REFUSED=1 harness fsdax devdax_pin_test
FILE=/mnt/huge harness fsdax devdax_fsync_test
rm -f /mnt/huge
nothing_pinned fsdax
check "fsdax: truncate after" dd if=/dev/null of=/mnt/data bs=1 seek=4096
cp /tmp/data /mnt/again
umount /mnt
check "fsdax: mount again" mount -t ext4 -o dax=always "/dev/$blockdev" /mnt
check "fsdax: read again" cmp /tmp/data /mnt/again
umount /mnt
check "fsdax: the file system is in order" e2fsck -f -n "/dev/$blockdev"
rm /tmp/data
check "fsdax: destroy" destroy
check "fsdax: leaks nothing" leaks_nothing fsdax_and_back
end_tests
