"""A plugin's modules as files and syntax trees: found, read, never imported.

What is at a module's top level is known by name (`Module.bound`); what code does
to a name when it runs is not, and then the name is unknown.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from lockgate._text.files import (
    Stamp,
    UnreadableError,
    read_bounded,
    stamp_fresh,
)

__all__ = ["Bound", "Module", "SourceError", "Sources"]

SOURCE_LIMIT_BYTES = 512 * 1024
"""A larger module is not read: its tree takes up to 600 bytes for each sign."""

MODULES_LIMIT = 64
TOTAL_LIMIT_BYTES = 1024 * 1024
"""Of all modules that one judgement reads: their trees are in memory together."""

STEPS_LIMIT = 20_000
"""Names and annotations that one judgement follows: aliases branch."""

_COMPILED = (".so", ".pyd", ".pyc")


class SourceError(Exception):
    """A module that is there and can't be parsed; the text says why."""

    def __init__(self, message: str, file: str, line: int = 0) -> None:
        super().__init__(message)
        self.file = file
        self.line = line


@dataclass(frozen=True, slots=True)
class Bound:
    """One statement that gives a top-level name its meaning.

    `node` is a function, a class, the expression of an assignment, or None for
    what can't be followed. `dotted` is what an import stands for. `firm` is whether
    the statement always runs.
    """

    node: ast.AST | None = None
    dotted: str = ""
    firm: bool = True
    line: int = 0


@dataclass(slots=True)
class Module:
    """A module that was read. `stars` are modules that all was imported from."""

    name: str
    file: str
    package: str
    bound: dict[str, list[Bound]] = field(default_factory=dict[str, list[Bound]])
    stars: list[str] = field(default_factory=list[str])
    dynamic: bool = False
    """Whether it may define names in ways that can't be read: ``__getattr__``,
    ``globals``, ``exec``."""

    def absolute(self, module: str, level: int) -> str:
        """The full name of what ``from ..module import`` names here."""
        if not level:
            return module
        parts = self.package.split(".")
        base = parts[: len(parts) - level + 1]
        return ".".join([*base, *([module] if module else [])])


class Sources:
    """The modules below `roots`, each read once.

    `looked` holds the stamp of every file whose content, presence or absence the
    result rests on. Only for the thread of a `lockgate_sandbox.parsing.batch`.
    """

    def __init__(self, roots: Sequence[str], started_ns: int) -> None:
        self._roots = roots
        self._started = started_ns
        self._known: dict[str, Module | None] = {}
        self._bytes_left = TOTAL_LIMIT_BYTES
        self._steps_left = STEPS_LIMIT
        self.looked: dict[str, Stamp] = {}

    def step(self, cost: int = 1) -> bool:
        """Take a step in following a name; False if there were too many."""
        self._steps_left -= cost
        return self._steps_left >= 0

    def has_package(self, name: str) -> bool:
        """Whether the top-level package or module `name` lies below a root."""
        return self._home(name.partition(".")[0]) is not None

    def module(self, name: str) -> Module | None:
        """The module, or None if it is not there as source.

        Raises:
            SourceError: If it can't be read or parsed.
        """
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def absent(self, name: str) -> str:
        """Where a module should be, if it surely is not there; else ``""``.

        Not sure is what may be compiled, made by an importer, or found elsewhere by
        a package that changes its own ``__path__``.
        """
        home = self._home(name.partition(".")[0])
        if home is None:
            return ""
        parts = name.split(".")
        for count in range(1, len(parts)):
            package = self.module(".".join(parts[:count]))
            if package is None or "__path__" in package.bound or package.dynamic:
                return ""
        path = "/".join([home, *parts])
        folder, last = os.path.split(path)
        try:
            names = os.listdir(folder)  # noqa: PTH208
        except OSError:
            return ""
        for found in names:
            stem, dot, rest = found.partition(".")
            if stem == last and (not dot or f".{rest}".endswith((".py", *_COMPILED))):
                return ""
        return f"{path}.py"

    def _home(self, top: str) -> str | None:
        for root in self._roots:
            for path in (f"{root}/{top}/__init__.py", f"{root}/{top}.py"):
                self._look(path)
                if os.path.isfile(path):  # noqa: PTH113
                    return root
        return None

    def _look(self, path: str) -> None:
        if path not in self.looked:
            self.looked[path] = stamp_fresh(path, self._started)

    def _read(self, name: str) -> Module | None:
        if not all(part.isidentifier() for part in name.split(".")):
            return None
        home = self._home(name.partition(".")[0])
        if home is None:
            return None
        base = "/".join([home, *name.split(".")])
        for file, is_package in ((f"{base}/__init__.py", True), (f"{base}.py", False)):
            self._look(file)
            if os.path.isfile(file):  # noqa: PTH113
                package = name if is_package else name.rpartition(".")[0]
                module = Module(name, file, package)
                tree = self._parsed(file)
                if tree is None:
                    module.dynamic = True
                else:
                    _fill(module, tree.body)
                return module
        return None

    def _parsed(self, file: str) -> ast.Module | None:
        """The tree of a file; None if it is too large, or too much is read already."""
        if len(self._known) >= MODULES_LIMIT:
            return None
        try:
            limit = min(SOURCE_LIMIT_BYTES, self._bytes_left)
            raw = read_bounded(file, limit)
        except UnreadableError:
            return None
        self._bytes_left -= len(raw)
        return _tree(file, raw)


