"""A small host for the pipeline runner: hooks are functions given by the test."""

from __future__ import annotations

import textwrap
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lockgate.errors import InputRefusedError, LockgateError, UnknownPluginError
from lockgate.values import Data, Reason, Tree
from lockgate_workflows.check import check
from lockgate_workflows.parse import parse
from lockgate_workflows.problems import Problems
from lockgate_workflows.run import Run
from lockgate_workflows.shared import Budget, Progress, Shared
from lockgate_workflows.sources import Source, read

__all__ = [
    "EACH",
    "SUB",
    "FlakyError",
    "Recorder",
    "SmallHost",
    "each",
    "gives",
    "make",
    "on",
    "pipeline",
    "problems_of",
    "refusal",
    "run",
    "source",
    "states",
    "step",
]


class FlakyError(LockgateError):
    """An error that a second try may not meet."""

    code = "hook-failed"


def refusal(*messages: str) -> InputRefusedError:
    return InputRefusedError(
        [Reason("bad", "spec", text, "mend it") for text in messages]
    )


@dataclass(frozen=True)
class SmallAnswer:
    plugin: str
    value: Any

    def to_dict(self) -> dict[str, Data]:
        return {
            "plugin": self.plugin,
            "version": "1.0",
            "tier": "read-only",
            "seconds": 0.0,
            "posture": {"layers": []},
            "denials": [],
            "output": "",
            "value": self.value,
        }


@dataclass(frozen=True)
class SmallAnswers:
    items: tuple[SmallAnswer, ...]
    failed: tuple[SmallAnswer, ...] = ()


@dataclass(frozen=True)
class SmallPlugin:
    name: str


@dataclass
class SmallHost:
    """`hooks` maps "plugin.hook" to a function of the call's arguments.

    It answers None for no answer, and raises as a real host would.
    """

    hooks: Mapping[str, Callable[..., Any]]
    calls: list[tuple[str, dict[str, Any], float | None]] = field(
        default_factory=list[Any]
    )
    running: int = 0
    most_running: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def plugins(self) -> list[SmallPlugin]:
        return [
            SmallPlugin(name) for name in sorted({k.split(".")[0] for k in self.hooks})
        ]

    def call(
        self,
        hook: str,
        /,
        *,
        plugin: str | None = None,
        timeout: float | None = None,
        **arguments: Any,
    ) -> SmallAnswers:
        names = [plugin] if plugin else [each.name for each in self.plugins()]
        if plugin and plugin not in [each.name for each in self.plugins()]:
            raise UnknownPluginError(plugin)
        with self._lock:
            self.calls.append((hook, arguments, timeout))
            self.running += 1
            self.most_running = max(self.running, self.most_running)
        try:
            found = [
                (name, self.hooks[f"{name}.{hook}"](**arguments))
                for name in names
                if f"{name}.{hook}" in self.hooks
            ]
        finally:
            with self._lock:
                self.running -= 1
        return SmallAnswers(
            tuple(
                SmallAnswer(name, value) for name, value in found if value is not None
            )
        )


def on(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """A hook that hands all of its arguments, as one dict, to `function`."""

    def hook(**arguments: Any) -> Any:
        return function(arguments)

    return hook


def gives(*values: Any) -> Callable[..., Any]:
    """A hook that gives one value after the other, and then the last one again."""
    left = list(values)

    def hook(**_arguments: Any) -> Any:
        return left.pop(0) if len(left) > 1 else left[0]

    return hook


def states(document: dict[str, Any]) -> dict[str, str]:
    return {step["id"]: step["state"] for step in document["steps"]}


def step(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(s for s in document["steps"] if s["id"] == name)
    return found


class Recorder:
    """A plugin ``p`` that notes each spec; ``fail``, ``refuse`` and ``undo`` obey."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.host = SmallHost({"p.generate": self.generate, "p.complete": self.undo})

    def generate(self, spec: Any, targets: Any = ()) -> Any:
        name = spec["name"]
        self.seen.append(name)
        if "fail" in spec:
            raise FlakyError(f"{name} broke")
        if "refuse" in spec:
            raise refusal(f"{name} is wrong")
        return {"name": name, "targets": targets}

    def undo(self, task: Any, model: str = "") -> Any:
        self.seen.append(f"undo {task}")
        if "broken" in str(task):
            raise FlakyError("cannot undo")
        return {"undone": task}


def make(name: str, *, extra: str = "", needs: str = "") -> str:
    return (
        f"- {{id: {name}, hook: generate, with: {{spec: {{name: {name}{extra}}}}}"
        f", compensate: {{hook: complete, with: {{task: {name}}}}}{needs}}}"
    )


def pipeline(*steps: str, outputs: str = "{}") -> str:
    return "\n".join(["schema: 1", "name: t", f"outputs: {outputs}", "steps:", *steps])


def source(text: str, file: str = "main.yaml") -> Source:
    return read(textwrap.dedent(text).encode(), file)


def _tree(files: Mapping[str, str] | None) -> Tree:
    return Tree.of(
        {path: textwrap.dedent(text) for path, text in (files or {}).items()}
    )


def problems_of(
    text: str,
    files: Mapping[str, str] | None = None,
    plugins: tuple[str, ...] | None = None,
) -> list[str]:
    """What is wrong with the pipeline, as ``code place: message (hint)``."""
    problems = Problems()
    pipeline = parse(source(text), problems)
    check(pipeline, problems, files=_tree(files), plugins=plugins)
    return [f"{problem.code} {problem}" for problem in problems]


def run(
    text: str,
    host: SmallHost,
    inputs: Mapping[str, Data] | None = None,
    files: Mapping[str, str] | None = None,
    progress: Callable[[str, float | None], None] = lambda _text, _fraction: None,
    budget: int = 2_000,
) -> dict[str, Any]:
    """The run document of a pipeline that must be sound."""
    problems = Problems()
    tree = _tree(files)
    checked = check(parse(source(text), problems), problems, files=tree)
    assert [str(problem) for problem in problems] == []
    shared = Shared(host, checked, tree, Progress(progress), Budget(budget))
    started = time.monotonic()
    whole = Run(checked.pipeline, inputs or {}, shared)
    whole.execute()
    document: dict[str, Any] = whole.document()
    assert document["seconds"] <= time.monotonic() - started + 0.01
    return document


EACH = """
schema: 1
name: each
inputs: {names: {type: list}}
steps:
  - id: each
    foreach: "${inputs.names}"
    as: name
    parallel: 2
    pipeline: sub.yaml
    with: {spec: "${name}", at: "${index}"}
    EXTRA
outputs: {all: "${steps.each.values}"}
"""
SUB = {
    "sub.yaml": """
    schema: 1
    name: sub
    inputs: {spec: {type: document}, at: {type: integer}}
    steps:
      - id: first
        hook: generate
        with: {spec: "${inputs.spec}"}
        compensate: {hook: complete, with: {task: "${inputs.spec.name}"}}
      - {id: second, hook: generate, with: {spec: {name: "${inputs.spec.second}"}}}
    outputs: {name: "${steps.first.value.name}", at: "${inputs.at}"}
    """
}


def each(*specs: dict[str, Any], extra: str = "") -> tuple[dict[str, Any], Recorder]:
    recorder = Recorder()
    specs = tuple({"second": f"{spec['name']}2", **spec} for spec in specs)
    document = run(
        EACH.replace("EXTRA", extra), recorder.host, {"names": list(specs)}, SUB
    )
    return document, recorder
