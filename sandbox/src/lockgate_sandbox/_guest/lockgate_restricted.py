"""The restricted profile, inside the sealed worker: Python that is compiled to ask.

RestrictedPython refuses what it knows to be dangerous and turns attribute access,
iteration, writing and printing into calls of the guards below. **It is no
boundary**: it has had about two escapes a year. The seal around this process is the
boundary; this is the strictest profile in front of it.

RestrictedPython is imported by its location, which the host says: nothing beside it
becomes importable. Builtins and modules are closed lists, and a module is handed
over as a copy with the listed names only, because real modules lead on to others
(``json.codecs.builtins``).
"""

# Imported by each such worker: next to nothing of the library.

from __future__ import annotations

import builtins
import operator
import sys
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["namespace", "restricted"]

_EXTRA = (
    "all", "any", "bytes", "classmethod", "dict", "enumerate", "filter", "frozenset",
    "iter", "list", "map", "max", "min", "next", "object", "property", "reversed",
    "set", "sorted", "staticmethod", "sum", "tuple", "zip",
)  # fmt: skip
_MODULES: dict[str, tuple[str, ...]] = {
    "__future__": ("annotations",),
    "collections": ("Counter", "OrderedDict", "defaultdict", "deque"),
    "datetime": ("UTC", "date", "datetime", "time", "timedelta", "timezone"),
    "decimal": ("Decimal", "ROUND_HALF_EVEN", "ROUND_HALF_UP"),
    "fractions": ("Fraction",),
    "itertools": (
        "accumulate", "chain", "combinations", "count", "cycle", "groupby", "islice",
        "pairwise", "permutations", "product", "repeat", "starmap", "takewhile",
        "zip_longest",
    ),
    "json": ("JSONDecodeError", "dumps", "loads"),
    "math": (
        "ceil", "cos", "degrees", "e", "exp", "floor", "fsum", "gcd", "hypot", "inf",
        "isclose", "isfinite", "isnan", "lcm", "log", "log10", "log2", "nan", "pi",
        "prod", "radians", "sin", "sqrt", "tan", "tau", "trunc",
    ),
    "re": (
        "DOTALL", "IGNORECASE", "MULTILINE", "VERBOSE", "compile", "escape", "findall",
        "finditer", "fullmatch", "match", "search", "split", "sub",
    ),
    "statistics": ("fmean", "mean", "median", "mode", "pstdev", "stdev", "variance"),
    "textwrap": ("dedent", "fill", "indent", "shorten", "wrap"),
}  # fmt: skip
"""What may be imported, name by name. None of it takes an attribute's name as text."""

_IN_PLACE = {
    "+=": "iadd",
    "-=": "isub",
    "*=": "imul",
    "/=": "itruediv",
    "//=": "ifloordiv",
    "%=": "imod",
    "**=": "ipow",
    "<<=": "ilshift",
    ">>=": "irshift",
    "&=": "iand",
    "|=": "ior",
    "^=": "ixor",
    "@=": "imatmul",
}
"""Augmented assignments, by their functions in `operator`."""
_PRINT_OPTIONS = frozenset({"sep", "end", "flush"})


def restricted(folder: str) -> Any:
    """RestrictedPython, imported from `folder` and from nowhere else."""
    name = "RestrictedPython"
    if name not in sys.modules:
        from importlib.util import module_from_spec, spec_from_file_location

        spec = spec_from_file_location(
            name, f"{folder}/__init__.py", submodule_search_locations=[folder]
        )
        if spec is None or spec.loader is None:
            raise ImportError(f"no RestrictedPython in {folder}")
        module = module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


def namespace(
    source: str | bytes,
    file: str,
    folder: str,
    *,
    name: str = "__main__",
    modules: Mapping[str, list[str]] | None = None,
) -> dict[str, Any]:
    """Compile `source` restrictedly, run it, and give the names it made.

    `folder` is RestrictedPython's own. `modules` may be imported besides the
    profile's, with the names given.

    Raises:
        SyntaxError: If the compiler refuses the source: every reason, by line.
        Exception: Whatever the code raises.
    """
    package = restricted(folder)
    text = source.decode("utf-8") if isinstance(source, bytes) else source
    result = package.compile_restricted_exec(text, file, policy=_policy(package))
    if result.errors:
        reasons = "; ".join(str(error) for error in result.errors[:20])
        raise SyntaxError(f"the restricted profile refuses this: {reasons}")
    space = _guards({**_MODULES, **dict(modules or {})})
    space.update(__name__=name, __file__=file)
    exec(result.code, space)  # noqa: S102 - the purpose
    return space


