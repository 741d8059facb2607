"""pluggy is the oracle: whatever is registered, both managers do the same.

A case is a set of impls and wrappers, each with a behaviour; both managers run it
several times (the first calls are not compiled), and everything that can be seen
must be equal: the order of executions, the result, and the exception.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator
from typing import Any, Literal, NamedTuple, cast

import pluggy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.inprocess import PluginManager

impl = pluggy.HookimplMarker("case")
spec = pluggy.HookspecMarker("case")

CALLS = 4
"""More than the calls after which a hook is compiled."""


class BoomError(Exception):
    """An ordinary exception."""


class Abort(BaseException):
    """One that ``except Exception`` lets through."""


RAISED: dict[str, type[BaseException]] = {
    "boom": BoomError,
    "abort": Abort,
    "stop": StopIteration,
    "runtime": RuntimeError,
}

Before = Literal["yield", "never", "boom", "stop"]
After = Literal["hand on", "replace", "swallow", "boom", "abort", "stop", "yield again"]


class Plain(NamedTuple):
    """An impl: which arguments it takes, and what it does."""

    arguments: tuple[str, ...]
    does: str
    order: str


class Wrapper(NamedTuple):
    """A wrapper: what it does before and after what it wraps."""

    before: Before
    after: After
    old: bool
    order: str


class Case(NamedTuple):
    """What is registered, in which order, and how the hook is called."""

    impls: tuple[Plain | Wrapper, ...]
    firstresult: bool
    given: tuple[str, ...]


ORDERS = st.sampled_from(["", "tryfirst", "trylast"])


def leaves_old_behind(case: Case) -> bool:
    """Whether a wrapper yields again, with one of the old style around it.

    pluggy leaves that behind, and it complains when it is collected, whenever.
    """
    wrappers = [one for one in case.impls if isinstance(one, Wrapper)]
    again = any(one.after == "yield again" for one in wrappers)
    return again and any(one.old for one in wrappers)


PLAINS = st.builds(
    Plain,
    st.sampled_from([(), ("a",), ("b",), ("a", "b"), ("b", "a"), ("c",), ("a", "c")]),
    st.sampled_from(["value", "value", "none", "false", "nasty", *RAISED]),
    ORDERS,
)
WRAPPERS = st.builds(
    Wrapper,
    st.sampled_from(["yield", "yield", "yield", "never", "boom", "stop"]),
    st.sampled_from(
        [
            "hand on",
            "hand on",
            "replace",
            "swallow",
            "boom",
            "abort",
            "stop",
            "yield again",
        ]
    ),
    st.sampled_from([False, False, False, True]),
    ORDERS,
)
CASES = st.builds(
    Case,
    st.lists(PLAINS | WRAPPERS, max_size=7).map(tuple),
    st.booleans(),
    st.sampled_from([("a", "b"), ("a", "b", "c"), ("a", "b", "more"), ("a",)]),
).filter(lambda case: not leaves_old_behind(case))


class Nasty:
    """A result that compares equal to None, and does not like to be asked."""

    def __eq__(self, other: object) -> bool:
        return other is None

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise AssertionError("asked for its truth")


def plain(one: Plain, number: int, log: list[Any]) -> Callable[..., Any]:
    def act(*given: object) -> object:
        log.append((number, given))
        if one.does in RAISED:
            raise RAISED[one.does](number)
        values = {"none": None, "false": 0, "nasty": NASTY}
        return values.get(one.does, (number, given))

    # `c` is optional in the spec, and in an impl too.
    named = [f"{name}='own'" if name == "c" else name for name in one.arguments]
    head, names = ", ".join(["self", *named]), ", ".join(one.arguments)
    space: dict[str, Any] = {"act": act}
    exec(f"def h({head}): return act({names})", space)
    made: Callable[..., Any] = space["h"]
    return made


NASTY = Nasty()


def wrapper(one: Wrapper, number: int, log: list[Any]) -> Callable[..., Any]:
    def h(self: object, a: object) -> Generator[None, Any, object]:
        log.append((number, "before", a))
        if one.before != "yield":
            if one.before != "never":
                raise RAISED[one.before](number)
            return "never yielded"
        try:
            got: Any = yield
            outcome: object = got.get_result() if one.old else got
        except GeneratorExit:
            raise  # left behind, and collected at no certain time
        except BaseException as error:
            log.append((number, "caught", repr(error)))
            if one.after == "hand on":
                raise
            outcome = ("instead", number)
        log.append((number, "after"))
        if one.after == "yield again":
            yield
        if one.after in RAISED:
            raise RAISED[one.after](number)
        return ("replaced", number) if one.after == "replace" else outcome

    return h


def registered(manager: pluggy.PluginManager, case: Case, log: list[Any]) -> Any:
    class Spec:
        @spec(firstresult=case.firstresult)
        def h(self, a: object, b: object, c: object = "default") -> None: ...

    manager.add_hookspecs(Spec)
    for number, one in enumerate(case.impls):
        function: Callable[..., Any]
        marks: dict[str, Any] = {one.order: True} if one.order else {}
        if isinstance(one, Plain):
            function = plain(one, number, log)
        else:
            function = wrapper(one, number, log)
            marks["hookwrapper" if one.old else "wrapper"] = True
        plugin = type(f"P{number}", (), {"h": impl(**marks)(function)})()
        manager.register(plugin, name=f"p{number}")
    return manager.hook.h


def told(value: object) -> object:
    """What can be compared, of results that do not like to be."""
    if isinstance(value, list):
        return [told(item) for item in cast("list[object]", value)]
    return "nasty" if value is NASTY else value


def ended(caller: Callable[..., Any], case: Case) -> tuple[object, ...]:
    """How a call ended, and which warnings it gave, and about which file."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            outcome: object = ("gave", told(caller(**dict.fromkeys(case.given, 1))))
        except BaseException as error:
            context = repr(error.__context__), repr(error.__cause__)
            outcome = ("raised", type(error), str(error), context)
    return outcome, [(one.category, str(one.message), one.filename) for one in seen]


