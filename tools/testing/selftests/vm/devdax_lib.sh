#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What the tests of device-dax share, which drive it by ndctl and daxctl. It is sourced, not run.
# A test destroys all that the persistent memory of this machine holds, and runs only with
# DEVDAX_WIPE=yes in the environment. It prints TAP, and ends with 0, with 1 if something failed,
# with 2 if it may not run, and with 4 if this machine lacks what it needs.
# kinds="mem-4K mem-2M mem-1G dev-4K dev-2M dev-1G" in the environment, or less of them, says which
# namespaces a test makes.
# shellcheck disable=SC2034 # The tests use what is set here.

here=$(dirname "$0")
case $(uname -m) in
x86_64)	all_kinds="mem-4K mem-2M mem-1G dev-4K dev-2M dev-1G" ;;
*)	all_kinds="mem-4K mem-2M dev-4K dev-2M" ;;	# no huge PUDs
esac
kinds=${kinds:-$all_kinds}
hwpoison=/sys/kernel/debug/hwpoison
count=0
failed=0

# Refuse to run unless the user allows that data are lost.
may_wipe() {
	[ "${DEVDAX_WIPE:-}" != yes ] || return 0
	echo "$0 destroys all that the persistent memory of this machine holds." \
		"To allow that, set DEVDAX_WIPE=yes." >&2
	exit 2
}

begin_tests() {
	may_wipe
	echo "TAP version 13"
	# Trace what sets reference counts, if this kernel can. It then asks for the pfn of each
	# such page, and dies if the struct page is not in the memmap.
	{ echo 1 > /sys/kernel/debug/tracing/events/page_ref/page_ref_set/enable; } 2> /dev/null
	# Pages of hugetlbfs, which tests mix with pages of the device; and room for THPs
	echo 8 > /proc/sys/vm/nr_hugepages
	echo 1 > /proc/sys/vm/compact_memory
}

end_tests() {
	echo "1..$count"
	[ $failed = 0 ]
	exit
}

skip_unless() {	# what command...
	what=$1
	shift
	"$@" > /dev/null 2>&1 && return
	echo "1..0 # SKIP there is no $what"
	exit 4
}

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

# Run a program of kselftest_harness.h: each of its tests is one of ours. DAX_TESTS="-T NAME" in the
# environment leaves a test out, "-t NAME" runs no other. The harness of 5.10 has no such options.
harness() {	# description program
	# shellcheck disable=SC2086 # several options
	"$here/$2" ${DAX_TESTS:-} > /tmp/harness 2>&1
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

# Run gup_test. That of later kernels ends with 0 even after a failure, which it only prints.
gup_test() {	# argument...
	"$here/gup_test" "$@" > /tmp/gup_test 2>&1
	status=$?
	cat /tmp/gup_test
	[ $status = 0 ] && ! grep -qi '^not ok\|truncated' /tmp/gup_test
}

# Pin so many MiB of a device, from its start.
pin() {	# device MiB
	gup_test -a -f "/dev/$1" -S -m "$2" -n 512
}

json() {	# key: its first value in what ndctl or daxctl print
	sed -n "s/.*\"$1\":\"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" | head -n 1
}

bytes() {	# 1G or 512M
	case $1 in
	*G) echo $((${1%G} << 30)) ;;
	*M) echo $((${1%M} << 20)) ;;
	esac
}

