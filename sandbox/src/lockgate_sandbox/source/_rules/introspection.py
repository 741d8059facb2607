"""Ways from any object to everything: classes, frames, functions' insides.

These are the steps that escapes from Python sandboxes are made of. One step
alone is common in honest code (a note, a warning); two in a chain, or a step that is
hidden in text, hardly is (an error).
"""

from __future__ import annotations

import ast
import re

from lockgate_sandbox.source._site import Family, Site, TextLook, argument
from lockgate_sandbox.source.findings import Level, Right, Rule

__all__ = ["FAMILY"]

WALK = Rule(
    "class-walk",
    Level.WARNING,
    "Goes from an object to base or subclasses, and so to any class in the process.",
)
CHAIN = Rule(
    "escape-chain",
    Level.ERROR,
    "Several steps towards the interpreter's insides in one expression.",
    Right.DYNAMIC,
)
FRAME = Rule(
    "frame-walk",
    Level.WARNING,
    "Reads frames of running code, and so the variables of its callers.",
)
INSIDES = Rule(
    "function-insides",
    Level.WARNING,
    "Reads or changes a function's code, globals or closure.",
)
HIDDEN = Rule(
    "hidden-attribute",
    Level.ERROR,
    "Names an attribute of the interpreter's insides by text instead of by name.",
    Right.DYNAMIC,
)
FORMAT = Rule(
    "format-walk",
    Level.ERROR,
    "A format text walks into attributes that formatting has no business with.",
    Right.DYNAMIC,
)
HUNT = Rule(
    "object-hunt",
    Level.WARNING,
    "Searches the process for objects that nobody handed over.",
)
ATTRIBUTE = Rule(
    "dynamic-attribute",
    Level.NOTE,
    "Reads or changes an attribute whose name is only known when it runs.",
)

_CLASS_STEPS = ("__subclasses__", "__base__", "__bases__", "__mro__", "mro")
_FRAME_STEPS = (
    "gi_frame", "cr_frame", "ag_frame", "gi_code", "cr_code", "ag_code",
    "gi_yieldfrom", "cr_await", "ag_await", "cr_origin", "f_back", "f_builtins",
    "f_code", "f_globals", "f_locals", "f_trace", "tb_frame", "tb_next",
)  # fmt: skip
_FUNCTION_STEPS = (
    "__globals__", "__code__", "__closure__", "__builtins__", "func_globals",
    "func_code", "co_consts", "co_code", "cell_contents",
)  # fmt: skip
_QUIET_STEPS = ("__class__", "__dict__", "__init__", "__self__", "__getattribute__")
"""Steps that count in a chain and in text, but not alone."""

_LOUD = frozenset({*_CLASS_STEPS, *_FRAME_STEPS, *_FUNCTION_STEPS})
_STEPS = _LOUD | frozenset(_QUIET_STEPS)
_INNER = _STEPS | {"__reduce__", "__reduce_ex__", "__loader__", "__import__"}
_GETTERS = (
    "builtins.getattr", "builtins.setattr", "builtins.delattr", "builtins.hasattr",
    "inspect.getattr_static", "builtins.object.__getattribute__",
    "builtins.type.__getattribute__", "builtins.object.__setattr__",
)  # fmt: skip
_FIELD = re.compile(r"\{[^{}]*[.\[]\s*(__\w+__|[a-z]{1,2}_\w+)[^{}]*\}?")
_LINKS = 64


def _step(site: Site, node: ast.Attribute) -> bool:
    """A loud step that other steps lead to."""
    steps, at = 0, node.value
    for _ in range(_LINKS):
        if isinstance(at, ast.Attribute):
            steps += at.attr in _STEPS
            at = at.value
        elif isinstance(at, ast.Call):
            at = at.func
        elif isinstance(at, ast.Subscript):
            at = at.value
        else:
            break
    if not steps or (steps == 1 and _plain(node)):
        return False
    site.report(CHAIN, node, f"a chain of inner steps leads to {node.attr}")
    return True


def _plain(node: ast.Attribute) -> bool:
    """``x.__class__.__mro__`` and ``tb.tb_frame.f_code``: two steps that are usual."""
    inner = node.value
    if not isinstance(inner, ast.Attribute) or not isinstance(
        inner.value, ast.Name | ast.Attribute
    ):
        return False
    frames = _FRAME_STEPS + _FUNCTION_STEPS
    return inner.attr == "__class__" or (node.attr in frames and inner.attr in frames)


def _getattr(site: Site, node: ast.Call, name: str) -> None:
    given = argument(node, 1)
    if given is None:
        return
    attribute = site.text(given)
    short = name.rpartition(".")[2]
    if attribute is None:
        if short != "hasattr":
            site.report(ATTRIBUTE, node, f"{short} of a name that is made")
    elif attribute in _INNER and (
        attribute in _LOUD or not isinstance(given, ast.Constant)
    ):
        if short == "hasattr" and isinstance(given, ast.Constant):
            return
        site.report(HIDDEN, node, f"{attribute} by {short}", attribute)


def _attrgetter(site: Site, node: ast.Call, name: str) -> None:
    for given in node.args[:20]:
        text = site.text(given) or ""
        parts = text.split(".")
        if any(part in _LOUD for part in parts) or (
            len([part for part in parts if part in _INNER]) > 1
        ):
            short = name.rpartition(".")[2]
            site.report(HIDDEN, node, f"{text} by {short}", text)


def _item(site: Site, node: ast.Subscript, key: str) -> None:
    """``vars(x)["__globals__"]``, ``globals()["__builtins__"]``."""
    if key in _LOUD or key in ("__import__", "__loader__"):
        site.report(HIDDEN, node, f"{key} as a key", key)


def _field(site: Site, node: ast.Constant, text: str) -> None:
    """A format field that walks: ``"{0.__class__}"``."""
    for match in _FIELD.finditer(text[:65_536]):
        if match[1] in _INNER:
            site.report(FORMAT, node, f"a format field reads {match[1]}", match[1])
            return


_HUNTERS = (
    "gc.get_objects", "gc.get_referrers", "gc.get_referents", "sys._current_frames",
    "sys._current_exceptions", "inspect.currentframe", "inspect.stack", "inspect.trace",
    "sys._getframe", "sys._getframemodulename", "inspect.getouterframes",
    "inspect.getinnerframes", "builtins.object.__subclasses__",
)  # fmt: skip

FAMILY = Family(
    rules=(WALK, CHAIN, FRAME, INSIDES, HIDDEN, FORMAT, HUNT, ATTRIBUTE),
    names={
        **dict.fromkeys(_HUNTERS, HUNT),
        "builtins.__builtins__": INSIDES,
    },
    attributes={
        **dict.fromkeys(_CLASS_STEPS, WALK),
        **dict.fromkeys(_FRAME_STEPS, FRAME),
        **dict.fromkeys(_FUNCTION_STEPS, INSIDES),
    },
    calls={
        **dict.fromkeys(_GETTERS, _getattr),
        "operator.attrgetter": _attrgetter,
        "operator.methodcaller": _attrgetter,
    },
    steps=(_step,),
    keys=(_item,),
    texts=(TextLook(_field, ("{",)),),
)
