"""nbproof: the notebook-native data-science platform that proves its results.

>>> import nbproof as nbp
>>> with nbp.start_run("hello", experiment="doctest") as run:
...     nbp.log_metric("auc", 0.91)

What records is loaded with this module, the rest when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbproof._version import __version__

# The first log call must not pay for an import: what records is loaded at once, what reads is not.
from nbproof.api import (
    active_run,
    backup,
    compare_runs,
    complete_search,
    create_experiment,
    delete_artifact,
    delete_search,
    download_artifact,
    end_run,
    environment,
    export_lineage,
    export_runs,
    get_experiment,
    get_run,
    import_runs,
    leaderboard,
    list_artifacts,
    list_experiments,
    list_metrics,
    list_runs,
    list_searches,
    log_artifact,
    log_dict,
    log_figure,
    log_frame,
    log_histogram,
    log_history,
    log_html,
    log_image,
    log_metric,
    log_metrics,
    log_param,
    log_params,
    log_table,
    log_text,
    metric_histories,
    metric_history,
    preview_artifact,
    restore_backup,
    save_search,
    search_runs,
    set_tag,
    set_tags,
    start_run,
    update_run,
    workspace,
)
from nbproof.core.errors import Conflict, Invalid, NotAllowed, NotFound, PlatformError, Unavailable
from nbproof.tracking.active import (
    ActiveRun,
    RecordingFailed,
    RecordingWaits,
    RunCancelled,
    SecretBlanked,
)
from nbproof.tracking.service import ExperimentTracker

if TYPE_CHECKING:
    from nbproof.api.datasets import (
        check_leakage,
        contract_of,
        detect_drift,
        diff_versions,
        get_dataset,
        get_lineage,
        profile_table,
        register_dataset,
        set_contract,
        track_transformation,
    )
    from nbproof.datasets.diff_models import DatasetDiff
    from nbproof.datasets.drift_models import DriftReport
    from nbproof.datasets.handle import DatasetHandle
    from nbproof.datasets.leakage import LeakageReport
    from nbproof.datasets.models import Dataset, DatasetVersion
    from nbproof.datasets.service import DataVersionControl
    from nbproof.datasets.table_profiles import TableProfile
    from nbproof.lineage.models import LineageEdge, LineageGraph
    from nbproof.storage.content.ends import FileSystemStorage, FsspecStorage, StorageBackend
    from nbproof.tracking.models import (
        Artifact,
        ArtifactPreview,
        Comparison,
        Environment,
        Experiment,
        Leaderboard,
        Metric,
        Run,
        SavedSearch,
    )
    from nbproof.tracking.transfer.models import ExportReport, ImportReport

_HOMES = {
    "nbproof.api.datasets": "check_leakage contract_of detect_drift diff_versions get_dataset get_lineage "
    "profile_table register_dataset set_contract track_transformation",
    "nbproof.datasets.diff_models": "DatasetDiff",
    "nbproof.datasets.drift_models": "DriftReport",
    "nbproof.datasets.handle": "DatasetHandle",
    "nbproof.datasets.leakage": "LeakageReport",
    "nbproof.datasets.models": "Dataset DatasetVersion",
    "nbproof.datasets.service": "DataVersionControl",
    "nbproof.datasets.table_profiles": "TableProfile",
    "nbproof.lineage.models": "LineageEdge LineageGraph",
    "nbproof.storage.content.ends": "FileSystemStorage FsspecStorage StorageBackend",
    "nbproof.tracking.models": "Artifact ArtifactPreview Comparison Environment Experiment Leaderboard "
    "Metric Run SavedSearch",
    "nbproof.tracking.transfer.models": "ExportReport ImportReport",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "ActiveRun",
    "Artifact",
    "ArtifactPreview",
    "Comparison",
    "Conflict",
    "DataVersionControl",
    "Dataset",
    "DatasetDiff",
    "DatasetHandle",
    "DatasetVersion",
    "DriftReport",
    "Environment",
    "Experiment",
    "ExperimentTracker",
    "ExportReport",
    "FileSystemStorage",
    "FsspecStorage",
    "ImportReport",
    "Invalid",
    "Leaderboard",
    "LeakageReport",
    "LineageEdge",
    "LineageGraph",
    "Metric",
    "NotAllowed",
    "NotFound",
    "PlatformError",
    "RecordingFailed",
    "RecordingWaits",
    "Run",
    "RunCancelled",
    "SavedSearch",
    "SecretBlanked",
    "StorageBackend",
    "TableProfile",
    "Unavailable",
    "__version__",
    "active_run",
    "backup",
    "check_leakage",
    "compare_runs",
    "complete_search",
    "contract_of",
    "create_experiment",
    "delete_artifact",
    "delete_search",
    "detect_drift",
    "diff_versions",
    "download_artifact",
    "end_run",
    "environment",
    "export_lineage",
    "export_runs",
    "get_dataset",
    "get_experiment",
    "get_lineage",
    "get_run",
    "import_runs",
    "leaderboard",
    "list_artifacts",
    "list_experiments",
    "list_metrics",
    "list_runs",
    "list_searches",
    "log_artifact",
    "log_dict",
    "log_figure",
    "log_frame",
    "log_histogram",
    "log_history",
    "log_html",
    "log_image",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "log_table",
    "log_text",
    "metric_histories",
    "metric_history",
    "preview_artifact",
    "profile_table",
    "register_dataset",
    "restore_backup",
    "save_search",
    "search_runs",
    "set_contract",
    "set_tag",
    "set_tags",
    "start_run",
    "track_transformation",
    "update_run",
    "workspace",
]


def __getattr__(name: str) -> Any:
    import importlib

    home = _HOME_OF.get(name)
    if home is not None:
        value = getattr(importlib.import_module(home), name)
        globals()[name] = value
        return value
    if name.startswith("_"):
        raise AttributeError(f"module 'nbproof' has no attribute {name!r}")
    try:
        # A submodule that is on its way in, such as `nbproof.core`, is asked for here first.
        return importlib.import_module("nbproof.api").verb(name)
    except AttributeError:
        raise _unknown(name) from None


def __dir__() -> list[str]:
    # What completion offers: also the verbs that are made from their declaration.
    from nbproof.platform.rooms import python_verbs

    return sorted({*__all__, *python_verbs()})


def _unknown(name: str) -> AttributeError:
    from nbproof.core.errors import near_names

    near = near_names(name, __dir__())
    return AttributeError(
        f"module 'nbproof' has no attribute {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
    )


def load_ipython_extension(ipython: Any) -> None:
    """``%load_ext nbproof``: magics, the live run panel, recording."""
    from nbproof.notebook import load_ipython_extension as load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """``%unload_ext nbproof``."""
    from nbproof.notebook import unload_ipython_extension as unload

    unload(ipython)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "nbproof"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from nbproof.server.extension import NbproofApp

    return [{"module": "nbproof.server.extension", "app": NbproofApp}]
