#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Three steps for a host that kills this machine at any moment: "devdax_sudden_stop.sh restless"
# makes and destroys namespaces without end, in an order that follows from seed=1 in the
# environment. After the next boot, "survivors" pins memory of each device there is, and "clear"
# destroys all namespaces and makes one.
. "$(dirname "$0")/devdax_lib.sh"

# Make and destroy namespaces until the machine is killed. What is done follows from seed.
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

case ${1:-} in
restless)	may_wipe; restless ;;
survivors)	begin_tests; survivors; end_tests ;;
clear)		begin_tests; clear; end_tests ;;
*)		echo "usage: $0 restless|survivors|clear" >&2; exit 2 ;;
esac
