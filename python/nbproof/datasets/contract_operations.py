"""The verbs of contracts, for every face."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from pydantic import Field

from nbproof.core.errors import Invalid, NotFound
from nbproof.core.operation import Ask, Positional, operation
from nbproof.datasets.contracts import DatasetContract, DatasetContracts, OnBreach
from nbproof.datasets.models import Reference

__all__ = ["get_contract", "set_contract"]


class GetContract(Ask):
    """Whose contract."""

    name: Reference
    propose: bool = Field(False, description="Make one of what is known of the version.")


class SetContract(Ask):
    """What the versions of a dataset have to keep to."""

    name: Reference
    file: Annotated[Path, Positional, Field(description="JSON; `null` takes the contract away.")]
    on_breach: OnBreach | None = Field(None, description="Instead of what the contract says.")


@operation(
    "datasets.contract",
    "GET /datasets/{name}/contract",
    action="read",
    python="get_contract",
    cli="datasets contract",
)
def get_contract(contracts: DatasetContracts, ask: GetContract) -> DatasetContract:
    """Show the contract of a dataset, or propose one from a version."""
    return contracts.get_contract(ask.name, propose=ask.propose)


@operation(
    "datasets.set_contract",
    "PUT /datasets/{name}/contract",
    action="write",
    cli="datasets set-contract",
    upload="file",
)
def set_contract(contracts: DatasetContracts, ask: SetContract) -> DatasetContract:
    """Say what the versions of a dataset have to keep to; the file, or over HTTP the body, is JSON."""
    try:
        found = json.loads(ask.file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFound(
            f"there is no contract at {str(ask.file)!r}",
            hint="give a file of JSON; `nbproof datasets contract NAME --propose --json` writes a draft",
            details={"field": "file"},
        ) from error
    except (OSError, ValueError) as error:
        raise Invalid(
            f"the contract can't be read: {getattr(error, 'strerror', None) or error}",
            hint='it is JSON, such as {"columns": {"price": {"min": 0}}, "key": ["id"]}',
            details={"field": "file"},
        ) from error
    return contracts.set_contract(ask.name, found, on_breach=ask.on_breach)
