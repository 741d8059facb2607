"""Wrappers: the same cases give the same outcome wherever the plugins run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from lockgate.errors import HookError, InputRefusedError, LockgateError
from tests.engine.conformance.places import PLACES, Place, Plugins, opened


def answering(module: str) -> list[str]:
    return [
        f'analyze = "{module}:analyze"',
        f'check_pipeline = "{module}:check_pipeline"',
        f'can_handle = "{module}:can_handle"',
    ]


def wrapping(module: str, order: str = "") -> list[str]:
    impls = {
        "analyze": "around_analyze",
        "check_pipeline": "around_check",
        "can_handle": "around_handle",
    }
    return [
        f'{hook} = {{ impl = "{module}:{name}", wrapper = true, order = "{order}" }}'
        for hook, name in impls.items()
    ]


def both(module: str) -> list[str]:
    """An impl of everything, and the innermost wrapper of `analyze`."""
    wrapper = f'{{ impl = "{module}:around_analyze", wrapper = true, order = "last" }}'
    analyze = f'analyze = ["{module}:analyze", {wrapper}]'
    return [analyze, *answering(module)[1:]]


PLUGINS: Plugins = {
    "a": answering,
    "b": both,
    "c": answering,
    "inner": wrapping,
    "outer": lambda module: wrapping(module, "first"),
}


@pytest.fixture(scope="module", params=PLACES)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    with opened(request.param, tmp_path_factory.mktemp("place"), PLUGINS) as made:
        yield made


@dataclass
class Case:
    """What the plugins do, and what comes of it.

    `answers` are pairs of plugin and text, `error` the code and plugin of what is
    raised, `failed` those that are reported beside; `lines` what wrappers saw.
    """

    hook: str
    doing: dict[str, Any]
    answers: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])
    error: tuple[str, str] | None = None
    failed: list[str] = field(default_factory=list[str])
    lines: list[str] = field(default_factory=list[str])


ALL = ["outer begins", "inner begins", "b begins"]
ASKED = [*ALL, "b sees x y", "inner sees x y", "outer sees x y"]
XY = {"a": "x", "c": "y"}
FIRST = ["outer begins", "inner begins"]

CASES = {
    "each sees what came of the ones inside": Case(
        "analyze", XY, [("a", "x"), ("c", "y")], lines=ASKED
    ),
    "no answer is an empty list": Case(
        "analyze",
        {},
        lines=[*ALL, "b sees nothing", "inner sees nothing", "outer sees nothing"],
    ),
    "what a wrapper puts in is its own": Case(
        "analyze",
        {**XY, "b-wraps": "add"},
        [("a", "x"), ("c", "y"), ("b", "added")],
        lines=[*ALL, "b sees x y", "inner sees x y added", "outer sees x y added"],
    ),
    "what it leaves stays its plugin's, in whatever order": Case(
        "analyze",
        {**XY, "outer-wraps": "reverse"},
        [("c", "y"), ("a", "x")],
        lines=ASKED,
    ),
    "it can replace all answers": Case(
        "analyze",
        {**XY, "inner-wraps": "replace"},
        [("inner", "replaced")],
        lines=[*ASKED[:-1], "outer sees replaced"],
    ),
    "a failure passes through all": Case(
        "analyze",
        {"a": "raise"},
        error=("hook-failed", "a"),
        lines=[
            *ALL,
            "b sees hook-failed of a 1.0",
            "inner sees hook-failed of a 1.0",
            "outer sees hook-failed of a 1.0",
        ],
    ),
    "a refusal brings its reasons": Case(
        "analyze",
        {"c": "refuse"},
        error=("input-refused", "c"),
        lines=[
            *ALL,
            "b sees input-refused of c  not this",
            "inner sees input-refused of c  not this",
            "outer sees input-refused of c  not this",
        ],
    ),
    "an answer of the wrong type is a failure too": Case(
        "analyze",
        {"c": "wrong"},
        error=("answer-invalid", "c"),
        lines=[
            *ALL,
            "b sees answer-invalid of c 1.0",
            "inner sees answer-invalid of c 1.0",
            "outer sees answer-invalid of c 1.0",
        ],
    ),
    "a failure can be made good": Case(
        "analyze",
        {"a": "raise", "inner-wraps": "recover"},
        [("inner", "recovered")],
        lines=[
            *ALL,
            "b sees hook-failed of a 1.0",
            "inner sees hook-failed of a 1.0",
            "outer sees recovered",
        ],
    ),
    "another error in its place is the wrapper's": Case(
        "analyze",
        {"a": "exit", "b-wraps": "replace-error"},
        error=("hook-failed", "b"),
        lines=[
            *ALL,
            "b sees hook-failed of a 1.0",
            "inner sees hook-failed of b 1.0",
            "outer sees hook-failed of b 1.0",
        ],
    ),
    "one that never yields is blamed, the ones outside clean up": Case(
        "analyze",
        {**XY, "inner-wraps": "never"},
        error=("hook-failed", "inner"),
        lines=["outer begins", "outer sees hook-failed of inner 1.0"],
    ),
    "one that fails before its yield likewise": Case(
        "analyze",
        {**XY, "inner-wraps": "early"},
        error=("hook-failed", "inner"),
        lines=[*FIRST, "outer sees hook-failed of inner 1.0"],
    ),
    "one that yields twice is blamed": Case(
        "analyze",
        {**XY, "inner-wraps": "twice"},
        error=("hook-failed", "inner"),
        lines=[*ASKED[:-1], "outer sees hook-failed of inner 1.0"],
    ),
    "one that fails after its yield likewise": Case(
        "analyze",
        {**XY, "b-wraps": "late"},
        error=("hook-failed", "b"),
        lines=[
            *ASKED[:-2],
            "inner sees hook-failed of b 1.0",
            "outer sees hook-failed of b 1.0",
        ],
    ),
    "one that returns something else is told its type": Case(
        "analyze",
        {**XY, "outer-wraps": "misfit"},
        error=("answer-invalid", "outer"),
        lines=ASKED,
    ),
    "of several answers none is no answer": Case(
        "analyze",
        {**XY, "outer-wraps": "forget"},
        error=("answer-invalid", "outer"),
        lines=ASKED,
    ),
    "of a first result it is the value itself": Case(
        "check_pipeline",
        {"b": "y", "c": "z"},
        [("b", ("y",))],
        lines=[*FIRST, "inner sees ('y',)", "outer sees ('y',)"],
    ),
    "a first result can be taken away": Case(
        "check_pipeline",
        {"b": "y", "inner-wraps": "forget"},
        lines=[*FIRST, "inner sees ('y',)", "outer sees None"],
    ),
    "a first result can be given": Case(
        "check_pipeline",
        {"outer-wraps": "replace"},
        [("outer", ("replaced",))],
        lines=[*FIRST, "inner sees None", "outer sees None"],
    ),
    "a failure of a first result can be made good": Case(
        "check_pipeline",
        {"a": "raise", "b": "y", "inner-wraps": "recover"},
        [("inner", ("recovered",))],
        lines=[
            *FIRST,
            "inner sees hook-failed of a 1.0",
            "outer sees ('recovered',)",
        ],
    ),
    "under skip it sees the answers that there are": Case(
        "can_handle",
        {"a": "raise", "b": 0.5, "c": 0.25},
        [("b", 0.5), ("c", 0.25)],
        failed=["a"],
        lines=[*FIRST, "inner sees [0.5, 0.25]", "outer sees [0.5, 0.25]"],
    ),
    "under skip a wrapper that fails is skipped": Case(
        "can_handle",
        {"a": 0.5, "inner-wraps": "late", "outer-wraps": "never"},
        [("a", 0.5), ("b", 0.0), ("c", 0.0)],
        failed=["outer", "inner"],
        lines=["inner begins", "inner sees [0.5, 0.0, 0.0]"],
    ),
}


def arguments(case: Case) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {
        "analyze": {"tree": {"files": []}, "contract": case.doing},
        "check_pipeline": {"pipeline": case.doing},
        "can_handle": {"task": {"kind": "any", "documents": case.doing}},
    }
    return found[case.hook]


def text(value: Any) -> Any:
    findings = getattr(value, "findings", None)
    return findings[0].message if findings else value


@pytest.mark.parametrize("name", CASES)
def test_wrappers(place: Place, name: str) -> None:
    case = CASES[name]
    error: LockgateError | None = None
    answers = None

    try:
        answers = place.call(case.hook, **arguments(case))
    except LockgateError as raised:
        error = raised

    assert place.lines == case.lines
    if error is not None:
        assert isinstance(error, HookError | InputRefusedError)
        assert (error.code, error.plugin) == case.error
    else:
        assert case.error is None
        assert answers is not None
        assert [(a.plugin, text(a.value)) for a in answers] == case.answers
        assert [f.plugin for f in answers.failed] == case.failed


def test_a_call_of_one_plugin_is_wrapped_too(place: Place) -> None:
    case = Case("analyze", {"a": "x", "c": "y", "outer-wraps": "add"})

    answers = place.call("analyze", plugin="c", **arguments(case))

    assert [a.plugin for a in answers] == ["c", "outer"]
    assert answers.asked == ("outer", "inner", "b", "c")
    assert place.lines[-1] == "outer sees y"


def test_wrappers_are_counted_and_remembered_beside_impls(place: Place) -> None:
    last = max((call.number for call in place.host.calls()), default=0)

    place.call("check_pipeline", pipeline={"a": "x"})
    with pytest.raises(LockgateError):
        place.call("check_pipeline", pipeline={"outer-wraps": "early"})

    calls = [(c.plugin, c.hook, c.outcome) for c in place.host.calls(after=last)]
    wraps = [call for call in calls if call[1] == "wrap:check_pipeline"]
    assert wraps[:2] == [
        ("inner", "wrap:check_pipeline", "answered"),
        ("outer", "wrap:check_pipeline", "answered"),
    ]
    assert place.host.meters()["outer"].hooks["wrap:check_pipeline"].calls
