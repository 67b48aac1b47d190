"""What the verbs of datasets are asked and answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, computed_field

from nbproof.core.clock import datetime_of
from nbproof.core.ids import short
from nbproof.core.listing import count_text, size_text
from nbproof.core.operation import Ask, Instant, Json, Number, Positional, View
from nbproof.core.type_words import type_words

__all__ = [
    "ColumnSummaries",
    "ColumnSummary",
    "Dataset",
    "DatasetField",
    "DatasetVersion",
    "DeleteDataset",
    "GetContent",
    "GetDataset",
    "GetDatasetLineage",
    "GetObjects",
    "Kind",
    "ListDatasets",
    "ListVersions",
    "ParcelAnswer",
    "ReferToDataset",
    "RegisterDataset",
    "RemoveAlias",
    "RunId",
    "SendParcel",
    "SetAlias",
    "TrackTransformation",
    "UpdateVersion",
]

Kind = Literal["table", "file", "folder"]
Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Reference = Annotated[
    Text,
    Field(
        description="A version: `name@v3`, `name@alias`, `name` (the latest), `name@2026-11-01`, a digest."
    ),
]
RunId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class DatasetField(View):
    """A column."""

    name: str
    type: str = Field(description="Arrow's, as text.")
    nullable: bool = True

    @computed_field(description="The type in words.")  # type: ignore[prop-decorator]  # mypy knows no such pair
    @property
    def type_words(self) -> str:
        """The type in words."""
        return type_words(self.type)

    def listed(self) -> dict[str, object]:
        """A row of the table of columns."""
        return {"name": self.name, "type": self.type_words, "nullable": self.nullable}


class DatasetVersion(View):
    """One state of a dataset."""

    id: str
    dataset: str = Field(description="Its name.")
    version: int
    kind: Kind
    digest: str = Field(description="BLAKE3 of what the content is: equal for equal content.")
    rows: int | None = None
    columns: int | None = None
    files: int | None = None
    size_bytes: int = Field(0, description="Of the content, as if it were kept alone.")
    new_bytes: int = Field(0, description="What keeping it added to the store.")
    fields: list[DatasetField] = Field(default_factory=list)
    description: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    aliases: list[str] = Field(default_factory=list)
    source: str | None = Field(None, description="The path or address that it was read from.")
    reference: Json = Field(
        None, description="Where content stays that was not copied (`target`), and by what it is known again."
    )
    breaches: list[str] = Field(default_factory=list, description="Of the contract, when it was registered.")
    notes: list[str] = Field(
        default_factory=list, description="What has to be known of what was registered just now."
    )
    run_id: str | None = None
    created_at: Instant
    unchanged: bool = Field(False, description="Nothing was registered: the latest version has this content.")
    forgotten: bool = Field(False, description="Its content was erased.")

    @property
    def name(self) -> str:
        """`dataset@vN`, which names this version for ever."""
        return f"{self.dataset}@v{self.version}"

    def listed(self) -> dict[str, object]:
        """A row of a list of versions."""
        return {
            "version": f"v{self.version}",
            "aliases": ", ".join(self.aliases),
            "kind": self.kind if self.reference is None else f"{self.kind}, by reference",
            "rows": self.rows if self.rows is not None else self.files,
            "columns": self.columns,
            "size": "erased" if self.forgotten else size_text(self.size_bytes),
            "new": size_text(self.new_bytes),
            "digest": self.digest[:12],
            "created": self.created_at,
            "description": (self.description or "").partition("\n")[0],
        }

    def told(self) -> dict[str, object]:
        """What a cell shows of it."""
        told: dict[str, object] = {"dataset": self.name, "content": self._content()}
        if self.unchanged:
            told["unchanged"] = "the latest version has this content already: no new version was made"
        if self.forgotten:
            told["forgotten"] = "its content was erased"
        new = f"{size_text(self.new_bytes)} new in the store"
        if self.reference is not None:
            told["by reference"] = f"nothing was copied: it stays at {self.reference.get('target', '')}"
            new = f"none of it in the store (what is known of it takes {size_text(self.new_bytes)})"
        told |= {
            "size": f"{size_text(self.size_bytes)}, {new}",
            "digest": self.digest[:12],
            "aliases": ", ".join(self.aliases) or None,
            "tags": ", ".join(f"{key}={value}" for key, value in self.tags.items()) or None,
            "description": self.description,
            "source": self.source,
            "run": short(self.run_id) if self.run_id else None,
            "created": self.created_at,
            "breaches": "; ".join(self.breaches) or None,
            "notes": "; ".join(self.notes) or None,
            "fields": [field.listed() for field in self.fields],
        }
        return {key: value for key, value in told.items() if value not in (None, [])}

    def _content(self) -> str:
        if self.kind == "table":
            return f"a table of {self._rows_and_columns()}"
        found = f"a folder of {count_text(self.files or 0, 'file')}" if self.kind == "folder" else "a file"
        return found if self.rows is None else f"{found} with {self._rows_and_columns()}"

    def _rows_and_columns(self) -> str:
        return f"{count_text(self.rows or 0, 'row')}, {count_text(self.columns or 0, 'column')}"


class Dataset(View):
    """A name with its versions."""

    id: str
    name: str
    description: str | None = None
    versions: int = 0
    latest: int | None = Field(None, description="Number of the latest version.")
    kind: Kind | None = None
    rows: int | None = None
    columns: int | None = None
    files: int | None = None
    size_bytes: int = Field(0, description="Of the latest version.")
    stored_bytes: int = Field(0, description="What its versions added to the store, all together.")
    aliases: dict[str, int] = Field(default_factory=dict, description="Versions by their aliases.")
    created_at: Instant
    updated_at: Instant | None = None
    contract: Json = None

    def listed(self) -> dict[str, object]:
        """A row of the list of datasets."""
        return {
            "name": self.name,
            "latest": None if self.latest is None else f"v{self.latest}",
            "versions": self.versions,
            "kind": self.kind,
            "rows": self.rows if self.rows is not None else self.files,
            "columns": self.columns,
            "size": size_text(self.size_bytes),
            "stored": size_text(self.stored_bytes),
            "updated": self.updated_at,
            "description": (self.description or "").partition("\n")[0],
        }


class ColumnSummary(View):
    """The statistics of a column."""

    name: str
    type: str
    kind: str = Field(description="numeric, boolean, datetime, categorical, text, nested or null.")
    rows: int
    missing: int
    distinct: int
    distinct_exact: bool
    mean: Number | None = Field(None, description="Of numbers; times are microseconds since 1970.")
    std: Number | None = None
    minimum: Number | None = None
    lower_quartile: Number | None = None
    median: Number | None = None
    upper_quartile: Number | None = None
    maximum: Number | None = None
    edges: list[Number] = Field(default_factory=list, description="Of the bars of a histogram.")
    bars: list[int] = Field(default_factory=list, description="Rows in each bar.")
    top: list[tuple[str, int]] = Field(default_factory=list, description="The most frequent values.")

    @computed_field(description="The type in words.")  # type: ignore[prop-decorator]
    @property
    def type_words(self) -> str:
        """The type in words."""
        return type_words(self.type)

    def listed(self) -> dict[str, object]:
        """A row of the table of columns."""
        time = self.kind == "datetime"

        def shown(value: float | None) -> object:
            if value is None or not time or not self.type.startswith(("timestamp", "date")):
                return value
            return datetime_of(int(value))

        return {
            "column": self.name,
            "type": self.type_words,
            "missing": self.missing,
            "distinct": self.distinct,
            "mean": None if time else self.mean,
            "std": None if time else self.std,
            "min": shown(self.minimum),
            "median": shown(self.median),
            "max": shown(self.maximum),
            "most frequent": ", ".join(value for value, _ in self.top[:3])
            if not time and self.kind != "numeric"
            else None,
        }


class ColumnSummaries(View):
    """The statistics of the columns of a version."""

    dataset: str
    rows: int
    columns: list[ColumnSummary]


class RegisterDataset(Ask):
    """A file to keep as a version."""

    path: Annotated[Path, Positional, Field(description="A file or folder of this machine.")]
    name: Text | None = Field(None, description="The dataset; by default the file's own name.")
    description: str | None = Field(None, max_length=100_000)
    tags: dict[str, str] = Field(default_factory=dict)
    alias: list[str] = Field(default_factory=list, description="Point these at the new version.")
    origin: str | None = Field(
        None,
        max_length=10_000,
        description="Where it comes from, if not from there: an address, for instance.",
    )
    reference: bool = Field(
        False, description="Copy nothing: it stays where it is, also at an address such as s3://bucket/key."
    )


class ReferToDataset(Ask):
    """A file or folder to refer to."""

    path: Text = Field(description="On the machine that keeps the workspace, from the workspace's folder on.")
    name: Text | None = Field(None, description="The dataset; by default the file's own name.")
    description: str | None = Field(None, max_length=100_000)
    tags: dict[str, str] = Field(default_factory=dict)
    alias: list[str] = Field(default_factory=list, description="Point these at the new version.")
    contract: Json = Field(None, description="What it and the versions after it have to keep to.")


class GetContent(Ask):
    """In which form."""

    id: Reference
    format: Literal["parquet", "csv", "arrow"] | None = Field(
        None, description="Of rows; a table is Parquet by default, a file as it is."
    )
    column: list[str] = Field(default_factory=list, description="Of rows: only these columns.")
    limit: int | None = Field(None, ge=0, description="Of rows: only so many, from the first on.")


class GetObjects(Ask):
    """Which parts of a version."""

    id: Reference
    objects: list[Annotated[str, StringConstraints(max_length=100)]] = Field(
        max_length=10_000, description="Their places, as the manifest names them."
    )


class SendParcel(Ask):
    """What a client sends."""

    path: Annotated[Path, Positional, Field(description="As `nbproof.datasets.parcels` says.")]


class ParcelAnswer(View):
    """What became of a parcel: a version, or more is wanted."""

    version: DatasetVersion | None = None
    breaches: list[str] = Field(default_factory=list, description="Of the contract.")
    wanted: list[str] = Field(default_factory=list, description="Pieces to be sent, by their names.")


class ListDatasets(Ask):
    """Which datasets."""

    query: str | None = Field(
        None, max_length=200, description="Only those that have it in name or description."
    )
    limit: int = Field(50, ge=1, le=1000)
    after: str | None = Field(None, description="`next` of the page before.")


class ListVersions(Ask):
    """The versions of one dataset."""

    name: Annotated[Text, Field(description="The dataset.")]
    fields: bool = Field(True, description="Whether to name the columns of each, which may be thousands.")
    limit: int = Field(50, ge=1, le=1000)
    after: str | None = Field(None, description="`next` of the page before.")


class GetDataset(Ask):
    """One version."""

    id: Reference


class GetDatasetLineage(Ask):
    """Of which version, and how far."""

    id: Reference
    direction: Literal["both", "upstream", "downstream"] = "both"
    depth: int | None = Field(None, ge=1, le=100, description="So many steps only.")


class TrackTransformation(Ask):
    """What was made of what."""

    inputs: list[Text] = Field(min_length=1, max_length=1000, description="Versions, paths, addresses.")
    output: Text = Field(description="The version that was made.")
    code: str | None = Field(None, max_length=1_000_000, description="What made it.")
    label: str | None = Field(None, max_length=1000, description="What the step is called.")


class UpdateVersion(Ask):
    """What to change of a version; what is not given stays."""

    id: Reference
    description: str | None = Field(None, max_length=100_000)
    tags: dict[str, str] | None = Field(None, description="Set these; an empty value takes one away.")


class SetAlias(Ask):
    """An alias for a version."""

    id: Annotated[Reference, Positional]
    alias: Annotated[
        str,
        Positional,
        StringConstraints(min_length=1, max_length=100),
        Field(description="Such as `prod`; it moves from the version that had it."),
    ]


class RemoveAlias(Ask):
    """An alias to take away."""

    id: Annotated[Reference, Positional]
    alias: Annotated[str, Positional, StringConstraints(min_length=1, max_length=100)]


class DeleteDataset(Ask):
    """One version, or with a bare name and `all` every version."""

    id: Reference
    all: bool = Field(False, description="Delete the dataset with all of its versions.")
