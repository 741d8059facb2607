"""Takes an injected credential out of what a server sends back.

Many services echo a request's headers somewhere. Bytes equal to a secret are
replaced by as many stars, so that lengths stay right, also where a secret is cut in
two by the chunks that it arrives in. A server that sends it back in another form
(turned around, encoded) can't be stopped: it was granted the credential.
"""

from __future__ import annotations

from collections.abc import Iterable

from lockgate_sandbox.broker._rule import RuleError

__all__ = ["Scrub"]


class Scrub:
    """Of one response. Without values it changes nothing and holds nothing back."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        given = {value.encode("latin-1") for value in values if value}
        self._values = sorted(given, key=len, reverse=True)
        self._held = b""

    @property
    def active(self) -> bool:
        """Whether there is anything to take out."""
        return bool(self._values)

    def check_encoding(self, headers: Iterable[tuple[str, str]]) -> None:
        """Refuse a body that can't be looked into.

        Raises:
            RuleError: If it is compressed although identity was asked for.
        """
        for name, value in headers:
            plain = value.strip().lower() in ("", "identity")
            if self.active and name.lower() == "content-encoding" and not plain:
                msg = "the server compressed an answer to a request with a credential"
                raise RuleError(msg)

    def text(self, value: str) -> str:
        """A header's value without the secrets."""
        return self._clean(value.encode("latin-1")).decode("latin-1")

    def feed(self, data: bytes) -> bytes:
        """`data` and what was held back, but for an end that may begin a secret."""
        if not self._values:
            return data
        whole = self._clean(self._held + data)
        keep = max(
            (
                size
                for value in self._values
                for size in range(1, len(value))
                if whole.endswith(value[:size])
            ),
            default=0,
        )
        self._held = whole[len(whole) - keep :]
        return whole[: len(whole) - keep]

    def rest(self) -> bytes:
        """What is still held back when the body has ended."""
        held, self._held = self._held, b""
        return held

    def _clean(self, data: bytes) -> bytes:
        for value in self._values:
            if value in data:
                data = data.replace(value, b"*" * len(value))
        return data
