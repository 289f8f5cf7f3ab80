#!/bin/bash
# lint.sh: checks everything that is not Swift. A checker that is not installed is left out.
set -euo pipefail
cd "$(dirname "$0")/.."

have() { command -v "$1" >/dev/null 2>&1; }

mapfile -t scripts < <(grep -lE '^#!/bin/(ba)?sh' -r .ci scripts packaging Tests Benchmarks | sort)
for script in "${scripts[@]}"; do
    shell=$(sed -n '1s,^#!,,p' "$script")
    "$shell" -n "$script"
done
if have shellcheck; then shellcheck "${scripts[@]}"; fi

if have shellcheck; then shellcheck Tests/Guest/files/lib.sh; fi

# The arena and the package's guest: scripts that BusyBox runs in guests, programs in C, and the harnesses in Python.
mapfile -t scripts < <(grep -lE '^#!/bin/busybox sh' -r Tests/Arena | sort)
for script in "${scripts[@]}"; do sh -n "$script"; done
if have shellcheck; then shellcheck --shell=dash --exclude=SC1091 "${scripts[@]}"; fi
if have cc; then
    for source in Tests/Arena/guest/*.c; do cc -fsyntax-only -Wall -Wextra -Werror "$source"; done
fi
if have gofmt; then
    unformatted=$(gofmt -l Tests/Arena/guest)
    if [ -n "$unformatted" ]; then printf 'gofmt: %s\n' "$unformatted" >&2; exit 1; fi
fi
if have python3; then
    python3 - Tests/Arena/arena/*.py Tests/Guest/guesttest/*.py <<'PYTHON'
import ast, pathlib, sys
for path in sys.argv[1:]:
    ast.parse(pathlib.Path(path).read_bytes(), path)
PYTHON
fi
if have ruff; then
    for folder in Tests/Arena/arena Tests/Guest/guesttest; do
        ruff check --quiet --config Tests/Arena/ruff.toml "$folder"
        ruff format --quiet --check --config Tests/Arena/ruff.toml "$folder"
    done
fi

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
