#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Tests device-dax the way its users drive it, by ndctl and daxctl.
# All that the persistent memory of this machine holds is lost.
# In the environment, kinds="mem-4K mem-2M mem-1G dev-4K dev-2M dev-1G", or less of them, say which
# namespaces static, cycles, memmap, rdma, poison and fail test; seconds=60 how long stress goes on
# with each file, and churn in all; seed=1 what churn does.
# memmap and dynamic need someone who answers devdax_walk.sh, and memmap-report.

parts="static dynamic inputs fsdax kmem hmm cycles stress churn rdma memmap poison foreign odd mixed
nodes vfio offnode ungigantic fail nofit restless survivors clear"
here=$(dirname "$0")
case $(uname -m) in
x86_64)	all_kinds="mem-4K mem-2M mem-1G dev-4K dev-2M dev-1G" ;;
*)	all_kinds="mem-4K mem-2M dev-4K dev-2M" ;;	# no huge PUDs
esac
kinds=${kinds:-$all_kinds}
count=0
failed=0

result() {	# status description
	count=$((count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $count $2"
	else
		echo "not ok $count $2"
		failed=$((failed + 1))
	fi
}

# Run a command; what it prints is shown when it fails.
check() {	# description command...
	description=$1
	shift
	if "$@" > /tmp/check 2>&1; then
		result 0 "$description"
	else
		sed 's/^/# /' /tmp/check
		result 1 "$description"
		return 1
	fi
}

# Run a program of kselftest_harness.h: each of its tests is one of ours.
harness() {	# description program
	"$here/$2" > /tmp/harness 2>&1
	status=$?
	grep -vE '^(ok|not ok|TAP|1\.\.)' /tmp/harness | sed 's/^# //; s/^/# /'
	while read -r line; do
		case $line in
		"ok "*SKIP* | "not ok "*) result 1 "$1: ${line##* }" ;;
		"ok "*)			  result 0 "$1: ${line##* }" ;;
		esac
	done <<-END
	$(grep -E '^(ok|not ok) ' /tmp/harness)
	END
	planned=$(sed -n 's/^1\.\.//p' /tmp/harness)
	[ "$(grep -cE '^(ok|not ok) ' /tmp/harness)" = "$planned" ] ||
		result 1 "$1: $2 died, with status $status, before its end"
}

# All that is tested on a device
devdax_test() {	# device description
	DAX=$1 harness "$2" devdax_test
	PIN_FILE=/dev/$1 PIN_ALIGN=$(cat "/sys/bus/dax/devices/$1/align") \
		harness "$2" devdax_pin_test
	nothing_pinned "$2"
}

# Every pin that was ever taken has been dropped.
nothing_pinned() {	# description
	cat /proc/sys/vm/stat_refresh
	awk '{ n[$1] = $2 } END { exit n["nr_foll_pin_acquired"] != n["nr_foll_pin_released"] }' \
		/proc/vmstat
	result $? "$1: all pins are dropped"
}

# All of a device, or so much of it
pin() {	# device MiB
	"$here/gup_test" -a -f "/dev/$1" -S -m "$2" -n 512
}

json() {	# key: its first value in what ndctl or daxctl print
	sed -n "s/.*\"$1\":\"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" | head -n 1
}

