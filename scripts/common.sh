# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is read by those who source it
# Sourced by every script here: the paths, the base of the series, and how a script speaks.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
K=${K:-5.10}
BUILD=$ROOT/build/$K
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/compound-devmap
QUEUE=$ROOT/patches/$K
JOBS=${JOBS:-$(nproc)}

say() { printf '%s %s: %s\n' "$(date +%T)" "${0##*/}" "$*" >&2; }
die() { printf '%s: error: %s\n' "${0##*/}" "$*" >&2; exit 1; }

[ -f "$QUEUE/base" ] || die "no series for K=$K: patches/$K/base is missing; patches/ has: $(ls "$ROOT/patches")"
# What the series is made against; the file tells what each means.
upstream='' debian='' package='' suite='' hash='' instrument=''
# shellcheck source=/dev/null
. "$QUEUE/base"

# Each make here has jobs of its own: it warns if it was given those of another, as a compiler does.
unset MAKEFLAGS MFLAGS

# Commits are reproducible: one author, the committer's date is the author's.
export GIT_COMMITTER_NAME='Compound Devmap' GIT_COMMITTER_EMAIL=compound-devmap@example.org
# Another clone of this repository compiles the same, wherever it lies.
export CCACHE_BASEDIR=$ROOT CCACHE_NOHASHDIR=1
export CCACHE_DIR=${CCACHE_DIR:-$CACHE/ccache}

# The same tree gives the same image: no host, no user, no time in it
export KBUILD_BUILD_TIMESTAMP='2024-08-10' KBUILD_BUILD_USER=compound KBUILD_BUILD_HOST=devmap KBUILD_BUILD_VERSION=1

# The names of the queue's patches, in order; what is in all of them, as one number; and the commit of one
queue() { grep -vE '^[[:space:]]*(#|$)' "$QUEUE/series"; }
queue_hash() { { queue; cd "$QUEUE" && queue | xargs -r cat; } | sha256sum | cut -d' ' -f1; }
queue_commit() { git -C "$BUILD/linux" rev-list --reverse base..series | sed -n "$1p"; }	# number

# build/$K/NAME, a worktree of build/$K/linux, at a commit
worktree() {	# name commit
	local work=$BUILD/$1
	if [ -e "$work/.git" ]; then
		[ "$(git -C "$work" rev-parse HEAD)" = "$2" ] || git -C "$work" checkout -q --force --detach "$2"
	else
		git -C "$BUILD/linux" worktree prune
		git -C "$BUILD/linux" worktree add -q --detach "$work" "$2"
	fi
}

# TAP: a line for each result
count=0 failed=0
result() {	# status description [file that tells why]
	count=$((count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $count $2"
	else
		[ -z "${3:-}" ] || sed 's/^/# /; 60q' "$3"
		echo "not ok $count $2"
		failed=$((failed + 1))
	fi
}

# What the kernel of a variant is built for: sets what make and its compiler are told, and where the image is.
architecture() {	# variant
	case $1 in
	arm64)	export ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-
		image=arch/arm64/boot/Image machine=arm64 ;;
	*)	image=arch/x86/boot/bzImage machine=x86 ;;
	esac
}

# Configure a build: nothing but what the fragments name, and what that needs.
configure() {	# tree obj fragment...
	local tree=$1 obj=$2 symbol value
	shift 2
	mkdir -p "$obj"
	# A later fragment's line wins, so that debug can turn off what guest turns on.
	cat "$@" > "$obj/fragment.new"
	if cmp -s "$obj/fragment.new" "$obj/fragment" && [ -f "$obj/.config" ] &&
	   [ -z "$(find "$tree" -name 'Kconfig*' -newer "$obj/fragment" -print -quit)" ]; then
		rm "$obj/fragment.new"
		return
	fi
	# What is refused below is not what was configured.
	rm -f "$obj/fragment"
	make -s -C "$tree" O="$obj" CC="ccache ${CROSS_COMPILE:-}gcc" KCONFIG_ALLCONFIG="$obj/fragment.new" allnoconfig > "$obj/configure.log" 2>&1 ||
		{ tail -n 20 "$obj/configure.log" >&2; return 1; }
	# A symbol that this kernel knows and did not take as asked is a mistake here.
	awk -F= '/^CONFIG_/ { v[$1] = substr($0, length($1) + 2) } END { for (s in v) print s, v[s] }' "$obj/fragment.new" | sort |
	while read -r symbol value; do
		grep -qx "$symbol=$value" "$obj/.config" && continue
		[ "$value" != n ] || grep -q "^$symbol=" "$obj/.config" || continue
		grep -rqE --include='Kconfig*' "^[[:space:]]*(menu)?config ${symbol#CONFIG_}\$" "$tree" || continue
		echo "$symbol=$value of configs/ was not taken by Linux $K: $(grep -E "${symbol}[= ]" "$obj/.config" || echo 'dependencies not met')" >&2
		return 1
	done || return 1
	mv "$obj/fragment.new" "$obj/fragment"
}

# A Debian like this machine's, from where this machine has its own
debian() {	# options of mmdebstrap, ending with where it goes
	local release archive
	release=$(. /etc/os-release && echo "$VERSION_CODENAME")
	archive=$("$ROOT/scripts/archive" "$release" "$BUILD/debian") || die "mmdebstrap needs an archive of Debian in /etc/apt"
	mmdebstrap --quiet "${@:1:$#-1}" "$release" "${@: -1}" "$archive" >&2 || die "mmdebstrap could not make a Debian root in ${*: -1}"
}

# Options of scripts/guest for a host with a dynamic dax region
dynamic_host=(-u -m 8G -a 'efi_fake_mem=4G@4G:0x40000')
