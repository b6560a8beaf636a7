#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Injects memory errors at addresses of devices that are unused, used or being unbound, while
# there is another error in RAM.
. "$(dirname "$0")/devdax_lib.sh"

# Dump the first and the last base page of the device's first page; print how many of these dumps
# say that it is poisoned.
flagged() {	# device pages
	dmesg -c > /dev/null
	gup_test -c -f "/dev/$1" -S -m $((($2 + 255) / 256)) -F 1 0 $(($2 - 1)) \
		> /tmp/out 2>&1 || echo broken
	dmesg | grep -c 'flags:.*hwpoison'
}

# Inject errors at random addresses of the device, as the hardware would report them.
inject_all() {	# first-pfn pages: without end
	while :; do
		random "$2"
		echo $(($1 + x)) > /sys/kernel/debug/hwpoison/corrupt-pfn
		sleep 0.01	# the kernel logs each
	done 2>/dev/null
}

poison_of() {	# device description map
	first=$(($(cat "/sys/bus/dax/devices/$1/resource") / 4096))
	pages=$(($(cat "/sys/bus/dax/devices/$1/align") / 4096))
	size=$(($(cat "/sys/bus/dax/devices/$1/size") / 4096))
	# PFNs of tails: one beside the head in its frame, one in the next frame, one whose struct
	# page is shared
	tails=
	[ "$pages" = 1 ] || tails="$((first + 1)) $((first + 64)) $((first + pages - 1))"
	poisoned=$(corrupted)
	for pfn in $first $tails $((first + size - 1)); do
		echo "corrupt-pfn $pfn Device or resource busy"
	done > /tmp/table
	answers "$2, never used" /sys/kernel/debug/hwpoison < /tmp/table
	check "$2: use it" pin "$1" $((size / 256))
	[ "$(flagged "$1" "$pages")" = 0 ]
	result $? "$2: not poisoned"
	for pfn in $tails $((first + size - 1)) $first; do
		echo "corrupt-pfn $pfn taken"
		# it is the owner who knows whether its memory is good again
		echo "unpoison-pfn $pfn $not_ours"
	done > /tmp/table
	answers "$2, used" /sys/kernel/debug/hwpoison < /tmp/table
	# The info block has struct pages that nobody initialises.
	info=$(($(cat "/sys/bus/nd/devices/$namespace/resource") / 4096))
	{
		echo "corrupt-pfn $info No such device or address"
		echo "corrupt-pfn $((info + 1)) No such device or address"
		echo "corrupt-pfn $((first + size)) No such device or address"
		echo "corrupt-pfn x Invalid argument"
		[ "$3" = mem ] || echo "corrupt-pfn $((first - 1)) No such device or address"
	} > /tmp/table
	answers "$2, what is not the device's" /sys/kernel/debug/hwpoison < /tmp/table
	[ "$(flagged "$1" "$pages")" = 2 ]
	result $? "$2: poisoned"
	check "$2: go and come back" rebind /sys/bus/dax/drivers/device_dax "$1"
	check "$2: works" pin "$1" $((size / 256))
	[ "$(flagged "$1" "$pages")" = 0 ]
	result $? "$2: poisoned no longer"

	inject_all "$first" "$size" &
	injector=$!
	under_load "$2" "/dev/$1" $((pages * 4096)) rebind /sys/bus/dax/drivers/device_dax "$1"
	kill "$injector"
	wait "$injector"
	# Later kernels count the poison of a device, until the device goes.
	check "$2: go and come back again" rebind /sys/bus/dax/drivers/device_dax "$1"
	[ "$(corrupted)" = "$poisoned" ]
	result $? "$2: poison elsewhere is counted as before"
	DAX=$1 harness "$2, after" devdax_test
	nothing_pinned "$2, after"
}

begin_tests
skip_unless "CONFIG_HWPOISON_INJECT" [ -d "$hwpoison" ]
# What unpoison-pfn answers for a page of a device: ENXIO, or EIO in later kernels
not_ours="No such device or address|Input/output error"
# A page of RAM that nobody has allocated, in the second half of the largest range
most=0
while IFS=- read -r start end; do
	[ $((0x$end - 0x$start)) -gt $most ] || continue
	most=$((0x$end - 0x$start))
	block=$(((0x$start + 0x$end) / 2 / 4096 / 512))	# of kpageflags
done <<-END
$(sed -n 's/^\([0-9a-f-]*\) : System RAM.*/\1/p' /proc/iomem)
END
ram=$(dd if=/proc/kpageflags bs=4096 skip="$block" count=64 2>/dev/null |
	od -v -A n -w8 -t u8 | awk -v "first=$((block * 512))" \
	'int($1 / 1024) % 2 { print first + NR - 1; exit }')
before=$(corrupted)
check "poison: a page of RAM" [ -n "$ram" ] || end_tests
echo "$ram" > $hwpoison/corrupt-pfn
[ "$(corrupted)" = $((before + 4)) ]
result $? "poison: a page of RAM is counted"
with_each_kind poison 1G 6G poison_of
before=$(corrupted)
echo "$ram" > $hwpoison/unpoison-pfn
[ "$(corrupted)" = $((before - 4)) ]
result $? "poison: a page of RAM is counted no longer"
end_tests
