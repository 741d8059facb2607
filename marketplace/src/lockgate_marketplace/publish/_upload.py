"""To an index, by the upload API that PyPI's kin share ("legacy").

One request for each wheel: a form with the core metadata, the file and its hash. The
credentials come from the environment or from ``~/.netrc``, never from an address or
an argument, and go to the one host that they are for. What an index answers is bounded
in time and size, and shown without the password, which many a server repeats.
"""

from __future__ import annotations

import base64
import json
import netrc
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote, urlsplit

import httpx
from packaging.metadata import parse_email
from packaging.utils import parse_wheel_filename

from lockgate_marketplace.errors import FetchError, PublishError
from lockgate_marketplace.fetch import Wire, post
from lockgate_marketplace.publish._prepare import Ready
from lockgate_marketplace.sources import url_problem

__all__ = ["Credentials", "checked_url", "credentials_for", "upload"]

USER, PASSWORD = "LOCKGATE_PUBLISH_USER", "LOCKGATE_PUBLISH_PASSWORD"
"""Environment variables. A token's user is ``__token__``, as PyPI has it."""

_ANSWER_CHARS = 300


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who uploads."""

    user: str
    password: str = field(repr=False)

    @property
    def basic(self) -> str:
        """The two as an ``Authorization`` of the scheme Basic has them."""
        return base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def hidden(self, text: str) -> str:
        """`text` without the password, by whichever spelling a server repeats it."""
        plain = self.password
        spellings = {self.basic, plain, quote(plain, safe=""), json.dumps(plain)[1:-1]}
        for secret in sorted(filter(None, spellings), key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


def checked_url(url: str) -> str:
    """`url`, if something may be uploaded to it: https, or a loopback address.

    Raises:
        PublishError: If not (`publish-url`).
    """
    if problem := url_problem(url):
        raise PublishError("publish-url", problem, where=url)
    return url


def credentials_for(
    url: str, environ: Mapping[str, str] | None = None
) -> Credentials | None:
    """The credentials for the host of `url`; None if there are none.

    Raises:
        PublishError: If ``~/.netrc`` is not what it must be (`publish-credentials`).
    """
    variables = os.environ if environ is None else environ
    if password := variables.get(PASSWORD, ""):
        return Credentials(variables.get(USER, "") or "__token__", password)
    try:
        # Its `default` entry is for whoever an address leads to: for nobody.
        found = netrc.netrc().hosts.get(urlsplit(url).hostname or "")
    except FileNotFoundError:
        return None
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError) as error:
        # The parser's message may hold a token of the file.
        message = f"~/.netrc can't be used ({type(error).__name__})"
        raise PublishError("publish-credentials", message) from None
    if found is None:
        return None
    user, _, password = found
    return Credentials(user or "__token__", password or "")


def upload(
    ready: Iterable[Ready], url: str, credentials: Credentials | None
) -> list[str]:
    """Send each wheel; gives the names of the files that the index took.

    Raises:
        PublishError: If the index can't be reached or its answer has no end
            (`publish-unreachable`), leads elsewhere (`publish-redirected`), or refuses
            a file (`publish-refused`); those before it are there.
    """
    checked_url(url)
    sent: list[str] = []
    wire = Wire()
    try:
        for one in ready:
            _send(wire, one, url, credentials)
            sent.append(one.wheel.filename)
    finally:
        wire.close()
    return sent


def _send(wire: Wire, one: Ready, url: str, credentials: Credentials | None) -> None:
    name = one.wheel.filename
    content = (name, one.data, "application/zip")
    # httpx makes the form; what it would do with the answer has no bounds.
    form = httpx.Request("POST", url, data=_form(one), files={"content": content})
    headers = {"Content-Type": form.headers["Content-Type"]}
    if credentials is not None:
        headers["Authorization"] = f"Basic {credentials.basic}"
    size = int(form.headers["Content-Length"])
    try:
        pieces = cast("Iterable[bytes]", form.stream)
        answer = post(wire, url, headers, pieces, size)
    except FetchError as error:
        message = f"{name} can't be sent to {url}: {error.message}"
        raise PublishError("publish-unreachable", message, where=name) from error
    if answer.status in (401, 403):
        message = f"{url} does not let us in ({answer.status})"
        raise PublishError("publish-credentials", message, where=name)
    if 300 <= answer.status < 400:
        message = (
            f"{url} leads elsewhere ({answer.status}); neither a file nor a password "
            "goes where another address leads"
        )
        raise PublishError("publish-redirected", message, where=name)
    if not 200 <= answer.status < 300:
        text = answer.content.decode(errors="replace")
        said = " ".join((credentials.hidden(text) if credentials else text).split())
        message = f"{url} refuses {name} ({answer.status}): {said[:_ANSWER_CHARS]}"
        raise PublishError("publish-refused", message, where=name)


def _form(one: Ready) -> dict[str, str | list[str]]:
    """The fields of the form: core metadata by their names there."""
    raw = cast("dict[str, Any]", parse_email(one.wheel.metadata)[0])
    tags = parse_wheel_filename(one.wheel.filename)[3]
    form: dict[str, str | list[str]] = {
        ":action": "file_upload",
        "protocol_version": "1",
        "filetype": "bdist_wheel",
        "pyversion": ".".join(sorted({tag.interpreter for tag in tags})),
        "sha256_digest": one.wheel.sha256,
    }
    for key, value in raw.items():
        if isinstance(value, str):
            form[_field(key)] = value
        elif isinstance(value, list):
            form[_field(key)] = [str(item) for item in cast("list[object]", value)]
        elif isinstance(value, dict):
            pairs = cast("dict[object, object]", value).items()
            form["project_urls"] = [f"{label}, {url}" for label, url in pairs]
    if one.provenance is not None:
        bundles = json.loads(one.provenance)["attestation_bundles"]
        every = [item for bundle in bundles for item in bundle["attestations"]]
        form["attestations"] = json.dumps(every)
    return form


def _field(key: str) -> str:
    """The form's name for a key of `packaging.metadata.RawMetadata`."""
    return {"platforms": "platform", "license_files": "license_file"}.get(key, key)
