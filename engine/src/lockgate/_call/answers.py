"""What a hook call gives back: one `Answer` per plugin that answered.

Frozen values; standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from lockgate._codec.convert import to_data
from lockgate.errors import LockgateError, NoAnswerError
from lockgate.values import Data, Document

__all__ = [
    "Answer",
    "AnswerMade",
    "Answers",
    "AnswersMade",
    "HookFailure",
    "make_answer",
    "make_answers",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Answer(Generic[T_co]):
    """One plugin's answer, and under which conditions it was made.

    `seconds` is wall time as the host saw it, a worker's start included.
    `posture` names the isolation layers that were really active
    (``{"layers": []}`` for a plugin of the trusted base, which runs in the
    host). `denials` holds each right that the plugin asked for and did not
    have, `output` what it printed (bounded).
    """

    value: T_co
    plugin: str
    version: str
    tier: str
    seconds: float
    posture: Document = field(default_factory=dict[str, Data])
    denials: tuple[Document, ...] = ()
    output: str = ""

    @property
    def data(self) -> Data:
        """The value as plain data: lists, dicts, strings, bytes, numbers."""
        return to_data(self.value)

    def to_dict(self) -> dict[str, Data]:
        """The whole answer as plain data, as a run document holds it."""
        return {
            "plugin": self.plugin,
            "version": self.version,
            "tier": self.tier,
            "seconds": self.seconds,
            "posture": self.posture,
            "denials": list(self.denials),
            "output": self.output,
            "value": self.data,
        }


@dataclass(frozen=True, slots=True)
class HookFailure:
    """A plugin whose answer failed where the hook's policy is to go on."""

    plugin: str
    version: str
    error: LockgateError

    def to_dict(self) -> dict[str, Data]:
        """The failure as plain data."""
        return {
            "plugin": self.plugin,
            "version": self.version,
            "error": self.error.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Answers(Generic[T_co]):
    """The answers to one call, in the order in which the plugins were asked.

    A plugin that answered None is in `asked` only.
    """

    hook: str
    items: tuple[Answer[T_co], ...] = ()
    failed: tuple[HookFailure, ...] = ()
    asked: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[T_co, ...]:
        """The values alone."""
        return tuple(answer.value for answer in self.items)

    @property
    def first(self) -> T_co:
        """The first answer's value.

        Raises:
            NoAnswerError: If no plugin answered.
        """
        return self.first_answer.value

    @property
    def first_answer(self) -> Answer[T_co]:
        """The first answer.

        Raises:
            NoAnswerError: If no plugin answered.
        """
        if not self.items:
            hint = "; ".join(f"{f.plugin}: {f.error.message}" for f in self.failed)
            raise NoAnswerError(self.hook, asked=self.asked, hint=hint)
        return self.items[0]

    def __iter__(self) -> Iterator[Answer[T_co]]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def to_dict(self) -> dict[str, Data]:
        """The call's result as plain data."""
        return {
            "hook": self.hook,
            "answers": [answer.to_dict() for answer in self.items],
            "failed": [failure.to_dict() for failure in self.failed],
            "asked": list(self.asked),
        }


# A frozen dataclass sets each field through `object.__setattr__`, which takes three
# times as long as a plain assignment, and every call makes one of each. So they are
# filled in as what has the same slots and is not frozen, and then become what they are.


class AnswerMade(Generic[T]):
    """What becomes an `Answer` when all of its slots are filled in."""

    __slots__ = tuple(Answer.__dataclass_fields__)


class AnswersMade(Generic[T]):
    """What becomes `Answers` likewise."""

    __slots__ = tuple(Answers.__dataclass_fields__)


def make_answer(
    value: T,
    plugin: str,
    version: str,
    tier: str,
    seconds: float,
    posture: Document,
    denials: tuple[Document, ...] = (),
    output: str = "",
) -> Answer[T]:
    """``Answer(…)``, in a third of the time."""
    made: Any = _new(AnswerMade)
    made.value = value
    made.plugin = plugin
    made.version = version
    made.tier = tier
    made.seconds = seconds
    made.posture = posture
    made.denials = denials
    made.output = output
    made.__class__ = Answer
    return made  # type: ignore[no-any-return]


def make_answers(
    hook: str,
    items: tuple[Answer[T], ...],
    failed: tuple[HookFailure, ...],
    asked: tuple[str, ...],
) -> Answers[T]:
    """``Answers(…)``, likewise."""
    made: Any = _new(AnswersMade)
    made.hook = hook
    made.items = items
    made.failed = failed
    made.asked = asked
    made.__class__ = Answers
    return made  # type: ignore[no-any-return]


_new: Callable[[type], Any] = object.__new__
