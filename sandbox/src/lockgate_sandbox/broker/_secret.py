"""Secrets by name: handed over where granted, injected where a host grant says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from lockgate_sandbox.broker._audit import AuditLog
from lockgate_sandbox.broker._gate import Gate, Secret
from lockgate_sandbox.errors import Data

__all__ = ["Secrets", "Source"]

Source: TypeAlias = Mapping[str, str] | Callable[[str], str | None]
"""Where values come from: by name; a callable gives None for what it lacks, or
raises a LookupError that says why."""

_HEADER_VALUE = re.compile(r"[\x21-\x7e\x80-\xff]+( [\x21-\x7e\x80-\xff]+)*")


class Secrets:
    """Answers ``broker.secret`` and knows what to inject. Values are never logged."""

    def __init__(self, gate: Gate, source: Source, log: AuditLog) -> None:
        self._gate = gate
        self._ask: Callable[[str], str | None] = (
            source if callable(source) else source.get
        )
        self._log = log

    @property
    def callbacks(self) -> dict[str, Callable[[dict[str, Data]], Data]]:
        """What a session asks for."""
        return {"broker.secret": self._tell}

    def _tell(self, arguments: dict[str, Data]) -> Data:
        name = arguments.get("name")
        if not isinstance(name, str):
            msg = "a secret has a name"
            raise ValueError(msg)
        grant = self._gate.named(Secret, name)
        if grant is None:
            raise self._gate.refuse("secret", name, "this secret is not granted")
        value = self._value(name)
        self._gate.allow(grant, name)
        return value

    def for_header(self, name: str) -> str:
        """The value of a secret that goes into a header.

        Raises:
            RefusedError: If there is none, or no header can hold it.
        """
        value = self._value(name)
        if not _HEADER_VALUE.fullmatch(value):
            msg = f"the secret {name} holds characters that no header may have"
            raise self._gate.refuse("secret", name, msg, wanted="")
        return value

    def _value(self, name: str) -> str:
        why = "it is granted, but the host has no value for it"
        try:
            value = self._ask(name)
        except LookupError as error:
            value, why = None, str(error.args[0] if error.args else why)
        if not value:
            raise self._gate.refuse("secret", name, why, lacking="value")
        # Before anything is done with it that is written down.
        self._log.redact([value])
        return value