@settings(max_examples=400)
@given(CASES)
def test_every_call_ends_as_pluggys(case: Case) -> None:
    logs: tuple[list[Any], list[Any]] = ([], [])
    theirs = registered(pluggy.PluginManager("case"), case, logs[0])
    ours = registered(PluginManager("case"), case, logs[1])

    for _ in range(CALLS):
        assert ended(ours, case) == ended(theirs, case)
        assert logs[1] == logs[0]


@settings(max_examples=100)
@given(CASES, st.data())
def test_it_stays_so_while_plugins_come_and_go(case: Case, data: st.DataObject) -> None:
    logs: tuple[list[Any], list[Any]] = ([], [])
    managers = pluggy.PluginManager("case"), PluginManager("case")
    theirs, ours = (
        registered(manager, case, log)
        for manager, log in zip(managers, logs, strict=True)
    )
    for _ in range(3):
        for _ in range(CALLS):
            assert ended(ours, case) == ended(theirs, case)
        names = [name for name, plugin in managers[0].list_name_plugin() if plugin]
        if names:
            gone = data.draw(st.sampled_from(names))
            again = [manager.unregister(name=gone) for manager in managers]
            if data.draw(st.booleans()):
                for manager, plugin in zip(managers, again, strict=True):
                    manager.register(plugin, name=gone)
        assert logs[1] == logs[0]


def test_the_calls_of_a_case_reach_the_compiled_method() -> None:
    """Without this the tests above might compare pluggy with itself."""
    case = Case(
        (Plain(("a",), "value", ""), Wrapper("yield", "hand on", False, "")),
        False,
        ("a", "b"),
    )
    caller = registered(PluginManager("case"), case, [])
    kinds: list[str] = []
    for _ in range(CALLS):
        caller(a=1, b=2)
        kinds.append(type(caller).__call__.__code__.co_filename)

    assert kinds[-1] == "<lockgate.inprocess>"


@pytest.mark.parametrize("stays", [False, True])
def test_monitoring_sees_each_call_of_a_hot_hook(stays: bool) -> None:
    manager = PluginManager("case")
    case = Case((Plain(("a",), "value", ""),), False, ("a", "b"))
    caller = registered(manager, case, [])
    for _ in range(CALLS):
        caller(a=1, b=2)
    seen: list[str] = []

    def before(name: str, *_: object) -> None:
        seen.append(name)

    def after(_: object, name: str, *__: object) -> None:
        seen.append(name)

    undo = manager.add_hookcall_monitoring(before, after)
    caller(a=1, b=2)
    if not stays:
        undo()
    for _ in range(CALLS):
        caller(a=1, b=2)

    assert seen == ["h", "h"] * (1 + CALLS if stays else 1)
