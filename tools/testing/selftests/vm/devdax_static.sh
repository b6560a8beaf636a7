#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Tests namespaces of each kind: all that devdax_test and devdax_pin_test know, then destroys the
# namespace, makes it again and pins all of it.
. "$(dirname "$0")/devdax_lib.sh"

inputs_static() {	# device description
	answers "$2, input" "/sys/bus/dax/devices/$1" <<-END
		memmap_size 4096 Permission denied
		size 4096 Permission denied
		align 4096 Permission denied
		resource 4096 Permission denied
	END
}

begin_tests
# what comes behind this one begins at no multiple of 1 GiB
check "create a neighbour" create devdax mem 2M 1040M
for kind in $kinds; do
	map=${kind%-*} align=${kind#*-}
	# room for three pages, and what the namespace needs itself
	size=2G
	[ "$align" != 1G ] || size=6G
	name="$map $align"
	check "$name: create" create devdax "$map" "$align" $size || continue
	before=$(corrupted)
	devdax_test "$(dax_of "$namespace")" "$name"
	check "$name: destroy after poison" destroy
	# A test takes a page of RAM out of service. The device takes its poison with it.
	[ "$(corrupted)" = "${before:+$((before + 4))}" ]
	result $? "$name: poison of others stays counted"
	check "$name: create again" create devdax "$map" "$align" $size
	devdax=$(dax_of "$namespace")
	inputs_static "$devdax" "$name"
	check "$name: pin again" pin "$devdax" 1024
	check "$name: destroy again" destroy
done
end_tests
