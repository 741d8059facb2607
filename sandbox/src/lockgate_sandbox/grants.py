"""What a policy may grant besides the kernel's own rights: the broker carries it.

A grant is a frozen value without any secret in it: it names secrets, their values
come from the broker's source. `lockgate_sandbox.broker` does what a grant allows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lockgate_sandbox._spelling.amounts import size
from lockgate_sandbox._spelling.hostname import canonical_host
from lockgate_sandbox._spelling.paths import absolute
from lockgate_sandbox.errors import PolicyError

__all__ = ["Credential", "Device", "HostGrant", "PathGrant", "Quota"]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,=:@/-]*")
_SCHEMES = {"": 443, "http": 80, "https": 443}

# They would let one connection carry another, or send a credential back.
_NEVER_METHODS = frozenset({"CONNECT", "TRACE", "TRACK"})

# Whoever sets one of these decides where a message begins and ends.
FRAMING_HEADERS = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that belong to a connection or frame a message: the broker's alone."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How much may be used over a broker's life.

    `bytes` counts both directions, headers included, without the cost of TLS.
    `requests` counts HTTP requests and connections, `per_second` their rate;
    up to `burst` may come at once. None of them means "no limit".

    Raises:
        PolicyError: If one is not above zero.
    """

    bytes: int = 100 << 20
    requests: int = 1_000
    per_second: float = 50.0
    burst: int = 50

    def __post_init__(self) -> None:
        for name in ("bytes", "requests", "per_second", "burst"):
            value = getattr(self, name)
            if not 0 < value < float("inf"):
                msg = f"quota: {name} is a number above 0, not {value!r}"
                raise PolicyError(msg)


TOTAL = Quota(bytes=256 << 20, requests=10_000, per_second=200.0, burst=200)
"""What all hosts of a policy may use together when nobody asked otherwise."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A header that the broker adds: its value is a secret that no worker sees.

    `form` holds ``{}`` once, where the secret's value goes.
    """

    header: str
    secret: str
    form: str = "{}"

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self.header) or self.header.lower() in FRAMING_HEADERS:
            msg = f"a credential goes into a header of its own, not {self.header!r}"
            raise PolicyError(msg)
        check_name("secret", self.secret)
        if self.form.count("{}") != 1 or not self.form.isprintable():
            msg = f"a credential's form is one line with {{}} once, not {self.form!r}"
            raise PolicyError(msg)


@dataclass(frozen=True, slots=True)
class HostGrant:
    """One host that may be reached, and how.

    With `scheme` ``""``, no `methods`, `paths` and `credential` it is about bytes
    only: any protocol may be spoken, through the socket shim or the transport.
    Anything more holds for HTTP through the broker's transport alone. `paths` are
    prefixes that end at a segment's end. `allow_private` also permits addresses
    that are loopback or private; a link-local one (cloud metadata) must be the
    host itself. `seconds` bounds one request from its first to its last byte, and
    how long a connection of bytes may rest.

    Raises:
        PolicyError: If a part makes no sense; the hint says how to write it.
    """

    host: str
    ports: tuple[int, ...] = ()
    scheme: str = ""
    methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    credential: Credential | None = None
    allow_private: bool = False
    quota: Quota = field(default_factory=Quota)
    seconds: float = 60.0

    def __post_init__(self) -> None:
        put = object.__setattr__
        if self.scheme not in _SCHEMES:
            hint = "write https:// or http://, or leave it out for any protocol"
            raise PolicyError(f"no scheme {self.scheme!r}", hint=hint)
        put(self, "host", canonical_host(self.host))
        put(self, "ports", tuple(sorted(set(self.ports or (_SCHEMES[self.scheme],)))))
        for port in self.ports:
            if type(port) is not int or not 0 < port < 65_536:
                msg = f"a port is a number from 1 to 65535, not {port!r}"
                raise PolicyError(msg)
        put(self, "methods", tuple(sorted({_method(item) for item in self.methods})))
        put(self, "paths", tuple(dict.fromkeys(_prefix(item) for item in self.paths)))
        if self.bytes_only and self.credential is not None:
            raise PolicyError(
                "a credential is added to HTTP requests only",
                hint=f"write https://{self.host}",
            )
        if (self.methods or self.paths) and not self.scheme:
            raise PolicyError(
                "methods and paths are of HTTP only",
                hint=f"write https://{self.host}/",
            )
        if not 0 < self.seconds <= 3_600:
            msg = f"a request takes above 0 and up to 3600 s, not {self.seconds!r}"
            raise PolicyError(msg)

    @property
    def bytes_only(self) -> bool:
        """Whether the grant is about host, port and bytes, and nothing inside."""
        return not self.scheme

    @property
    def origin(self) -> str:
        """The host with its ports, as a person writes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        ports = ",".join(map(str, self.ports))
        return f"{self.scheme}://{host}:{ports}" if self.scheme else f"{host}:{ports}"

    def describe(self) -> str:
        """The grant in a few words."""
        words = [self.origin]
        if self.paths:
            words.append(f"below {' '.join(self.paths)}")
        if self.methods:
            words.append(f"({', '.join(self.methods)})")
        if self.credential is not None:
            words.append(f"with {self.credential.header} from {self.credential.secret}")
        if self.allow_private:
            words.append("also at a private address")
        quota = self.quota
        words.append(f"up to {size(quota.bytes)} and {quota.requests:,} requests")
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class PathGrant:
    """A file, or a folder with all below it, that the broker opens for a worker.

    Unlike a policy's `read` and `write`, which the kernel carries out, each open
    is on record and the grant can be taken back while the worker runs.
    """

    path: str
    write: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", absolute("path", self.path))

    def describe(self) -> str:
        """The grant in a few words."""
        return f"{'read and change' if self.write else 'read'} {self.path}"


@dataclass(frozen=True, slots=True)
class Device:
    """A serial port or GPIO chip that the broker opens, under a name of its own.

    `path` is absolute, or empty for a `name` that is a path below ``/dev``. While it
    is open nobody else has it; with `shared`, others that share it may.
    """

    name: str
    path: str = ""
    write: bool = True
    shared: bool = False

    def __post_init__(self) -> None:
        path = absolute("device", self.path or self.name)
        object.__setattr__(self, "path", path)
        if not self.name.isprintable() or not path.startswith("/dev/"):
            msg = f"a device lies below /dev, not at {path!r}"
            raise PolicyError(msg)

    def describe(self) -> str:
        """The grant in a few words."""
        called = f"{self.name} ({self.path})" if self.name != self.path else self.path
        reading = "" if self.write else ", reading only"
        return f"{called}{reading}{', shared' * self.shared}"


def check_name(what: str, name: str) -> str:
    """`name`, if it can name a secret.

    Raises:
        PolicyError: If not.
    """
    if not _NAME.fullmatch(name):
        msg = f"a {what}'s name is letters, digits and _.-, not {name!r}"
        raise PolicyError(msg)
    return name


def _method(name: str) -> str:
    if not _TOKEN.fullmatch(name) or name != name.upper() or name in _NEVER_METHODS:
        msg = f"{name!r} is no method that can be granted"
        raise PolicyError(msg, hint="write GET, POST and the like in capitals")
    return name


def _prefix(path: str) -> str:
    parts = path.split("/")[1:]
    plain = _PATH.fullmatch(path) and not {".", ".."} & set(parts)
    if not plain or "" in parts[:-1]:
        raise PolicyError(
            f"{path!r} is no plain path",
            hint="begin with /, without %, ;, //, . and .. segments, query",
        )
    return path
