#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Makes namespaces in regions of odd sizes and alignments. The kernel needs memmap= for each
# region in the first column of the table.
. "$(dirname "$0")/devdax_lib.sh"

begin_tests
skip_unless "region of memmap=1G!5G" grep -q '^0x140000000$' /sys/bus/nd/devices/region*/resource
while read -r region kind answer; do
	name="regions, $region, $kind"
	start=$(bytes "${region#*!}")
	sys=none
	for found in /sys/bus/nd/devices/region*; do
		[ "$(($(cat "$found/resource")))" != "$start" ] || sys=$found
	done
	if [ "$sys" = none ]; then
		result 1 "$name: no such region"
		continue
	fi
	# it has no labels, and is one namespace
	namespace=$(basename "$sys"/namespace*.0)
	namespace=$(ndctl create-namespace -f -e "$namespace" -m devdax -M "${kind%-*}" \
		-a "${kind#*-}" 2> /tmp/out | json dev)
	became=refused
	if [ -n "$namespace" ]; then
		dev=$(dax_of "$namespace")
		mib=$(($(cat "/sys/bus/dax/devices/$dev/size") >> 20))
		became=broken
		pin "$dev" $mib > /tmp/out 2>&1 && became=works
	fi
	[ $became = "$answer" ] || { sed 's/^/# /' /tmp/out; echo "# $became"; }
	[ $became = "$answer" ]
	result $? "$name: $answer"
	[ -z "$namespace" ] || check "$name: destroy" destroy
done <<-END
	1G!5G mem-4K works
	1G!5G mem-2M works
	1G!5G mem-1G refused
	1G!5G dev-4K works
	1G!5G dev-2M works
	1G!5G dev-1G refused
	1040M!6160M mem-4K works
	1040M!6160M mem-2M works
	1040M!6160M mem-1G refused
	1040M!6160M dev-4K works
	1040M!6160M dev-2M works
	1040M!6160M dev-1G refused
	3G!7952M mem-4K works
	3G!7952M mem-2M works
	3G!7952M mem-1G works
	3G!7952M dev-4K works
	3G!7952M dev-2M works
	3G!7952M dev-1G works
	1021M!11G mem-2M refused
	1021M!11G dev-4K refused
	16M!12545M mem-2M refused
	768K!13G mem-4K refused
	768K!13G dev-2M refused
END
end_tests
