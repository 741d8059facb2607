"""Every foreign entry point that is installed here, run in its sealed worker.

``python -m tests.plugins.bridges.survey`` runs them and writes the table of
``docs/reference/bridges.md``; a test compares the two.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from lockgate import Host
from lockgate.config import Config
from lockgate.discovery import PluginState
from lockgate.errors import LockgateError
from lockgate.values import Data, Finding, Task, Tree
from tests.plugins.bridges.samples import SAMPLES

__all__ = ["ECOSYSTEMS", "PAGE", "Row", "bridged", "render", "survey"]

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "bridges.md"

ECOSYSTEMS = tuple(sorted(SAMPLES))


@dataclass(frozen=True, slots=True)
class Row:
    """One entry point: where it is from, and what it did."""

    ecosystem: str
    group: str
    entry: str
    distribution: str
    version: str
    did: str
    """Empty if it did not run."""
    why: str = ""
    """Why it did not."""


@contextmanager
def bridged(*ecosystems: str) -> Generator[Host]:
    """A host with the plugins of these ecosystems, and a home of its own."""
    with TemporaryDirectory() as home:
        config = Config(
            grants_file=f"{home}/grants.toml",
            cache_dir=f"{home}/cache",
            data_dir=f"{home}/data",
            state_dir=f"{home}/state",
            bridges=ecosystems,
        )
        with Host.open(config) as host:
            yield host


def survey(host: Host) -> list[Row]:
    """What each entry point of each foreign plugin does with its sample."""
    states = [state for state in host.plugins() if state.state == "foreign"]

    def rows_of(state: PluginState) -> list[Row]:
        return list(_rows(host, state))

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        found = pool.map(rows_of, states)
        return [row for rows in found for row in rows]


def _rows(host: Host, state: PluginState) -> Iterator[Row]:
    ecosystem = state.name.partition(".")[0]
    calls = _Calls(host, state, Tree.of(SAMPLES[ecosystem]))
    for group, text in state.entries:
        entry = text.partition("=")[0]
        row = Row(ecosystem, group, entry, state.distribution, state.version, "")
        try:
            yield replace(row, did=_ACTS[group](calls, entry))
        except LockgateError as error:
            yield replace(row, why=_first_line(str(error)))


def _first_line(text: str) -> str:
    return text.partition(", hook ")[2].partition("\n")[0][:160] or text[:160]


class _Calls:
    """Calls of one plugin; what one call tells of all entries is asked once."""

    def __init__(self, host: Host, state: PluginState, sample: Tree) -> None:
        values = [text.partition("=") for _, text in state.entries]
        self.functions = {name: to.partition(":")[2] for name, _, to in values}
        self._host = host
        self._name = state.name
        self._sample = sample
        self._findings: list[Finding] | None = None
        self._models: dict[str, str] | None = None

    def findings(self) -> Sequence[Finding]:
        """What was found in the sample."""
        if self._findings is None:
            found = self._host.call(
                "analyze", plugin=self._name, tree=self._sample, contract={}
            )
            for answer in found.values:
                for note in answer.notes:
                    raise LockgateError(f"{note.subject} {note.message}")
            self._findings = [f for answer in found.values for f in answer.findings]
        return self._findings

    def added(self, **options: Data) -> Mapping[str, int]:
        """The files that a transformation adds or changes, each with its size."""
        found = self._host.call(
            "transform", plugin=self._name, tree=self._sample, options=options
        )
        sizes: dict[str, int] = {}
        for answer in found.values:
            for note in answer.notes:
                raise LockgateError(f"{note.subject} {note.message}")
            before = {file.path: file.content for file in self._sample}
            for file in answer.tree:
                if before.get(file.path) != file.content:
                    sizes[file.path] = len(file.content)
        return sizes

    def models(self) -> Mapping[str, str]:
        """What an AI plugin offers: names and kinds of task."""
        if self._models is None:
            found = self._host.call("list_models", plugin=self._name)
            self._models = {m.id: m.tasks[0] for models in found.values for m in models}
        return self._models

    def complete(self, kind: str, model: str, prompt: str) -> str:
        """What a model or tool answers."""
        task = Task(kind, prompt=prompt)
        answers = self._host.call("complete", plugin=self._name, task=task, model=model)
        return answers.first.text


def _checks(calls: _Calls, entry: str) -> str:
    return _told(f.rule for f in calls.findings() if f.rule.startswith(entry))


def _tests(calls: _Calls, entry: str) -> str:
    """A test's findings: its function's name ends the address of its page."""
    ends = f"_{calls.functions[entry]}.html"
    return _told(f.rule for f in calls.findings() if f.hint.endswith(ends))


def _lists(calls: _Calls, entry: str) -> str:
    page = f"/blacklist_{entry}.html#"
    return _told(f.rule for f in calls.findings() if page in f.hint)


def _told(rules: Iterable[str]) -> str:
    found = sorted(set(rules))
    more = f" and {len(found) - 4} more" if len(found) > 4 else ""
    if not found:
        return "looks, and finds nothing"
    return "finds " + ", ".join(f"`{rule}`" for rule in found[:4]) + more


def _adds(**options: str) -> Callable[[_Calls, str], str]:
    def act(calls: _Calls, entry: str) -> str:
        given = {k: entry if v == "ENTRY" else v for k, v in options.items()}
        made = calls.added(**given)
        if not made:
            return "leaves it as it is"
        return "makes " + ", ".join(f"`{path}`" for path in made)

    return act


def _offers(calls: _Calls, _: str) -> str:
    offered = calls.models()
    told = ", ".join(f"{kind} `{name}`" for name, kind in offered.items())
    if offered.get("echo") == "text":
        told += f"; said {len(calls.complete('text', 'echo', 'hello'))} characters"
    if "simple_eval" in offered:
        answer = calls.complete("tool", "simple_eval", '{"expression": "6 * 7"}')
        told += f"; worked out {answer}"
    return f"offers {told}" if told else "loads; it offers nothing without its options"


_ACTS: Mapping[str, Callable[[_Calls, str], str]] = {
    "flake8.extension": _checks,
    "flake8.report": _adds(report="ENTRY"),
    "bandit.plugins": _tests,
    "bandit.blacklists": _lists,
    "bandit.formatters": _adds(format="ENTRY"),
    "babel.extractors": _adds(use="ENTRY", files="*.py"),
    "babel.checkers": _checks,
    "markdown.extensions": _adds(use="ENTRY"),
    "mkdocs.plugins": _adds(use="ENTRY"),
    "mkdocs.themes": _adds(use="ENTRY"),
    "pygments.lexers": _adds(use="ENTRY", files="*.txt"),
    "pygments.styles": _adds(use="ENTRY"),
    "llm": _offers,
}

_HEAD = """\
# Bridges

Made by `python -m tests.plugins.bridges.survey`, which runs each of these entry points
in its sealed worker, at tier read-only and without rights; do not edit.

How to use them: [foreign plugins](../how-to/use-foreign-plugins.md).
"""


def render(rows: list[Row]) -> str:
    """The page."""
    ran = [row for row in rows if row.did]
    groups = sorted({row.group for row in ran})
    parts = [
        _HEAD,
        f"{len(ran)} of {len(rows)} entry points of {len(groups)} groups run.\n",
        "| group | entry point | distribution | version | with a small sample it |",
        "|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda r: (r.group, r.distribution, r.entry)):
        did = row.did or f"does not run: {row.why}"
        cells = [f"`{row.group}`", f"`{row.entry}`", row.distribution, row.version, did]
        parts.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    with bridged(*ECOSYSTEMS) as opened:
        PAGE.write_text(render(survey(opened)), "utf-8")
