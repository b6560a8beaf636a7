#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Measures device-dax namespaces of all of the first region, for every map and align. What the region holds is lost.
# Prints a line for each: map align order pages enable_ns disable_ns get_us pin_us, the last two for 262,144 pages.

here=$(dirname "$0")

# Order of the compound page of the device's page 1, as the kernel dumps it
order() {	# device
	"$here/gup_test" -c -f "/dev/$1" -S -m 1024 1 > /dev/null || return 1
	order=$(dmesg | tail -n 8 | sed -n 's/.* order:\([0-9]*\).*/\1/p')
	echo "${order:-0}"
}

get_us() {	# option device
	"$here/gup_test" "$1" -f "/dev/$2" -S -m 1024 -n 512 -w |
		sed -n '/truncated/q; s/.* get:\([0-9]*\) .*/\1/p'
}

for map in mem dev; do
	for align in 4K 2M 1G; do
		json=$(ndctl create-namespace -f -m devdax -M $map -a $align) || exit 1
		namespace=$(echo "$json" | sed -n 's/.*"dev":"\([^"]*\)".*/\1/p')
		dev=$(echo "$json" | sed -n 's/.*"chardev":"\([^"]*\)".*/\1/p')
		"$here/devdax_bench" "$dev" > /tmp/bench || exit 1
		disable=$(sed 's/disable_ns=\([0-9]*\) .*/\1/' /tmp/bench)
		enable=$(sed 's/.* enable_ns=//' /tmp/bench)
		pages=$(dmesg | sed -n 's/.* initialised \([0-9]*\) pages.*/\1/p' | tail -n 1)
		echo "$map $align $(order "$dev") $pages $enable $disable $(get_us -u "$dev") $(get_us -a "$dev")"
		ndctl destroy-namespace -f "$namespace" > /dev/null 2>&1 || exit 1
	done
done
