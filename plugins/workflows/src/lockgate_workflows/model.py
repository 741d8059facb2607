"""A pipeline that was read: frozen values, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from lockgate.expression import Expression
from lockgate.values import Data
from lockgate_workflows.problems import Place

__all__ = ["Call", "Expected", "Input", "InputType", "Pipeline", "Retry", "Step"]

InputType: TypeAlias = Literal[
    "boolean", "document", "documents", "integer", "list", "string", "tree"
]
Expected: TypeAlias = Literal["done", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Input:
    """One input: `required` if it has no default."""

    name: str
    type: InputType
    required: bool
    default: Data = None
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """How often to try, and how long to wait before the second try.

    Each wait is `backoff` times the one before.
    """

    attempts: int = 1
    delay_seconds: float = 0.0
    backoff: float = 1.0


@dataclass(frozen=True, slots=True)
class Call:
    """A hook call whose arguments may hold templates; `plugin` None asks all."""

    hook: str
    plugin: str | None
    arguments: Mapping[str, Data]
    timeout: float | None
    place: Place


@dataclass(frozen=True, slots=True)
class Step:
    """One step: either `call`, or the sub-pipeline `pipeline` with `given`.

    `foreach` is a template of the list to run the sub-pipeline over, one item
    named `item` at a time, `parallel` of them at once.
    """

    id: str
    place: Place
    needs: tuple[str, ...]
    call: Call | None = None
    pipeline: str | None = None
    given: Mapping[str, Data] = field(default_factory=dict[str, Data])
    when: Expression | None = None
    foreach: Data = None
    item: str = "item"
    parallel: int = 1
    retry: Retry = Retry()
    timeout: float | None = None
    fail_when: Expression | None = None
    expect: Expected = "done"
    compensate: Call | None = None
    optional: bool = False
    always: bool = False


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A whole pipeline; `file` is its path among the files, or empty."""

    name: str
    file: str
    place: Place
    inputs: Mapping[str, Input]
    steps: tuple[Step, ...]
    outputs: Mapping[str, Data]
