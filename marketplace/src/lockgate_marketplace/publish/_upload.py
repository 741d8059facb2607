"""To an index, by the upload API that PyPI's kin share ("legacy").

One request for each wheel: a form with the core metadata, the file and its hash. The
credentials come from the environment or from ``~/.netrc``, never from an address or
an argument, and go to the one host that they are for.
"""

from __future__ import annotations

import json
import netrc
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
from packaging.metadata import parse_email
from packaging.utils import parse_wheel_filename

from lockgate_marketplace.errors import PublishError
from lockgate_marketplace.publish._prepare import Ready
from lockgate_marketplace.sources import url_problem

__all__ = ["Credentials", "checked_url", "credentials_for", "upload"]

USER, PASSWORD = "LOCKGATE_PUBLISH_USER", "LOCKGATE_PUBLISH_PASSWORD"
"""Environment variables. A token's user is ``__token__``, as PyPI has it."""

_TIMEOUT_SECONDS = 60
_ANSWER_CHARS = 300


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who uploads."""

    user: str
    password: str = field(repr=False)


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
        PublishError: If the index can't be reached (`publish-unreachable`), or
            refuses a file (`publish-refused`); those before it are there.
    """
    checked_url(url)
    auth = (credentials.user, credentials.password) if credentials else None
    sent: list[str] = []
    # A redirect would carry the file, and perhaps the password, elsewhere.
    with httpx.Client(
        auth=auth, timeout=_TIMEOUT_SECONDS, follow_redirects=False, trust_env=False
    ) as client:
        for one in ready:
            _send(client, one, url)
            sent.append(one.wheel.filename)
    return sent


def _send(client: httpx.Client, one: Ready, url: str) -> None:
    name = one.wheel.filename
    content = (name, one.data, "application/zip")
    try:
        answer = client.post(url, data=_form(one), files={"content": content})
    except httpx.HTTPError as error:
        message = f"{url} can't be reached: {error}"
        raise PublishError("publish-unreachable", message, where=name) from error
    if answer.status_code in (401, 403):
        message = f"{url} does not let us in ({answer.status_code})"
        raise PublishError("publish-credentials", message, where=name)
    if not answer.is_success:
        said = " ".join(answer.text.split())[:_ANSWER_CHARS]
        message = f"{url} refuses {name} ({answer.status_code}): {said}"
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
