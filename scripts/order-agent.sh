#!/bin/sh
# Writes scripts/agent-order.txt: the functions of the C library that run when spillwayd starts, looks and decides.
# An unstripped agent runs under QEMU's emulation of a processor (Debian: qemu-user), which logs each function. The
# agent is in dry run, under a policy by which memory is always short.
#
# usage: scripts/order-agent.sh, after `make build`
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
work=$root/build/order
mkdir -p "$work"
cat >"$work/always.toml" <<'POLICY'
version = 1
extends = "server"
trigger.floor.available = "100%"
POLICY
"$root/build/bin/spillway" compile "$work/always.toml" -o "$work/always.image"
KEEP_SYMBOLS=1 "$root/scripts/build-agent.sh" "$work/spillwayd"
timeout 20 qemu-x86_64 -d in_asm -D "$work/log" "$work/spillwayd.unstripped" --dry-run \
    --image "$work/always.image" --record "$work/record.jsonl" || test $? = 124
test -s "$work/record.jsonl"
{
    sed -n '/^#/p' "$root/scripts/agent-order.txt"
    # Swift's own names begin with a dollar sign. They are together without this.
    sed -n 's/^IN: \([A-Za-z_][A-Za-z0-9_.]*\).*/\1/p' "$work/log" | LC_ALL=C sort -u
} >"$work/order.txt"
mv "$work/order.txt" "$root/scripts/agent-order.txt"
