"""One impl against its spec: is it there, marked, callable, and do its types fit.

What `lockgate._guest.impls.checked_impl` will say of the imported function is said
here of its source, earlier and of every hook at once; what only running could tell
is left to it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from lockgate._specs.spec import CONTEXT, HookSpec
from lockgate.contract._marks import Mark, is_generator, mark_of, refused_words
from lockgate.contract._modules import Module, Sources
from lockgate.contract._names import Found, find
from lockgate.contract._problems import Problem
from lockgate.contract._types import NONE, Type, accepts, of_annotation, of_spec
from lockgate.errors import did_you_mean
from lockgate.manifest import HookImpl

__all__ = ["Impls"]

Function = ast.FunctionDef | ast.AsyncFunctionDef

_LIKELY = 1000
"""Names that a wrong one is compared with."""


@dataclass(frozen=True, slots=True)
class Impls:
    """Judges the impls of one distribution."""

    sources: Sources
    distribution: str

    def judge(self, impl: HookImpl, spec: HookSpec) -> Iterator[Problem]:
        """What is wrong with one impl.

        Raises:
            SourceError: If a module of the plugin's own can't be parsed.
        """
        module_name, _, name = impl.target.partition(":")
        module = self.sources.module(module_name)
        if module is None:
            yield from self._no_module(impl, module_name)
            return
        found = find(self.sources, module, name)
        if found.missing:
            yield self._problem(
                "impl-missing",
                impl,
                found,
                f"there is no function {impl.target!r} for the hook {impl.hook!r}",
                did_you_mean(name, list(islice(module.bound, _LIKELY)))
                or "[hooks] in the manifest names it: correct the name there or here.",
            )
        elif isinstance(found.node, ast.FunctionDef | ast.AsyncFunctionDef):
            if found.module is not None:
                yield from self._function(impl, spec, found, found.module, found.node)
        elif isinstance(found.node, ast.Constant | ast.ClassDef):
            what = "a class" if isinstance(found.node, ast.ClassDef) else "a constant"
            yield self._problem(
                "impl-missing",
                impl,
                found,
                f"{impl.target!r}, for the hook {impl.hook!r}, is {what}, no function",
                "An impl is a function of a module, marked @hookimpl.",
            )

    def _no_module(self, impl: HookImpl, name: str) -> Iterator[Problem]:
        place = self.sources.absent(name)
        if place:
            yield Problem(
                "module-missing",
                f"there is no module {name!r}, which the hook {impl.hook!r} names",
                "[hooks] in the manifest names it: correct it, or add the module.",
                self.distribution,
                place,
                hook=impl.hook,
            )

    def _problem(
        self, code: str, impl: HookImpl, found: Found, message: str, hint: str = ""
    ) -> Problem:
        file = found.module.file if found.module is not None else ""
        return Problem(
            code, message, hint, self.distribution, file, found.line, impl.hook
        )

    def _function(
        self,
        impl: HookImpl,
        spec: HookSpec,
        found: Found,
        module: Module,
        node: Function,
    ) -> Iterator[Problem]:
        if found.twice:
            yield self._problem(
                "impl-twice",
                impl,
                found,
                f"{node.name!r} is defined here again: the function in line "
                f"{found.twice} is lost",
                "Give one of them another name.",
            )
        mark = mark_of(self.sources, module, node)
        if mark is None:
            yield self._problem(
                "impl-unmarked",
                impl,
                found,
                f"the function for {impl.hook!r} lacks the mark @hookimpl",
                "Put @hookimpl, from lockgate.plugin, above it.",
            )
            return
        amiss = list(self._mark(impl, found, mark))
        if amiss:  # what it is meant to be is not known
            yield from amiss
            return
        yield from self._form(impl, spec, found, node)
        if mark.alone:  # another decorator may give it another signature
            yield from self._arguments(impl, spec, found, node)
            yield from self._annotations(impl, spec, module, node)

    def _mark(self, impl: HookImpl, found: Found, mark: Mark) -> Iterator[Problem]:
        if mark.refused is not None:
            yield self._problem("impl-mark", impl, found, *refused_words(mark.refused))
            return
        if mark.hook and mark.hook != impl.hook:
            yield self._problem(
                "impl-mismatch",
                impl,
                found,
                f"the function for {impl.hook!r} is marked for {mark.hook!r}",
                "Correct `specname`, or the manifest.",
            )
        if mark.wrapper is not None and mark.wrapper is not impl.wrapper:
            said, named = "@hookimpl", "a wrapper"
            if mark.wrapper:
                said, named = "@hookimpl(wrapper=True)", "an impl"
            yield self._problem(
                "impl-mismatch",
                impl,
                found,
                f"the function for {impl.hook!r} is marked {said}, the manifest "
                f"names {named}",
                "Both say `wrapper = true`, or neither.",
            )

    def _form(
        self, impl: HookImpl, spec: HookSpec, found: Found, node: Function
    ) -> Iterator[Problem]:
        yields = is_generator(node)
        if impl.wrapper:
            if not yields or isinstance(node, ast.AsyncFunctionDef):
                yield self._problem(
                    "impl-form",
                    impl,
                    found,
                    f"the wrapper of {impl.hook!r} is no generator function",
                    "A wrapper is a plain `def` with one `yield`.",
                )
        elif yields and not getattr(spec, "stream", False):
            yield self._problem(
                "impl-form",
                impl,
                found,
                f"the impl of {impl.hook!r} yields; the hook wants one answer",
                "Return the answer, or mark it wrapper=True.",
            )

    def _arguments(
        self, impl: HookImpl, spec: HookSpec, found: Found, node: Function
    ) -> Iterator[Problem]:
        given = node.args
        plain = [*given.posonlyargs, *given.args]
        optional = {a.arg for a in plain[len(plain) - len(given.defaults) :]}
        optional |= {
            a.arg
            for a, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
            if default is not None
        }
        for argument in (*plain, *given.kwonlyargs):
            name = argument.arg
            if name in optional:
                continue
            place = Found(found.module, line=argument.lineno)
            if name not in spec.parameters:
                yield self._problem(
                    "impl-arguments",
                    impl,
                    place,
                    f"the impl of {impl.hook!r} wants {name}; the hook gives "
                    f"{', '.join(spec.parameters)}",
                    did_you_mean(name, spec.parameters)
                    or "Take any of the hook's arguments, by its name.",
                )
            elif argument in given.posonlyargs:
                yield self._problem(
                    "impl-arguments",
                    impl,
                    place,
                    f"the impl of {impl.hook!r} takes {name} by position only",
                    "Arguments are given by name: leave out the `/`.",
                )

    def _annotations(
        self,
        impl: HookImpl,
        spec: HookSpec,
        module: Module,
        node: Function,
    ) -> Iterator[Problem]:
        types = {argument.name: argument.annotation for argument in spec.arguments}
        types[CONTEXT] = "Context"
        given = node.args
        for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs):
            if argument.arg not in types:
                continue
            mine = of_annotation(self.sources, module, argument.annotation)
            if accepts(mine, of_spec(types[argument.arg])) is False:
                yield self._problem(
                    "impl-annotation",
                    impl,
                    Found(module, line=argument.lineno),
                    f"{argument.arg} is annotated {mine}; the hook {impl.hook!r} "
                    f"gives {types[argument.arg]}",
                    f"Write {argument.arg}: {types[argument.arg]}.",
                )
        if impl.wrapper or node.returns is None:
            return
        mine = of_annotation(self.sources, module, node.returns)
        wanted = Type("|", (of_spec(spec.annotation), NONE))
        if accepts(_flat(wanted), mine) is False:
            yield self._problem(
                "impl-annotation",
                impl,
                Found(module, line=node.returns.lineno),
                f"it is annotated to return {mine}; the hook {impl.hook!r} wants "
                f"{spec.annotation}",
                f"Write -> {spec.annotation}.",
            )


def _flat(kind: Type) -> Type:
    """A union without unions in it."""
    parts: list[Type] = []
    for part in kind.args or ():
        parts.extend(part.args or () if part.name == "|" else (part,))
    return Type("|", tuple(parts))
