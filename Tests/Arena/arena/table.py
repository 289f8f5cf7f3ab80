"""Results as a table on the terminal."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .agents import AGENTS, PEERS

Result = dict[str, Any]

COLUMNS = (
    ("scenario", 22),
    ("agent", 9),
    ("verdict", 9),
    ("victim", 12),
    ("innocents lost", 22),
    ("kernel", 6),
    ("worst gap", 16),
    ("time lost", 16),
    ("signal", 13),
    ("relief", 13),
    ("at signal", 10),
    ("agent cpu", 10),
    ("known failure", 13),
)


def head() -> str:
    """The names of the columns."""
    return "  ".join(f"{name:{width}}" for name, width in COLUMNS).rstrip()


def row(results: Sequence[Result]) -> str:
    """One line for the runs of one scenario under one agent."""
    return "  ".join(f"{cell:{width}}" for cell, (_, width) in zip(cells(results), COLUMNS, strict=True)).rstrip()


def cells(results: Sequence[Result]) -> tuple[str, ...]:
    """What stands in the columns: medians, and the range where there are several runs."""
    first = results[0]
    lost = sorted({name for result in results for name in result["innocents_lost"]})
    victims = sorted({result["first_victim"] or "-" for result in results})
    return (
        first["scenario"],
        first["agent"],
        _verdict(results),
        ",".join(victims),
        ",".join(lost) or "-",
        _range(results, "kernel_kills", "{:.0f}"),
        _range(results, "worst_gap_ms", "{:.0f} ms"),
        _range(results, "lost_ms", "{:.0f} ms"),
        _range(results, "first_signal_s", "{:.1f} s"),
        _range(results, "relief_s", "{:.1f} s"),
        _range(results, "available_at_signal_kib", "{:.0f} MiB", 1024),
        _range(results, "agent_cpu_ms", "{:.0f} ms"),
        first.get("known") or "-",
    )


def _verdict(results: Sequence[Result]) -> str:
    """In capitals what is not as the scenario says: a fault that it does not know, and a known one that is gone."""
    bad, known = sum(bool(result["faults"]) for result in results), results[0].get("known")
    if not bad:
        return "PASSES" if known else "ok"
    return f"{'known' if known else 'BAD'} {bad}/{len(results)}"


def groups(results: Sequence[Result]) -> list[list[Result]]:
    """Results by scenario and agent, in the order of their first runs."""
    found: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        found.setdefault((result["scenario"], result["agent"]), []).append(result)
    return list(found.values())


@dataclass
class Totals:
    """What each agent did over the scenarios that all of them ran, with the median of each scenario's runs."""

    scenarios: int
    rows: list[dict[str, Any]]
    """`agent`, `title`, `lost_s`, `kills` and `bad`, the number of scenarios with a fault in any run."""


def totals(results: Sequence[Result]) -> Totals:
    """Adds up. The time of a scenario whose service was not seen at all counts as nothing, and its fault counts."""
    by_agent: dict[str, dict[str, list[Result]]] = {}
    for result in results:
        by_agent.setdefault(result["agent"], {}).setdefault(result["scenario"], []).append(result)
    common = set.intersection(*(set(runs) for runs in by_agent.values())) if by_agent else set()
    rows = []
    for agent, runs in by_agent.items():
        chosen = [runs[name] for name in sorted(common)]
        rows.append(
            {
                "agent": agent,
                "title": AGENTS[agent].title,
                "lost_s": sum(_median(runs, "lost_ms") or 0 for runs in chosen) / 1000,
                "kills": sum(_median(runs, "kernel_kills") or 0 for runs in chosen),
                "bad": sum(any(result["faults"] for result in runs) for runs in chosen),
            }
        )
    return Totals(len(common), rows)


def totals_text(results: Sequence[Result]) -> str:
    """The same for the terminal, and how Spillway compares with the best of its peers."""
    sums = totals(results)
    lines = [f"over the {sums.scenarios} scenarios that every agent ran, with the median of each:"]
    lines += [
        f"  {row['agent']:9} time lost {row['lost_s']:8.1f} s   kernel kills {row['kills']:4.0f}   "
        f"scenarios with a fault {row['bad']}"
        for row in sums.rows
    ]
    lost = {row["agent"]: row["lost_s"] for row in sums.rows}
    peers = {agent: seconds for agent, seconds in lost.items() if agent in PEERS}
    if "spillway" in lost and peers:
        best = min(peers, key=lambda agent: peers[agent])
        if peers[best] > 0:
            lines.append(f"  time lost under Spillway: {lost['spillway'] / peers[best]:.2f} of that under {best}")
    return "\n".join(lines)


def _numbers(results: Sequence[Result], key: str) -> list[float]:
    return [result[key] for result in results if result[key] is not None]


def _median(results: Sequence[Result], key: str) -> float | None:
    numbers = _numbers(results, key)
    return statistics.median(numbers) if numbers else None


def _range(results: Sequence[Result], key: str, form: str, divisor: float = 1) -> str:
    numbers = [number / divisor for number in _numbers(results, key)]
    if not numbers:
        return "-"
    text = form.format(statistics.median(numbers))
    least, most = form.format(min(numbers)).split(" ")[0], form.format(max(numbers)).split(" ")[0]
    return text if least == most else f"{text} ({least}-{most})"
