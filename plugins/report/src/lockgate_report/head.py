"""What sums the sections up: the verdict, the figures, the plugins and their seals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lockgate_report.model import Call, Layer, Plugin, Section, Step, Total
from lockgate_report.units import count, duration, seconds

__all__ = ["plugins", "totals", "verdict"]


def verdict(state: str, sections: Sequence[Section]) -> str:
    """The whole run in one line: what was built, refused, failed."""
    built = sum(section.state == "done" for section in sections)
    refused = [section for section in sections if section.state == "refused"]
    wrong = [section for section in sections if not section.as_expected]
    meant = sum(section.as_expected for section in refused)
    proved = sum(
        section.state == "done"
        and bool(section.simulations)
        and all(each.passed for each in section.simulations)
        for section in sections
    )
    parts: list[str] = []
    if built:
        words = "built and proved in simulation" if proved == built else "built"
        parts.append(f"{count(built, 'spec')} {words}")
    if meant:
        parts.append(f"{meant} refused as it must be")
    if wrong:
        worst = "refused" if all(s.state == "refused" for s in wrong) else "failed"
        parts.append(f"{len(wrong)} {worst}")
    if parts:
        return ", ".join(parts)
    return {"done": "All steps are done", "refused": "The input was refused"}.get(
        state, "The run did not succeed"
    )


def totals(took: float, sections: Sequence[Section]) -> tuple[Total, ...]:
    """The figures below it; `took` in seconds."""
    checks = [check for s in sections for m in s.simulations for check in m.checks]
    passed = sum(check.passed for check in checks)
    found = [each.severity for s in sections for each in s.findings]
    virtual = sum(each.duration_us for s in sections for each in s.simulations)
    calls = list(_calls(sections))
    denials = sum(len(each.denials) for each in calls)
    sealed = sum(not each.in_host for each in calls)
    shown = [Total(str(len(sections)), "spec" if len(sections) == 1 else "specs")]
    if checks:
        tone = "good" if passed == len(checks) else "bad"
        shown.append(Total(f"{passed}/{len(checks)}", "checks passed", tone))
    if found:
        errors = found.count("error")
        tone = "bad" if errors else "warn" if "warning" in found else ""
        label = f"findings, {count(errors, 'error')}"
        shown.append(Total(str(len(found)), label, tone))
    if virtual:
        shown.append(Total(duration(virtual), "simulated"))
    shown.append(Total(seconds(took), "by the clock"))
    if calls:
        shown.append(Total(f"{sealed}/{len(calls)}", "calls in a sealed worker"))
        tone = "warn" if denials else ""
        shown.append(Total(str(denials), "rights denied", tone))
    return tuple(shown)


def _calls(sections: Sequence[Section], own: Sequence[Step] = ()) -> Iterator[Call]:
    for section in sections:
        for step in section.steps:
            yield from step.calls
    for step in own:
        yield from step.calls


_WORST = ("off", "missing", "degraded", "active", "unneeded")


def plugins(sections: Sequence[Section], own: Sequence[Step]) -> tuple[Plugin, ...]:
    """Each plugin once; of each layer the weakest state that any call had."""
    grouped: dict[tuple[str, str], list[Call]] = {}
    for each in _calls(sections, own):
        grouped.setdefault((each.plugin, each.tier), []).append(each)
    return tuple(
        Plugin(
            name,
            calls[0].version,
            tier,
            len(calls),
            seconds(sum(each.seconds for each in calls)),
            all(each.in_host for each in calls),
            _weakest(calls),
            tuple(dict.fromkeys(d for each in calls for d in each.denials)),
        )
        for (name, tier), calls in sorted(grouped.items())
    )


def _weakest(calls: Sequence[Call]) -> tuple[Layer, ...]:
    found: dict[str, Layer] = {}
    for each in calls:
        for layer in each.layers:
            old = found.get(layer.name)
            if old is None or _rank(layer) < _rank(old):
                found[layer.name] = layer
    return tuple(found.values())


def _rank(layer: Layer) -> int:
    return _WORST.index(layer.state) if layer.state in _WORST else 0
