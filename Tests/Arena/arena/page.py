"""Results as one HTML page that needs nothing else: tables, and a timeline of every run."""

import html
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from . import places, table
from .agents import AGENTS

Result = dict[str, Any]

WIDTH, LEFT, RIGHT = 560, 52, 8
BANDS = {"memory": (14, 84), "stall": (110, 34), "gap": (156, 48)}
"""From the top: where each begins, and its height."""
HEIGHT = 226

GAPS = (0.01, 0.1, 1, 10)
"""Seconds at which the service's band has lines."""


def write(results: Sequence[Result]) -> str:
    """The page."""
    template = (places.ARENA / "page.html").read_text()
    groups = table.groups(results)
    return (
        template.replace("{{summary}}", _summary(results))
        .replace("{{overview}}", _overview(groups))
        .replace("{{scenarios}}", "\n".join(_scenario(name, results) for name in _names(results)))
    )


def _names(results: Sequence[Result]) -> list[str]:
    return list(dict.fromkeys(result["scenario"] for result in results))


def _summary(results: Sequence[Result]) -> str:
    lines = table.totals(results)
    rows = "".join(
        f"<tr><td>{html.escape(row['title'])}</td><td>{row['lost_s']:.1f} s</td><td>{row['kills']:.0f}</td>"
        f"<td>{row['bad']} of {lines.scenarios}</td></tr>"
        for row in lines.rows
    )
    return (
        f"<p>{len(results)} runs. Over the {lines.scenarios} scenarios that every agent ran, the median of each:</p>"
        "<table><thead><tr><th>agent</th><th>time the service lost</th><th>kernel kills</th>"
        f"<th>scenarios with a fault</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _overview(groups: Sequence[Sequence[Result]]) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name, _ in table.COLUMNS)
    rows = []
    for group in groups:
        kind = next((_kind(result) for result in group if result["faults"]), "ok")
        cells = table.cells(group)
        faults = "; ".join(dict.fromkeys(fault for result in group for fault in result["faults"]))
        cells_html = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells[1:])
        rows.append(
            f'<tr class="{kind}" title="{html.escape(faults, quote=True)}">'
            f'<td><a href="#{cells[0]}">{cells[0]}</a></td>{cells_html}</tr>'
        )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _kind(run: Result) -> str:
    return "ok" if not run["faults"] else "known" if run.get("known") else "bad"


def _scenario(name: str, results: Sequence[Result]) -> str:
    runs = [result for result in results if result["scenario"] == name]
    end = max((result["scene_s"] or 1 for result in runs), default=1)
    cards = "\n".join(_card(run, end) for run in runs)
    wanted = "a process has to be killed" if runs[0]["expect"] == "end" else "none has to be killed"
    known = next((run["known"] for run in runs if run.get("known")), None)
    fails = f" Spillway is known to fail: {html.escape(known)}" if known else ""
    return (
        f'<section id="{name}"><h2>{html.escape(runs[0]["title"])}</h2>'
        f'<p>{html.escape(runs[0]["why"])} <em>Here {wanted}.</em>{fails}</p><div class="cards">{cards}</div></section>'
    )


def _card(run: Result, end: float) -> str:
    verdict = "; ".join(run["faults"]) or "as it should be"
    facts = [
        f"lost {_number(run['lost_ms'], 'ms')}, longest gap {_number(run['worst_gap_ms'], 'ms')}",
        f"relief after {_number(run['relief_s'], 's', 1)}",
        f"agent {_number(run['agent_cpu_ms'], 'ms')} of processor",
        f"host load {run['load_before']:.1f} to {run['load_after']:.1f}",
    ]
    agent = html.escape(AGENTS[run["agent"]].title)
    return (
        f'<figure class="{_kind(run)}"><figcaption><b>{agent}</b>'
        f" run {run['repetition']}: <span>{html.escape(verdict)}</span></figcaption>{_timeline(run, end)}"
        f'<p class="facts">{" · ".join(facts)}</p></figure>'
    )


def _number(value: float | None, unit: str, decimals: int = 0) -> str:
    return "-" if value is None else f"{value:,.{decimals}f} {unit}"


