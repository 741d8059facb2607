"""The wrappers of a plugin, in its worker: each lives between two requests.

`wrapping.BEGIN` runs one up to its ``yield`` and gives a token; `FINISH` hands in
what the others came to and gives what the wrapper makes of it; `DROP` ends one whose
call is over without an outcome.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Mapping
from typing import Any, cast

from lockgate._call import wrapping
from lockgate._call.wrapping import BEGIN, DROP
from lockgate._codec.misfit import Misfit
from lockgate._guest.impls import ImplError, Impls, misfit_fault, telling
from lockgate._specs.spec import HookSpec
from lockgate.values import Data

__all__ = ["Wrappers"]

_Begun = tuple[HookSpec, Generator[None, object, object], str]


class Wrappers:
    """The wrappers that have begun and not ended, by token."""

    def __init__(
        self,
        impls: Impls,
        targets: Mapping[str, str],
        known: Mapping[str, HookSpec],
    ) -> None:
        self._known = known
        self._impls = impls
        self._targets = targets
        self._begun: dict[int, _Begun] = {}
        self._tokens = itertools.count(1)

    def handle(self, method: str, arguments: Mapping[str, Any]) -> Data:
        """Answer one of the three methods."""
        if method == BEGIN:
            return self._begin(arguments["hook"], arguments["arguments"])
        if method == DROP:
            _, generator, _ = self._begun.pop(arguments["token"])
            generator.close()
            return None
        return self._finish(arguments)

    def _begin(self, hook: str, arguments: Mapping[str, Data]) -> int:
        spec, target = self._known.get(hook), self._targets.get(hook)
        if spec is None or target is None:
            raise ImplError(f"no wrapper of {hook!r}", code="impl-missing")
        impl = self._impls.find(spec, target, wrapper=True)
        given = self._impls.given(spec, impl, arguments)
        try:
            generator = wrapping.begin(impl(**given))
        except wrapping.WrapperMisuseError as error:
            raise ImplError(str(error), code=error.code, file=target) from None
        except BaseException as error:
            told = telling(error)
            if told is error:
                raise
            raise told from error
        token = next(self._tokens)
        self._begun[token] = spec, generator, target
        return token

    def _finish(self, arguments: Mapping[str, Any]) -> Data:
        spec, generator, target = self._begun.pop(arguments["token"])
        failures: list[Mapping[str, Any]] = arguments["failures"]
        error = wrapping.raised_inside(spec, failures, together=arguments["together"])
        values = [spec.answer.decode(value) for value in arguments["values"]]
        given = wrapping.as_given(spec, values)
        try:
            as_it_was, value = wrapping.finish(generator, given, error)
        except wrapping.WrapperMisuseError as misuse:
            raise ImplError(str(misuse), code=misuse.code, file=target) from None
        except BaseException as raised:
            told = telling(raised)
            if told is raised:
                raise
            raise told from raised
        if as_it_was:
            return None
        try:
            taken = wrapping.as_taken(spec, value)
            return [spec.answer.encode(cast(Any, one)) for one in taken]
        except Misfit as misfit:
            raise misfit_fault(misfit) from misfit
