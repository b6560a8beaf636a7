# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is read by those who source it
# Every script sources this: paths, the base of the series, messages, and helpers.
set -Eeuo pipefail
# A command that fails unexpectedly ends the script: name it.
trap 'printf "%s: error: %s, line %s: failed: %s\n" "${0##*/}" "${BASH_SOURCE[0]##*/}" "$LINENO" "$BASH_COMMAND" >&2' ERR

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
K=${K:-$(cd "$ROOT/results" && printf '%s\n' */full-test | cut -d/ -f1 | sort -V | tail -n 1)}
BUILD=$ROOT/build/$K
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/compound-devmap
QUEUE=$ROOT/patches/$K
JOBS=${JOBS:-$(nproc)}

say() { printf '%s %s: %s\n' "$(date +%T)" "${0##*/}" "$*" >&2; }
die() { printf '%s: error: %s\n' "${0##*/}" "$*" >&2; exit 1; }

[ -f "$QUEUE/base" ] || die "no series for K=$K: patches/$K/base is missing; patches/ has: $(ls "$ROOT/patches")"
# The base of the series; patches/$K/base explains each variable.
upstream='' debian='' package='' suite='' date='' hash='' instrument='' selftests='' documentation='' rss='' stock_variables=''
# shellcheck source=/dev/null
. "$QUEUE/base"

# Ignore the settings of the user. MAKEFLAGS too: make warns when it is given the job server of another make.
unset MAKEFLAGS MFLAGS ARCH CROSS_COMPILE KBUILD_OUTPUT KCFLAGS KCPPFLAGS KAFLAGS HOSTCFLAGS LLVM KCONFIG_CONFIG INSTALL_PATH LOCALVERSION CDPATH
unset GNUMAKEFLAGS GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY
export LC_ALL=C.UTF-8 GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=$ROOT/scripts/gitconfig
# The kernel's make can't handle a path with spaces.
[[ "$ROOT$CACHE" != *[[:space:]]* ]] || die "there is a space in '$ROOT' or '$CACHE', and make can't build there; move it"

# Commits are reproducible: one author, the committer's date is the author's.
export GIT_COMMITTER_NAME='Compound Devmap' GIT_COMMITTER_EMAIL=compound-devmap@example.org
# Clones in different folders share the ccache.
export CCACHE_BASEDIR=$ROOT CCACHE_NOHASHDIR=1
export CCACHE_DIR=${CCACHE_DIR:-$CACHE/ccache}

# The same source gives the same image: no host name, user name or time is built in.
export KBUILD_BUILD_TIMESTAMP=$date KBUILD_BUILD_USER=compound KBUILD_BUILD_HOST=devmap KBUILD_BUILD_VERSION=1

# The file names of the patches in order; a hash of all patches; the commit of patch number N
queue() { sed -E '/^[[:space:]]*(#|$)/d' "$QUEUE/series"; }
queue_hash() { { queue; cd "$QUEUE" && queue | xargs -r cat; } | sha256sum | cut -d' ' -f1; }
queue_commit() { git -C "$BUILD/linux" rev-list --reverse base..series | sed -n "$1p"; }	# number

# Fail unless build/$K/linux and build/$K/stock are exactly what the queue gives. EDITED=yes skips this check.
queue_only() {
	local tree want have commit
	[ "${EDITED:-}" != yes ] || { say "EDITED=yes: the trees are taken as they are"; return 0; }
	read -r want commit < "$BUILD/queue" || die "build/$K/linux has not all of the queue; run 'make tree'"
	[ "$want" = "$(queue_hash)" ] || die "build/$K/linux is not of the queue in patches/$K; run 'make tree'"
	for tree in linux stock; do
		[ $tree = linux ] || commit=$(queue_commit "$instrument")
		have=$(git -C "$BUILD/$tree" rev-parse HEAD)
		[ "$have" = "$commit" ] || die "build/$K/$tree is at commit $have, but the queue gives $commit; reset it, or set EDITED=yes"
		have=$(git -C "$BUILD/$tree" status --porcelain)
		[ -z "$have" ] || die "build/$K/$tree has changes that are not in the queue; drop them, or set EDITED=yes:"$'\n'"$have"
	done
}

