"""Which URLs an index may lead to: looked at before each request, redirects too."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

from lockgate_marketplace.errors import FetchError
from lockgate_marketplace.sources import Index, is_loopback

__all__ = ["Place", "allowed", "joined"]

_URL_CHARS = 4096


@dataclass(frozen=True, slots=True)
class Place:
    """A URL that may be asked."""

    url: str
    scheme: str
    host: str
    port: int
    target: str
    """Path and query, as the request line has them."""

    @classmethod
    def of(cls, url: str) -> Place:
        """Where `url` leads, whoever may go there.

        Raises:
            FetchError: If it is no web address, or longer than any.
        """
        parts = _split(url)
        scheme, host = parts.scheme, (parts.hostname or "").rstrip(".")
        if scheme not in ("https", "http") or not host:
            raise FetchError("fetch-url", f"{url[:200]!r} is no web address")
        port = parts.port or (443 if scheme == "https" else 80)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(url, scheme, host, port, target)

    @property
    def origin(self) -> tuple[str, str, int]:
        """Whom credentials are for."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """The ``Host`` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"https": 443, "http": 80}[self.scheme]
        return host if self.port == usual else f"{host}:{self.port}"


def joined(base: str, url: str) -> str:
    """`url` as it stands in a page or a redirect of `base`.

    Raises:
        FetchError: If it is none.
    """
    try:
        return urljoin(base, url)
    except ValueError:
        message = f"{url[:200]!r} is no URL"
        raise FetchError("fetch-url", message, where=base) from None


def allowed(index: Index, url: str) -> Place:
    """`url`, if `index` may lead there.

    Raises:
        FetchError: If it may not.
    """
    parts = _split(url)
    scheme, host = parts.scheme, (parts.hostname or "").rstrip(".")
    if scheme not in ("https", "http"):
        message = f"the index leads to {url[:200]!r}, which is not on the web"
        raise FetchError("fetch-scheme", message, where=index.url)
    if parts.username is not None or parts.password is not None:
        message = f"the URL on {host} carries a password"
        raise FetchError("fetch-url", message, where=index.url)
    if not host or not url.isascii() or not url.isprintable() or " " in url:
        message = f"{url[:200]!r} is no URL"
        raise FetchError("fetch-url", message, where=index.url)
    if scheme == "http" and not (is_loopback(host) or index.insecure):
        message = f"{host} would be reached without TLS"
        raise FetchError("fetch-scheme", message, where=url[:200])
    port = (place := Place.of(url)).port
    own = index.origin
    if (host, port) != own[1:] and not {host, f"{host}:{port}"} & index.files:
        message = f"the index {index.name} leads to another host, {host}:{port}"
        hint = (
            f'If its files are kept there: files = ["{host}"] in '
            f"[plugins.marketplace.indexes.{index.name}]."
        )
        other = f"{host}:{port}"
        raise FetchError("fetch-host", message, hint=hint, where=url[:200], host=other)
    if own[0] == "https" and scheme != "https":
        message = f"the index leads from https to http, on {host}"
        raise FetchError("fetch-scheme", message, where=url[:200])
    return place


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises if it is no number
    except ValueError as error:
        message = f"{url[:200]!r} is no URL: {error}"
        raise FetchError("fetch-url", message) from None
    if len(url) > _URL_CHARS:
        raise FetchError("fetch-url", f"a URL of {len(url)} letters", where=url[:80])
    return parts
