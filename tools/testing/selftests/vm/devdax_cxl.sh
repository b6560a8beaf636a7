#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Tests devices in the persistent memory of a CXL Type 3 device, whose window is only aligned to
# 256 MiB: namespaces of each kind, and one that becomes RAM. It needs 7 GiB of such memory.
. "$(dirname "$0")/devdax_lib.sh"

cxl=/sys/bus/cxl/devices

# Give so much of the Type 3 device a place in the window. Sets region.
make_region() {	# bytes
	region=$(cat "$cxl"/decoder0.0/create_pmem_region) &&
		echo "$region" > "$cxl"/decoder0.0/create_pmem_region || return 1
	endpoint=$(dirname "$cxl"/decoder*/dpa_size)
	echo pmem > "$endpoint/mode" && echo "$1" > "$endpoint/dpa_size" &&
		echo 1 > "$cxl/$region/interleave_ways" &&
		echo 256 > "$cxl/$region/interleave_granularity" &&
		cat /proc/sys/kernel/random/uuid > "$cxl/$region/uuid" &&
		echo "$1" > "$cxl/$region/size" &&
		basename "$endpoint" > "$cxl/$region/target0" &&
		echo 1 > "$cxl/$region/commit" &&
		echo "$region" > /sys/bus/cxl/drivers/cxl_region/bind
}

begin_tests
skip_unless "CXL Type 3 device" [ -e "$cxl"/mem0 ]
check "cxl: make a region" make_region $((7 << 30)) || end_tests
start=$(($(cat "$cxl/$region/resource")))
# The region of libnvdimm at that address
region=$(basename "$(dirname "$(grep -lix "$(printf '0x%x' $start)" \
	/sys/bus/nd/devices/region*/resource)")")
[ "$region" != . ]
result $? "cxl: it is $region, at $((start >> 20)) MiB"
for kind in $kinds; do
	name="cxl, ${kind%-*} ${kind#*-}"
	namespace=$(ndctl create-namespace -f -r "$region" -m devdax -M "${kind%-*}" \
		-a "${kind#*-}" | json dev)
	check "$name: create" [ -n "$namespace" ] || continue
	dev=$(dax_of "$namespace")
	resource=$(($(cat "/sys/bus/dax/devices/$dev/resource")))
	[ $((resource % $(cat "/sys/bus/dax/devices/$dev/align"))) = 0 ]
	result $? "$name: begins at a multiple of its align"
	devdax_test "$dev" "$name"
	check "$name: unbind and bind" rebind /sys/bus/dax/drivers/device_dax "$dev"
	check "$name: destroy" destroy
done
name="cxl, kmem"
namespace=$(ndctl create-namespace -f -r "$region" -m devdax -M mem -a 2M | json dev)
check "$name: create" [ -n "$namespace" ]
check "$name: to RAM and back" to_ram_and_back "$(dax_of "$namespace")"
check "$name: destroy" destroy
end_tests
