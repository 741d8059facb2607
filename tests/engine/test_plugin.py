"""What an author imports: the mark, the refusal, the names."""

from __future__ import annotations

from typing import Any

import pluggy
import pytest

from lockgate import plugin, values
from lockgate.plugin import IMPL_ATTRIBUTE, Reason, RefusedError, hookimpl


def test_a_mark_leaves_the_function_as_it_is() -> None:
    def generate(spec: Any) -> Any:
        return spec

    assert hookimpl(generate) is generate
    assert generate(3) == 3


def test_pluggy_reads_the_mark_as_its_own() -> None:
    class Specs:
        @pluggy.HookspecMarker("lockgate")
        def transform(self, tree: Any) -> Any: ...

    class First:
        @hookimpl(tryfirst=True)
        def transform(self, tree: Any) -> Any:
            return f"first {tree}"

    class Other:
        @hookimpl(specname="transform")
        def any_name(self, tree: Any) -> Any:
            return f"other {tree}"

    manager = pluggy.PluginManager("lockgate")
    manager.add_hookspecs(Specs)
    manager.register(First())
    manager.register(Other())

    assert manager.hook.transform(tree="t") == ["first t", "other t"]
    manager.check_pending()


def test_the_options_are_pluggys() -> None:
    @hookimpl(trylast=True, optionalhook=True)
    def analyze() -> None: ...

    assert getattr(analyze, IMPL_ATTRIBUTE) == {
        "wrapper": False,
        "hookwrapper": False,
        "optionalhook": True,
        "tryfirst": False,
        "trylast": True,
        "specname": None,
    }


def test_a_refusal_gives_every_reason() -> None:
    reasons = [Reason("a", "x.y", "is wrong"), Reason("b", "z", "is worse")]

    error = RefusedError(reasons)

    assert error.reasons == tuple(reasons)
    assert str(error) == "x.y: is wrong; z: is worse"


def test_a_refusal_without_a_reason_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one reason"):
        RefusedError([])


def test_every_value_that_a_hook_takes_or_gives_is_there_for_authors() -> None:
    missing = set(values.__all__) - set(plugin.__all__)

    # `Document` and the like are; what is left is not part of a hook.
    assert missing <= {"Data", "Document"}
    assert plugin.__all__ == sorted(plugin.__all__)
