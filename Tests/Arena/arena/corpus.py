"""The corpus: the flight of one run of each scenario under Spillway, which the agent's tests replay."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from . import places
from .scenario import load_all

EXPECTED = "expected.tsv"
"""A line for each flight: scenario, what it expects, and what its victims call themselves."""


def take(results: Path) -> int:
    """Copies the last flight of each scenario in these results to the corpus; 1 if one cannot be taken.

    A run with a fault is no example of how it should go, unless its scenario is known to fail.
    """
    places.CORPUS.mkdir(exist_ok=True)
    last = {}
    for line in (results / "results.jsonl").read_text().splitlines():
        result = json.loads(line)
        if result["agent"] == "spillway":
            last[result["scenario"]] = result
    refused = False
    for name, result in last.items():
        if reason := _reason_against(result):
            print(f"arena: {name} is not taken: {reason}", file=sys.stderr)
            refused = True
        else:
            shutil.copyfile(results / result["flight"], places.flight(name))
    _write_expected()
    return 1 if refused else 0


def _reason_against(result: dict[str, Any]) -> str:
    if result["faults"] and not result["known"]:
        return ", ".join(result["faults"])
    return "" if result["flight"] else "it left no flight"


def _write_expected() -> None:
    """Writes it of all that is there, and removes the flights of scenarios that are gone."""
    scenarios = {scenario.name: scenario for scenario in load_all()}
    lines = []
    for path in sorted(places.CORPUS.glob("*.flight")):
        if scenario := scenarios.get(path.stem):
            lines.append("\t".join([scenario.name, scenario.expect, ",".join(sorted(scenario.victim_comms))]) + "\n")
        else:
            path.unlink()
    (places.CORPUS / EXPECTED).write_text("".join(lines))
