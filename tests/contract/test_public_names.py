"""Names that users, notebooks, scripts and other programs rely on.

A name that goes missing or changes its signature fails here.  More names are welcome; what is listed is
what this version has of the names that are public.
"""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys

import pytest

import nbproof as nbp
from nbproof.core.operation import Operation
from nbproof.platform.rooms import operations

SIGNATURES = {
    "start_run": (
        "(name=None, *, experiment=None, tags=None, params=None, notes=None, nested=False, parent=None, "
        "resume=None, group=None, system_metrics=None)"
    ),
    "end_run": "(status='finished', *, run_id=None)",
    "log_metric": "(key, value, step=None, *, time=None, run_id=None)",
    "log_metrics": "(metrics, step=None, *, time=None, run_id=None)",
    "log_history": "(key, values, *, steps=None, times=None, run_id=None)",
    "log_frame": "(frame, *, step=None, time=None, run_id=None)",
    "metric_histories": "(ids, names=None, *, max_points=None)",
    "log_param": "(key, value, *, run_id=None)",
    "log_params": "(params, *, run_id=None)",
    "set_tag": "(key, value, *, run_id=None)",
    "set_tags": "(tags, *, run_id=None)",
    "log_artifact": (
        "(path, name=None, *, kind=None, step=None, metadata=None, reference=False, run_id=None)"
    ),
    "log_text": "(text, name, *, step=None, run_id=None)",
    "log_dict": "(data, name, *, step=None, run_id=None)",
    "log_html": "(html, name, *, step=None, run_id=None)",
    "log_image": "(image, name=None, *, step=None, caption=None, run_id=None)",
    "log_figure": "(figure, name, *, step=None, caption=None, run_id=None)",
    "log_table": "(table, name, *, step=None, caption=None, run_id=None)",
    "log_histogram": "(values, name, *, bins=64, step=None, run_id=None)",
    "list_artifacts": "(id, *, folder=None, prefix='', versions=False, limit=1000, after=None)",
    "preview_artifact": "(id, name)",
    "download_artifact": "(id, name, folder='.')",
    "delete_artifact": "(id, name)",
    "get_run": "(id)",
    "search_runs": "(query='', *, experiment=None, limit=1000)",
    "compare_runs": "(*ids, metrics=None, smoothing=0.0, points=None)",
    "environment": "()",
    "leaderboard": ("(metric, *, query='', experiment=None, group_by=None, over=None, value='last', top=10)"),
    "save_search": "(name, query)",
    "list_searches": "()",
    "delete_search": "(name)",
    "complete_search": "(query='', cursor=None, *, limit=50)",
    "create_experiment": "(name, *, description=None, tags=None)",
    "get_experiment": "(id)",
    "list_experiments": "(*, limit=100, after=None, deleted=False)",
}

TRANSFERS = {
    "export_runs": "(*ids, query=None, experiment=None, output, force=False)",
    "import_runs": (
        "(path, *, from_=None, name=None, experiment=None, new_ids=False, deleted=False, artifacts=None, "
        "rows=None, column=None, dry_run=False)"
    ),
}

DATASETS = {
    "detect_drift": "(reference, current, *, exact=False, columns=None, run_id=None)",
    "diff_versions": "(a, b, *, key=None, progress=None)",
    "check_leakage": "(train, test, *, entity=None, time=None, progress=None)",
    "profile_table": "(source, table=None, *, columns=None, exact=None)",
}

MAGICS = {
    "start_run",
    "log_param",
    "log_metric",
    "log_artifact",
    "end_run",
    "environment",
    "lineage",
    "drift",
}

COMMANDS = {
    "experiments list",
    "experiments show",
    "runs list",
    "runs show",
    "runs compare",
    "runs environment",
    "environment",
    "runs search",
    "runs delete",
    "runs restore",
    "runs purge",
    "runs cancel",
    "experiments delete",
    "experiments restore",
    "gc",
    "runs export",
    "runs import",
    "runs leaderboard",
    "searches list",
    "searches save",
    "searches delete",
    "lineage show",
    "datasets contract",
    "datasets set-contract",
    "datasets diff",
    "datasets drift",
    "datasets leakage",
    "drift-reports list",
    "drift-reports show",
    "lineage export",
    "lineage import",
}

COMMANDS_BY_HAND = [
    "init",
    "doctor",
    "serve",
    "backup",
    "restore",
    "db vacuum",
    "db current",
    "db upgrade",
    "db check",
]

ROUTES = {
    "POST /experiments",
    "GET /experiments",
    "GET /experiments/{id}",
    "POST /experiments/{id}/runs",
    "POST /runs",
    "GET /runs/search",
    "GET /runs/search/completions",
    "GET /runs/leaderboard",
    "GET /searches",
    "PUT /searches/{name}",
    "DELETE /searches/{name}",
    "GET /runs/compare",
    "GET /runs/{id}",
    "GET /runs/{id}/environment",
    "GET /environment",
    "POST /runs/{id}/metrics",
    "POST /runs/{id}/params",
    "POST /runs/{id}/artifacts",
    "GET /runs/{id}/artifacts",
    "GET /runs/{id}/artifacts/{name}",
    "GET /runs/{id}/artifacts/{name}/preview",
    "POST /runs/{id}/tags",
    "POST /runs/{id}/end",
    "POST /runs/{id}/cancel",
    "DELETE /runs/{id}",
    "POST /runs/{id}/restore",
    "DELETE /experiments/{id}",
    "POST /experiments/{id}/restore",
    "POST /runs/export",
    "GET /runs/exports/{id}",
    "POST /runs/import",
    "POST /runs/{id}/metrics/history",
    "POST /runs/{id}/metrics/frame",
    "GET /runs/metrics/lines",
    "GET /runs/{id}/metrics/{name}",
    "GET /lineage",
    "POST /lineage",
    "GET /lineage/export",
    "POST /lineage/import",
    "GET /datasets/diff",
    "POST /datasets/drift",
    "POST /datasets/leakage",
    "GET /drift-reports",
    "GET /drift-reports/{id}",
    "GET /jobs/{id}",
    "DELETE /jobs/{id}",
}

