"""Ways from any object to everything."""

from __future__ import annotations

import pytest

from tests.support.source import rules_in


@pytest.mark.parametrize(
    "source",
    [
        "().__class__.__base__.__subclasses__()",
        "''.__class__.__mro__[1]",
        "(lambda: 0).__globals__['os'] and f.__init__.__globals__",
        "x.__class__.__base__.__subclasses__()[3].__init__.__globals__",
        "[].__class__.__bases__[0].__subclasses__()",
        "g.gi_frame.f_back.f_back.f_globals",
        "import sys\nsys._getframe().f_back.f_globals",
        "e.__traceback__.tb_frame.f_back.f_builtins",
    ],
)
def test_a_chain_of_steps_is_an_escape(source: str) -> None:
    assert "escape-chain" in rules_in(source)


@pytest.mark.parametrize(
    "source",
    [
        "x.__class__.__name__",
        "type(x).__mro__",
        "cls.__mro__",
        "self.__class__.__mro__",
        "tb.tb_frame.f_code",
        "f.__dict__",
        "self.__init__()",
    ],
)
def test_what_honest_code_does_is_no_escape(source: str) -> None:
    assert "escape-chain" not in rules_in(source)
    assert "hidden-attribute" not in rules_in(source)


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("cls.__subclasses__()", "class-walk"),
        ("type(x).__bases__", "class-walk"),
        ("cls.mro()", "class-walk"),
        ("g.gi_frame", "frame-walk"),
        ("c.cr_frame", "frame-walk"),
        ("a.ag_frame", "frame-walk"),
        ("e.__traceback__.tb_frame", "frame-walk"),
        ("frame.f_back", "frame-walk"),
        ("f.__globals__", "function-insides"),
        ("f.__code__", "function-insides"),
        ("f.__closure__[0].cell_contents", "function-insides"),
        ("import gc\ngc.get_objects()", "object-hunt"),
        ("from sys import _getframe as f\nf(1)", "object-hunt"),
        ("import inspect\ninspect.currentframe()", "object-hunt"),
        ("getattr(x, name)", "dynamic-attribute"),
        ("setattr(x, name, 1)", "dynamic-attribute"),
    ],
)
def test_one_step_alone_is_named(source: str, rule: str) -> None:
    assert rule in rules_in(source)


@pytest.mark.parametrize(
    "source",
    [
        "getattr(x, '__subclasses__')",
        "getattr(x, '__sub' + 'classes__')",
        "getattr(x, '__cla' + 'ss__')",
        "getattr(x, f'__{\"globals\"}__')",
        "getattr(x, ''.join(['__', 'globals', '__']))",
        "getattr(x, '__slabolg__'.replace('slabolg', 'globals'))",
        "getattr(x, bytes([95, 95, 99, 111, 100, 101, 95, 95]).decode())",
        "getattr(x, chr(95) + chr(95) + 'code__')",
        "getattr(x, '__SSALC__'.swapcase()[::-1])",
        "import base64\ngetattr(x, base64.b64decode('X19nbG9iYWxzX18=').decode())",
        "name = '__glob' + 'als__'\ngetattr(x, name)",
        "g = getattr\ng(x, '__globals__')",
        "object.__getattribute__(x, '__globals__')",
        "import operator\noperator.attrgetter('__class__.__base__')(x)",
        "from operator import attrgetter as a\na('gi_frame.f_back')(g)",
        "vars(f)['__globals__']",
        "globals()['__builtins__']",
        "x.__dict__['__subclasses__']",
    ],
)
def test_a_step_that_is_named_by_text_is_hidden(source: str) -> None:
    assert "hidden-attribute" in rules_in(source)


@pytest.mark.parametrize(
    "source",
    [
        "getattr(x, 'name')",
        "getattr(x, '__name__', '')",
        "getattr(x, '__class__')",
        "hasattr(x, '__mro__')",
        "data['__class__']",
        "operator.attrgetter('name')",
    ],
)
def test_honest_text_is_not(source: str) -> None:
    assert "hidden-attribute" not in rules_in(source)


@pytest.mark.parametrize(
    "source",
    [
        "'{0.__class__}'.format(x)",
        "'{x.__init__.__globals__[SECRET]}'.format(x=x)",
        "'{0[__globals__]}'.format(x)",
        "fmt = 'a {0.gi_frame.f_back} b'",
        "import string\nstring.Formatter().format('{0.__class__.__mro__}', x)",
    ],
)
def test_a_format_field_that_walks_is_found(source: str) -> None:
    assert "format-walk" in rules_in(source)


@pytest.mark.parametrize(
    "source",
    [
        "'{0.name} {1[key]} {2:>{width}}'.format(a, b, c)",
        "'{}'.format(x.__class__)",
        "f'{x.__class__.__name__}'",
        "'{ not a field }'",
        "'__class__'",
    ],
)
def test_an_honest_format_is_not(source: str) -> None:
    assert "format-walk" not in rules_in(source)
