#!/bin/bash
# lint.sh: everything lint looks at that is not Swift. What only some machines have is used where it is.
set -euo pipefail
cd "$(dirname "$0")/.."

have() { command -v "$1" >/dev/null 2>&1; }

mapfile -t scripts < <(grep -lE '^#!/bin/(ba)?sh' -r .ci scripts packaging Tests Benchmarks | sort)
for script in "${scripts[@]}"; do
    shell=$(sed -n '1s,^#!,,p' "$script")
    "$shell" -n "$script"
done
if have shellcheck; then shellcheck "${scripts[@]}"; fi

for page in packaging/man/*.[1-8]; do
    if have mandoc; then
        mandoc -T lint -W warning "$page"
    elif have groff; then
        # -z formats and prints nothing; -ww turns its warnings on, but does not fail on them.
        warnings=$(groff -mdoc -ww -z "$page" 2>&1)
        if [ -n "$warnings" ]; then printf '%s\n' "$warnings" >&2; exit 1; fi
    fi
done

if have systemd-analyze; then scripts/check-unit.sh; fi