def _timeline(run: Result, end: float) -> str:
    samples = run["samples"]
    parts = [_frame(end)]
    if samples:
        parts += [_memory(run, samples, end), _stall(samples, end), _gaps(samples, end)]
    parts += [_signal(signal, end) for signal in run["signals"]]
    label = html.escape(f"{run['title']} under {run['agent']}: {'; '.join(run['faults']) or 'no fault'}", quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _x(ms: float, end: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * min(ms / 1000 / end, 1)


def _y(band: str, share: float) -> float:
    top, height = BANDS[band]
    return top + height * (1 - max(0.0, min(share, 1.0)))


def _gap_share(seconds: float) -> float:
    return math.log10(max(seconds, GAPS[0]) / GAPS[0]) / math.log10(GAPS[-1] / GAPS[0])


def _frame(end: float) -> str:
    parts = []
    for band, (top, height) in BANDS.items():
        parts.append(f'<rect class="band" x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}" height="{height}"/>')
        parts.append(f'<text class="label" x="4" y="{top + 9}">{band}</text>')
    for band, share, text in (("memory", 0.5, "50%"), ("stall", 0.5, "50%")):
        parts.append(_line(band, share, text))
    parts += [_line("gap", _gap_share(gap), f"{gap:g} s") for gap in GAPS[1:-1]]
    bottom = sum(BANDS["gap"])
    step = max(1, 5 * math.ceil(end / 40)) if end > 8 else 1
    for second in range(0, int(end) + 1, step):
        x = _x(second * 1000, end)
        parts.append(f'<text class="tick" x="{x:.1f}" y="{bottom + 13}">{second} s</text>')
    return "".join(parts)


def _line(band: str, share: float, text: str) -> str:
    y = _y(band, share)
    return (
        f'<line class="guide" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="scale" x="{LEFT - 4}" y="{y + 3:.1f}">{text}</text>'
    )


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _memory(run: Result, samples: Sequence[dict[str, int]], end: float) -> str:
    total, swap = run["total_kib"] or 1, run["swap_total_kib"]
    line = [(_x(sample["ms"], end), _y("memory", sample["available_kib"] / total)) for sample in samples]
    area = [(line[0][0], _y("memory", 0)), *line, (line[-1][0], _y("memory", 0))]
    text = f'<polygon class="available" points="{_path(area)}"/><polyline class="available" points="{_path(line)}"/>'
    if swap:
        free = [(_x(sample["ms"], end), _y("memory", sample["swap_free_kib"] / swap)) for sample in samples]
        text += f'<polyline class="swap" points="{_path(free)}"/>'
    return text


def _stall(samples: Sequence[dict[str, int]], end: float) -> str:
    points = []
    for before, after in pairwise(samples):
        share = (after["stall_full_us"] - before["stall_full_us"]) / 1000 / max(after["ms"] - before["ms"], 1)
        points.append((_x(after["ms"], end), _y("stall", share)))
    if not points:
        return ""
    area = [(points[0][0], _y("stall", 0)), *points, (points[-1][0], _y("stall", 0))]
    return f'<polygon class="stall" points="{_path(area)}"/>'


def _gaps(samples: Sequence[dict[str, int]], end: float) -> str:
    bars = []
    for sample in samples:
        share = _gap_share(sample["longest_us"] / 1_000_000)
        # What is in no sample's way is no gap worth a bar.
        if sample["longest_us"] > 20_000:
            x = _x(sample["ms"], end)
            bars.append(f"M{x:.1f} {_y('gap', 0):.1f}V{_y('gap', share):.1f}")
    return f'<path class="gap" d="{"".join(bars)}"/>' if bars else ""


def _signal(signal: dict[str, Any], end: float) -> str:
    kind = "kernel" if signal["by_kernel"] else "kill" if signal["signal"] == 9 else "term"
    x, bottom = _x(signal["ms"], end), sum(BANDS["gap"])
    sender = "the kernel" if signal["by_kernel"] else signal["sender"]
    name = "SIGKILL" if signal["signal"] == 9 else "SIGTERM"
    text = html.escape(
        f"{signal['ms'] / 1000:.2f} s: {name} to {signal['comm']} ({signal['pid']}) by {sender}"
        + (", ignored" if signal["ignored"] else "")
    )
    mark = {
        "term": f"M{x - 4:.1f} 4h8l-4 8z",
        "kill": f"M{x - 4:.1f} 4h8v8h-8z",
        "kernel": f"M{x - 4:.1f} 4l8 8m0 -8l-8 8",
    }[kind]
    return (
        f'<g class="signal {kind}"><title>{text}</title><line x1="{x:.1f}" x2="{x:.1f}" y1="12" y2="{bottom}"/>'
        f'<path d="{mark}"/></g>'
    )
