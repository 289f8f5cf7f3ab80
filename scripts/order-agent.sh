#!/bin/bash
# Writes scripts/agent-order.txt: the functions that run in spillwayd after its start, those of calm time first and then
# those of kills, in the order of their first call. They are found by breakpoints (functions-run.c), in two runs of an
# unstripped agent: a dry run in calm, and an armed one under a policy by which memory is always short, with a victim
# that dies of SIGTERM and one that does not. Needs root and x86-64.
#
# usage: scripts/order-agent.sh, after `make build`
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
export work=$root/build/order
rm -rf "$work"
mkdir -p "$work"
cat >"$work/always.toml" <<'POLICY'
version = 1
extends = "server"
[trigger]
floor = { available = "100%" }
[action]
grace = "1s"
min_footprint = "20 MiB"
POLICY
"$root/build/bin/spillway" compile "$work/always.toml" -o "$work/always.image"
cc -O1 -Wall -Wextra -o "$work/functions-run" "$root/scripts/functions-run.c"
KEEP_SYMBOLS=1 "$root/scripts/build-agent.sh" "$work/spillwayd"
nm --defined-only "$work/spillwayd.unstripped" >"$work/symbols"

# With a journal that takes what is posted and shows it to nobody.
in_namespace() {
    unshare --fork --pid --mount-proc --kill-child bash -c '
        mount -t tmpfs run /run && mkdir -p /run/systemd/journal
        python3 -c "import socket
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.bind(\"/run/systemd/journal/socket\")
while True: journal.recv(65536)" &
        until [ -S /run/systemd/journal/socket ]; do sleep 0.1; done
        '"$1"
}

# Another agent beside it is told of once.
cp "$(command -v sleep)" "$work/earlyoom"
in_namespace '
    for _ in $(seq 50); do sleep 200 & done
    "$work/earlyoom" 200 &
    "$work/functions-run" 150 "$work/symbols" "$work/spillwayd.unstripped" --dry-run --record "$work/calm.jsonl" \
        --flights "$work/flights" 2>"$work/calm.errors" >"$work/calm"'
in_namespace '
    hog() { python3 -c "import signal, time; $1; room = bytearray(60 << 20); time.sleep(60)" & }
    hog "signal.signal(signal.SIGTERM, signal.SIG_DFL)"
    hog "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    sleep 1
    "$work/functions-run" 20 "$work/symbols" "$work/spillwayd.unstripped" --image "$work/always.image" \
        --record "$work/kills.jsonl" --flights "$work/flights" 2>"$work/kills.errors" >"$work/kills"'
[ "$(grep -c '"event":"outcome"' "$work/kills.jsonl")" -ge 2 ] || { cat "$work/kills.errors" >&2; exit 1; }
{
    sed -n '/^#/p' "$root/scripts/agent-order.txt"
    # The marks, which the start looks for: see clinux_keep_code_in_use.
    echo clinux_code_in_use_begins
    awk '!seen[$0]++ && !/^clinux_code_in_use_/' "$work/calm" "$work/kills"
    echo clinux_code_in_use_ends
} >"$work/order.txt"
mv "$work/order.txt" "$root/scripts/agent-order.txt"
