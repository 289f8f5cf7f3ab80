#!/bin/sh
# setup.sh [build|test|deb|arena|guest]: installs, through apt-get, what building (testing, packaging, the arena, the
# guest that tries the package) needs and this machine lacks.
# Says nothing when all is there. Without the right to install, says what to type and ends with 1.
set -eu

purpose=${1:-build}
swift_wanted=6.3

say() { printf 'setup: %s\n' "$*" >&2; }

# Swift comes from swift.org, not from Debian, so it is only looked at.
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

# The packages that are missing, by what they are needed for and not by name: the parts may come from elsewhere.
missing() {
    # Swift fetches the two libraries of the tool with git.
    command -v git >/dev/null 2>&1 || printf 'git\nca-certificates\n'
    command -v pkg-config >/dev/null 2>&1 || echo pkg-config
    if ! have_file /usr/include/sys/capability.h ||
        ! have_file /usr/lib/libcap.a /usr/lib64/libcap.a /usr/lib/*/libcap.a
    then
        echo libcap-dev # the archive too: the agent is linked statically
    fi
    # TOML is read by a C++ library; strip(1) comes along.
    if ! have_file /usr/include/c++/*/vector || ! command -v strip >/dev/null 2>&1; then echo g++; fi
    if [ "$purpose" = test ]; then
        command -v strace >/dev/null 2>&1 || echo strace
        # Valid policies are held against their schema; python3 has read TOML since 3.11.
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
        # The harness reads TOML, which Python does since 3.11.
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
    # Lists that cannot be fetched may still do. $as_root and $packages are lists of words.
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
