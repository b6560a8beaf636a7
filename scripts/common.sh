# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
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
# shellcheck source=/dev/null
. "$QUEUE/base"

# Commits are reproducible: one author, the committer's date is the author's.
export GIT_COMMITTER_NAME='Compound Devmap' GIT_COMMITTER_EMAIL=compound-devmap@example.org
export CCACHE_DIR=${CCACHE_DIR:-$CACHE/ccache}

# The names of the queue's patches, in order.
queue() { grep -vE '^[[:space:]]*(#|$)' "$QUEUE/series"; }
