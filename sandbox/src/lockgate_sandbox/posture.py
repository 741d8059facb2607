"""Which isolation layers were really active, as data.

The child that seals itself fills these in, so nothing here costs it an import:
no dataclasses, no typing at run time.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal, NoReturn

    State = Literal["active", "degraded", "missing", "off", "unneeded"]

__all__ = ["INHERITED", "LAYERS", "LayerError", "LayerState", "Posture"]

LAYERS = (
    "fds",
    "session",
    "user-namespace",
    "network-namespace",
    "ipc-namespace",
    "mount-namespace",
    "pid-namespace",
    "cgroup",
    "cpu-share",
    "gpu-memory",
    "uid",
    "capabilities",
    "no-new-privs",
    "rlimits",
    "process-limit",
    "scratch",
    "landlock",
    "seccomp",
)
"""Every layer of a posture, in the order in which it is shown."""

INHERITED = (
    "network-namespace",
    "ipc-namespace",
    "mount-namespace",
    "pid-namespace",
)
"""Those that a zygote takes for all that are forked from it, whatever their tier."""

STATES: tuple[State, ...] = ("active", "degraded", "missing", "off", "unneeded")


class _Frozen:
    """A value whose slots are set once, by its constructor."""

    __slots__: tuple[str, ...] = ()

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        msg = f"{type(self).__name__} is frozen"
        raise AttributeError(msg)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        pairs = zip(self.__slots__, self._values(), strict=True)
        inner = ", ".join(f"{name}={value!r}" for name, value in pairs)
        return f"{type(self).__name__}({inner})"


class LayerState(_Frozen):
    """One layer of a posture.

    ``active`` holds as designed; ``degraded`` holds partly, `detail` says how;
    ``missing`` was wanted and could not be had; ``off`` was switched off;
    ``unneeded`` has nothing to do under this policy. `remedy` is the exact
    thing to do where a layer is degraded or missing, else empty.
    """

    __slots__ = ("detail", "name", "remedy", "state")

    name: str
    state: State
    detail: str
    remedy: str

    def __init__(
        self, name: str, state: State, detail: str = "", remedy: str = ""
    ) -> None:
        if state not in STATES:
            msg = f"no such layer state: {state!r}"
            raise ValueError(msg)
        put = object.__setattr__
        put(self, "name", name)
        put(self, "state", state)
        put(self, "detail", detail)
        put(self, "remedy", remedy)

    def to_dict(self) -> dict[str, str]:
        """The four fields, for JSON and the wire."""
        return {
            "name": self.name,
            "state": self.state,
            "detail": self.detail,
            "remedy": self.remedy,
        }


class Posture(_Frozen):
    """Every layer of one worker, the uid it runs under and its Landlock ABI.

    `abi` is 0 where Landlock is not active.
    """

    __slots__ = ("abi", "layers", "uid")

    layers: tuple[LayerState, ...]
    uid: int
    abi: int

    def __init__(self, layers: tuple[LayerState, ...], uid: int, abi: int) -> None:
        put = object.__setattr__
        put(self, "layers", tuple(layers))
        put(self, "uid", uid)
        put(self, "abi", abi)

    def __getitem__(self, name: str) -> LayerState:
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(name)

    @property
    def weak(self) -> tuple[LayerState, ...]:
        """The layers that are degraded, missing or switched off."""
        return tuple(
            layer
            for layer in self.layers
            if layer.state in ("degraded", "missing", "off")
        )

    def to_dict(self) -> dict[str, object]:
        """Plain data: ``layers`` (a list of dicts), ``uid`` and ``abi``."""
        return {
            "layers": [layer.to_dict() for layer in self.layers],
            "uid": self.uid,
            "abi": self.abi,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Posture:
        """The inverse of `to_dict`; the data comes from a process we wrote.

        Raises:
            ValueError: If the data has not the shape that `to_dict` gives.
        """
        layers, uid, abi = data.get("layers"), data.get("uid"), data.get("abi")
        if not isinstance(layers, list | tuple):
            msg = "a posture has a list of layers"
            raise ValueError(msg)
        if not isinstance(uid, int) or not isinstance(abi, int):
            msg = "a posture has an integer uid and abi"
            raise ValueError(msg)
        from typing import cast  # here, so that a sealed child never pays for it

        items = cast("Sequence[object]", layers)
        return cls(tuple(_layer(item) for item in items), uid, abi)

    def to_wire(self) -> str:
        """What a sealed child tells, in one text: uid, ABI, and a line for each layer.

        A reader knows most lines already, from other workers.
        """
        lines = [
            _BETWEEN.join((layer.name, layer.state, layer.detail, layer.remedy))
            for layer in self.layers
        ]
        return _NEXT.join((str(self.uid), str(self.abi), *lines))

    @classmethod
    def from_wire(cls, told: str) -> Posture:
        """The inverse of `to_wire`.

        Raises:
            TypeError: If what is told has not the shape that `to_wire` gives.
            ValueError: Likewise.
        """
        uid, _, rest = told.partition(_NEXT)  # a uid is one worker's own
        layers, abi = _told_before.get(rest) or _told(rest)
        return cls(layers, int(uid), abi)


_BETWEEN, _NEXT = "\0", "\1"
"""Between two texts of a layer, and two lines: no message of the kernel's holds one."""

_FIELDS = ("name", "state", "detail", "remedy")
_TOLD_LIMIT = 64
_told_before: dict[str, tuple[tuple[LayerState, ...], int]] = {}


def _told(rest: str) -> tuple[tuple[LayerState, ...], int]:
    """Layers and Landlock ABI of what is told; remembered, most are alike."""
    abi, *lines = rest.split(_NEXT)
    layers = tuple(
        _layer(dict(zip(_FIELDS, line.split(_BETWEEN), strict=True))) for line in lines
    )
    if len(_told_before) >= _TOLD_LIMIT:
        _told_before.clear()
    told = _told_before[rest] = layers, int(abi)
    return told


def _layer(item: object) -> LayerState:
    """One layer from its dict, its four fields checked to be text."""
    from typing import cast

    if isinstance(item, dict):
        fields = cast("dict[object, object]", item)
        name, detail = fields.get("name"), fields.get("detail")
        remedy = fields.get("remedy")
        for state in STATES:
            if (
                state == fields.get("state")
                and isinstance(name, str)
                and isinstance(detail, str)
                and isinstance(remedy, str)
            ):
                return LayerState(name, state, detail, remedy)
    msg = "a layer has the texts name, state, detail and remedy"
    raise ValueError(msg)


class LayerError(Exception):
    """A strict layer could not be put in place: the child must not go on.

    Raised between fork and the first foreign byte; the host shows it as
    `lockgate_sandbox.errors.LayerMissingError`.
    """

    def __init__(self, layer: str, detail: str, remedy: str = "") -> None:
        super().__init__(layer, detail, remedy)
        self.layer = layer
        self.detail = detail
        self.remedy = remedy

    def __str__(self) -> str:
        return f"layer {self.layer}: {self.detail}"

    def to_dict(self) -> dict[str, str]:
        """Plain data: ``layer``, ``detail`` and ``remedy``."""
        return {"layer": self.layer, "detail": self.detail, "remedy": self.remedy}
