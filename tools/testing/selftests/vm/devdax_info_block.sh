#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Changes one field after the other of a namespace's info block, as another kernel or a broken
# tool may have written it, and checks what becomes of the namespace.
. "$(dirname "$0")/devdax_lib.sh"

# Bind a disabled namespace as a raw block device while the command runs. Sets block.
raw() {	# command...
	raw=/sys/bus/nd/devices/$namespace/force_raw
	echo 1 > "$raw" && echo "$namespace" > /sys/bus/nd/drivers/nd_pmem/bind &&
		block=/dev/$(ls "/sys/bus/nd/devices/$namespace/block") && "$@"
	status=$?
	echo "$namespace" > /sys/bus/nd/drivers/nd_pmem/unbind
	echo 0 > "$raw"
	return "$status"
}

read_info() {
	dd if="$block" of=/tmp/info bs=4096 skip=1 count=1
}

write_info() {
	dd if=/tmp/changed of="$block" bs=4096 seek=1 conv=fsync
}

# A number into a file, little endian
put() {	# file offset bytes value
	value=$4
	for _ in $(seq "$3"); do
		# shellcheck disable=SC2059 # an octal escape
		printf "\\$(printf %03o $((value & 255)))"
		value=$((value >> 8))
	done | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# Write the checksum of an info block: Fletcher's, as in libnvdimm.
sign() {	# file
	put "$1" 4088 8 0
	low=0
	high=0
	for word in $(od -v -A n -t u4 "$1"); do
		low=$(((low + word) & 0xffffffff))
		high=$(((high + low) & 0xffffffff))
	done
	put "$1" 4088 4 $low
	put "$1" 4092 4 $high
}

# What becomes of the namespace with the info block in /tmp/changed?
becomes() {	# description answer
	check "$1: write it" raw write_info || return
	ndctl enable-namespace "$namespace" > /tmp/out 2>&1
	dev=$(dax_of "$namespace")
	if [ -n "$dev" ] && [ ! -e "/sys/bus/dax/devices/$dev/driver" ]; then
		became=unbound
	elif [ -n "$dev" ]; then
		became=broken
		pin "$dev" 1024 > /tmp/out 2>&1 && became=devdax
	elif [ -n "$(ndctl list -n "$namespace" | json blockdev)" ]; then
		became=raw
	else
		became=refused
	fi
	[ "$became" = "$2" ] || { sed 's/^/# /' /tmp/out; echo "# $became"; }
	[ "$became" = "$2" ]
	result $? "$1: $2"
	ndctl disable-namespace "$namespace" > /dev/null 2>&1
}

begin_tests
while read -r kind field offset bytes value answer; do
	name="info block, $kind, $field${value:+ $value}"
	if [ "$field" = new ]; then
		check "$name: create" create devdax "${kind%-*}" "${kind#*-}" 2G &&
			check "$name: disable" ndctl disable-namespace "$namespace" &&
			check "$name: read" raw read_info
		cp /tmp/info /tmp/changed
		sign /tmp/changed
		cmp -s /tmp/info /tmp/changed
		result $? "$name: our checksum is the one in the info block"
		continue
	elif [ "$field" = end ]; then
		cp /tmp/info /tmp/changed
		becomes "$name, as it was" devdax
		check "$name: destroy" destroy
		continue
	fi
	cp /tmp/info /tmp/changed
	put /tmp/changed "$offset" "$bytes" "$value"
	[ "$field" = checksum ] || sign /tmp/changed
	becomes "$name" "$answer"
done <<-END
	mem-2M new
	mem-2M page_struct_size 92 2 128 devdax
	mem-2M page_struct_size 92 2 32 devdax
	mem-2M page_size 88 4 65536 devdax
	mem-2M align 84 4 4096 devdax
	mem-2M align 84 4 1073741824 refused
	mem-2M align 84 4 16777216 refused
	mem-2M align 84 4 3 refused
	mem-2M align 84 4 0 refused
	mem-2M mode 72 4 0 raw
	mem-2M mode 72 4 3 raw
	mem-2M mode 72 4 2 unbound
	mem-2M version_minor 54 2 3 devdax
	mem-2M version_minor 54 2 1 refused
	mem-2M version_minor 54 2 9 devdax
	mem-2M npfns 64 8 1 devdax
	mem-2M dataoff 56 8 0 refused
	mem-2M dataoff 56 8 4097 refused
	mem-2M dataoff 56 8 1099511627776 refused
	mem-2M checksum 4088 8 1 raw
	mem-2M end
	dev-2M new
	dev-2M page_struct_size 92 2 128 devdax
	dev-2M page_struct_size 92 2 32 refused
	dev-2M page_struct_size 92 2 0 refused
	dev-2M page_size 88 4 65536 refused
	dev-2M align 84 4 4096 devdax
	dev-2M align 84 4 1073741824 refused
	dev-2M mode 72 4 1 devdax
	dev-2M dataoff 56 8 2097152 unbound
	dev-2M dataoff 56 8 0 refused
	dev-2M end
	dev-1G new
	dev-1G align 84 4 2097152 devdax
	dev-1G align 84 4 4096 devdax
	dev-1G end
END
end_tests
