#!/bin/bash
# The measurements, as process 1 of a pid namespace of its own: no process outside can be signalled from here, and none
# outlives it. run.sh starts it, and sets BENCH, BIN and ORDINARY.
#
# usage: in-namespace.sh idle [flights] | choose AGENT COUNT ROUNDS [HOG_MIB] | hog COUNT MIB ROUNDS | rest AGENT | floor KIND COUNT ROUNDS | leak AGENT RATE ROUNDS |
#        kill AGENT STEP MIB ROUNDS | allocations calm|deciding
set -euo pipefail

# The process number of the agent is in $! afterwards.
start_agent() {
    local agent=$1 available_kib=$2 line release
    if [ "$available_kib" = shares ]; then
        line='"10%"' release='"10.5%"'
    else
        line="\"$available_kib KiB\"" release="\"$((available_kib + 1)) KiB\""
    fi
    case $agent in
        earlyoom)
            if [ "$available_kib" = shares ]; then set -- -m 10,1; else set -- -M "$available_kib,$((available_kib / 8))"; fi
            "$BENCH/earlyoom" -r 3600 "$@" >"$work/agent.log" 2>&1 &
            ;;
        spillway | ordinary)
            # There are thousands of sleepers that were started just now, and that would be killed as a swarm.
            printf 'version = 1\nextends = "server"\n[trigger]\nfloor = { available = %s }\nrelease = %s\n%s\n%s\n' \
                "$line" "$release" '[action]' 'swarm = { members = 12, age = "1s", times = 3 }' >"$work/policy.toml"
            "$BIN/spillway" compile "$work/policy.toml" --output "$work/policy.image"
            if [ "$agent" = spillway ]; then
                "$BIN/spillwayd" --image "$work/policy.image" ${RECORD:+--record "$RECORD"} >"$work/agent.log" 2>&1 &
            else
                ALLOCATIONS=$work/allocations LD_PRELOAD=$BENCH/allocations.so \
                    "$ORDINARY" --image "$work/policy.image" >"$work/agent.log" 2>&1 &
            fi
            ;;
    esac
}

# With a second argument they are beside a hog of so many MiB.
start_sleepers() {
    : >"$work/sleepers.log"
    if [ -n "${2:-}" ]; then set -- "$1" 150 "$2" apart; else set -- "$1" 150 100; fi
    "$BENCH/sleepers" "$@" >"$work/sleepers.log" &
    until grep -q ready "$work/sleepers.log"; do sleep 0.1; done
    [ "$(cat "$work/sleepers.log")" = "ready $1" ] || { cat "$work/sleepers.log" >&2; exit 1; }
}

# The line can then be crossed by changing a number: see choose.c.
mount_meminfo() {
    awk '/^MemTotal:/ { total = $2 }
         /^MemAvailable:/ { $0 = sprintf("MemAvailable: %12d kB", total * 0.11) } { print }' /proc/meminfo >"$work/meminfo"
    mount --bind "$work/meminfo" /proc/meminfo
    # A line in the kernel's log takes milliseconds where the console is serial, and comes after the signal.
    mount --bind /dev/null /dev/kmsg
}

# Makes a memory cgroup, version 1 or 2, for the process that is killed: $cgroup.
make_cgroup() {
    cgroup=/sys/fs/cgroup
    if [ -d "$cgroup/memory" ]; then cgroup=$cgroup/memory; else echo +memory >"$cgroup/cgroup.subtree_control"; fi
    cgroup=$cgroup/spillway-bench-$(basename "$work")
    mkdir "$cgroup"
}

rollup() { awk -v name="$2:" '$1 == name { print $2 }' "/proc/$1/smaps_rollup"; }
processor_us() { awk '{ printf "%d", $1 / 1000 }' "/proc/$1/schedstat"; }

available() { awk '/^MemAvailable:/ { print $2 }' /proc/meminfo; }