# Pages that are free, once all that is freed late has been: those of MemFree, and
# those that processors keep for their next allocations.
free_pages() {
	sync
	echo 3 > /proc/sys/vm/drop_caches
	for shrink in /sys/kernel/slab/*/shrink; do
		[ ! -e "$shrink" ] || echo 1 > "$shrink"	# SLUB has them
	done
	cat /proc/sys/vm/stat_refresh
	awk '$1 == "nr_free_pages" || $1 == "count:" { free += $2 } END { print free }' \
		/proc/zoneinfo
}

# Whether as many pages are free as there were. Others on the machine may take or give
# a page meanwhile, so look again before calling it lost: what is lost stays lost.
are_free() {	# pages
	for look in 1 2 3 4 5 6 7 8 9 10; do
		after=$(free_pages)
		[ "$after" -lt "$1" ] || return 0
		sleep 1
	done
	echo "$1 pages were free, and $after are after $look looks"
	return 1
}

# Others may also keep what they took (caches of inodes grow by some pages in a hundred
# rounds). What a command loses it loses each time.
gives_back_memory() {	# command...
	for round in 1 2 3; do
		before=$(free_pages)
		"$@" || return 1
		! are_free "$before" || return 0
	done
	return 1
}

# Twenty times the same: who keeps some pages of the first rounds stops that, but a page that
# is lost each time shows.
leaks_nothing() {	# command...
	"$@" || return 1		# fills caches
	before=$(free_pages)
	for _ in $(seq 20); do
		"$@" || return 1
	done
	are_free $((before - 19))
}

dax_of() {	# namespace
	ndctl list -X -n "$1" | json chardev
}

create() {	# mode map align size: sets namespace
	namespace=$(ndctl create-namespace -f -m "$1" -M "$2" ${3:+-a "$3"} -s "$4" | json dev)
	[ -n "$namespace" ]
}

destroy() {
	ndctl destroy-namespace -f "$namespace" 2>&1
}

create_and_destroy() {	# map align size
	create devdax "$@" && destroy
}

# sysfs has to say what the page tables say, and that has to be what pages of that align take.
memmap_is_exact() {	# device description map
	attrs=/sys/bus/dax/devices/$1
	page=$(cat "$attrs/align")
	read -r frames tables shared writable occupied <<-END
	$("$here/devdax_walk.sh" "$1")
	END
	echo "# $2: frames: $frames, tables: $tables, shared: $shared (writable: $writable)," \
		"bytes: $occupied"
	[ "$(cat "$attrs/memmap_size")" = "$occupied" ]
	result $? "$2: memmap_size is what the page tables say"
	pages=$(($(cat "$attrs/size") / page))
	unique=$((2 * pages))
	case $3,$page in
	mem,2097152)	[ "$frames $shared" = "$unique $pages" ] ;;
	mem,1073741824)	[ "$frames $tables $shared" = "$unique $unique $pages" ] ;;
	*)		[ "$frames" -ge $((pages * page / 4096 / 64)) ] && [ "$shared" = 0 ] ;;
	esac
	result $? "$2: frames and tables"
	[ "$writable" = 0 ]
	result $? "$2: nothing that is shared is writable"
}

# memmap-report says where it is and what it is, and predicts it.
report_is_exact() {	# device map
	memmap-report | tee /tmp/report | awk -v dev="$1" -v where="$2" \
		-v kib="$(($(cat "/sys/bus/dax/devices/$1/memmap_size") / 1024))" '
		$1 == dev {
			predicted = $3 == 2048 ? $8 : $3 == 1048576 ? $9 : kib
			exact = $4 == where && $5 == kib && (where != "RAM" || predicted == kib)
		}
		END { exit !exact }' || { cat /tmp/report; return 1; }
}

memmap_of() {	# device description map
	memmap_is_exact "$@"
	where=RAM
	[ "$3" = mem ] || where=device
	check "$2: memmap-report" report_is_exact "$1" $where
}

memmap() {
	# what comes behind this one begins inside a section
	check "create a neighbour" create devdax mem 2M 1040M
	neighbour=$(dax_of "$namespace")
	memmap_is_exact "$neighbour" "memmap, neighbour" mem
	with_each_kind memmap 6G 6G memmap_of
	memmap_is_exact "$neighbour" "memmap, neighbour after" mem
	check "memmap, neighbour: memmap-report" report_is_exact "$neighbour" RAM
}

corrupted() {
	awk '$1 == "HardwareCorrupted:" { print $2 }' /proc/meminfo
}

# A namespace of each kind, for a function that is given its device, its description and its map
with_each_kind() {	# description size, that with 1G, function
	for kind in $kinds; do
		map=${kind%-*} align=${kind#*-}
		name="$1, $map $align"
		size=$2
		[ "$align" != 1G ] || size=$3
		check "$name: create" create devdax "$map" "$align" "$size" || continue
		"$4" "$(dax_of "$namespace")" "$name" "$map"
		check "$name: destroy" destroy
	done
}

# {mem,dev} x {4K,2M,1G}: everything on each, then gone, then made again.
static() {
	# what comes behind this one begins at no multiple of 1 GiB
	check "create a neighbour" create devdax mem 2M 1040M
	for kind in $kinds; do
		map=${kind%-*} align=${kind#*-}
		# room for three pages, and what the namespace needs itself
		size=2G
		[ "$align" != 1G ] || size=6G
		name="$map $align"
		check "$name: create" create devdax "$map" "$align" $size || continue
		devdax_test "$(dax_of "$namespace")" "$name"
		poisoned=$(corrupted)
		check "$name: destroy after poison" destroy
		[ "$(corrupted)" = "$poisoned" ]
		result $? "$name: poison of others stays counted"
		check "$name: create again" create devdax "$map" "$align" $size
		devdax=$(dax_of "$namespace")
		inputs_static "$devdax" "$name"
		check "$name: pin again" pin "$devdax" 1024
		check "$name: destroy again" destroy
	done
}

# Base pages first: align has to fit the size, and the size the align.
resize() {	# sysfs-folder bytes align
	echo 4096 > "$1/align" && echo "$2" > "$1/size" && echo "$3" > "$1/align"
}

# To write it fails, for that the device is in use, and changes nothing.
busy() {	# sysfs-file value
	before=$(cat "$1")
	! (echo "$2" > "$1") 2> /tmp/busy && grep -q 'Device or resource busy' /tmp/busy &&
		[ "$(cat "$1")" = "$before" ] && [ "$before" != "$2" ]
}

bytes() {	# 1G or 512M
	case $1 in
	*G) echo $((${1%G} << 30)) ;;
	*M) echo $((${1%M} << 20)) ;;
	esac
}

# A device of two ranges, not enabled: a neighbour in between keeps them apart. Sets dev and sys.
two_ranges() {	# first between both
	dev=$(daxctl create-device -r "$region" -s "$1" -a 2097152 | json chardev)
	other=$(daxctl create-device -r "$region" -s "$2" -a 2097152 | json chardev)
	sys=/sys/bus/dax/devices/$dev
	# to enable that one enabled both
	daxctl disable-device "$dev" > /dev/null
	bytes "$3" > "$sys/size"
	daxctl disable-device "$other" > /dev/null && daxctl destroy-device "$other" > /dev/null
	[ "$(find "$sys/" -name 'mapping?' | wc -l)" = 2 ]
}

# Sets region, and seed_device: hmem makes a device of all of it.
find_region() {
	region=$(daxctl list -R | json id)
	seed_device=$(daxctl list -r "${region:-none}" -D | json chardev)
	[ -n "$seed_device" ]
	result $? "a dynamic region, and a device of it"
	[ -n "$seed_device" ]
}

# That device can't be destroyed, only be empty.
empty_region() {
	check "dynamic: disable the first device" daxctl disable-device "$seed_device"
	echo 0 > "/sys/bus/dax/devices/$seed_device/size"
	[ "$(cat "/sys/bus/dax/devices/$seed_device/size")" = 0 ]
	result $? "dynamic: shrink it to nothing"
	[ "$(cat "/sys/bus/dax/devices/$seed_device/size")" = 0 ]
}

# What files of sysfs answer to what nobody should write to them. @ stands for an empty line.
answers() {	# description folder, then on standard input: file value answer
	while read -r file value answer; do
		[ "$value" != @ ] || value=
		if (echo "$value" > "$2/$file") 2> /tmp/out; then
			said=taken
		else
			said=$(sed 's/.*: //' /tmp/out)
		fi
		[ "$said" = "$answer" ] || echo "# $said"
		[ "$said" = "$answer" ]
		result $? "$1, $file <- '$value': $answer"
	done
}

inputs_static() {	# device description
	answers "$2, input" "/sys/bus/dax/devices/$1" <<-END
		memmap_size 4096 Permission denied
		size 4096 Permission denied
		align 4096 Permission denied
		resource 4096 Permission denied
	END
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

remove() {	# device
	daxctl disable-device "$1"
	daxctl destroy-device "$1"
}

available() {
	parent=$(dirname "$(readlink -f "/sys/bus/dax/devices/$seed_device")")
	cat "$parent/dax_region/available_size"
}

# Pages of 1 GiB begin at a multiple of that, or nothing is taken.
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
	result $? "$name: and takes nothing"
	check "$name: 1 GiB has room" [ -n "$large" ]
	more=$(daxctl create-device -r "$region" -s 1G -a 1073741824 | json chardev)
	check "$name: what fits works" pin "$more" 1024
	# a new align has to suit what there is
	daxctl disable-device "$last" > /dev/null
	sys=/sys/bus/dax/devices/$last
	! (echo 1073741824 > "$sys/align") 2> /dev/null
	result $? "$name: align of a part of a page is refused"
	check "$name: destroy it" daxctl destroy-device "$last"
	for dev in $first $large $more; do
		check "$name: destroy $dev" remove "$dev"
	done
	# and what should not be there
	for dev in /sys/bus/dax/devices/"${seed_device%.*}".*; do
		dev=$(basename "$dev")
		[ "$dev" = "$seed_device" ] || remove "$dev" > /dev/null 2>&1
	done
}

# A soft-reserved range: devices come, change and go in it.
dynamic() {
	find_region && empty_region || return

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
	"$here/gup_test" -f "/dev/$dev" -S -m 2048 -n 513 -a > /tmp/out 2>&1 &&
		! grep -q truncated /tmp/out
	result $? "dynamic: pin over both ranges"
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

	# the first device lends its name to other memory without going
	name="dynamic, another"
	sys=/sys/bus/dax/devices/$seed_device
	check "$name: grow" resize "$sys" $((1 << 30)) 2097152
	check "$name: to RAM, and offline" to_ram_and_offline "$seed_device"
	echo "$seed_device" > /sys/bus/dax/drivers/kmem/unbind
	echo 0 > "$sys/size"
	check "$name: grow again" resize "$sys" $((1 << 30)) 2097152
	not_ram_again "$name" "$seed_device"
	echo 0 > "$sys/size"
}

dynamic_and_back() {
	dev=$(daxctl create-device -r "$region" -s 1G -a 2097152 | json chardev)
	daxctl disable-device "$dev" && daxctl destroy-device "$dev"
}

# gup_test, and those who should not have come by it
inputs() {
	harness input gup_input_test
}

# Two who share the code and must not notice: fsdax
fsdax() {
	check "fsdax: create" create fsdax mem '' 2G
	blockdev=$(ndctl list -n "$namespace" | json blockdev)
	check "fsdax: mkfs" mkfs.ext4 -q -F -b 4096 "/dev/$blockdev"
	check "fsdax: mount -o dax" mount -t ext4 -o dax=always "/dev/$blockdev" /mnt
	dd if=/dev/urandom of=/tmp/data bs=1M count=64 2>/dev/null
	check "fsdax: write a file" cp /tmp/data /mnt/data
	check "fsdax: read it" cmp /tmp/data /mnt/data
	for option in u U a b; do
		check "fsdax: gup_test -$option" \
			"$here/gup_test" -$option -f /mnt/data -S -m 64 -n 512
	done
	# Pins of no known end are refused: the file system could not truncate.
	for option in L l; do
		"$here/gup_test" -$option -f /mnt/data -S -m 64 -n 512 > /tmp/out 2>&1
		[ $? = 1 ] && grep -q 'Operation not supported' /tmp/out
		result $? "fsdax: gup_test -$option is refused"
	done
	PIN_FILE=/mnt/data PIN_ALIGN=2097152 PIN_REFUSED=1 harness fsdax devdax_pin_test
	nothing_pinned fsdax
	check "fsdax: truncate after" dd if=/dev/null of=/mnt/data bs=1 seek=4096
	cp /tmp/data /mnt/again
	umount /mnt
	check "fsdax: mount again" mount -t ext4 -o dax=always "/dev/$blockdev" /mnt
	check "fsdax: read again" cmp /tmp/data /mnt/again
	umount /mnt
	check "fsdax: the file system is in order" e2fsck -f -n "/dev/$blockdev"
	rm /tmp/data
	check "fsdax: destroy" destroy
	check "fsdax: leaks nothing" leaks_nothing fsdax_and_back
}

fsdax_and_back() {
	create fsdax mem '' 2G && destroy
}

# HMM keeps private pages of devices that nobody but the driver reaches.
hmm() {
	major=$(awk '$2 == "HMM_DMIRROR" { print $1 }' /proc/devices)
	check "hmm: its first device" mknod /dev/hmm_dmirror0 c "$major" 0
	check "hmm: and its second" mknod /dev/hmm_dmirror1 c "$major" 1
	mkdir -p /tmp/huge
	check "hmm: hugetlbfs" mount -t hugetlbfs none /tmp/huge
	echo 16 > /proc/sys/vm/nr_hugepages
	harness "hmm" hmm-tests
	echo 0 > /proc/sys/vm/nr_hugepages
	umount /tmp/huge
	rm -f /dev/hmm_dmirror?
}

to_ram_and_offline() {	# device
	daxctl reconfigure-device -m system-ram "$1" && daxctl offline-memory "$1"
}

# After a device was RAM, kmem must not take the next one of that name unasked.
not_ram_again() {	# description device
	answers "$1" /sys/bus/dax/drivers <<-END
		kmem/bind $2 No such device
	END
	# undo it on a kernel where kmem does
	daxctl offline-memory "$2" > /dev/null 2>&1
	echo "$2" > /sys/bus/dax/drivers/kmem/unbind 2> /dev/null
}

# The other: memory that becomes RAM
kmem() {
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
	check "kmem: and back" daxctl reconfigure-device -f -m devdax "$dev"
	[ "$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)" = "$before" ]
	result $? "kmem: memory is gone"
	[ "$(corrupted)" = "$poisoned" ]
	result $? "kmem: and its poison"
	devdax_test "$dev" "back from kmem"
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
}

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
	result $? "kmem: and does not come online"
	sed 's/^/# /' /tmp/out
}

one_after_the_other() {
	for _ in 1 2 3 4; do
		for kind in $kinds; do
			create_and_destroy "${kind%-*}" "${kind#*-}" 4G || return 1
		done
	done
}

# What set-up takes, teardown gives back, whatever comes after what.
cycles() {
	for kind in $kinds; do
		set -- "${kind%-*}" "${kind#*-}" 4G
		check "cycles: $1 $2" leaks_nothing create_and_destroy "$@"
	done
	check "cycles: of all kinds, four times" gives_back_memory one_after_the_other
}

# How many meet an unbind depends on the moment, for one device. Somebody has to.
some_were_lost() {	# what devdax_stress printed...
	awk '/^lost while it was used/ { n += $(NF - 1) } END { exit !n }' "$@"
}

# Load a file for a while, and do something to its device over and over.
under_load() {	# description file align command...
	name=$1
	"$here/devdax_stress" "$2" "$3" > /tmp/stress 2>&1 &
	pid=$!
	shift 3
	cycles=0
	broken=0
	end=$(($(date +%s) + ${seconds:-60}))
	while [ "$(date +%s)" -lt $end ] || [ $cycles -lt 3 ]; do
		"$@" > /tmp/check 2>&1 || { sed 's/^/# /' /tmp/check; broken=1; break; }
		cycles=$((cycles + 1))
		sleep 0.2
	done
	kill $pid
	wait $pid
	result $? "$name: everything was done"
	sed "s/^/# $name: /" /tmp/stress
	some_were_lost /tmp/stress
	result $? "$name: mappings were lost while they were used"
	echo "# $name: $* $cycles times"
	[ $broken = 0 ] && [ $cycles -ge 3 ]
	result $? "$name: its device went and came"
	nothing_pinned "$name"
}

rebind() {	# driver device
	echo "$2" > "$1/unbind" && echo "$2" > "$1/bind"
}

# A node of a device may be anywhere, and stay when the device goes.
node_outlives() {	# device description
	# shellcheck disable=SC2046 # two words
	check "$2: make a node" mknod /tmp/node c $(tr : ' ' < "/sys/bus/dax/devices/$1/dev")
	exec 9<>/tmp/node
	result $? "$2: open it"
	exec 9<&-
	check "$2: disable" ndctl disable-namespace "$namespace"
	# who goes from inode to inode
	sync
	echo 3 > /proc/sys/vm/drop_caches
	! (exec 9<>/tmp/node) 2> /tmp/out
	result $? "$2: there is nothing to open any more"
	rm /tmp/node
}

nodes() {
	with_each_kind nodes 1G 6G node_outlives
}

# Who has a device open while it goes and comes back is in nobody's way.
open_over_rebind() {	# description device
	driver=/sys/bus/dax/drivers/device_dax
	for round in 1 2 3; do
		exec 8<>"/dev/$2"
		echo "$2" > $driver/unbind
		! (exec 9<>"/dev/$2") 2> /tmp/out && grep -q 'No such device or address' /tmp/out
		result $? "$1: can't be opened while unbound, $round"
		echo "$2" > $driver/bind
		exec 9<>"/dev/$2"
		exec 8<&-
		exec 9<&-
		check "$1: is itself again after all have closed it, $round" pin "$2" 1024
	done
}

# A truncate waits for pins: the file system takes the blocks back.
rewrite() {
	dd if=/dev/zero of=/mnt/data bs=1M count=4
}

# Pins, faults and poison, against the unbind and bind of their device
stress() {
	# the smallest compound pages, and the largest
	for pair in "mem 2M" "dev ${all_kinds##*-}"; do
		# shellcheck disable=SC2086 # two words
		set -- $pair
		check "stress $pair: create" create devdax "$1" "$2" 4G || continue
		dev=$(dax_of "$namespace")
		open_over_rebind "stress $pair" "$dev"
		under_load "stress $pair" "/dev/$dev" "$(cat "/sys/bus/dax/devices/$dev/align")" \
			rebind /sys/bus/dax/drivers/device_dax "$dev"
		DAX=$dev harness "after stress, $pair" devdax_test
		nothing_pinned "after stress, $pair"
		check "stress $pair: destroy" destroy
	done

	# A device with a file system on it can't be unbound under load on any kernel:
	# ext4 does not survive it. The file goes under load, and the device after.
	check "stress fsdax: create" create fsdax mem '' 2G
	blockdev=$(ndctl list -n "$namespace" | json blockdev)
	# what is bound is not the namespace, but what its info block describes
	pfn=$(basename /sys/bus/nd/drivers/nd_pmem/pfn*)
	check "stress fsdax: mkfs" mkfs.ext4 -q -F -b 4096 "/dev/$blockdev"
	for round in 1 2; do
		check "stress fsdax, $round: mount" \
			mount -t ext4 -o dax=always "/dev/$blockdev" /mnt
		check "stress fsdax, $round: a file" rewrite
		under_load "stress fsdax, $round" /mnt/data 2097152 rewrite
		check "stress fsdax, $round: umount" umount /mnt
		check "stress fsdax, $round: unbind and bind" \
			rebind /sys/bus/nd/drivers/nd_pmem "$pfn"
	done
	check "stress fsdax: destroy" destroy
}

# The next number from seed, below the one given: sets x.
random() {	# below
	seed=$(((seed * 1103515245 + 12345) & 0x7fffffff))
	x=$((seed / 65536 % $1))
}

# Of another size and align, or of the same
change() {	# device
	echo "$1" > /sys/bus/dax/drivers/device_dax/unbind
	random 2
	case $x in
	0) resize "/sys/bus/dax/devices/$1" $((1 << 30)) 2097152 ;;
	1) resize "/sys/bus/dax/devices/$1" $((768 << 20)) 4096 ;;
	esac && echo "$1" > /sys/bus/dax/drivers/device_dax/bind
}

# Pages of memory that is RAM for a while may be in use for a moment.
to_ram_and_back() {	# device
	daxctl reconfigure-device -m system-ram "$1" || return 1
	dd if=/dev/zero of=/tmp/data bs=1M count=32
	rm /tmp/data
	for try in $(seq 20); do
		daxctl reconfigure-device -f -m devdax "$1" && return 0
		sleep 0.2
	done
	echo "$1 is RAM still after $try tries"
	return 1
}

come_and_go() {	# align
	kept=$namespace
	create_and_destroy mem "$1" 3G
	status=$?
	namespace=$kept
	return $status
}

# Do it, count it for the summary, and remember if it failed.
happens() {	# command
	echo "${1%% *}" >> /tmp/happened
	# shellcheck disable=SC2086 # words
	$1 > /tmp/check 2>&1 || { sed "s/^/# /" /tmp/check; echo "# $1: failed"; broken=1; }
}

# Devices of all kinds at once, all but one under load, while one after the other goes,
# comes, or becomes another. What is done in which order follows from seed.
churn() {
	seed=${seed:-1}
	echo "# churn: seed=$seed"
	pids=
	names=
	for kind in "mem 2M 4G" "dev 1G 4G" "mem 4K 1G" "mem 2M 1G"; do
		# shellcheck disable=SC2086 # three words
		check "churn, $kind: create" create devdax $kind || return
		# the last is for others to use
		ram=$(dax_of "$namespace")
		names="$names $ram"
	done
	find_region || return
	dynamic=$seed_device
	check "churn: a dynamic device" change "$dynamic" || return
	names="$names $dynamic"
	for dev in $names; do
		[ "$dev" != "$ram" ] || continue
		align=$(cat "/sys/bus/dax/devices/$dev/align")
		"$here/devdax_stress" "/dev/$dev" "$align" "$seed" > "/tmp/churn.$dev" 2>&1 &
		pids="$pids $!"
	done

	# Some of all things, and then what comes
	broken=0
	for dev in $names $names $names; do
		happens "rebind /sys/bus/dax/drivers/device_dax $dev"
	done
	happens "to_ram_and_back $ram"
	happens "come_and_go 1G"
	happens "change $dynamic"
	end=$(($(date +%s) + ${seconds:-60}))
	while [ $broken = 0 ] && [ "$(date +%s)" -lt $end ]; do
		random 16
		case $x in
		0)	happens "to_ram_and_back $ram" ;;
		1)	happens "come_and_go 1G" ;;
		2)	happens "come_and_go 2M" ;;
		3 | 4)	happens "change $dynamic" ;;
		*)	# shellcheck disable=SC2086 # device by device
			set -- $names
			random $#
			shift "$x"
			happens "rebind /sys/bus/dax/drivers/device_dax $1"
			;;
		esac
	done
	result $broken "churn: devices went and came"
	sort /tmp/happened | uniq -c | sed 's/^ */# churn: /'

	# shellcheck disable=SC2086 # one by one
	kill $pids
	for pid in $pids; do
		wait "$pid"
		result $? "churn: everything was done"
	done
	for dev in $names; do
		[ ! -f "/tmp/churn.$dev" ] || sed "s/^/# $dev: /" "/tmp/churn.$dev"
		DAX=$dev harness "after churn, $dev" devdax_test
	done
	# shellcheck disable=SC2046 # file by file
	some_were_lost $(ls /tmp/churn.*)
	result $? "churn: mappings were lost while they were used"
	nothing_pinned churn
}

