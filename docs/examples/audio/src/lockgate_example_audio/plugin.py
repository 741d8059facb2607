"""The hook `process_audio`, answered."""

from __future__ import annotations

from lockgate.plugin import Context, Reason, RefusedError, hookimpl
from lockgate_example_audio import wav as waves
from lockgate_example_audio.specs import Change, Sound


@hookimpl
def process_audio(wav: bytes, change: Change, context: Context) -> Sound | None:
    """Change a WAV file of 16 bits a sample."""
    try:
        sound = waves.read(wav)
    except ValueError as error:
        reason = Reason("no-wav", "wav", f"no WAV file: {error}", "Give PCM, 16 bits.")
        raise RefusedError([reason]) from error
    if sound is None:
        return None
    if change.mono:
        sound = waves.mono(sound)
    if change.reverse:
        sound = waves.reverse(sound)
    if change.normalise and sound.peak:
        sound = waves.scale(sound, 1 / sound.peak)
    if change.gain_db:
        sound = waves.scale(sound, 10 ** (change.gain_db / 20))
    context.log("info", "processed", seconds=sound.seconds)
    return Sound(waves.write(sound), sound.seconds, sound.peak)
