"""The wheel gate: what a wheel must be before anything else opens it.

::

    wheel = open_wheel(path)            # judged whole, or a WheelError with its code
    unpack(wheel, folder)               # the very bytes that were judged

Read it from above: `_gate` (the file, once; the order of the rules), `_contents`
(archive and paths), `_zip` (the strict reader), `_paths`, `_layout`, `_scripts`,
`_modules` (where files go and whose names they take), `_words` (what a wheel says of
itself), `_metadata`, `_headers`, `_text`, `_entry_points`, `_record`, `_members` (every
byte against RECORD), `_wheel` (what was let in), `_unpack`; `_limits`, `_names` and
`_surroundings` (what all of them are held to); `_unpacked` (what is left to judge of
one that was let in before). Each rule and its code is in
``docs/reference/wheel-gate.md``.
"""

from __future__ import annotations

from lockgate_marketplace.wheel._gate import judge, open_wheel
from lockgate_marketplace.wheel._layout import Area
from lockgate_marketplace.wheel._limits import Limits
from lockgate_marketplace.wheel._metadata import Metadata, read_metadata
from lockgate_marketplace.wheel._names import Target, WheelName, tags_of
from lockgate_marketplace.wheel._surroundings import Surroundings
from lockgate_marketplace.wheel._unpack import unpack
from lockgate_marketplace.wheel._unpacked import Unpacked, judge_unpacked
from lockgate_marketplace.wheel._wheel import Member, Wheel

__all__ = [
    "Area",
    "Limits",
    "Member",
    "Metadata",
    "Surroundings",
    "Target",
    "Unpacked",
    "Wheel",
    "WheelName",
    "judge",
    "judge_unpacked",
    "open_wheel",
    "read_metadata",
    "tags_of",
    "unpack",
]
