#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Tests dynamic devices, which daxctl makes in soft-reserved memory: each align, resizing, two
# ranges, neighbours, bad input. Needs a host that answers devdax_walk.sh.
. "$(dirname "$0")/devdax_lib.sh"

# Writing another value to the file must fail with "Device or resource busy", and change nothing.
busy() {	# sysfs-file value
	before=$(cat "$1")
	! (echo "$2" > "$1") 2> /tmp/busy && grep -q 'Device or resource busy' /tmp/busy &&
		[ "$(cat "$1")" = "$before" ] && [ "$before" != "$2" ]
}

remove() {	# device
	daxctl disable-device "$1"
	daxctl destroy-device "$1"
}

available() {
	parent=$(dirname "$(readlink -f "/sys/bus/dax/devices/$seed_device")")
	cat "$parent/dax_region/available_size"
}

# One range of 1 GiB in a region of 4 GiB, align 2 MiB, not bound; then bound
inputs_dynamic() {	# device
	sys=/sys/bus/dax/devices/$1
	start=$(($(cat "$sys/mapping0/start")))
	end=$(($(cat "$sys/mapping0/end")))
	behind=$(printf '%x-%x' $((end + 0x801)) $((end + 0x1800)))
	attrs=$(dirname "$(readlink -f "$sys")")/dax_region
	answers input "$sys" <<-END
		size x Invalid argument
		size @ Invalid argument
		size -1 Invalid argument
		size 1 Invalid argument
		size 2097153 Invalid argument
		size 18446744073709551615 Invalid argument
		size 18446744073709551616 Numerical result out of range
		size 8589934592 No space left on device
		size 1099511627776 No space left on device
		align x No such device or address
		align @ No such device or address
		align 0 Invalid argument
		align 1 Invalid argument
		align 3 Invalid argument
		align 8192 Invalid argument
		align 2199023255552 Invalid argument
		align 18446744073709551615 Invalid argument
		mapping x Invalid argument
		mapping 1000 Invalid argument
		mapping - Invalid argument
		mapping 0-fff No such device or address
		mapping $(printf '%x-%x' $end $start) No such device or address
		mapping $behind No such device or address
		mapping $(printf '%x-%x' $start $end) Cannot allocate memory
		mapping $(printf '%x' $start)-ffffffffffffffff Cannot allocate memory
		mapping $(printf '%x-%x-1' $((end + 1)) $((end + 0x200000))) Invalid argument
	END
	answers input "$attrs" <<-END
		create x Invalid argument
		create 0 Invalid argument
		create 2 Invalid argument
		create -1 Invalid argument
		delete x No such device or address
		delete dax9.9 No such device or address
		delete $1 Device or resource busy
		available_size 1 Permission denied
		seed x Permission denied
	END
	[ "$(cat "$sys/size") $(cat "$sys/align")" = "1073741824 2097152" ] &&
		[ "$(find "$sys/" -name 'mapping?' | wc -l)" = 1 ]
	result $? "input: nothing has changed"
	check "input: bind" daxctl enable-device "$1"
	answers "input, bound" "$sys" <<-END
		memmap_size 4096 Permission denied
		resource 4096 Permission denied
		size 2097152 Device or resource busy
		align 4096 Device or resource busy
	END
	check "input: works" pin "$1" 1024
}

# A device with an align of 1 GiB begins at a multiple of 1 GiB. Without room,
# nothing is taken.
beside_neighbours() {
	name="dynamic, beside neighbours"
	first=$(daxctl create-device -r "$region" -s 512M -a 2097152 | json chardev)
	large=$(daxctl create-device -r "$region" -s 1G -a 1073741824 | json chardev)
	sys=/sys/bus/dax/devices/$large
	[ -n "$large" ] && [ $(($(cat "$sys/mapping0/start") % (1 << 30))) = 0 ]
	result $? "$name: 1 GiB is aligned"
	check "$name: it works" pin "$large" 1024
	gap=$(daxctl create-device -r "$region" -s 512M -a 2097152 | json chardev)
	last=$(daxctl create-device -r "$region" -s 512M -a 2097152 | json chardev)
	check "$name: a gap" remove "$gap"
	# 512 MiB and 1.5 GiB are left: one page of 1 GiB
	before=$(available)
	! daxctl create-device -r "$region" -s 2G -a 1073741824 > /tmp/out 2>&1
	result $? "$name: what does not fit is refused"
	[ "$(available) $before" = "2147483648 2147483648" ]
	result $? "$name: what is refused takes nothing"
	more=$(daxctl create-device -r "$region" -s 1G -a 1073741824 | json chardev)
	check "$name: 1 GiB has room" [ -n "$more" ]
	check "$name: what fits works" pin "$more" 1024
	# a new align has to suit what there is
	daxctl disable-device "$last" > /dev/null
	sys=/sys/bus/dax/devices/$last
	! (echo 1073741824 > "$sys/align") 2> /dev/null
	result $? "$name: an align of 1 GiB is refused for 512 MiB"
	check "$name: destroy it" daxctl destroy-device "$last"
	for dev in $first $large $more; do
		check "$name: destroy $dev" remove "$dev"
	done
	# Remove devices that should have been refused.
	for dev in /sys/bus/dax/devices/"${seed_device%.*}".*; do
		dev=$(basename "$dev")
		[ "$dev" = "$seed_device" ] || remove "$dev" > /dev/null 2>&1
	done
}

dynamic_and_back() {
	dev=$(daxctl create-device -r "$region" -s 1G -a 2097152 | json chardev)
	daxctl disable-device "$dev" && daxctl destroy-device "$dev"
}

ended() {	# pid
	! kill -0 "$1"
}