# Make and destroy namespaces, until the power goes. What is done follows from seed.
restless() {
	seed=${seed:-1}
	echo "# restless: seed=$seed"
	while :; do
		# shellcheck disable=SC2086 # words
		set -- "mem 4K" "mem 2M" "mem 1G" "dev 4K" "dev 2M" "dev 1G"
		random 6
		shift "$x"
		# shellcheck disable=SC2086 # two words
		create devdax $1 3G
		random 3
		[ "$x" != 0 ] || ndctl destroy-namespace -f all > /dev/null 2>&1
		[ "$x" != 1 ] || destroy > /dev/null
	done
}

# Each namespace that is found works, or can be destroyed at the least (by clear).
survivors() {
	check "survivors: list" ndctl list -N -i
	ndctl list -N | sed -n 's/.*"dev":"\(.*\)".*/\1/p' > /tmp/survivors
	while read -r namespace; do
		dev=$(dax_of "$namespace")
		mode=$(ndctl list -n "$namespace" | json mode)
		echo "# $namespace: mode $mode, device ${dev:-none}"
		[ -n "$dev" ] || continue
		check "survivors: $dev works" pin "$dev" 1024
	done < /tmp/survivors
}

clear() {
	check "clear: destroy" ndctl destroy-namespace -f all
	check "clear: create" create devdax mem 2M 3G
	check "clear: it works" pin "$(dax_of "$namespace")" 1024
	check "clear: destroy it" destroy
}

