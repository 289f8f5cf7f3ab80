#!/bin/bash
# check-unit.sh: checks the unit with systemd-analyze, and that its filter lets through the agent's system calls.
# It starts nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

unit=packaging/systemd/spillway.service
armed=packaging/systemd/armed.conf
hooks=packaging/systemd/hooks.conf
last_resort=packaging/systemd/last-resort.conf
# The unit's exposure in tenths, by systemd 252, in dry run and armed. The rest comes from root, seeing all processes,
# real-time scheduling, the capabilities and, when armed, writing cgroups.
exposure=23
armed_exposure=25

fail() { printf 'check-unit: %s\n' "$*" >&2; exit 1; }

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/spillway.service.d"
# systemd looks for the programs where they will be installed, and they are not there.
for file in "$unit" "$armed"; do
    target=$dir/spillway.service
    if [ "$file" = "$armed" ]; then target=$dir/spillway.service.d/armed.conf; fi
    sed -E 's,^(Exec[A-Za-z]+=)/[^ ]+,\1/bin/sh,' "$file" >"$target"
done
# systemd-analyze verify prints a value that it does not understand, ignores it, and does not fail.
said=$(systemd-analyze verify --man=no "$dir/spillway.service" 2>&1) || said="${said:-failed}"
[ -z "$said" ] || fail "$unit does not verify: $said"
assess() {
    systemd-analyze security --offline=yes --no-pager --threshold="$1" "$dir/spillway.service" >"$dir/security" ||
        fail "exposure is over $1 tenths: $(tail -n 1 "$dir/security")"
}
assess "$armed_exposure"
mv "$dir/spillway.service.d" "$dir/aside"
assess "$exposure"
mv "$dir/aside" "$dir/spillway.service.d"

# Each process that is killed takes a pidfd and a duplicate for the helper. The kill sets of further domains are
# smaller.
whole=$(sed -n 's/.*CLINUX_HELPER_DESCRIPTORS = \([0-9]*\).*/\1/p' Sources/CLinux/include/*.h)
further=$(sed -n 's/.*furtherCapacity: Int { \([0-9]*\) }.*/\1/p' Sources/Ladder/Killer.swift)
domains=$(sed -n 's/.*static let capacity = \([0-9]*\).*/\1/p' Sources/ProcModel/DomainRoots.swift)
limit=$(sed -n 's/^LimitNOFILE=//p' "$unit")
# 256 are for all other descriptors.
[ "$limit" -ge $((2 * whole + further * (domains - 1) + 256)) ] || fail "LimitNOFILE=$limit is too few for a kill"

# --dry-run is the one difference between the armed command and the service's own.
service_start=$(sed -n 's/^ExecStart=//p' "$unit")
armed_start=$(sed -n 's/^ExecStart=\(.\)/\1/p' "$armed")
[ "${service_start/ --dry-run/}" = "$armed_start" ] || fail "$armed differs from $unit in more than --dry-run"
[ "$service_start" != "$armed_start" ] || fail "$unit does not start in dry run"

# Prints the calls of a group, and of the groups in it.
expand() {
    case $1 in
        @*) systemd-analyze syscall-filter "$1" 2>/dev/null | sed -n '2,$s/^ *\([-@a-z_0-9]*\).*/\1/p' | sort -u |
            while read -r name; do if [ -n "$name" ]; then expand "$name"; fi; done ;;
        *) printf '%s\n' "$1" ;;
    esac
}

allowed=$dir/allowed
: >"$allowed"
# Applies the filter of a file to $allowed, after those before it.
filter() {
    local list word names=$dir/names
    while read -r list; do
        for word in ${list#\~}; do expand "$word"; done | sort -u >"$names"
        if [ "${list#\~}" != "$list" ]; then
            sort -u "$allowed" | comm -23 - "$names" >"$dir/next"
        else
            sort -u "$allowed" "$names" >"$dir/next"
        fi
        mv "$dir/next" "$allowed"
    done < <(sed -n 's/^SystemCallFilter=//p' "$1")
}
filter "$unit"

# The system calls of the start, a tick, a kill, a record and a reload (strace -f of each), and those that other C
# libraries make in place of them. A call that the filter refuses would be missing at the first kill.
calls="execve openat read pread64 write writev close fstat fstatfs newfstatat statx access readlink readlinkat
    getdents64 lseek fcntl fsync ioctl mmap mprotect munmap madvise brk mlock mlockall munlockall memfd_create
    ftruncate pidfd_open pidfd_send_signal process_mrelease kill capget capset prctl setpriority getpriority prlimit64
    epoll_create1 epoll_ctl epoll_wait epoll_pwait poll ppoll timerfd_create timerfd_settime signalfd4 rt_sigaction
    rt_sigprocmask rt_sigtimedwait clock_gettime clock_nanosleep nanosleep clone clone3 fork vfork wait4 waitid pipe2
    dup dup2 dup3 exit exit_group getpid gettid getuid geteuid sysinfo uname futex set_robust_list set_tid_address rseq
    arch_prctl getrandom socket connect sendto sendmsg recvfrom recvmsg sched_getaffinity sched_setscheduler kcmp
    eventfd2 statfs getpgid fdatasync rename renameat renameat2 unlink unlinkat mkdir mkdirat chdir fchmod sync
    inotify_init1 inotify_add_watch inotify_rm_watch setpgid pwrite64 close_range"
# The calls that CLinux makes by number, without those that hooks.conf lets through.
numbered=$(grep -rhoE 'SYS_[a-z0-9_]+' Sources/CLinux | sed 's/^SYS_//' | grep -vxE 'setgroups|setres[ug]id' | sort -u)
for call in $calls $numbered; do
    grep -qx "$call" "$allowed" || fail "SystemCallFilter does not let $call through"
done
for call in reboot mount setuid bpf init_module ptrace; do
    if grep -qx "$call" "$allowed"; then fail "SystemCallFilter lets $call through"; fi
done

# Checks that a drop-in is understood, with those before it, and lets through the calls that it is for.
drop_in() {
    local file=$1 call
    shift
    cp "$file" "$dir/spillway.service.d/"
    said=$(systemd-analyze verify --man=no "$dir/spillway.service" 2>&1) || said="${said:-failed}"
    [ -z "$said" ] || fail "$file does not verify: $said"
    filter "$file"
    for call in "$@"; do
        grep -qx "$call" "$allowed" || fail "SystemCallFilter of $file does not let $call through"
    done
}
drop_in "$hooks" setgroups setresuid setresgid
drop_in "$last_resort" reboot
