#!/bin/bash
# run.sh: measures the agent beside earlyoom and beside the least program that could do its work, and prints one table.
# Every ratio is of figures from the same run. Needs root (pid namespaces), 14 GiB of free memory and about twenty
# minutes.
#
# With RECORD=1 the table also replaces the one in docs/performance.md.
set -euo pipefail
cd "$(dirname "$0")/.."

export BENCH=$PWD/build/bench BIN=$PWD/build/bin ORDINARY=$PWD/.build/release/spillwayd
sizes=(100 500 4000 20000)
rates=(100 1000 0)

say() { printf 'bench: %s\n' "$*" >&2; }

[ "$(id -u)" = 0 ] || { say "root is needed: processes are really killed, in a pid namespace of their own"; exit 1; }

compile() {
    local tool
    mkdir -p "$BENCH"
    for tool in floor choose leak kill sleepers; do
        cc -O2 -static -Wall -Wextra -o "$BENCH/$tool" "Benchmarks/$tool.c"
    done
    cc -O2 -shared -fPIC -Wall -Wextra -o "$BENCH/allocations.so" Benchmarks/allocations.c
}

# Unpacked and not installed, so that no service starts.
fetch_earlyoom() {
    [ -x "$BENCH/earlyoom" ] && return
    say "fetching Debian's earlyoom"
    rm -rf "$BENCH/package"
    mkdir -p "$BENCH/package"
    if ! (cd "$BENCH/package" && apt-get download earlyoom && dpkg-deb -x earlyoom_*.deb .) >"$BENCH/fetch.log" 2>&1; then
        cat "$BENCH/fetch.log" >&2
        say "earlyoom cannot be had: 'apt-get update' may help, or put a copy at $BENCH/earlyoom"
        exit 1
    fi
    cp "$BENCH/package/usr/bin/earlyoom" "$BENCH/earlyoom"
}

in_namespace() {
    timeout --signal=KILL 180 unshare --fork --pid --mount-proc --kill-child Benchmarks/in-namespace.sh "$@"
}

# The median of the numbers in a column. Words are left out.
median() {
    awk -v column="$1" '$column ~ /^[0-9.]+$/ { print $column }' | sort -g |
        awk '{ value[NR] = $1 } END { print NR ? value[int((NR + 1) / 2)] : "none" }'
}

ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { if (a ~ /^[0-9.]+$/ && b + 0 > 0) printf "%.2f", a / b; else printf "none" }'
}

# row WHAT SPILLWAY OTHER NAME UNIT TARGET: a ratio, and whether it is at most TARGET.
row() {
    local ratio reached
    ratio=$(ratio "$2" "$3")
    reached=$(awk -v r="$ratio" -v t="$6" 'BEGIN { print r != "none" && r <= t ? "yes" : "**no**" }')
    if [ "$6" = - ]; then reached= ; fi
    printf '| %s | %s %s | %s %s (%s) | %s | %s | %s |\n' "$1" "$2" "$5" "$3" "$5" "$4" "$ratio" "$6" "$reached"
}

# Both agents run beside each other, in dry run, among 50 idle processes: the agent without flights, and then with them.
idle() {
    local name spillway earlyoom
    in_namespace idle >"$BENCH/idle"
    for name in 'resident after two minutes, Rss' 'the same, Pss' 'the same, anonymous' 'processor time of an idle minute, of two'; do
        read -r spillway earlyoom
        case $name in
            *Rss) row "$name" "$spillway" "$earlyoom" earlyoom KiB 0.6 ;;
            *Pss) row "$name" "$spillway" "$earlyoom" earlyoom KiB - ;;
            *anonymous) row "$name" "$spillway" "$earlyoom" earlyoom KiB 1 ;;
            *) row "$name" "$spillway" "$earlyoom" earlyoom µs 0.5 ;;
        esac
    done <"$BENCH/idle"
    say "two idle minutes with flights"
    in_namespace idle flights >"$BENCH/idle-flights"
    for name in Rss Pss anonymous 'processor time'; do
        read -r spillway earlyoom
        case $name in
            Rss) row "with flights: resident, Rss" "$spillway" "$earlyoom" earlyoom KiB 0.7 ;;
            anonymous) row "with flights: anonymous" "$spillway" "$earlyoom" earlyoom KiB - ;;
            processor*) row "with flights: an idle minute" "$spillway" "$earlyoom" earlyoom µs - ;;
        esac
    done <"$BENCH/idle-flights"
}

choosing() {
    local size rounds spillway earlyoom by_score by_footprint first=
    for size in "${sizes[@]}"; do
        rounds=$((size > 4000 ? 3 : 7))
        say "choosing among $size"
        by_score=$(in_namespace floor oom_score "$size" 11 | median 1)
        by_footprint=$(in_namespace floor footprint "$size" 11 | median 1)
        spillway=$(in_namespace choose spillway "$size" $rounds | median 1)
        earlyoom=$(in_namespace choose earlyoom "$size" $rounds | median 1)
        row "choosing among $size" "$spillway" "$earlyoom" earlyoom µs "$([ "$size" = 4000 ] && echo 1.2 || echo -)"
        row "choosing among $size" "$spillway" "$by_score" 'C floor, oom_score' µs 1.5
        row "choosing among $size" "$spillway" "$by_footprint" 'C floor, footprint' µs -
        if [ "$size" = 500 ]; then first=$spillway; fi
        if [ "$size" = 20000 ]; then
            row 'a process among 20000, beside one among 500' "$(ratio "$spillway" 20000)" "$(ratio "$first" 500)" \
                'among 500' µs 1.2
        fi
    done
}

