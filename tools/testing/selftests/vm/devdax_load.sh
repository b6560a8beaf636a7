#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Unbinds and binds devices while processes map, pin and poison them (devdax_stress); rewrites
# files on fsdax under the same load. In the environment, seconds=60 says for how long with each
# file.
. "$(dirname "$0")/devdax_lib.sh"

# A process that keeps a device open hinders neither its unbind nor its bind, nor its use after
# that.
open_over_rebind() {	# description device
	driver=/sys/bus/dax/drivers/device_dax
	for round in 1 2 3; do
		exec 8<>"/dev/$2"
		echo "$2" > $driver/unbind
		! (exec 9<>"/dev/$2") 2> /tmp/out && grep -q 'No such device or address' /tmp/out
		result $? "$1: can't be opened while unbound, $round"
		echo "$2" > $driver/bind
		exec 9<>"/dev/$2"
		exec 8<&-
		exec 9<&-
		check "$1: can be pinned after bind, once all have closed it, $round" pin "$2" 1024
	done
}

# A truncate waits for pins: the file system takes the blocks back.
rewrite() {
	dd if=/dev/zero of=/mnt/data bs=1M count=4
}

begin_tests
# the smallest compound pages, and the largest
for pair in "mem 2M" "dev ${all_kinds##*-}"; do
	# shellcheck disable=SC2086 # two words
	set -- $pair
	check "load, $pair: create" create devdax "$1" "$2" 4G || continue
	dev=$(dax_of "$namespace")
	open_over_rebind "load, $pair" "$dev"
	under_load "load, $pair" "/dev/$dev" "$(cat "/sys/bus/dax/devices/$dev/align")" \
		rebind /sys/bus/dax/drivers/device_dax "$dev"
	DAX=$dev harness "after load, $pair" devdax_test
	nothing_pinned "after load, $pair"
	check "load, $pair: destroy" destroy
done

# A device with a file system on it can't be unbound under load on any kernel:
# ext4 does not survive it. So the file is rewritten under load, and the device unbound after.
check "load, fsdax: create" create fsdax mem '' 2G
blockdev=$(ndctl list -n "$namespace" | json blockdev)
# what is bound is not the namespace, but what its info block describes
pfn=$(basename /sys/bus/nd/drivers/nd_pmem/pfn*)
check "load, fsdax: mkfs" mkfs.ext4 -q -F -b 4096 "/dev/$blockdev"
for round in 1 2; do
	check "load, fsdax, $round: mount" \
		mount -t ext4 -o dax=always "/dev/$blockdev" /mnt
	check "load, fsdax, $round: a file" rewrite
	under_load "load, fsdax, $round" /mnt/data 2097152 rewrite
	check "load, fsdax, $round: umount" umount /mnt
	check "load, fsdax, $round: unbind and bind" \
		rebind /sys/bus/nd/drivers/nd_pmem "$pfn"
done
check "load, fsdax: destroy" destroy
end_tests
