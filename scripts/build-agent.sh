#!/bin/sh
# Builds the small form of spillwayd: the resident rooms as one Embedded Swift module, fully static, stripped.
# As separate Embedded modules they do not compile ("deinit of non-copyable type not visible in the current module"), so
# each file is copied into one folder without its imports of other rooms.
#
# usage: scripts/build-agent.sh OUTPUT
set -eu

output=$1
root=$(cd "$(dirname "$0")/.." && pwd)
rooms="LinuxSystem ProcModel ProcReader Pressure Badness Policy Flight Ladder Record Agent spillwayd"

work=$(dirname "$output")/agent-sources
rm -rf "$work"
mkdir -p "$work" "$(dirname "$output")"

siblings=$(echo "$rooms" | tr ' ' '|')
for room in $rooms; do
    for file in "$root/Sources/$room"/*.swift; do
        sed -E "/^((package|public|internal) )?import ($siblings)\$/d" "$file" >"$work/${room}_$(basename "$file")"
    done
done

# --gc-sections drops functions that nothing calls, and --icf=safe those that are there twice. agent-order.txt says why
# functions have an order, which takes a section for each function and the linker lld. The driver would warn of -pie
# beside -static.
sed '/^#/d' "$root/scripts/agent-order.txt" >"$work/order"
swiftc -swift-version 6 -Osize -whole-module-optimization -parse-as-library -module-name spillwayd \
    -package-name spillway -strict-memory-safety -warnings-as-errors \
    -enable-experimental-feature Embedded -enable-experimental-feature Lifetimes \
    -enable-upcoming-feature ExistentialAny -enable-upcoming-feature InternalImportsByDefault \
    -I "$root/Sources/CLinux/include" -I "$root/Sources/CLibcap" \
    "$work"/*.swift -o "$output.unstripped" \
    -Xclang-linker -static -Xclang-linker -Wno-unused-command-line-argument \
    -Xfrontend -function-sections -use-ld=lld -Xlinker --gc-sections -Xlinker --icf=safe \
    -Xlinker --symbol-ordering-file="$work/order" -Xlinker --no-warn-symbol-ordering -lcap -lm

strip -o "$output" "$output.unstripped"
if [ -z "${KEEP_SYMBOLS:-}" ]; then rm -f "$output.unstripped"; fi
