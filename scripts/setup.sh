#!/bin/sh
# setup.sh [build|test|deb|arena|guest]: installs with apt-get the packages that building (testing, packaging, the
# arena, the guest that tests the package) needs and this machine lacks. It prints nothing where none is missing.
# Without the right to install it prints the command to type, and exits with 1.
set -eu

purpose=${1:-build}
swift_wanted=6.3

say() { printf 'setup: %s\n' "$*" >&2; }

# Swift comes from swift.org and not from Debian, so its version is only checked.
check_swift() {
    if ! command -v swift >/dev/null 2>&1; then
        say "Swift $swift_wanted is needed, and there is no 'swift' in PATH."
    else
        found=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p')
        oldest=$(printf '%s\n%s\n' "$swift_wanted" "${found:-0}" | sort -V | head -n 1)
        if [ "$oldest" = "$swift_wanted" ]; then
            return 0
        fi
        say "Swift $swift_wanted is needed, and '$(command -v swift)' has the version ${found:-unknown}."
    fi
    say "See https://www.swift.org/install/linux/ ; with its own installer: swiftly install $swift_wanted"
    return 1
}

have_file() {
    for file in "$@"; do
        if [ -e "$file" ]; then return 0; fi
    done
    return 1
}

# Prints the packages that are missing. It looks for the files and programs, which may come from other packages.
missing() {
    # SwiftPM fetches the tool's two libraries with git.
    command -v git >/dev/null 2>&1 || printf 'git\nca-certificates\n'
    command -v pkg-config >/dev/null 2>&1 || echo pkg-config
    if ! have_file /usr/include/sys/capability.h ||
        ! have_file /usr/lib/libcap.a /usr/lib64/libcap.a /usr/lib/*/libcap.a
    then
        echo libcap-dev # with its archive: the agent is linked statically
    fi
    # The TOML parser is a C++ library. strip(1) comes with g++.
    if ! have_file /usr/include/c++/*/vector || ! command -v strip >/dev/null 2>&1; then echo g++; fi
    if [ "$purpose" = test ]; then
        command -v strace >/dev/null 2>&1 || echo strace
        # Valid policies are checked against the schema. python3 reads TOML since 3.11.
        python3 -c 'import jsonschema, tomllib' >/dev/null 2>&1 || echo python3-jsonschema
    fi
    if [ "$purpose" = deb ]; then
        command -v dpkg-shlibdeps >/dev/null 2>&1 || echo dpkg-dev
    fi
    if [ "$purpose" = arena ] || [ "$purpose" = guest ]; then
        command -v qemu-system-x86_64 >/dev/null 2>&1 || echo qemu-system-x86
        command -v mkfs.ext4 >/dev/null 2>&1 || echo e2fsprogs
        if [ "$purpose" = arena ]; then command -v go >/dev/null 2>&1 || echo golang-go; fi
        command -v debootstrap >/dev/null 2>&1 || echo debootstrap
        # The harness reads TOML, which python3 does since 3.11.
        python3 -c 'import tomllib' >/dev/null 2>&1 || echo python3
    fi
}

install_missing() {
    packages=$(missing | paste -sd ' ' -)
    if [ -z "$packages" ]; then return 0; fi

    by_hand="apt-get update && apt-get install -y --no-install-recommends $packages"
    if ! command -v apt-get >/dev/null 2>&1; then
        say "missing, under Debian's names: $packages"
        say "There is no apt-get here; install their equivalents and try again."
        return 1
    fi
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif sudo -n true 2>/dev/null; then
        as_root="sudo -n"
    else
        say "missing: $packages"
        say "No right to install them. As root, type: $by_hand"
        return 1
    fi

    say "installing $packages"
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    # Old package lists may do where new ones cannot be fetched. $as_root and $packages are lists of words.
    # shellcheck disable=SC2086
    if { $as_root apt-get update || true; } >"$log" 2>&1 &&
        $as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y --no-install-recommends $packages >>"$log" 2>&1 </dev/null; then
        return 0
    fi
    tail -n 20 "$log" >&2
    say "apt-get failed (above). As root, try: $by_hand"
    return 1
}

status=0
check_swift || status=1
install_missing || status=1
exit $status
