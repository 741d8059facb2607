"""WAV files of 16 bits a sample as lists of integers, and back. Knows no host."""

from __future__ import annotations

import io
import sys
import wave
from array import array
from dataclasses import dataclass, replace

FULL = 32767


@dataclass(frozen=True)
class Pcm:
    """Samples of all channels, frame by frame; `rate` is in frames a second."""

    rate: int
    channels: int
    samples: array[int]

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return len(self.samples) / self.channels / self.rate

    @property
    def peak(self) -> float:
        """The loudest sample, from 0 to 1."""
        return max(map(abs, self.samples), default=0) / FULL


def read(raw: bytes) -> Pcm | None:
    """The sound in a WAV file; None if it is not of 16 bits a sample.

    Raises:
        ValueError: If it is no WAV file, or ends too early.
    """
    try:
        with wave.open(io.BytesIO(raw)) as file:
            if file.getsampwidth() != 2 or not file.getframerate():
                return None
            samples = array("h", file.readframes(file.getnframes()))
            rate, channels = file.getframerate(), file.getnchannels()
    except (wave.Error, EOFError, ValueError) as error:
        message = str(error) or "it ends too early"
        raise ValueError(message) from error
    if sys.byteorder == "big":
        samples.byteswap()
    return Pcm(rate, channels, samples[: len(samples) // channels * channels])


def write(sound: Pcm) -> bytes:
    """The sound as a WAV file."""
    samples = array("h", sound.samples)
    if sys.byteorder == "big":
        samples.byteswap()
    made = io.BytesIO()
    with wave.Wave_write(made) as file:
        file.setparams((sound.channels, 2, sound.rate, 0, "NONE", "not compressed"))
        file.writeframes(samples.tobytes())
    return made.getvalue()


def mono(sound: Pcm) -> Pcm:
    """All channels as one, by their mean."""
    count = sound.channels
    starts = range(0, len(sound.samples), count)
    mixed = [sum(sound.samples[at : at + count]) // count for at in starts]
    return Pcm(sound.rate, 1, array("h", mixed))


def reverse(sound: Pcm) -> Pcm:
    """From its end to its beginning, each channel where it was."""
    made = array("h", bytes(2 * len(sound.samples)))
    for channel in range(sound.channels):
        step = sound.channels
        made[channel::step] = sound.samples[channel::step][::-1]
    return replace(sound, samples=made)


def scale(sound: Pcm, factor: float) -> Pcm:
    """Louder or quieter; what is too loud is cut off at full scale."""
    louder = [max(-FULL, min(FULL, round(s * factor))) for s in sound.samples]
    return replace(sound, samples=array("h", louder))
