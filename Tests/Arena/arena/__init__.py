"""The arena's harness; `python3 -m arena --help` tells how to use it."""
