#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Tests a device that becomes RAM, and whose struct pages then lie in it. The kernel needs
# memory_hotplug.memmap_on_memory=1.
. "$(dirname "$0")/devdax_lib.sh"

begin_tests
skip_unless "memory_hotplug.memmap_on_memory=1" \
	grep -qx 'Y\|1' /sys/module/memory_hotplug/parameters/memmap_on_memory
name=memmap_on_memory
check "$name: create" create devdax mem 2M 2G
dev=$(dax_of "$namespace")
attr=/sys/bus/dax/devices/$dev/memmap_on_memory
echo 1 > "$attr"
[ "$(cat "$attr")" = 1 ]
result $? "$name: set it"
echo "$dev" > /sys/bus/dax/drivers/device_dax/unbind
before=$(free_pages)
check "$name: to system-ram, offline" daxctl reconfigure-device -N -m system-ram "$dev"
taken=$((before - $(free_pages)))
# 2 GiB have 32 MiB of struct pages.
[ $taken -lt 2000 ]
result $? "$name: takes $taken pages, not 8192"
check "$name: online" daxctl online-memory "$dev"
[ $(($(free_pages) - before)) -gt 400000 ]
result $? "$name: memory is there"
! (echo 0 > "$attr") 2> /tmp/out && grep -q 'Device or resource busy' /tmp/out
result $? "$name: can't be changed while it is RAM"
check "$name: back to devdax" daxctl reconfigure-device -f -m devdax "$dev"
devdax_test "$dev" "back from $name"
check "$name: leaks nothing" leaks_nothing to_ram_and_back "$dev"
check "$name: destroy" destroy
end_tests
