"""The arena: small virtual machines in which real programs exhaust real memory. See docs/arena.md."""

import argparse
import fcntl
import json
import os
import sys
import time
from pathlib import Path

from . import corpus, image, page, places, retune, table
from .agents import AGENTS
from .campaign import Campaign, Result
from .scenario import Mistake, load_all


def main() -> int:
    """What `make arena` and its like start; 1 if Spillway did wrong, 2 if it could not be tried."""
    arguments = _arguments()
    try:
        if arguments.action == "setup":
            image.make_all(arguments.debian)
            return 0
        if arguments.action == "page":
            return _write_page(arguments.results)
        if arguments.action == "corpus":
            return corpus.take(arguments.results)
        if arguments.action == "retune":
            return retune.tune(_present(arguments.policy), arguments.scenarios)
        return _run(arguments)
    except Mistake as mistake:
        print(f"arena: {mistake}", file=sys.stderr)
        return 2


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="arena", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    setup = actions.add_parser("setup", help="make the guests' parts")
    setup.add_argument("--debian", action="store_true", help="the Debian root for systemd-oomd as well")
    run = actions.add_parser("run", help="run scenarios")
    run.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="their names; all of them without any")
    run.add_argument("--quick", action="store_true", help="only the scenarios that say quick = true")
    run.add_argument("--agents", default="spillway", help=f"some of {','.join(AGENTS)}; default spillway")
    run.add_argument("--policy", type=Path, default=places.ROOT / "policies/server.toml", help="Spillway's policy")
    run.add_argument("--repeat", type=int, default=1, metavar="N", help="how often each is run")
    run.add_argument("--guests", type=int, default=1, metavar="N", help="how many at a time")
    run.add_argument("--results", type=Path, default=places.RESULTS, help="a folder; runs are added to those in it")
    run.add_argument("--resume", action="store_true", help="count what is there of the same agent and policy")
    show = actions.add_parser("page", help="write the page and the table of results anew")
    show.add_argument("--results", type=Path, default=places.RESULTS)
    take = actions.add_parser("corpus", help="copy the flights of results to those that tests replay")
    take.add_argument("--results", type=Path, default=places.RESULTS)
    tune = actions.add_parser("retune", help="try a policy on the recorded flights")
    tune.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="their names; all of them without any")
    tune.add_argument("--policy", type=Path, default=places.ROOT / "policies/server.toml", help="the policy")
    return parser.parse_args()


def _present(policy: Path) -> Path:
    if not policy.is_file():
        raise Mistake(f"no policy at {policy}")
    return policy


def _run(arguments: argparse.Namespace) -> int:
    names = arguments.agents.split(",")
    for name in names:
        if name not in AGENTS:
            raise Mistake(f"no agent {name!r}; there are: {', '.join(AGENTS)}")
    _present(arguments.policy)
    for program in (places.TOOL, places.AGENT):
        if not os.access(program, os.X_OK):
            raise Mistake(f"no {program.relative_to(places.ROOT)}; run `make build` first")
    if arguments.repeat < 1 or arguments.guests < 1:
        raise Mistake("--repeat and --guests need a number from 1")
    campaign = Campaign(
        load_all(arguments.scenarios, arguments.quick),
        [AGENTS[name] for name in names],
        arguments.policy,
        arguments.repeat,
        arguments.guests,
        arguments.results,
        arguments.resume,
    )
    places.BUILD.mkdir(parents=True, exist_ok=True)
    with (places.BUILD / "lock").open("w") as lock:
        # Two campaigns at a time would measure each other.
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _run_campaign(campaign)


def _run_campaign(campaign: Campaign) -> int:
    image.make_all(any(agent.under_systemd for agent in campaign.agents))
    campaign.results.mkdir(parents=True, exist_ok=True)
    begun, wrong = time.monotonic(), False
    remarks: list[str] = []
    print(table.head(), flush=True)
    for results in campaign.groups():
        print(table.row(results), flush=True)
        if results[0]["agent"] == "spillway":
            remarks += _remarks(results)
            wrong |= any(result["faults"] and not result.get("known") for result in results)
    image.say(f"took {time.monotonic() - begun:.0f} s")
    _write_page(campaign.results, quiet=True)
    for remark in remarks:
        print(f"arena: {remark}", file=sys.stderr)
    return 1 if wrong else 0


def _remarks(results: list[Result]) -> list[str]:
    """What is to be said of Spillway in one scenario: each fault, or that a known failure did not occur."""
    name, known = results[0]["scenario"], results[0].get("known")
    faults = [fault for result in results for fault in result["faults"]]
    if known and not faults:
        return [f"Spillway in {name}: no fault in {len(results)} run(s), although its file has known = {known!r}"]
    return [f"Spillway in {name}: {'known: ' if known else ''}{fault}" for fault in faults]


def _write_page(folder: Path, quiet: bool = False) -> int:
    results = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    # Guests that ran beside each other left theirs in no order.
    agents = list(AGENTS)
    results.sort(key=lambda result: (result["scenario"], agents.index(result["agent"]), result["repetition"]))
    (folder / "arena.html").write_text(page.write(results))
    image.say(f"{folder / 'arena.html'} shows every run")
    if not quiet:
        print(table.head())
        for group in table.groups(results):
            print(table.row(group))
        print(table.totals_text(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
