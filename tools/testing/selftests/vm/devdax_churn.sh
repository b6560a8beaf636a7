#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Loads devices of all kinds at once, while one after the other is unbound, bound, resized or turned
# into RAM. In the environment, seconds=60 says for how long, seed=1 what is done in which order.
. "$(dirname "$0")/devdax_lib.sh"

# Give a dynamic device a size and an align by chance, maybe those that it has.
change() {	# device
	echo "$1" > /sys/bus/dax/drivers/device_dax/unbind
	random 2
	case $x in
	0) resize "/sys/bus/dax/devices/$1" $((1 << 30)) 2097152 ;;
	1) resize "/sys/bus/dax/devices/$1" $((768 << 20)) 4096 ;;
	esac && echo "$1" > /sys/bus/dax/drivers/device_dax/bind
}

come_and_go() {	# align
	kept=$namespace
	create_and_destroy mem "$1" 3G
	status=$?
	namespace=$kept
	return "$status"
}

# Do it, count it for the summary, and remember if it failed.
happens() {	# command
	echo "${1%% *}" >> /tmp/happened
	# shellcheck disable=SC2086 # words
	$1 > /tmp/check 2>&1 || { sed "s/^/# /" /tmp/check; echo "# $1: failed"; broken=1; }
}

begin_tests
skip_unless "soft-reserved memory (memmap=SIZE%START+0xefffffff)" has_dynamic_region
skip_unless "CONFIG_DEV_DAX_KMEM" [ -d /sys/bus/dax/drivers/kmem ]
seed=${seed:-1}
echo "# churn: seed=$seed"
pids=
names=
for kind in "mem 2M 4G" "dev 1G 4G" "mem 4K 1G" "mem 2M 1G"; do
	# shellcheck disable=SC2086 # three words
	check "churn, $kind: create" create devdax $kind || end_tests
	# The last one becomes RAM now and then; devdax_stress does not use it.
	ram=$(dax_of "$namespace")
	names="$names $ram"
done
find_region || end_tests
dynamic=$seed_device
check "churn: a dynamic device" change "$dynamic" || end_tests
names="$names $dynamic"
for dev in $names; do
	[ "$dev" != "$ram" ] || continue
	align=$(cat "/sys/bus/dax/devices/$dev/align")
	"$here/devdax_stress" "/dev/$dev" "$align" "$seed" > "/tmp/churn.$dev" 2>&1 &
	pids="$pids $!"
done

# First each thing at least once, then things in random order until the time is over
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
	result $? "churn: devdax_stress did everything"
done
for dev in $names; do
	[ ! -f "/tmp/churn.$dev" ] || sed "s/^/# $dev: /" "/tmp/churn.$dev"
	DAX=$dev harness "after churn, $dev" devdax_test
done
# shellcheck disable=SC2046 # file by file
some_were_lost $(ls /tmp/churn.*)
result $? "churn: mappings were lost while they were used"
nothing_pinned churn
end_tests
