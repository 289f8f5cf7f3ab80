#!/bin/bash
# run-tests.sh NAME ARGUMENT...: runs `swift test ARGUMENT...` and prints one line for each suite, and everything about
# failures. The whole output, some 4 MB, goes to build/tests-NAME.txt.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
log=build/tests-$1.txt
shift
mkdir -p build

# A line of a failure is followed by lines that begin with an arrow and explain it. An argument of a test may be
# megabytes long.
swift test "$@" 2>&1 | tee "$log" | awk '
    function show() { print substr($0, 1, 1000); fflush() }
    /^(✔ Suite|✔ Test run|Building for|Build complete|error: |\/[^ ]+: error: )/ { show(); explains = 0; next }
    /^✘/ { show(); explains = 1; next }
    /^↳/ && explains { show(); next }
    { explains = 0 }'
status=${PIPESTATUS[0]}

if [ "$status" -ne 0 ]; then
    # The output of a crash has no form by which it could be found.
    printf '\nswift test exited with %s. The last of its output:\n' "$status"
    tail -n 25 "$log"
    printf '\nThe whole output is in %s.\n' "$log"
fi
exit "$status"
