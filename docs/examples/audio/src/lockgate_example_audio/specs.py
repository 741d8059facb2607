"""The kind `audio`: what its hooks are asked and answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lockgate.plugin import hookspec


@dataclass(frozen=True)
class Change:
    """What to do to a sound, in this order."""

    mono: bool = False
    reverse: bool = False
    normalise: bool = False
    gain_db: float = 0.0


@dataclass(frozen=True)
class Sound:
    """A WAV file; `peak` is its loudest sample, from 0 to 1."""

    wav: bytes
    seconds: float
    peak: float


class Audio(Protocol):
    """Sound in, sound out."""

    @hookspec("audio", timeout_seconds=120)
    def process_audio(self, wav: bytes, change: Change) -> Sound | None:
        """Change a WAV file. None if its coding is unknown to the plugin."""
        ...
