"""The verbs of datasets, for every face."""

from __future__ import annotations

import re

from nbproof.core.errors import Invalid
from nbproof.core.operation import Download, Page, operation
from nbproof.core.serving import served_root
from nbproof.datasets.diff_models import DatasetDiff, DiffVersions
from nbproof.datasets.drift_models import DetectDrift, DriftReport
from nbproof.datasets.leakage import CheckLeakage, LeakageReport
from nbproof.datasets.models import (
    ColumnSummaries,
    Dataset,
    DatasetVersion,
    DeleteDataset,
    GetContent,
    GetDataset,
    GetDatasetLineage,
    GetObjects,
    ListDatasets,
    ListVersions,
    ParcelAnswer,
    ReferToDataset,
    RegisterDataset,
    RemoveAlias,
    SendParcel,
    SetAlias,
    TrackTransformation,
    UpdateVersion,
)
from nbproof.datasets.service import DataVersionControl
from nbproof.lineage.models import LineageGraph

__all__ = [
    "check_leakage",
    "delete_dataset",
    "detect_drift",
    "diff_versions",
    "get_content",
    "get_lineage",
    "get_objects",
    "get_profile",
    "list_datasets",
    "list_versions",
    "refer_to_dataset",
    "register_dataset",
    "remove_alias",
    "send_parcel",
    "set_alias",
    "show_dataset",
    "summarize_columns",
    "track_transformation",
    "update_version",
]

# An address of which a path was made.
_COLLAPSED = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+):/(?!/)")


@operation("datasets.list", "GET /datasets", action="read", python="list_datasets", cli="datasets list")
def list_datasets(datasets: DataVersionControl, ask: ListDatasets) -> Page[Dataset]:
    """List datasets by name."""
    return datasets.list_datasets(ask.query, limit=ask.limit, after=ask.after)


@operation(
    "datasets.versions",
    "GET /datasets/{name}/versions",
    action="read",
    python="list_versions",
    cli="datasets versions",
)
def list_versions(datasets: DataVersionControl, ask: ListVersions) -> Page[DatasetVersion]:
    """List the versions of a dataset, latest first, with the bytes that each added to the store."""
    return datasets.list_versions(ask.name, limit=ask.limit, after=ask.after, fields=ask.fields)


@operation(
    "datasets.register",
    "POST /datasets",
    action="write",
    cli="datasets register",
    creates=True,
    upload="path",
)
def register_dataset(datasets: DataVersionControl, ask: RegisterDataset) -> DatasetVersion:
    """Keep a file or folder as the next version of a dataset; over HTTP the body is the file."""
    if ask.reference:
        if served_root() is not None:
            raise Invalid(
                "what is sent can't stay where it is",
                hint="POST /datasets/references with the path of a file on the server's machine",
                details={"field": "reference"},
            )
        source = _COLLAPSED.sub(r"\1://", str(ask.path))
        return datasets.register_dataset(
            source,
            ask.name,
            description=ask.description,
            tags=ask.tags,
            aliases=ask.alias,
            origin=ask.origin,
            reference=True,
        )
    # What was sent lies where nobody finds it again: of that, its name says more.
    sent = ask.path.name if served_root() is not None else None
    return datasets.register_dataset(
        ask.path,
        ask.name,
        description=ask.description,
        tags=ask.tags,
        aliases=ask.alias,
        origin=ask.origin or sent,
    )


@operation("datasets.refer", "POST /datasets/references", action="write", creates=True)
def refer_to_dataset(datasets: DataVersionControl, ask: ReferToDataset) -> DatasetVersion:
    """Register a file or folder that stays where it is, on the machine that keeps the workspace."""
    return datasets.register_dataset(
        ask.path,
        ask.name,
        description=ask.description,
        tags=ask.tags,
        aliases=ask.alias,
        contract=ask.contract,
        reference=True,
    )


@operation("datasets.show", "GET /datasets/{id}", action="read", cli="datasets show")
def show_dataset(datasets: DataVersionControl, ask: GetDataset) -> DatasetVersion:
    """Show a version: what it is, its columns, where it came from."""
    return datasets.describe(ask.id)


@operation("datasets.columns", "GET /datasets/{id}/columns", action="read", cli="datasets columns")
def summarize_columns(datasets: DataVersionControl, ask: GetDataset) -> ColumnSummaries:
    """Show the statistics of each column of a version, with a small histogram."""
    return datasets.summarize_columns(ask.id)


@operation("datasets.get", "GET /datasets/{id}/content", action="read", cli="datasets get")
def get_content(datasets: DataVersionControl, ask: GetContent) -> Download:
    """Download a version: its file, a zip of its folder, or its rows as Parquet, CSV or Arrow."""
    return datasets.content_of(ask.id, format=ask.format, columns=ask.column, limit=ask.limit)


