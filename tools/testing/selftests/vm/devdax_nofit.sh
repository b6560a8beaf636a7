#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Makes namespaces whose memmap does not fit into RAM. This machine needs 3 GiB of RAM and a region
# of 1 TiB.
. "$(dirname "$0")/devdax_lib.sh"

# A process that has no part in the test, and needs memory all the time
bystander() {
	while [ ! -e /tmp/enough ]; do
		dd if=/dev/zero of=/tmp/bystander bs=1M count=64 2>/dev/null || return
		rm /tmp/bystander
	done
}

begin_tests
skip_unless "region of 1 TiB" grep -qx 1099511627776 /sys/bus/nd/devices/region*/size
for align in 1G 4K 2M 1G; do
	name="nofit, $align"
	if [ $align = 1G ]; then
		check "$name: create" create devdax mem 1G 1020G
		check "$name: pin" pin "$(dax_of "$namespace")" 1024
		check "$name: destroy" destroy
		continue
	fi
	before=$(free_pages)
	rm -f /tmp/enough
	bystander &
	pid=$!
	dmesg -c > /dev/null
	check "$name: create" create devdax mem $align 1020G
	device=$(basename /sys/bus/dax/devices/*)
	kib=$(($(cat "/sys/bus/dax/devices/$device/size")  / 65536))
	# With 2M, 2 of 8 frames of struct pages remain, and there is a page table for each 512
	# of the 8.
	[ $align = 4K ] || kib=$((kib / 4 + kib / 512))
	sys=/sys/bus/dax/devices/$device
	[ -d "$sys" ] && [ ! -e "$sys/driver" ]
	result $? "$name: refused"
	dmesg | grep -E 'memremap:|probe ' > /tmp/out
	sed 's/^/# /' /tmp/out
	# The memmap also covers the header of the namespace, which the size of the device leaves
	# out.
	takes=$(sed -n 's/.*its memmap takes \([0-9]*\) kB of RAM.*/\1/p' /tmp/out)
	[ "${takes:-0}" -ge $kib ] && [ "$takes" -le $((kib + 64)) ] &&
		grep -q "$device.* failed with error -12" /tmp/out
	result $? "$name: says how much it needs"
	touch /tmp/enough
	wait $pid
	result $? "$name: the bystander lives"
	check "$name: destroy" destroy
	check "$name: nothing is lost" are_free "$before"
done
end_tests
