#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Fails each memory allocation of a device's probe in its turn, and checks that nothing is lost.
. "$(dirname "$0")/devdax_lib.sh"

# A second time only if it looks as if something had been lost
fail_lost_nothing() {	# device pages
	are_free "$2" || gives_back_memory env DAX="$1" "$here/devdax_fail_test"
}

# Each allocation fails in its turn: nothing is lost, in all.
fail_of() {	# device description
	check "$2: bind once more" rebind /sys/bus/dax/drivers/device_dax "$1"
	before=$(free_pages)
	DAX=$1 harness "$2" devdax_fail_test
	check "$2: nothing is lost" fail_lost_nothing "$1" "$before"
}

begin_tests
skip_unless "CONFIG_FAULT_INJECTION" [ -e /proc/self/fail-nth ]
skip_unless "soft-reserved memory (memmap=SIZE%START+0xefffffff)" has_dynamic_region
with_each_kind fail 272M 3G fail_of

find_region || end_tests
empty_region || end_tests
two_ranges 144M 16M 272M
result $? "fail, two ranges: create"
check "fail, two ranges: enable" daxctl enable-device "$dev"
fail_of "$dev" "fail, two ranges"
check "fail, two ranges: disable" daxctl disable-device "$dev"
check "fail, two ranges: destroy" daxctl destroy-device "$dev"
end_tests
