"""Code that is made while the program runs."""

from __future__ import annotations

import pytest

from tests.support.source import only, rules_in

EXECUTION = [
    "eval('1')",
    "exec(text)",
    "compile(text, 'f', 'exec')",
    "e = eval\ne('1')",
    "e = f = exec\ng = f\ng('1')",
    "a, b = eval, exec\na('1')",
    "(e := eval)('1')",
    "import builtins\nbuiltins.eval('1')",
    "import builtins as b\nb.exec('1')",
    "from builtins import eval as harmless\nharmless('1')",
    "__builtins__.eval('1')",
    "__builtins__['eval']('1')",
    "getattr(__builtins__, 'ev' + 'al')('1')",
    "getattr(__import__('builtins'), 'lave'[::-1])('1')",
    "import sys\nsys.modules['builtins'].eval('1')",
    "vars(__builtins__)['exec']('1')",
    "globals()['__builtins__'].eval('1')",
    "__builtins__.__dict__['eval']('1')",
    "list(map(eval, texts))",
    "def f(run=eval):\n    return run('1')",
    "def f(eval=eval):\n    return eval('1')",
    "if False:\n    eval = print\neval('1')",
    "eval('1')\ndef eval(text): ...",
    "def eval(text): ...\ndel eval\neval('1')",
    "[0 for eval in ()]\neval('1')",
    "class A:\n    eval = None\n    def f(self):\n        return eval('1')",
    "(eval if x else exec)('1')",
    "import functools\nfunctools.partial(eval, '1')()",
    "from builtins import *\nexec('1')",
    "import code\ncode.interact()",
    "ｅｖａｌ('1')",
]
NOT_EXECUTION = [
    "def eval(text):\n    return text\neval('1')",
    "from mine import eval\neval('1')",
    "def f(eval):\n    return eval('1')",
    "def f():\n    exec = print\n    exec('1')",
    "model.eval()",
    "frame.eval('a + b')",
    "import re\nre.compile('a')",
    "class A:\n    def exec(self): ...",
    "'eval(1)'",
    "# eval(1)",
    "import ast\nast.literal_eval('1')",
]


@pytest.mark.parametrize("source", EXECUTION)
def test_running_text_is_found(source: str) -> None:
    assert "dynamic-execution" in rules_in(source)


@pytest.mark.parametrize("source", NOT_EXECUTION)
def test_what_only_looks_like_running_text_is_not(source: str) -> None:
    assert "dynamic-execution" not in rules_in(source)


@pytest.mark.parametrize(
    "source",
    [
        "__import__(name)",
        "import importlib\nimportlib.import_module(name)",
        "from importlib import import_module as load\nload('a.' + name)",
        "import importlib\nimportlib.import_module(f'plugins.{name}')",
    ],
)
def test_an_import_of_a_made_name_is_found(source: str) -> None:
    assert "dynamic-import" in rules_in(source)


def test_an_import_of_a_literal_is_the_import_of_that_module() -> None:
    source = "import importlib\nimportlib.import_module('soc' + 'ket')"

    assert "network" in rules_in(source)
    assert "dynamic-import" not in rules_in(source)
    assert "dynamic-import" not in rules_in("__import__('json')")


@pytest.mark.parametrize(
    "source",
    [
        "import runpy",
        "import importlib.util\nimportlib.util.spec_from_file_location('a', 'b')",
        "from importlib.machinery import SourceFileLoader",
        "spec.loader.exec_module(module)",
        "import zipimport",
    ],
)
def test_a_loader_is_found(source: str) -> None:
    assert "code-loader" in rules_in(source)


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import _pickle as p",
        "import marshal",
        "from yaml import unsafe_load",
        "import pandas\npandas.read_pickle('a')",
        "__import__('pic' + 'kle').loads(data)",
    ],
)
def test_a_dangerous_format_is_found(source: str) -> None:
    assert "unsafe-deserialisation" in rules_in(source)


def test_a_harmless_format_is_not() -> None:
    assert rules_in("import json, csv, tomllib\njson.loads('1')") == set()


@pytest.mark.parametrize(
    "source",
    [
        "import types\ntypes.CodeType(0)",
        "from types import FunctionType as F\nF(code, {})",
        "f.__code__ = g.__code__.replace(co_consts=())",
    ],
)
def test_making_code_objects_is_found(source: str) -> None:
    assert "code-object" in rules_in(source)


def test_asking_for_the_type_of_a_function_is_not() -> None:
    source = "import types\nisinstance(f, types.FunctionType)\n'a'.replace('a', 'b')"

    assert "code-object" not in rules_in(source)


def test_the_finding_says_where() -> None:
    finding = only("x = 'äö'; y = eval('1')", "dynamic-execution")

    assert (finding.line, finding.column) == (1, 15)
    assert (finding.end_line, finding.end_column) == (1, 19)
    assert (finding.level, finding.right) == ("warning", "dynamic")


@pytest.mark.parametrize(
    "source",
    [
        "self.run = eval  # found here, but\nself.run('1')",
        "handlers = {'a': eval}",
    ],
)
def test_a_builtin_is_found_where_it_is_put_away(source: str) -> None:
    assert only(source, "dynamic-execution").line == 1


@pytest.mark.parametrize(
    "source",
    [
        # What is knowingly not seen: objects that arrive from elsewhere.
        "def f(module):\n    return module.eval('1')",
        "[c for c in things if c.name == 'eval'][0]('1')",
    ],
)
def test_an_object_from_elsewhere_is_not_followed(source: str) -> None:
    assert "dynamic-execution" not in rules_in(source)