# Of how many base pages the kernel's dump says that they are poisoned: the first one and the last
# of the first page
flagged() {	# device pages
	dmesg -c > /dev/null
	"$here/gup_test" -c -f "/dev/$1" -S -m $((($2 + 255) / 256)) -F 1 0 $(($2 - 1)) \
		> /tmp/out 2>&1 || echo broken
	dmesg | grep -c 'flags:.*hwpoison'
}

# Errors at addresses of the device, as the hardware would report them: inject.
inject_all() {	# first-pfn pages: without end
	while :; do
		random "$2"
		echo $(($1 + x)) > /sys/kernel/debug/hwpoison/corrupt-pfn
		sleep 0.01	# the kernel tells of each
	done 2>/dev/null
}

poison_of() {	# device description map
	first=$(($(cat "/sys/bus/dax/devices/$1/resource") / 4096))
	pages=$(($(cat "/sys/bus/dax/devices/$1/align") / 4096))
	size=$(($(cat "/sys/bus/dax/devices/$1/size") / 4096))
	# whose struct page is a head, one of each frame of tails, and a shared one
	tails=
	[ $pages = 1 ] || tails="$((first + 1)) $((first + 64)) $((first + pages - 1))"
	poisoned=$(corrupted)
	for pfn in $first $tails $((first + size - 1)); do
		echo "corrupt-pfn $pfn Device or resource busy"
	done > /tmp/table
	answers "$2, never used" /sys/kernel/debug/hwpoison < /tmp/table
	check "$2: use it" pin "$1" $((size / 256))
	[ "$(flagged "$1" $pages)" = 0 ]
	result $? "$2: not poisoned"
	for pfn in $tails $((first + size - 1)) $first; do
		echo "corrupt-pfn $pfn taken"
		# it is the owner who knows whether its memory is good again
		echo "unpoison-pfn $pfn No such device or address"
	done > /tmp/table
	answers "$2, used" /sys/kernel/debug/hwpoison < /tmp/table
	{
		echo "corrupt-pfn $((first + size)) No such device or address"
		echo "corrupt-pfn x Invalid argument"
		[ "$3" = mem ] || echo "corrupt-pfn $((first - 1)) No such device or address"
	} > /tmp/table
	answers "$2, what is not the device's" /sys/kernel/debug/hwpoison < /tmp/table
	[ "$(flagged "$1" $pages)" = 2 ]
	result $? "$2: poisoned"
	check "$2: go and come back" rebind /sys/bus/dax/drivers/device_dax "$1"
	check "$2: works" pin "$1" $((size / 256))
	[ "$(flagged "$1" $pages)" = 0 ]
	result $? "$2: poisoned no longer"

	inject_all "$first" "$size" &
	injector=$!
	under_load "$2" "/dev/$1" $((pages * 4096)) rebind /sys/bus/dax/drivers/device_dax "$1"
	kill $injector
	wait $injector
	[ "$(corrupted)" = "$poisoned" ]
	result $? "$2: poison elsewhere is counted as before"
	DAX=$1 harness "$2, after" devdax_test
	nothing_pinned "$2, after"
}