# Free at once what is freed late.
settle() {
	sync
	echo 3 > /proc/sys/vm/drop_caches
	for shrink in /sys/kernel/slab/*/shrink; do
		[ ! -e "$shrink" ] || echo 1 > "$shrink"	# SLUB has them
	done
	cat /proc/sys/vm/stat_refresh
}

# Pages that are free: those of MemFree, and those that processors keep for their next allocations
free_pages() {
	settle
	awk '$1 == "nr_free_pages" || $1 == "count:" { free += $2 }
		END { print free }' /proc/zoneinfo
}

# "cache objects" for each cache of slabs: how many objects are in use
slab_objects() {
	settle
	awk 'NR > 2 { print $1, $2 }' /proc/slabinfo
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

# Run a command 40 times. Fewer than half as many pages may be missing after that: a page that is
# lost each time makes 40. One look at what is free may be 17 pages short, and are_free() takes the
# best of its looks: so take the best of five before, too. A lost object may be much smaller than a
# page: so count the objects of each cache of slabs as well. Others keep some memory in the first
# rounds, and more with SLUB's debugging: so 80 rounds follow if the 40 have failed.
leaks_nothing() {	# command...
	"$@" || return 1		# fills caches
	for rounds in 40 80; do
		before=0
		for _ in 1 2 3 4 5; do
			after=$(free_pages)
			[ "$after" -le "$before" ] || before=$after
		done
		for _ in 1 2 3 4 5; do
			slab_objects
		done > /tmp/objects
		for _ in $(seq $rounds); do
			"$@" || return 1
		done
		are_free $((before - rounds / 2 + 1)) && no_objects_lost "$rounds" && return 0
	done
	return 1
}

# Since /tmp/objects was written, no cache has grown by an object for each round. settle() itself
# allocates some 160 objects, which are freed late. So compare with the most that was seen before,
# and look up to ten times.
no_objects_lost() {	# rounds
	for look in 1 2 3 4 5 6 7 8 9 10; do
		lost=$(slab_objects | awk -v rounds="$1" '
			NR == FNR { if ($2 > before[$1]) before[$1] = $2; next }
			$1 in before && $2 >= before[$1] + rounds {
				print $1 " had " before[$1] " objects, and has " $2
			}' /tmp/objects -)
		[ -s /tmp/objects ] || lost='no /proc/slabinfo: set CONFIG_SLUB_DEBUG'
		[ -n "$lost" ] || return 0
	done
	echo "after $1 rounds and $look looks:"
	echo "$lost"
	return 1
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

# Write values to the files of a folder, and compare what the kernel answers: "taken", or an error,
# or one of several errors with | between. @ stands for an empty line.
answers() {	# description folder, then on standard input: file value answer
	while read -r file value answer; do
		[ "$value" != @ ] || value=
		if (echo "$value" > "$2/$file") 2> /tmp/out; then
			said=taken
		else
			said=$(sed 's/.*: //' /tmp/out)
		fi
		case "|$answer|" in
		*"|$said|"*)	result 0 "$1, $file <- '$value': $answer" ;;
		*)		echo "# $said"
				result 1 "$1, $file <- '$value': $answer" ;;
		esac
	done
}

corrupted() {
	awk '$1 == "HardwareCorrupted:" { print $2 }' /proc/meminfo
}

# The next number from seed, below the one given: sets x.
random() {	# below
	seed=$(((seed * 1103515245 + 12345) & 0x7fffffff))
	x=$((seed / 65536 % $1))
}

rebind() {	# driver device
	echo "$2" > "$1/unbind" && echo "$2" > "$1/bind"
}

# Look for something 1,000 times. A kernel that is slow gets there; one that hangs does not.
wait_for() {	# command...
	for try in $(seq 1000); do
		"$@" > /dev/null 2>&1 && return 0
		sleep 0.02
	done
	return 1
}

# Start a process that maps all of a device, and pins its first page until let_go() closes file 3.
# Other background processes inherit this file: they have to close it first.
hold() {	# device
	rm -f /tmp/hold /tmp/held
	mkfifo /tmp/hold
	"$here/devdax_hold" "$1" < /tmp/hold > /tmp/held &
	holder=$!
	exec 3> /tmp/hold
	wait_for grep pinned /tmp/held
}

let_go() {
	exec 3>&-
	wait "$holder"
}

# Luck decides how many processes use a device at the moment of an unbind. At least one of all must
# have lost a mapping that it was using.
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
	result $? "$name: devdax_stress did everything"
	sed "s/^/# $name: /" /tmp/stress
	some_were_lost /tmp/stress
	result $? "$name: mappings were lost while they were used"
	echo "# $name: $* $cycles times"
	[ $broken = 0 ] && [ $cycles -ge 3 ]
	result $? "$name: was done at least 3 times under load"
	nothing_pinned "$name"
}

# Base pages first: align has to fit the size, and the size the align.
resize() {	# sysfs-folder bytes align
	echo 4096 > "$1/align" && echo "$2" > "$1/size" && echo "$3" > "$1/align"
}

# Sets region; seed_device, which hmem makes of all of it; and ram_by_default: whether kmem takes
# such a device unasked, as on later kernels.
find_region() {
	region=$(daxctl list -R | json id)
	seed_device=$(daxctl list -r "${region:-none}" -D | json chardev)
	[ -n "$seed_device" ]
	result $? "a dynamic region, and a device of it"
	[ -n "$seed_device" ] || return 1
	ram_by_default=''
	[ -e "/sys/bus/dax/drivers/kmem/$seed_device" ] || return 0
	ram_by_default=y
	check "dynamic: its device is RAM no more" \
		daxctl reconfigure-device -f -m devdax "$seed_device"
}

# That device can't be destroyed, only be empty.
empty_region() {
	check "dynamic: disable the first device" daxctl disable-device "$seed_device"
	echo 0 > "/sys/bus/dax/devices/$seed_device/size"
	[ "$(cat "/sys/bus/dax/devices/$seed_device/size")" = 0 ]
	result $? "dynamic: shrink it to nothing"
	[ "$(cat "/sys/bus/dax/devices/$seed_device/size")" = 0 ]
}

# A device of two ranges, not enabled: a neighbour in between keeps them apart. Sets dev and sys.
two_ranges() {	# first between both
	dev=$(daxctl create-device -r "$region" -s "$1" -a 2097152 | json chardev)
	other=$(daxctl create-device -r "$region" -s "$2" -a 2097152 | json chardev)
	sys=/sys/bus/dax/devices/$dev
	# daxctl create-device has enabled both devices.
	daxctl disable-device "$dev" > /dev/null
	bytes "$3" > "$sys/size"
	daxctl disable-device "$other" > /dev/null && daxctl destroy-device "$other" > /dev/null
	[ "$(find "$sys/" -name 'mapping?' | wc -l)" = 2 ]
}

to_ram_and_offline() {	# device
	daxctl reconfigure-device -m system-ram "$1" && daxctl offline-memory "$1"
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

# After a device was RAM, kmem must not take the next one of that name unasked.
not_ram_again() {	# description device
	answers "$1" /sys/bus/dax/drivers <<-END
		kmem/bind $2 No such device
	END
	# undo it on a kernel where kmem does
	daxctl offline-memory "$2" > /dev/null 2>&1
	echo "$2" > /sys/bus/dax/drivers/kmem/unbind 2> /dev/null
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

# memmap-report must print where the memmap is and its size. If it is in RAM, the column of the
# device's align must predict that size.
report_is_exact() {	# device map
	memmap-report | tee /tmp/report | awk -v dev="$1" -v where="$2" \
		-v kib="$(($(cat "/sys/bus/dax/devices/$1/memmap_size") / 1024))" '
		$1 == dev {
			predicted = $3 == 2048 ? $8 : $3 == 1048576 ? $9 : kib
			exact = $4 == where && $5 == kib && (where != "RAM" || predicted == kib)
		}
		END { exit !exact }' || { cat /tmp/report; return 1; }
}

has_dynamic_region() {
	[ -n "$(daxctl list -R | json id)" ]
}

walks_page_tables() {
	stty -F /dev/ttyS2 raw -echo
}
