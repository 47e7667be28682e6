#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The scripts in this folder source this file, which knows where things are and how kernels are named.
#
# A kernel's name is the beginning of its version, with the architecture in front if that is not amd64: 6.1, 7, arm64-6.12.

set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tree=$(dirname "$(dirname "$here")")
# shellcheck source=tests/debian.sh
. "$tree/tests/debian.sh"
cache=${GILSCOPE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gilscope}/kernels
PATH=$PATH:/usr/sbin:/sbin
mkdir -p "$cache" || exit

say() { echo "kernels: $*" >&2; }

# Prints the reason as the last line of stderr, and exits.
give_up() {
	echo "$*" >&2
	exit 1
}

arch_of() { case $1 in arm64-*) echo arm64 ;; *) echo amd64 ;; esac }

machine_arch() { case $(uname -m) in aarch64) echo arm64 ;; *) echo amd64 ;; esac }

# Debian's name of an architecture -> the Makefile's.
arch_of_make() { case $1 in amd64) echo x86 ;; *) echo "$1" ;; esac }

# Prints the mirror of Debian that packages are fetched from.
mirror() {
	debian_mirror || give_up "this machine has no mirror of Debian among its apt sources, and DEBIAN_MIRROR is not set"
}

# image_of FOLDER IMAGE MIB: makes an ext4 image with the files of a folder, and with MIB MiB of free space.
image_of() {
	local size=$(($(du -sm "$1" | cut -f1) * 5 / 4 + $3))
	rm -f "$2"
	mke2fs -q -t ext4 -O ^has_journal -E root_owner=0:0 -d "$1" "$2" "${size}M" > /dev/null
}

# recipe WORD...: prints a hash of the words. A product is kept with the hash of its recipe, and made again when the recipe changes.
recipe() { echo "$*" | sha256sum | cut -c1-12; }
