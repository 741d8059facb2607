"""The functions of a package that are marked ``@hookimpl``, found by its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lockgate._specs.spec import HookSpec, specs
from lockgate.contract._marks import Mark, mark_of, refused_words
from lockgate.contract._modules import Module, SourceError, Sources
from lockgate.contract._problems import Problem
from lockgate.errors import did_you_mean
from lockgate.manifest import HookImpl

__all__ = ["Marked", "marked_in", "modules_of"]

FILES_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Marked:
    """What the marks in a package say: the impls, and what is wrong with the marks."""

    impls: tuple[HookImpl, ...]
    problems: tuple[Problem, ...]


def marked_in(
    root: Path,
    package: str,
    distribution: str,
    known: Mapping[str, HookSpec] | None = None,
) -> Marked:
    """The marked functions of `package` below `root`. Nothing is imported.

    `known` are the hooks that there are; the built-in ones if it is not given.
    """
    import time

    from lockgate_sandbox.parsing import batch

    def work() -> Marked:
        sources = Sources([str(root)], time.time_ns())
        marks = _Marks(sources, distribution, specs() if known is None else known)
        return marks.read(modules_of(root, package))

    return batch(work)


def modules_of(root: Path, package: str) -> list[str]:
    """The modules of a package, its own first."""
    found: list[str] = []
    for path in sorted((root / package).rglob("*.py"))[:FILES_LIMIT]:
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if all(part.isidentifier() for part in parts):
            found.append(name)
    return sorted(found)


@dataclass(frozen=True, slots=True)
class _Marks:
    sources: Sources
    distribution: str
    known: Mapping[str, HookSpec]

    def read(self, modules: list[str]) -> Marked:
        known = self.known
        impls: dict[tuple[str, bool], HookImpl] = {}
        places: dict[tuple[str, bool], str] = {}
        problems: list[Problem] = []
        for name in modules:
            for module, node, mark in self._functions(name, problems):
                hook, wrapper = mark.hook or node.name, bool(mark.wrapper)
                if mark.refused is not None:
                    problems.append(self._refused(module, node, hook, mark.refused))
                if hook not in known:
                    if not mark.optional and mark.refused is None:
                        problems.append(self._unknown(module, node, hook, list(known)))
                    continue
                key, target = (hook, wrapper), f"{name}:{node.name}"
                if key in impls:
                    problems.append(self._twice(module, node, hook, places[key]))
                    continue
                impls[key] = HookImpl(hook, target, mark.order, wrapper)
                places[key] = f"{module.file}:{node.lineno}"
        order = {hook: number for number, hook in enumerate(known)}
        listed = sorted(impls.values(), key=lambda one: (order[one.hook], one.wrapper))
        return Marked(tuple(listed), tuple(problems))

    def _functions(
        self, name: str, problems: list[Problem]
    ) -> Iterator[tuple[Module, ast.FunctionDef | ast.AsyncFunctionDef, Mark]]:
        try:
            module = self.sources.module(name)
        except SourceError as error:
            hint = "The module must be importable by this Python."
            place = self.distribution, error.file, error.line
            problems.append(Problem("source-invalid", str(error), hint, *place))
            return
        for bound in module.bound.values() if module is not None else ():
            node = bound[-1].node
            if module and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                mark = mark_of(self.sources, module, node)
                if mark is not None and mark.sure:
                    yield module, node, mark

    def _refused(
        self,
        module: Module,
        node: ast.FunctionDef | ast.AsyncFunctionDef,
        hook: str,
        refused: str,
    ) -> Problem:
        message, hint = refused_words(refused)
        place = self.distribution, module.file, node.lineno
        return Problem("impl-mark", message, hint, *place, hook)

    def _unknown(
        self,
        module: Module,
        node: ast.FunctionDef | ast.AsyncFunctionDef,
        hook: str,
        known: list[str],
    ) -> Problem:
        return Problem(
            "hook-unknown",
            f"{node.name!r} is marked for the hook {hook!r}, which there is not",
            did_you_mean(hook, known)
            or "`lockgate hooks` lists the hooks; one of an added kind is known where "
            "the plugin that adds it is installed beside lockgate.",
            self.distribution,
            module.file,
            node.lineno,
            hook,
        )

    def _twice(
        self,
        module: Module,
        node: ast.FunctionDef | ast.AsyncFunctionDef,
        hook: str,
        first: str,
    ) -> Problem:
        return Problem(
            "impl-twice",
            f"a second impl of the hook {hook!r}; the first is at {first}",
            "A plugin answers a hook once: keep one mark, call the other from it.",
            self.distribution,
            module.file,
            node.lineno,
            hook,
        )
