#!/bin/sh
# Compiles policies/server.toml into the built-in policy image, and writes it as Swift source.
#
# usage: scripts/generate-builtin-image.sh SPILLWAY
# SPILLWAY is the tool that compiles it. BuiltInPolicyTests compares the checked-in source with the preset.
set -eu

tool=$1
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
image=$work/image
trap 'rm -rf "$work"' EXIT

# The tool refuses a policy file of another user, and the repository may belong to another user than the one who builds.
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
