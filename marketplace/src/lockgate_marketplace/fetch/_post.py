"""A form to a server: sent once, and answered in a few words.

No redirect is followed, nothing is sent twice, and whatever the server answers has an
end: in time, and in bytes that are decoded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lockgate_marketplace.errors import FetchError
from lockgate_marketplace.fetch._exchange import AGENT, Body
from lockgate_marketplace.fetch._pace import Pace
from lockgate_marketplace.fetch._rules import Place
from lockgate_marketplace.fetch._wire import TransientError, Wire

__all__ = ["post"]

_ANSWER_BYTES = 1 << 16
_ANSWER_SECONDS = 120.0
_IDLE_SECONDS = 60.0
"""An index may take its time to look into a large file before it answers."""
_SLOWEST = 16 << 10
"""Bytes a second that a server must take."""


def post(
    wire: Wire, url: str, headers: Mapping[str, str], form: Iterable[bytes], size: int
) -> Body:
    """Send the `size` bytes of `form` to `url`; of the answer the first 64 KiB.

    Raises:
        FetchError: If it can't be sent, or the answer does not come to an end.
    """
    place = Place.of(url)
    seconds = _ANSWER_SECONDS + size / _SLOWEST
    pace = Pace(seconds, idle=_IDLE_SECONDS, slowest=0, slowest_seconds=seconds)
    asked = {
        "User-Agent": AGENT,
        "Accept-Encoding": "identity",
        **headers,
        "Content-Length": str(size),
    }
    try:
        with wire.ask(place, asked, pace, form=iter(form)) as answer:
            content = b""
            for piece in answer.pieces():
                content += piece
                if len(content) > _ANSWER_BYTES:
                    break
            return Body(url, answer.status, answer.headers, content[:_ANSWER_BYTES])
    except TransientError as error:
        raise FetchError(error.code, str(error), where=url) from None