# All versions share the files in mm/ and tools/: a line for each, with its name in this repository and in the tree of this version.
# A file that the series of this version has itself is not among them.
shared_files() {
	git -C "$ROOT" ls-files mm tools | sed "p; s|^tools/testing/selftests/vm/|$selftests/|" | paste - - |
		awk -F '\t' 'NR == FNR { own[$0] = 1; next } !($2 in own)' <(git -C "$BUILD/linux" ls-tree -r --name-only series -- mm "$selftests") -
}

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

# Print a TAP line
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

# The measurements that a guest printed: one line per kind of memory
measured() {	# name of the guest
	sed -nE 's/\r$//; s/^consumers //; /^(mem|dev|hugetlb|4K|2M|1G) /p' "$BUILD/logs/$1.out"
}

# The commit of this repository, and whether something but results/ differs from it
commit() { echo "$(git -C "$ROOT" rev-parse --short HEAD)$([ -z "$(git -C "$ROOT" status --porcelain -- . ':!results')" ] || echo -dirty)"; }

# The header of a results file: what was measured, and the command that measures it again
data_header() {	# command
	cat <<-END
	# SPDX-License-Identifier: GPL-2.0
	# command: $1
	# commit: $(commit)
	# linux: $debian
	# patches of stock: $instrument
	# patches of patched: $(queue | wc -l)
	# queue: $(queue_hash)$([ "${EDITED:-}" != yes ] || echo ' edited')
	# compiler: $(gcc --version | head -n 1)
	# emulator: $(qemu-system-x86_64 --version | head -n 1)
	#
	END
}

# Set ARCH, CROSS_COMPILE, image and machine for a variant.
architecture() {	# variant
	case $1 in
	arm64)	export ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-
		image=arch/arm64/boot/Image machine=arm64 ;;
	ppc64le) export ARCH=powerpc CROSS_COMPILE=powerpc64le-linux-gnu-
		image=vmlinux machine=ppc64le ;;
	*)	image=arch/x86/boot/bzImage machine=x86 ;;
	esac
}

# Configure a build for the machine that architecture() has set: only what the fragments name, and configs/$K.config and configs/$K-$machine.config for this version, and its dependencies.
configure() {	# tree obj fragment...
	local tree=$1 obj=$2 own symbol value
	shift 2
	mkdir -p "$obj"
	for own in "$ROOT/configs/$K-$machine.config" "$ROOT/configs/$K.config"; do
		[ ! -f "$own" ] || set -- "$own" "$@"
	done
	# The last line for a symbol wins, so debug.config can turn off what guest.config turns on.
	cat "$@" > "$obj/fragment.new"
	if cmp -s "$obj/fragment.new" "$obj/fragment" && [ -f "$obj/.config" ] &&
	   [ -z "$(find "$tree" -name 'Kconfig*' -newer "$obj/fragment" -print -quit)" ]; then
		rm "$obj/fragment.new"
		return
	fi
	# Remove the stamp first, so that a rejected configuration is not reused.
	rm -f "$obj/fragment"
	make -s -C "$tree" O="$obj" CC="ccache ${CROSS_COMPILE:-}gcc" KCONFIG_ALLCONFIG="$obj/fragment.new" allnoconfig > "$obj/configure.log" 2>&1 ||
		{ tail -n 20 "$obj/configure.log" >&2; return 1; }
	# If this kernel has a symbol but did not accept its value, the fragment is wrong.
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

# Make a root file system of this machine's Debian release, from the archive in /etc/apt.
debian() {	# options of mmdebstrap, ending with where it goes
	local release archive
	release=$(. /etc/os-release && echo "$VERSION_CODENAME")
	archive=$("$ROOT/scripts/archive" "$release" "$BUILD/debian") || die "mmdebstrap needs an archive of Debian in /etc/apt; add one to /etc/apt/sources.list"
	mmdebstrap --quiet "${@:1:$#-1}" "$release" "${@: -1}" "$archive" >&2 || die "mmdebstrap could not make a Debian root in ${*: -1}"
}

# Options of scripts/guest for a host with a dynamic dax region: 4 GiB of its RAM become "soft reserved".
dynamic_host=(-m 8G -a 'memmap=4G%4G-1+0xefffffff')
