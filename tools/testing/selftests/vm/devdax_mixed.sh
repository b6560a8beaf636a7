#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Injects memory errors into a device whose first section is part RAM. The kernel needs
# memmap=1040M!6160M.
. "$(dirname "$0")/devdax_lib.sh"

begin_tests
skip_unless "CONFIG_HWPOISON_INJECT" [ -d "$hwpoison" ]
skip_unless "region of memmap=1040M!6160M" \
	grep -q '^0x181000000$' /sys/bus/nd/devices/region*/resource
for kind in 4K 2M; do
	name="mixed, $kind"
	region=$(dirname "$(grep -l '^0x181000000$' /sys/bus/nd/devices/region*/resource)")
	namespace=$(ndctl create-namespace -f -e "$(basename "$region"/namespace*.0)" \
		-m devdax -M mem -a $kind | json dev)
	check "$name: create" [ -n "$namespace" ] || continue
	dev=$(dax_of "$namespace")
	poisoned=$(corrupted)
	devdax_test "$dev" "$name"
	# where RAM ends and the device begins
	start=$(($(cat "/sys/bus/dax/devices/$dev/resource") / 4096))
	for pfn in $start $((start + 1)) $((start + 511)); do
		echo "corrupt-pfn $pfn taken"
	done > /tmp/table
	answers "$name" /sys/kernel/debug/hwpoison < /tmp/table
	check "$name: unbind and bind" rebind /sys/bus/dax/drivers/device_dax "$dev"
	check "$name: destroy" destroy
	# devdax_test takes a page of RAM out of service, which stays so. Later kernels count errors
	# of a device too, until it is gone.
	[ "$(corrupted)" = $((poisoned + 4)) ]
	result $? "$name: no error of the device is counted as one of RAM"
done
end_tests