def _policy(package: Any) -> Any:
    """The compiler's rules, with two of our own."""
    import ast

    transformer: Any = package.RestrictingNodeTransformer

    class Policy(transformer):  # type: ignore[misc]
        def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:  # noqa: N802
            """An annotated name is an assignment; without a value it is nothing."""
            if not isinstance(node.target, ast.Name):
                return self.not_allowed(node)
            if node.value is None:
                self.check_name(node, node.target.id)
                return ast.copy_location(ast.Pass(), node)
            plain = ast.Assign(targets=[node.target], value=node.value)
            return self.visit_Assign(ast.copy_location(plain, node))

        def visit_arguments(self, node: ast.arguments) -> Any:
            """No argument may have a guard's name, of whatever kind it is."""
            for arg in (*node.posonlyargs, *node.args, *node.kwonlyargs):
                self.check_name(arg, arg.arg)
            for rest in (node.vararg, node.kwarg):
                if rest is not None:
                    self.check_name(rest, rest.arg)
            checked: Any = transformer.visit_arguments(self, node)
            return checked

    return Policy


def _guards(modules: Mapping[str, Any]) -> dict[str, Any]:
    """The globals that compiled code asks: every name in them is deliberate."""
    from importlib import import_module

    guards: Any = import_module("RestrictedPython.Guards")

    def attribute(owner: object, name: str, *default: object) -> Any:
        # CVE-2024-47532: an AttributeError hands over the object it is about.
        if isinstance(owner, BaseException) and name in ("obj", "with_traceback"):
            raise AttributeError(f"{name!r} of an exception is not for plugins")
        if isinstance(owner, types.ModuleType):
            raise AttributeError("a real module is not for plugins")
        return guards.safer_getattr_raise(owner, name, *default)

    def has(owner: object, name: str) -> bool:
        try:
            attribute(owner, name)
        except (AttributeError, NotImplementedError):
            return False
        return True

    allowed = dict(guards.safe_builtins)
    allowed.update({name: getattr(builtins, name) for name in _EXTRA})
    allowed.update(getattr=attribute, hasattr=has, __import__=_importer(modules))
    return {
        "__builtins__": allowed,
        "__metaclass__": _Plain,
        "_apply_": _apply,
        "_getattr_": attribute,
        "_getitem_": _item,
        "_getiter_": iter,
        "_inplacevar_": _in_place,
        "_iter_unpack_sequence_": guards.guarded_iter_unpack_sequence,
        "_print_": _Printer,
        "_unpack_sequence_": guards.guarded_unpack_sequence,
        "_write_": guards.full_write_guard,
    }


def _apply(function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """A call with ``*`` or ``**``: nothing to ask, calls are not guarded."""
    return function(*args, **named)


def _in_place(operation: str, value: Any, other: Any) -> Any:
    return getattr(operator, _IN_PLACE[operation])(value, other)


def _item(owner: Any, key: Any) -> Any:
    return owner[key]


class _Plain(type):
    """What classes are made by: their instances may have attributes set."""

    def __new__(
        cls, name: str, bases: tuple[type, ...], space: dict[str, Any]
    ) -> _Plain:
        made = super().__new__(cls, name, bases, space)
        made._guarded_writes = True  # type: ignore[attr-defined] # pyright: ignore
        return made


class _Printer:
    """``print`` to standard output, without ``file``: that would be a writer."""

    def __init__(self, _getattr_: object = None) -> None:
        pass

    def _call_print(self, *words: object, **options: Any) -> None:
        unknown = sorted(set(options) - _PRINT_OPTIONS)
        if unknown:
            raise TypeError(f"print takes no {unknown[0]!r} in the restricted profile")
        builtins.print(*words, **options)


def _importer(modules: Mapping[str, Any]) -> Callable[..., Any]:
    """An ``__import__`` of the listed modules, as copies with the listed names."""
    made: dict[str, types.SimpleNamespace] = {}

    def load(
        name: str,
        _globals: object = None,
        _locals: object = None,
        wanted: tuple[str, ...] | None = (),
        level: int = 0,
    ) -> object:
        if level or name not in modules:
            listed = ", ".join(sorted(modules))
            raise ImportError(
                f"{name!r} can't be imported in the restricted profile (only: {listed})"
            )
        if "." in name and not wanted:
            raise ImportError(f"write: from {name} import ...")
        if name not in made:
            from importlib import import_module

            real = import_module(name)
            copied = {word: getattr(real, word) for word in modules[name]}
            made[name] = types.SimpleNamespace(**copied)
        return made[name]

    return load
