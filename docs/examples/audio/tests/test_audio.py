"""Each test runs twice: in this process, and in a sealed worker."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

import pytest
from lockgate_example_audio.wav import Pcm, read, write

from lockgate.plugin import RefusedError
from lockgate.testing import PluginUnderTest

WAV = write(Pcm(8000, 2, array("h", [100, -100, 200, -200, 8000, 4000])))


def changed(plugin: PluginUnderTest, **change: object) -> list[int]:
    answer = plugin.call("process_audio", Mapping, wav=WAV, change=change)
    made = read(answer["wav"])
    assert made is not None
    assert answer["peak"] == made.peak
    return list(made.samples)


def test_a_sound_is_changed(plugin: PluginUnderTest) -> None:
    assert changed(plugin) == [100, -100, 200, -200, 8000, 4000]
    assert changed(plugin, reverse=True) == [8000, 4000, 200, -200, 100, -100]
    assert changed(plugin, mono=True) == [0, 0, 6000]
    assert changed(plugin, gain_db=-20) == [10, -10, 20, -20, 800, 400]
    assert max(changed(plugin, normalise=True)) == 32767
    assert max(changed(plugin, gain_db=60)) == 32767


def test_what_is_no_wav_is_refused(plugin: PluginUnderTest) -> None:
    with pytest.raises(RefusedError, match="no WAV file"):
        plugin.call("process_audio", Mapping, wav=b"RIFF", change={})