TABLES = {
    "experiments",
    "runs",
    "params",
    "metrics",
    "metric_chunks",
    "tags",
    "artifacts",
    "artifact_versions",
    "environments",
    "jobs",
    "saved_searches",
    "data_lineage",
    "drift_reports",
}

MODELS = {
    "Experiment": {"id", "name"},
    "Run": {"id", "name", "status", "params", "metrics", "tags", "artifacts"},
    "Metric": {"name", "value", "step", "time"},
    "Environment": {"hash", "python", "packages", "os", "cpu", "memory_bytes", "gpus"},
    "LineageEdge": {"source", "target", "relation", "label", "code"},
    "DriftReport": {"reference", "current", "severity", "score", "sentence", "action", "columns", "exact"},
    "Artifact": {"name", "version", "kind", "size_bytes", "media_type", "hash", "step", "metadata"},
}


def signature_of(function: object) -> str:
    """Parameters with their defaults, without annotations."""
    found = inspect.signature(function)  # type: ignore[arg-type]
    plain = [each.replace(annotation=inspect.Parameter.empty) for each in found.parameters.values()]
    return str(found.replace(parameters=plain, return_annotation=inspect.Signature.empty))


@pytest.fixture(scope="module")
def declared() -> list[Operation]:
    return operations()


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_verb_has_its_signature_in_python(name):
    assert signature_of(getattr(nbp, name)) == SIGNATURES[name]


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_verb_is_a_thin_call_of_the_service(name):
    method = getattr(nbp.ExperimentTracker, name)
    assert signature_of(method).replace("(self, ", "(").replace("(self)", "()") == SIGNATURES[name]


@pytest.mark.parametrize("name", DATASETS)
def test_a_verb_of_datasets_is_a_thin_call_of_the_service(name):
    assert signature_of(getattr(nbp, name)) == DATASETS[name]
    method = getattr(nbp.DataVersionControl, name)
    assert signature_of(method).replace("(self, ", "(") == DATASETS[name]


@pytest.mark.parametrize("name", TRANSFERS)
@pytest.mark.parametrize("home", ["service", "remote"])
def test_a_verb_of_moving_runs_is_a_thin_call_here_and_of_a_server(name, home):
    services = importlib.import_module(f"nbproof.tracking.transfer.{home}")
    service = services.RunTransfer if home == "service" else services.RemoteTransfer
    assert signature_of(getattr(nbp, name)) == TRANSFERS[name]
    told = signature_of(getattr(service, name)).replace("(self, ", "(").replace(", step=None", "")
    assert told == TRANSFERS[name]


def test_completion_offers_every_verb():
    assert {
        *nbp.__all__,
        "delete_runs",
        "purge_runs",
        "cancel_run",
        "children",
        "add_lineage",
        "lineage_graph",
        "import_lineage",
    } <= set(dir(nbp))


@pytest.mark.parametrize("name", nbp.__all__)
def test_every_exported_name_is_there_and_documented(name):
    found = getattr(nbp, name)
    assert name == "__version__" or found.__doc__


@pytest.mark.parametrize("name", MODELS)
def test_a_model_has_its_fields(name):
    assert set(getattr(nbp, name).model_fields) >= MODELS[name]


def test_a_run_reads_the_history_of_a_metric():
    assert signature_of(nbp.Run.metric_history) == "(self, name)"


def test_the_ends_of_storage_have_their_names():
    assert all(map(inspect.isclass, (nbp.StorageBackend, nbp.FileSystemStorage, nbp.FsspecStorage)))


def test_every_magic_is_declared(declared):
    assert {each.magic for each in declared if each.magic} >= MAGICS


def test_every_command_is_declared(declared):
    assert {each.cli for each in declared if each.cli} >= COMMANDS


@pytest.mark.parametrize("command", COMMANDS_BY_HAND)
def test_a_command_by_hand_has_help(command):
    done = subprocess.run(
        [sys.executable, "-m", "nbproof", *command.split(), "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0 and command in done.stdout


def test_every_route_is_declared(declared):
    assert {f"{each.method} {each.path}" for each in declared} >= ROUTES


def test_every_table_has_its_name():
    tables = importlib.import_module("nbproof.storage.tables").all_tables().tables
    assert set(tables) >= TABLES


def test_importing_loads_nothing_heavy():
    heavy = {
        "pandas",
        "plotly",
        "sqlalchemy",
        "duckdb",
        "numpy",
        "pydantic",
        "IPython",
        "jupyter_server",
        "alembic",
    }
    script = f"import nbproof, sys; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_logging_loads_nothing_heavy(project):
    heavy = {
        "pandas",
        "plotly",
        "sqlalchemy",
        "duckdb",
        "numpy",
        "pydantic",
        "IPython",
        "jupyter_server",
        "alembic",
    }
    script = f"""
import nbproof as nbp, sys
with nbp.start_run("r", params={{"a": 1}}):
    nbp.log_metric("x", 1.0)
    nbp.log_metrics({{"y": 1}})
    nbp.set_tag("a", "b")
print(sorted({heavy!r} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=project
    )
    assert done.stdout.strip() == "[]"


def test_a_misspelt_name_hints_at_the_near_one():
    with pytest.raises(AttributeError, match="did you mean 'log_metric'"):
        nbp.log_metrik  # noqa: B018 - looking it up is the test
