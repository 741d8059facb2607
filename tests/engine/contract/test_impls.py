"""Impls against specs by their source: what is right, wrong, or unknown."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from lockgate.contract import CODES, Problem, check_impls
from lockgate.contract._marks import OPTIONS
from lockgate.manifest import HookImpl, Manifest
from lockgate.plugin import hookimpl


def manifest(*impls: HookImpl) -> Manifest:
    kinds = ("transformer", "analyzer", "generator")
    return Manifest("acme", "A.", kinds, ">=1,<2", "read-only", impls)


def problems(
    folder: Path, files: Mapping[str, str], *impls: HookImpl
) -> tuple[Problem, ...]:
    """The problems of a package ``acme`` made of `files`."""
    for name, text in {"__init__.py": "", **files}.items():
        path = folder / "acme" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    found = check_impls(
        manifest(*(impls or (HookImpl("transform", "acme.plugin:transform"),))),
        distribution="acme-dist",
        roots=[str(folder)],
    )
    assert "acme" not in sys.modules
    return found


HEAD = """\
from __future__ import annotations
import collections.abc
import typing
from collections.abc import Mapping, Sequence, Iterable
from typing import Annotated, Any, Optional, Union
import lockgate.plugin
import lockgate.plugin as lp
from lockgate import plugin as api
from lockgate.plugin import (Context, Document, Transformation, Tree, hookimpl, Data)
from lockgate.values import Tree as T2
"""

RIGHT = [
    "@hookimpl\ndef transform(tree): ...",
    "@hookimpl()\ndef transform(): ...",
    "@api.hookimpl\ndef transform(options, tree): ...",
    "@lockgate.plugin.hookimpl\ndef transform(tree, *rest, **more): ...",
    "@hookimpl(tryfirst=True)\ndef transform(tree: Tree, extra=1): ...",
    "@hookimpl\ndef transform(*, tree: T2, context: Context): ...",
    "@hookimpl\ndef transform(tree: 'Tree') -> 'Transformation | None': ...",
    "@hookimpl\ndef transform(tree: lp.Tree) -> api.Transformation: ...",
    "@hookimpl\ndef transform(tree: Any, options: object): ...",
    "@hookimpl\ndef transform(tree: Tree | None) -> Optional[Transformation]: ...",
    "@hookimpl\ndef transform(options: dict, tree: Annotated[Tree, 1]): ...",
    "@hookimpl\ndef transform(options: dict[str, Data]): ...",
    "@hookimpl\ndef transform(options: Mapping[str, typing.Any]): ...",
    "@hookimpl\ndef transform(options: collections.abc.Mapping[str, Data]): ...",
    "@hookimpl\ndef transform(tree: Union[Tree, str]) -> None: ...",
    "Alias = Tree\n@hookimpl\ndef transform(tree: Alias): ...",
    "class Mine: ...\n@hookimpl\ndef transform(tree: Mine): ...",
    "from numpy import ndarray\n@hookimpl\ndef transform(tree: ndarray): ...",
    "@hookimpl\ndef transform(tree: Nowhere) -> Missing: ...",
    "@hookimpl\nasync def transform(tree: Tree) -> Transformation: ...",
    "import functools\n@functools.cache\n@hookimpl\ndef transform(odd): ...",
    "transform = make()",
    "from elsewhere import transform",
    "from elsewhere import *",
    "def __getattr__(name): ...",
    "globals()['transform'] = 1",
    "if x:\n    def transform(odd): ...\nelse:\n    transform = None",
    "@hookimpl\ndef transform(tree):\n    def inner():\n        yield\n    return 1",
]


@pytest.mark.parametrize("source", RIGHT)
def test_what_fits_or_cannot_be_told_is_no_problem(tmp_path: Path, source: str) -> None:
    assert problems(tmp_path, {"plugin.py": HEAD + source}) == ()


WRONG = [
    ("def other(tree): ...", "impl-missing", 0, "no function"),
    ("transform = 3", "impl-missing", 11, "a constant"),
    ("class transform: ...", "impl-missing", 11, "a class"),
    ("def transform(tree): ...", "impl-unmarked", 11, "@hookimpl"),
    ("@hookimpl\ndef transform(wood): ...", "impl-arguments", 12, "wants wood"),
    ("@hookimpl\ndef transform(\n tree,\n *, x): ...", "impl-arguments", 14, "wants x"),
    ("@hookimpl\ndef transform(tree, /): ...", "impl-arguments", 12, "position"),
    (
        "@hookimpl(specname='analyze')\ndef transform(tree): ...",
        "impl-mismatch",
        12,
        "'analyze'",
    ),
    (
        "@hookimpl(wrapper=True)\ndef transform(tree):\n    yield",
        "impl-mismatch",
        12,
        "wrapper",
    ),
    ("@hookimpl(hook='x')\ndef transform(tree): ...", "impl-mark", 12, "no 'hook'"),
    ("@hookimpl(hookwrapper=1)\ndef transform(): ...", "impl-mark", 12, "takes no"),
    ("@hookimpl('transform')\ndef transform(): ...", "impl-mark", 12, "a keyword"),
    ("@hookimpl(x=1, **y)\ndef transform(): ...", "impl-mark", 12, "takes no 'x'"),
    ("@hookimpl\ndef transform(tree):\n    yield tree", "impl-form", 12, "yields"),
    ("@hookimpl\ndef transform(tree: str): ...", "impl-annotation", 12, "str"),
    (
        "@hookimpl\ndef transform(\n    tree: Transformation): ...",
        "impl-annotation",
        13,
        "gives Tree",
    ),
    ("@hookimpl\ndef transform(options: list): ...", "impl-annotation", 12, "list"),
    ("@hookimpl\ndef transform(tree) -> Tree: ...", "impl-annotation", 12, "Tree"),
    ("@hookimpl\ndef transform(tree) -> str: ...", "impl-annotation", 12, "str"),
    (
        "@hookimpl\ndef transform(tree) -> Transformation | int: ...",
        "impl-annotation",
        12,
        "int",
    ),
    (
        "A = Transformation\n@hookimpl\ndef transform(tree: A): ...",
        "impl-annotation",
        13,
        "Transformation",
    ),
    (
        "@hookimpl\ndef transform(tree): ...\n@hookimpl\ndef transform(tree): ...",
        "impl-twice",
        14,
        "line 12",
    ),
    ("def transform(:", "source-invalid", 11, "Python"),
    ("x = '\0'", "source-invalid", 0, ""),
    ("(" * 5000, "source-invalid", 0, ""),
]  # fmt: skip


@pytest.mark.parametrize(("source", "code", "line", "words"), WRONG)
def test_what_is_wrong_is_told_with_file_and_line(
    tmp_path: Path, source: str, code: str, line: int, words: str
) -> None:
    found = problems(tmp_path, {"plugin.py": HEAD + source})

    assert [problem.code for problem in found] == [code]
    (problem,) = found
    assert problem.file == str(tmp_path / "acme" / "plugin.py")
    assert problem.line == line or code == "source-invalid"
    assert words in problem.message
    assert problem.hint
    assert str(problem).startswith(f"acme-dist: {problem.where}: ")


def test_every_code_is_met_and_explained(tmp_path: Path) -> None:
    met = {code for _, code, _, _ in WRONG} | {"module-missing", "hook-unknown"}

    assert met == set(CODES)


def test_an_option_that_the_mark_does_not_take_is_told_with_those_it_takes(
    tmp_path: Path,
) -> None:
    source = HEAD + "@hookimpl(hookwrapper=True)\ndef transform(tree): ..."
    (problem,) = problems(tmp_path, {"plugin.py": source})
    parameters = list(inspect.signature(hookimpl).parameters.values())
    taken = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]

    assert "Did you mean 'wrapper'?" in problem.hint
    assert all(name in problem.hint for name in taken)
    assert tuple(taken) == OPTIONS


def test_a_name_that_is_nearly_right_is_offered(tmp_path: Path) -> None:
    (first,) = problems(tmp_path, {"plugin.py": HEAD + "def transfrom(tree): ..."})
    source = HEAD + "@hookimpl\ndef transform(tre): ..."
    (second,) = problems(tmp_path, {"plugin.py": source})

    assert "Did you mean 'transfrom'" in first.hint
    assert "Did you mean 'tree'" in second.hint


def test_a_module_that_is_not_there_is_told(tmp_path: Path) -> None:
    impl = HookImpl("transform", "acme.plugn:transform")
    (problem,) = problems(tmp_path, {"plugin.py": ""}, impl)

    assert problem.code == "module-missing"
    assert problem.file == str(tmp_path / "acme" / "plugn.py")


@pytest.mark.parametrize(
    "name", ["impl.so", "impl.cpython-311-x86_64-linux-gnu.so", "impl.pyc", "impl/x"]
)
def test_a_module_that_may_be_there_in_another_form_is_unknown(
    tmp_path: Path, name: str
) -> None:
    impl = HookImpl("transform", "acme.impl:transform")

    assert problems(tmp_path, {name: ""}, impl) == ()


@pytest.mark.parametrize(
    "target",
    ["other_distribution.impl:transform", "acme.inner:transform", "a..b:transform"],
)
def test_a_module_that_may_be_elsewhere_is_unknown(tmp_path: Path, target: str) -> None:
    files = {"__init__.py": "__path__ = ['/elsewhere']"}

    assert problems(tmp_path, files, HookImpl("transform", target)) == ()


def test_a_re_export_is_followed_within_the_plugin(tmp_path: Path) -> None:
    files = {
        "__init__.py": "from .plugin import transform as transform",
        "plugin.py": "from acme.deep.code import *",
        "deep/__init__.py": "",
        "deep/code.py": "from ..last import t as transform",
        "last.py": f"{HEAD}from .kinds import Wood\n@hookimpl\ndef t(tree: Wood): ...",
        "kinds.py": "from lockgate.plugin import Transformation as Wood",
    }
    (problem,) = problems(tmp_path, files, HookImpl("transform", "acme:transform"))

    assert problem.code == "impl-annotation"
    assert problem.where == f"{tmp_path}/acme/last.py:13"
    assert "Transformation" in problem.message


def test_re_exports_that_go_round_end_unknown(tmp_path: Path) -> None:
    files = {
        "plugin.py": "from .other import transform",
        "other.py": "from .plugin import transform",
    }

    assert problems(tmp_path, files) == ()


def test_every_impl_is_looked_at(tmp_path: Path) -> None:
    source = HEAD + "@hookimpl\ndef transform(wood): ...\ndef analyze(tree): ..."
    impls = [HookImpl(hook, f"acme.plugin:{hook}") for hook in ("transform", "analyze")]
    found = problems(tmp_path, {"plugin.py": source}, *impls)

    assert [p.code for p in found] == ["impl-arguments", "impl-unmarked"]
    assert [p.hook for p in found] == ["transform", "analyze"]


def test_a_wrapper_is_a_generator_function(tmp_path: Path) -> None:
    impl = HookImpl("transform", "acme.plugin:around", wrapper=True)
    mark = "@hookimpl(wrapper=True, specname='transform')\n"
    right = f"{mark}def around(tree) -> object:\n    return (yield)"
    wrong = f"{mark}def around(tree):\n    return None"

    assert problems(tmp_path / "right", {"plugin.py": HEAD + right}, impl) == ()
    (problem,) = problems(tmp_path / "wrong", {"plugin.py": HEAD + wrong}, impl)
    assert problem.code == "impl-form"


def test_a_hook_of_another_api_version_is_not_judged(tmp_path: Path) -> None:
    impl = HookImpl("divine", "acme.plugin:divine")

    assert problems(tmp_path, {"plugin.py": ""}, impl) == ()


def test_a_module_too_large_to_parse_is_unknown(tmp_path: Path) -> None:
    assert problems(tmp_path, {"plugin.py": "#" * 600_000}) == ()