work=$(mktemp -d)
cgroup=
trap 'rm -rf "$work"; if [ -n "$cgroup" ]; then rmdir "$cgroup"; fi' EXIT
what=$1 subject=${2:-}

case $what in
    idle)
        start_sleepers 50
        options=(--dry-run)
        if [ "$subject" = flights ]; then options+=(--flights "$work/flights"); fi
        "$BIN/spillwayd" "${options[@]}" 2>/dev/null &
        spillway=$!
        "$BENCH/earlyoom" --dryrun -r 3600 >/dev/null 2>&1 &
        earlyoom=$!
        sleep 5
        spillway_us=$(processor_us $spillway) earlyoom_us=$(processor_us $earlyoom)
        # Two minutes include one survey of all processes, where most of the memory is available.
        sleep 120
        for figure in Rss Pss Anonymous; do
            echo "$(rollup $spillway $figure) $(rollup $earlyoom $figure)"
        done
        echo "$((($(processor_us $spillway) - spillway_us) / 2)) $((($(processor_us $earlyoom) - earlyoom_us) / 2))"
        ;;
    floor)
        start_sleepers "$3"
        "$BENCH/floor" "$subject" "$4"
        ;;
    choose)
        start_sleepers "$3" "${5:-}"
        sleep 2
        mount_meminfo
        start_agent "$subject" shares
        agent=$!
        # The agent surveys all processes once, at its start.
        sleep $((2 + $3 / 4000))
        "$BENCH/choose" "$agent" "$4" 200 "$work/meminfo" || { cat "$work/agent.log" >&2; exit 1; }
        ;;
    hog)
        # The time from verdict to choice, of the agent's own record: a file in the place of meminfo tells no books.
        start_sleepers "$subject" 0
        mkfifo "$work/line"
        for _ in $(seq "$4"); do
            "$BENCH/leak" - 0 "$3" <"$work/line" >"$work/leak" &
            leak=$!
            exec 9>"$work/line"
            until grep -q held "$work/leak"; do sleep 0.1; done
            line=$(($(available) - 300 * 1024))
            RECORD=$work/record start_agent spillway "$line"
            agent=$!
            sleep $((2 + $subject / 4000))
            echo "$line" >&9
            wait "$leak"
            exec 9>&-
            kill "$agent"
            wait "$agent" || true
            grep -o '"took_us":[0-9]*' "$work/record" | head -1 | cut -d: -f2
            rm "$work/record"
        done
        ;;
    rest)
        # Available memory rests just above the floor.
        start_sleepers 50
        start_agent "$subject" $(($(available) - 20 * 1024))
        agent=$!
        sleep 5
        before=$(processor_us $agent)
        sleep 30
        echo "$((($(processor_us $agent) - before) / 300))"
        ;;
    leak)
        for _ in $(seq "$4"); do
            line=$(($(available) - 300 * 1024))
            start_agent "$subject" "$line"
            agent=$!
            sleep 1.5
            "$BENCH/leak" "$line" "$3"
            kill "$agent"
            wait "$agent" || true
            sleep 0.3
        done
        ;;
    kill)
        mount_meminfo
        start_agent "$subject" shares
        sleep 2
        make_cgroup
        "$BENCH/kill" "$3" "$5" "$4" "$work/meminfo" "$cgroup" || { cat "$work/agent.log" >&2; exit 1; }
        ;;
    allocations)
        start_sleepers 100
        mount_meminfo
        start_agent ordinary shares
        agent=$!
        sleep 2
        # The first decisions, in which buffers find their size.
        "$BENCH/choose" "$agent" 3 200 "$work/meminfo" >"$work/first"
        if [ "$subject" = deciding ]; then
            "$BENCH/choose" "$agent" 10 200 "$work/meminfo" "$work/allocations"
        else
            before=$(od -An -tu8 "$work/allocations")
            sleep 25
            echo $(($(od -An -tu8 "$work/allocations") - before))
        fi
        ;;
esac