# Memory errors in devices that are used, or not, or go, while there is one in RAM
poison() {
	hwpoison=/sys/kernel/debug/hwpoison
	# one that nobody has allocated, in the second half of the largest range
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
	check "poison: a page of RAM" [ -n "$ram" ] || return
	echo "$ram" > $hwpoison/corrupt-pfn
	[ "$(corrupted)" = $((before + 4)) ]
	result $? "poison: a page of RAM is counted"
	with_each_kind poison 1G 6G poison_of
	before=$(corrupted)
	echo "$ram" > $hwpoison/unpoison-pfn
	[ "$(corrupted)" = $((before - 4)) ]
	result $? "poison: and no longer"
}

# A disabled namespace, as the bytes that it is: while the command runs
raw() {	# command...
	raw=/sys/bus/nd/devices/$namespace/force_raw
	echo 1 > "$raw" && echo "$namespace" > /sys/bus/nd/drivers/nd_pmem/bind &&
		block=/dev/$(ls "/sys/bus/nd/devices/$namespace/block") && "$@"
	status=$?
	echo "$namespace" > /sys/bus/nd/drivers/nd_pmem/unbind
	echo 0 > "$raw"
	return $status
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

# Fletcher's, as libnvdimm has it
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

# Namespaces that somebody else has written: one field after the other of their info block
foreign() {
	while read -r kind field offset bytes value answer; do
		name="foreign, $kind, $field${value:+ $value}"
		if [ "$field" = new ]; then
			check "$name: create" create devdax "${kind%-*}" "${kind#*-}" 2G &&
				check "$name: disable" ndctl disable-namespace "$namespace" &&
				check "$name: read" raw read_info
			cp /tmp/info /tmp/changed
			sign /tmp/changed
			cmp -s /tmp/info /tmp/changed
			result $? "$name: the checksum is ours"
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
}

# Regions of odd size, at odd addresses, that the command line has made of RAM: the kernel
# needs memmap= with each of the first column.
odd() {
	while read -r region kind answer; do
		name="odd, $region, $kind"
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
}

# The device is on a node without memory, and so its memmap is on another: that is told once.
offnode() {
	check "offnode: the node has no memory" eval \
		'grep -q "^Node 1 MemTotal: *0 kB" /sys/devices/system/node/node1/meminfo'
	with_each_kind offnode 2G 6G offnode_of
	[ "$(dmesg | grep -c 'potential offnode')" -le 1 ]
	result $? "offnode: the log is short"
}

offnode_of() {	# device description
	[ "$(cat "/sys/bus/dax/devices/$1/numa_node")" = 1 ]
	result $? "$2: is on that node"
	check "$2: works" pin "$1" 1024
}

# The processor has no pages of 1 GiB, and nobody is offered some.
ungigantic() {
	! grep -qw pdpe1gb /proc/cpuinfo
	result $? "ungigantic: so it is"
	! create devdax mem 1G 3G 2> /tmp/out
	result $? "ungigantic: 1G is refused"
	kinds="mem-4K mem-2M" with_each_kind ungigantic 1G 1G ungigantic_of
}

ungigantic_of() {	# device description
	check "$2: works" pin "$1" 512
	parent=$(dirname "$(readlink -f "/sys/bus/dax/devices/$1")")
	# shellcheck disable=SC2046 # numbers
	set -- "$2" $(cat "$parent/supported_alignments")
	echo "# $*"
	[ "$2 $3 $4" = "4096 2097152 " ]
	result $? "$1: 1G is not offered"
}

vfio_of() {	# device description
	check "$2: DMA, unbind and bind" "$here/devdax_vfio" "$1" "$edu"
	nothing_pinned "$2"
}

# Another: device-dax as memory that a PCI device reaches by DMA, through VFIO and an IOMMU. QEMU's
# "edu" is that device.
vfio() {
	echo 1234 11e8 > /sys/bus/pci/drivers/vfio-pci/new_id
	edu=$(basename "$(readlink -f /sys/bus/pci/drivers/vfio-pci/0000:*)")
	check "vfio: a PCI device" [ -e "/sys/bus/pci/devices/$edu/iommu_group" ] || return
	with_each_kind vfio 1G 4G vfio_of
}

# The first section of a region has RAM in it, too: memory errors are the device's all the same.
# The kernel needs memmap=1040M!6160M.
mixed() {
	for kind in 4K 2M; do
		name="mixed, $kind"
		region=$(dirname "$(grep -l '^0x181000000$' /sys/bus/nd/devices/region*/resource)")
		namespace=$(ndctl create-namespace -f -e "$(basename "$region"/namespace*.0)" \
			-m devdax -M mem -a $kind | json dev)
		check "$name: create" [ -n "$namespace" ] || continue
		dev=$(dax_of "$namespace")
		poisoned=$(corrupted)
		devdax_test "$dev" "$name"
		# where RAM ends and the device begins
		start=$(($(cat "/sys/bus/dax/devices/$dev/resource") / 4096))
		for pfn in $start $((start + 1)) $((start + 511)); do
			echo "corrupt-pfn $pfn taken"
		done > /tmp/table
		answers "$name" /sys/kernel/debug/hwpoison < /tmp/table
		# what DAX=... devdax_test takes out of service is RAM
		[ "$(corrupted)" = $((poisoned + 4)) ]
		result $? "$name: no error of the device is counted as one of RAM"
		check "$name: unbind and bind" rebind /sys/bus/dax/drivers/device_dax "$dev"
		check "$name: destroy" destroy
	done
}

rdma_of() {	# device description
	check "$2: write and read" "$here/devdax_rdma" "$1"
	DAX=$1 harness "$2, after" devdax_test
	nothing_pinned "$2"
}

# A consumer of pins: device-dax as memory regions of RDMA, by a software device
rdma() {
	ip link set dummy0 up && ip addr add 192.0.2.1/24 dev dummy0
	check "rdma: make a device" /bin/rdma link add rxe0 type rxe netdev dummy0
	with_each_kind rdma 4G 4G rdma_of
}

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

# A piece of a section, a whole one and another piece; or a page of 1 GiB; or two ranges
fail() {
	with_each_kind fail 272M 3G fail_of

	find_region && empty_region || return
	two_ranges 144M 16M 272M
	result $? "fail, two ranges: create"
	check "fail, two ranges: enable" daxctl enable-device "$dev"
	fail_of "$dev" "fail, two ranges"
	check "fail, two ranges: disable" daxctl disable-device "$dev"
	check "fail, two ranges: destroy" daxctl destroy-device "$dev"
}

# Who has no part in it, and wants memory all the time
bystander() {
	while [ ! -e /tmp/enough ]; do
		dd if=/dev/zero of=/tmp/bystander bs=1M count=64 2>/dev/null || return
		rm /tmp/bystander
	done
}

# Where RAM is too small for the memmap of a TiB, nobody is hurt, and what fits does.
nofit() {
	for align in 1G 4K 2M 1G; do
		name="nofit, $align"
		if [ $align = 1G ]; then
			check "$name: create" create devdax mem 1G 1020G
			check "$name: pin" pin "$(dax_of "$namespace")" 1024
			check "$name: destroy" destroy
			continue
		fi
		before=$(free_pages)
		rm -f /tmp/enough
		bystander &
		pid=$!
		dmesg -c > /dev/null
		check "$name: create" create devdax mem $align 1020G
		device=$(basename /sys/bus/dax/devices/*)
		kib=$(($(cat "/sys/bus/dax/devices/$device/size")  / 65536))
		# two pages of struct pages of eight, and a page table for each 512
		[ $align = 4K ] || kib=$((kib / 4 + kib / 512))
		sys=/sys/bus/dax/devices/$device
		[ -d "$sys" ] && [ ! -e "$sys/driver" ]
		result $? "$name: refused"
		dmesg | grep -E 'memremap:|probe of' > /tmp/out
		sed 's/^/# /' /tmp/out
		# less than what the namespace itself takes is not seen in its size
		takes=$(sed -n 's/.*its memmap takes \([0-9]*\) kB of RAM.*/\1/p' /tmp/out)
		[ "${takes:-0}" -ge $kib ] && [ "$takes" -le $((kib + 64)) ] &&
			grep -q "probe of $device failed with error -12" /tmp/out
		result $? "$name: says how much it needs"
		touch /tmp/enough
		wait $pid
		result $? "$name: the bystander lives"
		check "$name: destroy" destroy
		check "$name: nothing is lost" are_free "$before"
	done
}

[ $# -gt 0 ] || set -- none
echo "TAP version 13"
# what pages are mixed with, and room for huge pages beside them
echo 8 > /proc/sys/vm/nr_hugepages
echo 1 > /proc/sys/vm/compact_memory
for part; do
	if ! echo "$parts" | tr ' ' '\n' | grep -qx "$part"; then
		printf 'usage: %s part...\nParts are: %s\n' "$0" "$parts" >&2
		exit 2
	fi
	"$part"
done
echo "1..$count"
[ $failed = 0 ]
