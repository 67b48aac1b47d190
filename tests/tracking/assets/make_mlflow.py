"""Makes the MLflow stores of this folder; run by MLflow's own Python, see `make_all.py`.

``python make_mlflow.py TRACKING_URI ARTIFACTS`` fills a store with what an import must take or name: a
finished run with params, metrics, tags, notes and artifacts, nested runs, a failed, a deleted and a running
one, NaN and the infinities, and a deleted experiment.
"""

import math
import os
import sys
import tempfile
from pathlib import Path

os.environ["MLFLOW_DISABLE_TELEMETRY"] = os.environ["DO_NOT_TRACK"] = "true"
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
import mlflow
from mlflow import MlflowClient

uri, artifacts = sys.argv[1:]
mlflow.set_tracking_uri(uri)
client = MlflowClient()
churn = client.create_experiment(
    "churn",
    artifact_location=None if artifacts == "-" else (Path(artifacts) / "churn").as_uri(),
    tags={"team": "growth"},
)
client.set_experiment_tag(churn, "mlflow.note.content", "Who leaves?")

with mlflow.start_run(experiment_id=churn, run_name="forest", description="All *columns*.") as parent:
    mlflow.log_params({"trees": 100, "rate": 0.1, "name": "rf", "verbose": False, "seed": None, "zip": "007"})
    mlflow.log_param("model/depth", 6)
    for step, value in enumerate([0.9, 0.6, 0.5]):
        mlflow.log_metric("loss", value, step=step)
    mlflow.log_metric("val/auc", 0.87, step=2)
    for value in (math.nan, math.inf, -math.inf):
        mlflow.log_metric("odd", value, step=7)
    mlflow.set_tags({"stage": "draft", "long": "x" * 300 + ": 'quoted'\n and lines"})
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "notes.txt").write_text("plain text\n")
        Path(folder, "plots").mkdir()
        Path(folder, "plots", "roc ü.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
        mlflow.log_artifacts(folder)
    with mlflow.start_run(experiment_id=churn, run_name="fold 0", nested=True):
        mlflow.log_metric("auc", 0.8)

failed = client.create_run(churn, run_name="bad luck")
client.set_terminated(failed.info.run_id, "FAILED")
running = client.create_run(churn, run_name="goes on")
client.log_metric(running.info.run_id, "loss", 1.0, step=0)
deleted = client.create_run(churn, run_name="thrown away")
client.log_param(deleted.info.run_id, "depth", 3)
client.set_terminated(deleted.info.run_id)
client.delete_run(deleted.info.run_id)
gone = client.create_experiment("gone")
client.set_terminated(client.create_run(gone, run_name="in a deleted experiment").info.run_id)
client.delete_experiment(gone)

if hasattr(mlflow, "initialize_logged_model"):  # MLflow 3
    with mlflow.start_run(run_id=parent.info.run_id):
        logged = mlflow.initialize_logged_model(name="best", source_run_id=parent.info.run_id)
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "MLmodel").write_text("flavors: {}\n")
            client.log_model_artifacts(logged.model_id, folder)
        mlflow.finalize_logged_model(logged.model_id, "READY")
