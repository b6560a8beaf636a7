#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Measures device-dax namespaces of all of the first region, for every map and align; or for less
# of them, as maps="mem" and aligns="1G" in the environment say. All that persistent memory holds is
# lost, so it wants DEVDAX_WIPE=yes.
# Prints a line for each: map align order, what devdax_bench says, what devdax_walk.sh says, and how
# many microseconds 1 GiB takes, 512 pages a call, to get, to put, to pin, to pin for long, to do
# that the slow way, and to unpin. And the last six for pages of hugetlbfs: hugetlb 2M - ...
# pins=no in the environment leaves pins out, and hugetlbfs.
. "$(dirname "$0")/devdax_lib.sh"

# Order of the compound page of the device's page 1, as the kernel dumps it
order() {	# device
	dmesg -c > /dev/null
	gup_test -c -f "/dev/$1" -S -m 1024 1 > /dev/null || return 1
	order=$(dmesg | sed -n 's/.* order:\([0-9]*\).*/\1/p')
	echo "${order:-0}"
}

# One number of a run of gup_test; none if it does not cover all of it
us() {	# get|put option file...
	what=$1
	shift
	gup_test "$@" -m 1024 -n 512 -w > /tmp/us || return 0
	sed -n "s/.* $what:\([0-9]*\).*/\1/p" /tmp/us
}

pins() {	# file...
	echo "$(us get -u "$@") $(us put -u "$@")" \
		"$(us get -a "$@") $(us get -l "$@") $(us get -L "$@") $(us put -L "$@")"
}

# What the machine still does from its boot, and from making the first namespace, is not to be
# measured.
wait_until_quiet() {
	while [ "$(sed 's/\..*//' /proc/uptime)" -lt 10 ]; do
		sleep 1
	done
}

may_wipe
for map in ${maps:-mem dev}; do
	for align in ${aligns:-4K 2M 1G}; do
		created=$(ndctl create-namespace -f -m devdax -M "$map" -a "$align") || exit 1
		namespace=$(echo "$created" | json dev)
		dev=$(echo "$created" | json chardev)
		wait_until_quiet
		"$here/devdax_bench" "$dev" > /tmp/bench || exit 1
		echo "$map $align $(order "$dev") $(cat /tmp/bench)" \
			"$("$here/devdax_walk.sh" "$dev")" \
			"$([ "${pins:-}" = no ] || pins -f "/dev/$dev" -S)"
		destroy > /dev/null || exit 1
	done
done

[ "${pins:-}" != no ] || exit 0
echo 512 > /proc/sys/vm/nr_hugepages
echo "hugetlb 2M - - - - - - - - - - - $(pins -H)"
