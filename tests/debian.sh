#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Scripts source this file to fetch from Debian's archive. It uses an apt with lists of its own, and leaves the system's alone.

# shellcheck disable=SC2034 # for scripts that source this
debian_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Prints $DEBIAN_MIRROR or, by default, the mirror of Debian that this machine uses. The status is 1 if it uses none.
debian_mirror() {
	local mirror=${DEBIAN_MIRROR-}
	# shellcheck disable=SC2016 # for apt-get to expand
	[ -n "$mirror" ] || mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' \
		2> /dev/null | head -n 1)
	[ -n "$mirror" ] && echo "$mirror"
}

# debian_apt FOLDER get|cache ARGUMENT...: runs apt-get or apt-cache with the lists in FOLDER and the sources in FOLDER/sources.list.
debian_apt() {
	local folder=$1 tool=$2
	shift 2
	mkdir -p "$folder/lists/partial" "$folder/archives/partial" || return
	timeout "${DEBIAN_APT_SECONDS:-300}" "apt-$tool" -q -o "Dir::Etc::SourceList=$folder/sources.list" \
		-o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$folder/lists" -o "Dir::Cache=$folder" \
		-o "APT::Sandbox::User=$(id -un)" \
		-o Debug::NoLocking=1 -o APT::Get::List-Cleanup=0 -o Acquire::http::Timeout=30 "$@"
}

# debian_unpack PACKAGE-FILE FOLDER [TAR-OPTION...]
debian_unpack() {
	local package=$1 folder=$2
	shift 2
	dpkg-deb --fsys-tarfile "$package" | tar -x -C "$folder" --keep-directory-symlink --no-same-owner "$@"
}

# debian_merge_usr FOLDER: makes the links from / to /usr, which these packages expect another package to make.
debian_merge_usr() {
	local name
	for name in bin sbin lib lib64; do
		mkdir -p "$1/usr/$name"
		[ -e "$1/$name" ] || ln -s "usr/$name" "$1/$name"
	done
}