# Beside a process that holds most of what is in use, and while memory rests near the floor.
beside_a_hog() {
    local size spillway earlyoom target
    for size in 100 4000 20000; do
        say "choosing among $size beside a hog"
        spillway=$(in_namespace hog "$size" $((size > 4000 ? 8000 : size > 100 ? 4000 : 2000)) 5 | median 1)
        earlyoom=$(in_namespace choose earlyoom "$size" 5 2400 | median 1)
        case $size in
            100) target=0.7 ;;
            4000) target=0.1 ;;
            *) target=0.03 ;;
        esac
        row "choosing among $size beside a hog" "$spillway" "$earlyoom" earlyoom µs "$target"
    done
    say "resting near the floor"
    spillway=$(in_namespace rest spillway)
    earlyoom=$(in_namespace rest earlyoom)
    row "resting near the floor, of a processor" "$spillway" "$earlyoom" earlyoom '‱' -
    row "the same, beside a hundredth of one" "$spillway" 100 'a hundredth' '‱' 1
}

leaking() {
    local rate name spillway earlyoom
    for rate in "${rates[@]}"; do
        name="$rate MiB/s"
        if [ "$rate" = 0 ]; then name="memory speed"; fi
        say "a leak of $name"
        spillway=$(in_namespace leak spillway "$rate" 7 | tee "$BENCH/leak-spillway-$rate" | median 1)
        earlyoom=$(in_namespace leak earlyoom "$rate" 7 | tee "$BENCH/leak-earlyoom-$rate" | median 1)
        row "line crossed to signal, leak of $name" "$spillway" "$earlyoom" earlyoom µs 0.33
    done
}

# Kills of the same victims, step by step.
killing() {
    local size step name column spillway earlyoom
    for size in 200 2048; do
        for step in term kill escalate; do
            say "$step, $size MiB"
            in_namespace kill spillway $step $size 7 >"$BENCH/kill-spillway-$step-$size"
            in_namespace kill earlyoom $step $size 7 >"$BENCH/kill-earlyoom-$step-$size"
            case $step in
                term) name="SIGTERM" ;;
                kill) name="SIGKILL" ;;
                escalate) name="SIGKILL after SIGTERM in vain" ;;
            esac
            column=0
            for what in 'to the signal' 'to the first page back' 'to all of it back'; do
                column=$((column + 1))
                spillway=$(median $column <"$BENCH/kill-spillway-$step-$size")
                earlyoom=$(median $column <"$BENCH/kill-earlyoom-$step-$size")
                row "$size MiB, $name: $what" "$spillway" "$earlyoom" earlyoom µs -
            done
        done
    done
}

# A count has no ratio. The allowed number of allocations is 0.
counts() {
    local deciding calm size
    say "allocations and size"
    deciding=$(in_namespace allocations deciding | awk '{ print $3 }' | sort -n | tail -n 1)
    calm=$(in_namespace allocations calm)
    size=$(stat -c %s "$BIN/spillwayd")
    printf '| allocations in the worst of 10 decisions | %s | | | 0 | %s |\n' "$deciding" \
        "$([ "$deciding" = 0 ] && echo yes || echo '**no**')"
    printf '| allocations in 25 s of calm | %s | | | 0 | %s |\n' "$calm" \
        "$([ "$calm" = 0 ] && echo yes || echo '**no**')"
    printf '| stripped size | %s bytes | | | 1500000 | %s |\n' "$size" \
        "$([ "$size" -le 1500000 ] && echo yes || echo '**no**')"
}

table() {
    printf '| row | Spillway | beside | ratio | to reach | reached |\n|---|---|---|---|---|---|\n'
    say "two idle minutes"
    idle
    choosing
    beside_a_hog
    leaking
    killing
    counts
}

machine() {
    printf 'Measured on %s: Linux %s, %s processors (%s), %s MiB of memory, %s; Spillway %s beside %s.\n' \
        "$(date -u +%Y-%m-%d)" "$(uname -r | cut -d- -f1)" "$(nproc)" \
        "$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)" \
        "$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)" \
        "$(awk '/^SwapTotal:/ { print $2 ? int($2 / 1024) " MiB of swap" : "no swap" }' /proc/meminfo)" \
        "$("$BIN/spillwayd" --version | awk '{ print $NF }')" "$("$BENCH/earlyoom" -v 2>&1 | head -n 1)"
}

compile
fetch_earlyoom
{ machine; echo; table; } | tee "$BENCH/table.md"

if [ "${RECORD:-}" = 1 ]; then
    awk -v table="$BENCH/table.md" '
        /^<!-- end of table -->/ { inside = 0 }
        !inside { print }
        /^<!-- table, by make bench/ { inside = 1; while ((getline line < table) > 0) print line }' \
        docs/performance.md >"$BENCH/performance.md"
    cp "$BENCH/performance.md" docs/performance.md
fi