def _tree(file: str, raw: bytes) -> ast.Module | None:
    """The tree of a file's text; None if it is not UTF-8, as most are."""
    from lockgate_sandbox.parsing import parse

    try:
        return parse(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return None
    except SyntaxError as error:
        message = f"no Python of this version: {error.msg}"
        raise SourceError(message, file, error.lineno or 0) from None
    except ValueError as error:  # null bytes, in some versions
        raise SourceError(f"no Python: {error}", file) from None
    except (RecursionError, MemoryError):
        raise SourceError("nested too deeply to be read", file) from None


_DYNAMIC = frozenset({"globals", "exec", "eval", "setattr", "vars", "locals"})


def _fill(module: Module, body: Sequence[ast.stmt]) -> None:
    """Note what the statements bind, those under a condition as not firm.

    In the order of the text, and without recursion: an ``elif`` is nested in the one
    before it, in the tree.
    """
    blocks = [iter(body)]
    while blocks:
        node = next(blocks[-1], None)
        if node is None:
            blocks.pop()
            continue
        for name, bound in _bindings(module, node, len(blocks) == 1):
            if name == "*":
                module.stars.append(bound.dotted)
            else:
                module.bound.setdefault(name, []).append(bound)
        if isinstance(node, ast.FunctionDef) and node.name == "__getattr__":
            module.dynamic = True
        if isinstance(node, ast.Expr | ast.Assign | ast.For | ast.AugAssign):
            module.dynamic = module.dynamic or _runs_dynamic(node)
        blocks += [iter(inner) for inner in reversed(list(_blocks(node)))]


def _runs_dynamic(node: ast.stmt) -> bool:
    # Not the block of a `for`: its statements have their turn.
    roots = (node.target, node.iter) if isinstance(node, ast.For) else (node,)
    return any(
        (isinstance(part, ast.Name) and part.id in _DYNAMIC)
        or (isinstance(part, ast.Attribute) and part.attr == "modules")
        for root in roots
        for part in ast.walk(root)
    )


def _blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The blocks of a compound statement that runs at import."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return
    for field_name in ("body", "orelse", "finalbody"):
        block: object = getattr(node, field_name, None)
        if isinstance(block, list):
            yield block
    for handler in getattr(node, "handlers", ()):
        yield handler.body
    for case in getattr(node, "cases", ()):
        yield case.body


def _bindings(
    module: Module, node: ast.stmt, firm: bool
) -> Iterator[tuple[str, Bound]]:
    """Each name that a statement itself binds."""
    line = node.lineno
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name, Bound(node, firm=firm, line=line)
    elif isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.partition(".")[0]
            dotted = alias.name if alias.asname else top
            yield alias.asname or top, Bound(dotted=dotted, firm=firm, line=line)
    elif isinstance(node, ast.ImportFrom):
        base = module.absolute(node.module or "", node.level)
        for alias in node.names:
            dotted = base if alias.name == "*" else f"{base}.{alias.name}"
            name = alias.asname or alias.name
            yield name, Bound(dotted=dotted, firm=firm, line=line)
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            value = node.value if isinstance(target, ast.Name) else None
            for name in _stored(target):
                yield name, Bound(value, firm=firm, line=line)
    elif isinstance(node, ast.AnnAssign):
        if node.value is not None:
            for name in _stored(node.target):
                yield name, Bound(node.value, firm=firm, line=line)
    elif type(node).__name__ == "TypeAlias":  # Python 3.12 and later
        named: Any = node
        yield str(named.name.id), Bound(named.value, firm=firm, line=line)
    else:
        yield from ((n, Bound(firm=firm, line=line)) for n in _others(node))


def _others(node: ast.stmt) -> Iterator[str]:
    """The names that any other statement stores or deletes, its blocks left out."""
    if isinstance(node, ast.For | ast.AsyncFor):
        yield from _stored(node.target)
    elif isinstance(node, ast.With | ast.AsyncWith):
        for item in node.items:
            if item.optional_vars is not None:
                yield from _stored(item.optional_vars)
    elif isinstance(node, ast.AugAssign):
        yield from _stored(node.target)
    elif isinstance(node, ast.Delete):
        for target in node.targets:
            yield from _stored(target)
    elif isinstance(node, ast.Expr | ast.If | ast.While):
        test = node.value if isinstance(node, ast.Expr) else node.test
        for part in ast.walk(test):
            if isinstance(part, ast.NamedExpr):
                yield part.target.id


def _stored(target: ast.expr) -> Iterator[str]:
    for part in ast.walk(target):
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
            yield part.id
