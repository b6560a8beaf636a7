#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Tests a device on node 1, which has no memory: the memmap is on another node, and the kernel
# says so at most once.
. "$(dirname "$0")/devdax_lib.sh"

numa_of() {	# device description
	[ "$(cat "/sys/bus/dax/devices/$1/numa_node")" = 1 ]
	result $? "$2: is on that node"
	check "$2: works" pin "$1" 1024
}

begin_tests
skip_unless "node 1 without memory" \
	grep -q "^Node 1 MemTotal: *0 kB" /sys/devices/system/node/node1/meminfo
with_each_kind numa 2G 6G numa_of
[ "$(dmesg | grep -c 'potential offnode')" -le 1 ]
result $? "numa: the kernel logs \"potential offnode\" at most once"
end_tests
