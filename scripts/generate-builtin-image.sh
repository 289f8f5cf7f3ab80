#!/bin/sh
# Compiles policies/server.toml into the image that the agent falls back on, and lays it out as Swift source.
#
# usage: scripts/generate-builtin-image.sh SPILLWAY
# SPILLWAY is the tool to compile it with. A test holds the checked-in source to the preset.
set -eu

tool=$1
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
image=$work/image
trap 'rm -rf "$work"' EXIT

# A copy: the repository need not belong to who builds it, and then its files are no policy to rely on.
cp "$root/policies/server.toml" "$work/server.toml"
chmod 600 "$work/server.toml"
"$tool" compile "$work/server.toml" -o "$image"
{
    cat <<'HEADER'
// Generated from policies/server.toml by `make image`; a test holds it to that file.
extension BuiltInPolicy {
  /// The image's bytes in hexadecimal: a literal costs no start-up code, as an array of numbers would.
  static let digits = """
HEADER
    od -An -v -tx1 "$image" | tr -d ' \n' | fold -w 112 | sed -e 's/^/    /' -e 's/$/\\/' -e '$s/\\$//'
    cat <<'FOOTER'

    """
}
FOOTER
} >"$root/Sources/Agent/BuiltInPolicy+Digits.swift"
