"""Trying a policy on the corpus: what each recorded run would have come to under it, without a guest."""

import subprocess
import tempfile
from pathlib import Path

from . import agents, places
from .scenario import Mistake, Scenario, load_all


def tune(policy: Path, names: list[str]) -> int:
    """Prints of each flight whether the policy decides otherwise than the one it was recorded with; 1 if any does.

    The policy is tried as the arena would use it: with the rules and domains that a scenario adds.
    """
    flown = [scenario for scenario in load_all(names) if places.flight(scenario.name).is_file()]
    if not flown:
        raise Mistake("no flight of these scenarios; `make corpus` records them")
    width = max(len(scenario.name) for scenario in flown)
    differing = 0
    with tempfile.TemporaryDirectory() as folder:
        for scenario in flown:
            differs, text = _try(scenario, policy, Path(folder))
            differing += differs
            print(f"{scenario.name:{width}}  {text}", flush=True)
    print(f"{differing} of {len(flown)} flights are decided otherwise under {policy}")
    return 1 if differing else 0


def _try(scenario: Scenario, policy: Path, folder: Path) -> tuple[bool, str]:
    # Under its own name, as it is shown.
    (folder / policy.name).write_text(agents.policy(scenario, policy))
    words = [places.TOOL, "replay", "--policy", f"./{policy.name}", places.flight(scenario.name)]
    result = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if result.returncode not in (0, 1):
        raise Mistake(f"{scenario.name}: {result.stderr.strip()}")
    # The first line is about the flight.
    lines = result.stdout.splitlines()[1:]
    if result.returncode == 0:
        same = [line for line in lines if not line.startswith("  ")]
        return False, "; ".join(same)
    return True, "\n".join(["decided otherwise:", *lines])
