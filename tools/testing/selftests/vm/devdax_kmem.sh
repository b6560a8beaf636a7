#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Tests devices that become RAM, and devices again.
. "$(dirname "$0")/devdax_lib.sh"

# A block of memory with a bad page goes offline, and does not come back.
bad_block() {	# device
	poisoned=$(corrupted)
	[ -e /sys/kernel/debug/hwpoison ] || return
	size=$((0x$(cat /sys/devices/system/memory/block_size_bytes)))
	start=$(($(cat "/sys/bus/dax/devices/$1/resource")))
	block=/sys/devices/system/memory/memory$(((start + 2 * size) / size))
	pfn=$((${block##*memory} * size / 4096))
	for _ in 1 2 3 4 5 6 7 8 9 10; do	# one that is free
		pfn=$((pfn + 512))
		echo $pfn > /sys/kernel/debug/hwpoison/corrupt-pfn 2> /dev/null
		[ "$(corrupted)" = "$poisoned" ] || break
	done
	[ "$(corrupted)" = $((poisoned + 4)) ]
	result $? "kmem: a bad page is counted"
	check "kmem: its block goes offline" eval "echo offline > $block/state"
	[ "$(corrupted)" = $((poisoned + 4)) ]
	result $? "kmem: is counted while it is offline"
	! (echo online > "$block/state") 2> /tmp/out
	result $? "kmem: a bad block does not come online"
	sed 's/^/# /' /tmp/out
}

# The kernel reads a page of each 64 MiB, through its own mapping of the memory.
kernel_reads() {	# device
	hold "$1" || return 1
	status=0
	page=$((0x$(sed -n "s|-.* /dev/$1\$||p" "/proc/$holder/maps") / 4096))
	end=$((page + $(cat "/sys/bus/dax/devices/$1/size") / 4096))
	while [ "$page" -lt "$end" ]; do
		dd if="/proc/$holder/mem" of=/tmp/page bs=4096 count=1 skip="$page" || status=1
		[ "$(wc -c < /tmp/page)" = 4096 ] || status=1
		page=$((page + 16384))
	done
	let_go && [ "$status" = 0 ]
}

begin_tests
skip_unless "CONFIG_DEV_DAX_KMEM" [ -d /sys/bus/dax/drivers/kmem ]
name="kmem, another"
check "$name: create" create devdax mem 2M 2G
dev=$(dax_of "$namespace")
check "$name: to RAM, and offline" to_ram_and_offline "$dev"
check "$name: destroy" destroy
# The name has the number of the namespace, and ndctl takes any that is free.
kept=
for try in $(seq 8); do
	create devdax mem 2M 1G || break
	[ "$(dax_of "$namespace")" != "$dev" ] || break
	kept="$kept $namespace"
done
[ "$(dax_of "$namespace")" = "$dev" ]
result $? "$name: create again, of the same name"
echo "$dev" > /sys/bus/dax/drivers/device_dax/unbind
not_ram_again "$name" "$dev"
check "$name: destroy again" destroy
for namespace in $kept; do
	check "$name: destroy $namespace" destroy
done

check "kmem: create" create devdax mem 2M 2G
dev=$(dax_of "$namespace")
before=$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)
check "kmem: to system-ram" daxctl reconfigure-device -m system-ram "$dev"
after=$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)
[ $((after - before)) -gt 1000000 ]
result $? "kmem: memory is there ($((after - before)) kB)"
bad_block "$dev"
check "kmem: back to devdax" daxctl reconfigure-device -f -m devdax "$dev"
[ "$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)" = "$before" ]
result $? "kmem: memory is gone"
[ "$(corrupted)" = "$poisoned" ]
result $? "kmem: its poison is gone"
devdax_test "$dev" "back from kmem"
check "kmem: the kernel reads a page of each 64 MiB" kernel_reads "$dev"
check "kmem: destroy" destroy

# less than a block of memory
check "kmem, small: create" create devdax mem 2M 96M
dev=$(dax_of "$namespace")
! daxctl reconfigure-device -m system-ram "$dev" > /tmp/out 2>&1
result $? "kmem, small: is refused"
[ ! -e "/sys/bus/dax/devices/$dev/driver" ]
result $? "kmem, small: is no RAM"
check "kmem, small: back" daxctl reconfigure-device -m devdax "$dev"
check "kmem, small: works" pin "$dev" 64
check "kmem, small: destroy" destroy

check "kmem, again and again: create" create devdax mem 2M 2G
dev=$(dax_of "$namespace")
check "kmem, again and again: leaks nothing" leaks_nothing to_ram_and_back "$dev"
check "kmem, again and again: destroy" destroy
end_tests
