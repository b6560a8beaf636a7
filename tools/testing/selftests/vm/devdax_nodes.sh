#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Tests device nodes that are still there when their device is gone.
. "$(dirname "$0")/devdax_lib.sh"

# A node of a device may be anywhere, and stay when the device goes.
node_outlives() {	# device description
	# shellcheck disable=SC2046 # two words
	check "$2: make a node" mknod /tmp/node c $(tr : ' ' < "/sys/bus/dax/devices/$1/dev")
	exec 9<>/tmp/node
	result $? "$2: open it"
	exec 9<&-
	check "$2: disable" ndctl disable-namespace "$namespace"
	# These walk all inodes, also that of the node whose device is gone.
	sync
	echo 3 > /proc/sys/vm/drop_caches
	! (exec 9<>/tmp/node) 2> /tmp/out
	result $? "$2: there is nothing to open any more"
	rm /tmp/node
}

begin_tests
with_each_kind nodes 1G 6G node_outlives
end_tests