@operation("datasets.send", "POST /datasets/parcels", action="write", upload="path")
def send_parcel(datasets: DataVersionControl, ask: SendParcel) -> ParcelAnswer:
    """Register what a client sends, of which it need not send what is here; or say what it has to send."""
    return datasets.receive_parcel(ask.path)


@operation("datasets.objects", "POST /datasets/{id}/objects", action="read")
def get_objects(datasets: DataVersionControl, ask: GetObjects) -> Download:
    """Download parts of a version, as its manifest names them: each with its length before it."""
    return datasets.objects_of(ask.id, ask.objects)


@operation("datasets.profile", "GET /datasets/{id}/profile", action="read")
def get_profile(datasets: DataVersionControl, ask: GetDataset) -> Download:
    """Download the profile of each column of a version: distributions to be compared elsewhere."""
    return datasets.profile_of(ask.id)


@operation(
    "datasets.lineage",
    "GET /datasets/{id}/lineage",
    action="read",
    python="get_lineage",
    cli="datasets lineage",
)
def get_lineage(datasets: DataVersionControl, ask: GetDatasetLineage) -> LineageGraph:
    """Show what a version came of, and what came of it."""
    return datasets.get_lineage(ask.id, ask.direction, ask.depth)


@operation(
    "datasets.track_transformation",
    "POST /datasets/transformations",
    action="write",
    python="track_transformation",
    creates=True,
)
def track_transformation(datasets: DataVersionControl, ask: TrackTransformation) -> DatasetVersion:
    """Say that a version was made of others, or of files, by some code."""
    return datasets.track_transformation(ask.inputs, ask.output, ask.code, label=ask.label)


@operation(
    "datasets.update",
    "PATCH /datasets/{id}",
    action="write",
    python="update_dataset",
    cli="datasets update",
)
def update_version(datasets: DataVersionControl, ask: UpdateVersion) -> DatasetVersion:
    """Change the description or the tags of a version."""
    return datasets.update_version(ask.id, description=ask.description, tags=ask.tags)


@operation(
    "datasets.alias",
    "PUT /datasets/{id}/aliases/{alias}",
    action="write",
    python="set_dataset_alias",
    cli="datasets alias",
)
def set_alias(datasets: DataVersionControl, ask: SetAlias) -> DatasetVersion:
    """Point an alias at a version, taking it from the one that had it."""
    return datasets.set_alias(ask.id, ask.alias)


@operation(
    "datasets.remove_alias",
    "DELETE /datasets/{id}/aliases/{alias}",
    action="write",
    python="remove_dataset_alias",
    cli="datasets remove-alias",
)
def remove_alias(datasets: DataVersionControl, ask: RemoveAlias) -> DatasetVersion:
    """Take an alias away from a version; the version stays."""
    return datasets.remove_alias(ask.id, ask.alias)


@operation(
    "datasets.delete",
    "DELETE /datasets/{id}",
    action="write",
    python="delete_dataset",
    cli="datasets delete",
)
def delete_dataset(datasets: DataVersionControl, ask: DeleteDataset) -> Page[DatasetVersion]:
    """Delete a version, or with `all` a dataset; `nbproof gc` frees the space."""
    return Page[DatasetVersion](items=datasets.delete_dataset(ask.id, all=ask.all))


@operation(
    "datasets.drift",
    "POST /datasets/drift",
    action="write",
    python="detect_drift",
    cli="datasets drift",
    magic="drift",
    creates=True,
)
def detect_drift(datasets: DataVersionControl, ask: DetectDrift) -> DriftReport:
    """Find what changed between two versions: how bad, in which columns, and what to do; kept as a report."""
    return datasets.detect_drift(
        ask.reference, ask.current, exact=ask.exact, columns=ask.columns, run_id=ask.run_id
    )


@operation(
    "datasets.leakage",
    "POST /datasets/leakage",
    action="read",
    python="check_leakage",
    cli="datasets leakage",
)
def check_leakage(datasets: DataVersionControl, ask: CheckLeakage) -> LeakageReport:
    """Find what a test set shares with its training set: rows, nearly equal rows, entities, times."""
    return datasets.check_leakage(ask.train, ask.test, entity=ask.entity, time=ask.time)


@operation("datasets.diff", "GET /datasets/diff", action="read", python="diff_versions", cli="datasets diff")
def diff_versions(datasets: DataVersionControl, ask: DiffVersions) -> DatasetDiff:
    """Show how two versions differ: columns, rows, statistics; of folders the files."""
    return datasets.diff_versions(ask.a, ask.b, key=ask.key)
