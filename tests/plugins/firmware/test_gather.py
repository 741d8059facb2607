"""Several builds become one tree."""

from __future__ import annotations

from typing import Any

import pytest

from lockgate.plugin import RefusedError, Tree
from lockgate_firmware.gather import gather
from lockgate_firmware.plugin import transform

REPORT = Tree.of({"report.html": "<p>"})


def build(name: object, **files: bytes) -> dict[str, Any]:
    tree = {"files": [{"path": p, "content": c} for p, c in files.items()]}
    return {"name": name, "tree": tree}


def paths(*builds: Any) -> list[str]:
    answer = transform(REPORT, {"gather": list(builds)})
    assert answer is not None
    return [file.path for file in answer.tree]


def test_each_build_gets_a_folder_of_its_name() -> None:
    assert paths(build("lamp", a=b"1"), build("fan", a=b"2")) == [
        "fan/a",
        "lamp/a",
        "report.html",
    ]


def test_builds_of_one_name_stay_apart() -> None:
    assert paths(build("x", a=b""), build("x", a=b"")) == [
        "report.html",
        "x/a",
        "x_2/a",
    ]


def test_a_build_without_a_name_lies_beside() -> None:
    assert paths({"tree": build("", a=b"")["tree"]}) == ["a", "report.html"]


@pytest.mark.parametrize("nothing", [None, {}, {"name": "x", "tree": None}])
def test_a_build_that_made_nothing_adds_nothing(nothing: object) -> None:
    assert paths(nothing) == ["report.html"]


def test_a_hostile_name_stays_inside() -> None:
    assert paths(build("../../up", a=b"")) == ["report.html", "up/a"]


@pytest.mark.parametrize(
    "entry", [{"path": "../up", "content": b""}, {"path": "/etc/x", "content": b""}]
)
def test_a_hostile_path_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        paths({"tree": {"files": [entry]}})


@pytest.mark.parametrize(
    "wrong",
    [
        {"tree": 3},
        {"tree": {"files": 3}},
        {"tree": {"files": [3]}},
        {"tree": {"files": [{"path": "a", "content": "text"}]}},
        {"tree": {"files": [{"path": "report.html", "content": b""}]}},
    ],
)
def test_what_is_no_build_is_refused(wrong: object) -> None:
    with pytest.raises(RefusedError):
        paths(wrong)


def test_too_many_builds_are_refused() -> None:
    with pytest.raises(RefusedError):
        paths(*[None] * 257)


def test_without_the_option_the_tree_is_not_ours() -> None:
    assert transform(REPORT, {}) is None


def test_the_executable_bit_stays() -> None:
    entry = {"path": "run", "content": b"", "executable": True}

    assert gather([], [{"tree": {"files": [entry]}}]) == (("run", b"", True),)
