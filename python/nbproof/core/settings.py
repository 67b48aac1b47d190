"""Settings: defaults, then ``nbproof.toml``, then ``NBPROOF_*`` variables, then what a caller gives.

``NBPROOF_DRAIN_SECONDS=2`` sets ``drain_seconds``; a table of the file, ``[server] drain_seconds``,
would be a second name for it, so the file is flat.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from nbproof.core.configuration import SETTINGS_FILE, read_settings_file
from nbproof.core.errors import Invalid, near_names
from nbproof.core.operation import invalid_from
from nbproof.core.redaction import secret_name

__all__ = ["PREFIX", "Settings", "load_settings"]

PREFIX = "NBPROOF_"

# Read where they are needed, never from a file: they say which file.
_NOT_SETTINGS = frozenset({"URL", "TOKEN", "WORKSPACE"})


class Settings(BaseModel):
    """What can be set for a workspace; every field has a default that works.

    Examples
    --------
    >>> Settings().database is None
    True
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = Field(1, ge=1, description="Format of the workspace folder; written by nbproof.")
    database: str | None = Field(
        None, description="SQLAlchemy URL of the records; by default meta.db in the workspace."
    )
    content: str | None = Field(
        None,
        description="Where the content of artifacts and datasets is kept, such as s3://bucket/prefix; by "
        "default in the workspace. Credentials come from the environment, as the provider's own tools "
        "read them.",
    )
    content_options: dict[str, Any] = Field(
        default_factory=dict,
        description="Of that place, such as endpoint_url; in the variable as JSON. No credentials.",
    )
    experiment: str | None = Field(
        None, description="Experiment of runs that name none; by default the notebook's or script's name."
    )
    drain_seconds: float = Field(0.5, gt=0, le=3600, description="How often a server empties the journals.")
    server_threads: int = Field(4, ge=1, le=64, description="Threads a server uses for blocking work.")
    system_metrics: bool = Field(
        False, description="Whether a run records what processor, memory, disk, network and GPUs do."
    )
    system_metrics_seconds: float = Field(
        5.0, gt=0, le=3600, description="Seconds from one sample of the system metrics to the next."
    )
    capture_git: bool = Field(
        True, description="Whether a run records commit, branch, remote and dirty flag, and its changes."
    )
    capture_changes: bool = Field(
        True, description="Whether a run keeps what is not committed as the artifact git/changes.patch."
    )
    capture_changes_bytes: int = Field(
        1_000_000, ge=0, description="Most bytes of it; files that do not fit are named."
    )
    capture_command: bool = Field(True, description="Whether a run records its command line.")
    capture_environment: bool = Field(
        True, description="Whether a run records Python, packages, operating system and hardware."
    )

    @field_validator("content")
    @classmethod
    def _no_credentials_in_address(cls, value: str | None) -> str | None:
        if value is not None and "://" not in value:
            raise ValueError("it has to be an address, such as s3://bucket/prefix")
        if value is not None and ("@" in value or "?" in value):
            raise ValueError(f"the address must not hold a user, a password or a query; {_FROM_ENVIRONMENT}")
        return value

    @field_validator("content_options", mode="before")
    @classmethod
    def _options_of_json(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            raise ValueError(f"it has to be a JSON object: {error}") from None

    @field_validator("content_options")
    @classmethod
    def _no_credentials_in_options(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in _names_in(value):
            if name.lower() in ("key", "secret", "token", "username") or secret_name(name) is not None:
                raise ValueError(f"{name!r} must not be in the settings; {_FROM_ENVIRONMENT}")
        return value


_FROM_ENVIRONMENT = (
    "set the provider's own environment variables, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
)


def _names_in(options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        yield name
        if isinstance(value, Mapping):
            yield from _names_in(value)


def load_settings(
    folder: Path | None = None, environ: Mapping[str, str] | None = None, **given: Any
) -> Settings:
    """The settings of the workspace whose ``.nbproof`` folder this is.

    Parameters
    ----------
    folder : Path, optional
        The ``.nbproof`` folder; without it only variables count.
    environ : mapping, optional
        Instead of `os.environ`.
    **given
        Settings that win over file and variables; None means not given.

    Raises
    ------
    Invalid
        A malformed file, an unknown setting, a value out of range: the setting, where it stands and
        what was expected are named.
    """
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    if folder is not None:
        path = folder / SETTINGS_FILE
        for key, value in read_settings_file(path).items():
            values[key], origin[key] = value, str(path)
    for variable, text in (os.environ if environ is None else environ).items():
        if variable.startswith(PREFIX) and variable.removeprefix(PREFIX) not in _NOT_SETTINGS:
            key = variable.removeprefix(PREFIX).lower()
            # Other programs and later versions may use variables that start like ours.
            if key in Settings.model_fields:
                values[key], origin[key] = text, variable
    for key, value in given.items():
        if value is not None:
            values[key], origin[key] = value, "the call"
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        told = invalid_from(error, Settings)
        field = str(told.details["field"])
        near = near_names(field, Settings.model_fields)
        hint = f"did you mean {near[0]!r}?" if near and field not in Settings.model_fields else told.hint
        raise Invalid(
            f"{origin.get(field, 'settings')}: {told.message}", hint=hint, details=told.details
        ) from None
