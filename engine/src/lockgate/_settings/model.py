"""The settings as pydantic reads them: one field per setting."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from lockgate._manifest.fields import Amount
from lockgate._settings.value import (
    Color,
    ControlMode,
    FileProfile,
    LogLevel,
    WhenDown,
)

__all__ = ["NAMES", "PATHS", "SettingsForm"]

PATHS = (
    "grants-file",
    "consent-policy",
    "cache-dir",
    "data-dir",
    "state-dir",
    "runtime-dir",
)


def _split(value: object) -> object:
    """In the environment a list is written ``a:b`` (or ``a,b``), or as JSON."""
    if not isinstance(value, str):
        return value
    if value.startswith("["):
        import json

        return json.loads(value)
    return [part for part in value.replace(":", ",").split(",") if part]


_Strings = Annotated[list[str], NoDecode, BeforeValidator(_split)]


class _HookOrder(BaseModel):
    model_config = ConfigDict(extra="forbid")

    order: _Strings = []
    disable: _Strings = []


class SettingsForm(BaseSettings):
    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix="LOCKGATE_",
        env_nested_delimiter="__",
        extra="forbid",
    )

    plugin_folders: _Strings = []
    bridges: _Strings = []
    environments: dict[str, _Strings] = {}
    disabled: _Strings = []
    requires: _Strings = []
    plugins: dict[str, dict[str, Any]] = {}
    limits: dict[str, Amount] = {}
    plugin_limits: dict[str, dict[str, Amount]] = {}
    layers: dict[str, Any] = {}  # see `_settings.layers`
    grants_file: str = ""
    consent_policy: str = ""
    cache_dir: str = ""
    data_dir: str = ""
    state_dir: str = ""
    hooks: dict[str, _HookOrder] = {}
    timeout: Annotated[float, Field(gt=0)] | None = None
    log_level: LogLevel = "warning"
    color: Color = "auto"
    file_profile: FileProfile = "plain"
    when_down: dict[str, WhenDown] = {}
    control: ControlMode = "auto"
    runtime_dir: str = ""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what was merged: the sources are read one by one (`_settings`)."""
        return (init_settings,)


NAMES = {name.replace("_", "-"): name for name in SettingsForm.model_fields}
"""The field of each setting, by the name that files use."""
