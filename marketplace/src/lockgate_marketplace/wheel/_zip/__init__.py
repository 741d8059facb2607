"""The zip archive that a wheel is: read strictly, so that no reader differs.

::

    for entry in read_archive(data, limits):    # every header judged, nothing inflated
        for piece in pieces(data, entry): ...   # held to what its header says

Read it from above: `_archive` (the members cover the file, and each is named once),
`_end` (where the central directory is), `_headers` (the two of each member), `_extra`
(the few extra fields that are let in).
"""

from __future__ import annotations

from lockgate_marketplace.wheel._zip._archive import pieces, read_archive, read_whole
from lockgate_marketplace.wheel._zip._headers import ZipEntry

__all__ = ["ZipEntry", "pieces", "read_archive", "read_whole"]