# The region is removed while a page of its device is pinned. The removal waits for the pin, and
# hinders no other device.
region_goes_under_a_pin() {
	name="dynamic, its region goes"
	dev=$(daxctl create-device -r "$region" -s 1G -a 2097152 | json chardev)
	parent=$(dirname "$(readlink -f "/sys/bus/dax/devices/$dev")")
	driver=$(readlink -f "$parent/driver")
	check "$name: pin" hold "$dev"
	(exec 3>&-; echo "${parent##*/}" > "$driver/unbind") &
	unbind=$!
	check "$name: it waits for the pin" wait_for grep memunmap_pages "/proc/$unbind/stack"
	(exec 3>&-; create_and_destroy mem 2M 512M) > /tmp/out 2>&1 &
	other=$!
	check "$name: a namespace comes and goes" wait_for ended $other
	check "$name: it still waits" grep memunmap_pages "/proc/$unbind/stack"
	check "$name: unpin" let_go
	check "$name: it has gone" wait $unbind
	check "$name: the namespace worked" wait $other
	check "$name: it comes back" eval "echo ${parent##*/} > $driver/bind"
	find_region
}

begin_tests
skip_unless "soft-reserved memory (memmap=SIZE%START+0xefffffff)" has_dynamic_region
skip_unless "host that walks page tables" walks_page_tables
find_region || end_tests
empty_region || end_tests

for align in 4K 2M 1G; do
	bytes=$((1024 * 1024 * 1024))
	case $align in
	4K) a=4096 size=$((bytes / 2)) ;;
	2M) a=$((2 * 1024 * 1024)) size=$bytes ;;
	1G) a=$bytes size=$((3 * bytes)) ;;
	esac
	name="dynamic $align"
	dev=$(daxctl create-device -r "$region" -s "$size" -a "$a" | json chardev)
	check "$name: create" [ -n "$dev" ] || continue
	devdax_test "$dev" "$name"
	memmap_is_exact "$dev" "$name" mem
	sys=/sys/bus/dax/devices/$dev

	# While it is bound, nothing of it can change, even to what is valid.
	other=4096
	[ "$align" != 4K ] || other=2097152
	busy "$sys/size" $((size / 2 / a * a))
	result $? "$name: size can't change while bound"
	busy "$sys/align" $other
	result $? "$name: align can't change while bound"
	start=$(cat "$sys/mapping0/end")
	ranges=$(find "$sys/" -name 'mapping?' | wc -l)
	start=$((start + 1))
	! (printf '%x-%x' $start $((start + bytes - 1)) > "$sys/mapping") 2>/dev/null &&
		[ "$(find "$sys/" -name 'mapping?' | wc -l)" = "$ranges" ]
	result $? "$name: mapping can't be added while bound"

	check "$name: disable" daxctl disable-device "$dev"
	check "$name: destroy" daxctl destroy-device "$dev"
done

# One device through its whole life: resized, and of one align after the other
dev=$(daxctl create-device -r "$region" -s 1G -a 2097152 | json chardev)
sys=/sys/bus/dax/devices/$dev
for step in "2G 2097152" "3G 1073741824" "512M 4096" "3G 2097152"; do
	# shellcheck disable=SC2086 # two words
	set -- $step
	bytes=$(bytes "$1")
	daxctl disable-device "$dev" > /dev/null 2>&1
	check "dynamic: resize to $1, align $2" resize "$sys" "$bytes" "$2"
	check "dynamic: enable with $1, align $2" daxctl enable-device "$dev"
	[ "$(cat "$sys/size") $(cat "$sys/align")" = "$bytes $2" ]
	result $? "dynamic: is $1, align $2"
	mib=512
	[ "$2" != 1073741824 ] || mib=1024
	check "dynamic: pin with $1, align $2" pin "$dev" $mib
done

daxctl disable-device "$dev" > /dev/null
check "dynamic: destroy" daxctl destroy-device "$dev"
beside_neighbours

two_ranges 1G 512M 3G
result $? "dynamic: a device of two ranges"
check "dynamic: enable it" daxctl enable-device "$dev"
check "dynamic: pin over both ranges" gup_test -f "/dev/$dev" -S -m 2048 -n 513 -a
devdax_test "$dev" "dynamic, two ranges"
memmap_is_exact "$dev" "dynamic, two ranges" mem
check "dynamic, two ranges: memmap-report" report_is_exact "$dev" RAM
check "dynamic: disable" daxctl disable-device "$dev"
check "dynamic: destroy it" daxctl destroy-device "$dev"
check "dynamic: leaks nothing" leaks_nothing dynamic_and_back

dev=$(daxctl create-device -r "$region" -s 1G -a 2097152 | json chardev)
daxctl disable-device "$dev" > /dev/null
inputs_dynamic "$dev"
check "input: disable" daxctl disable-device "$dev"
check "input: destroy" daxctl destroy-device "$dev"

# The first device gets new memory under the same name, without being destroyed.
name="dynamic, another"
sys=/sys/bus/dax/devices/$seed_device
check "$name: grow" resize "$sys" $((1 << 30)) 2097152
check "$name: to RAM, and offline" to_ram_and_offline "$seed_device"
echo "$seed_device" > /sys/bus/dax/drivers/kmem/unbind
echo 0 > "$sys/size"
check "$name: grow again" resize "$sys" $((1 << 30)) 2097152
[ "$ram_by_default" ] || not_ram_again "$name" "$seed_device"
echo 0 > "$sys/size"

# On a kernel whose pins hold nothing, this test is left out, as pin_holds_unbind is.
case ${DAX_TESTS:-} in
*"-T pin_holds_unbind"*) ;;
*)	region_goes_under_a_pin ;;
esac
end_tests
