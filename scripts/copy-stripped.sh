#!/bin/sh
# copy-stripped.sh FROM TO: copies a program without its symbols, unless TO is newer than FROM.
set -eu

from=$1 to=$2
if [ -e "$to" ] && [ -z "$(find "$from" -newer "$to")" ]; then
    exit 0
fi
mkdir -p "$(dirname "$to")"
# It is copied under another name first, so that a running program is replaced and never overwritten.
cp "$from" "$to.new"
strip "$to.new"
mv "$to.new" "$to"
