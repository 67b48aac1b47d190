"""CSV files: what the columns are is seen, told, or asked for."""

from __future__ import annotations

import math
import tracemalloc

import pytest

from nbproof.core.errors import Invalid


@pytest.fixture
def imported(workspace, project):
    """Imports a text as a CSV; gives the workspace and the report."""

    def import_(text, name="results.csv", **options):
        (project / name).write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
        target = workspace("target")
        return target, target.transfer.import_runs(project / name, **options)

    return import_


def test_a_row_with_a_step_is_a_step_of_one_run(imported):
    target, report = imported("epoch,loss,val_loss\n0,0.9,1.0\n1,0.5,\n2,nan,0.8\n", "training.csv")

    run = target.tracker.get_run("training")
    assert report.format == "csv" and report.outcomes == {"taken": 1}
    assert run.metric_history("loss")["step"].tolist() == [0, 1, 2]
    assert math.isnan(run.metric_history("loss")["value"][2])
    assert run.metric_history("val_loss")["step"].tolist() == [0, 2]
    assert "a row is one step" in report.notes and "metric: loss, val_loss" in report.notes


def test_a_column_of_runs_parts_the_steps(imported):
    text = "run,step,time,loss,seed,host\n" + "".join(
        f"{run},{step},2026-01-01T00:00:0{step}Z,{value},{seed},h{step}\n"
        for run, seed in (("a", 1), ("b", 2))
        for step, value in ((0, 0.5), (1, 0.25))
    )
    target, report = imported(text, column={"seed": "param", "host": "tag"})

    assert report.outcomes == {"taken": 2}
    run = target.tracker.get_run("b")
    assert run.params == {"seed": 2} and run.tags == {}
    assert run.started.isoformat() == "2026-01-01T00:00:00+00:00" and run.ended.second == 1
    (left,) = report.not_taken
    assert "changes from row to row" in left.reason and left.count == 2


def test_what_search_runs_writes_is_read_as_runs(imported, workspace, project):
    source = workspace("source")
    with source.tracker.start_run("a", experiment="e", params={"lr": 0.1, "on": True, "name": "x"}) as run:
        source.tracker.log_metric("auc", 0.9)
        source.tracker.set_tag("owner", "ann")
    source.tracker.search_runs().to_csv(project / "found.csv", index=False)

    target, report = imported((project / "found.csv").read_bytes())

    there = target.tracker.get_run(run.id)
    assert report.outcomes == {"taken": 1}
    assert (there.name, there.experiment, there.status) == ("a", "e", "finished")
    assert there.params == {"lr": 0.1, "on": True, "name": "x"}
    assert (there.metrics, there.tags) == ({"auc": 0.9}, {"owner": "ann"})
    assert there.started == source.tracker.get_run(run.id).started


def test_what_mlflow_exports_is_read_as_runs(imported):
    header = "Start Time,Duration,Run ID,Name,Source Type,Source Name,User,Status,depth,auc"
    target, _ = imported(
        "run_id,experiment_id,status,start_time,end_time,artifact_uri,metrics.auc,params.depth,tags.mlflow.user\n"
        "0123456789abcdef0123456789abcdef,1,FINISHED,2026-01-01 00:00:00+00:00,"
        "2026-01-01 00:01:00+00:00,s3://x,0.9,6,ann\n"
    )
    run = target.tracker.get_run("0123456789abcdef0123456789abcdef")
    assert (run.params, run.metrics, run.tags) == ({"depth": 6}, {"auc": 0.9}, {"mlflow.user": "ann"})
    assert (run.ended - run.started).seconds == 60
    with pytest.raises(Invalid, match="'Duration', 'depth'"):
        imported(f"{header}\n2026-01-01,3,x,y,LOCAL,t.py,ann,FINISHED,6,0.9\n", "page.csv")


def test_params_and_metrics_are_told_apart_by_name_or_asked_for(imported):
    text = "name,model,lr,depth,val_auc,rmse\na,rf,0.1,3,0.8,1.5\nb,xgb,0.2,6,0.9,1.2\n"
    with pytest.raises(Invalid, match="'lr', 'depth' may be params or metrics") as asked:
        imported(text)
    assert "--column lr=param --column depth=param" in str(asked.value.hint)

    target, _ = imported(text, column={"*": "param"})
    run = target.tracker.get_run("b")
    assert run.params == {"model": "xgb", "lr": 0.2, "depth": 6}
    assert run.metrics == {"val_auc": 0.9, "rmse": 1.2}


def test_importing_again_changes_nothing_even_if_the_file_was_copied(imported):
    text = "name,model,auc\na,rf,0.8\nb,xgb,0.9\n"
    imported(text)
    assert imported(text)[1].outcomes == {"there already": 2}
    assert imported(text + "c,nn,0.95\n")[1].outcomes == {"there already": 2, "taken": 1}
    assert imported(text.replace("0.9", "0.7"))[1].outcomes["differs"] == 1


def test_separators_quotes_and_byte_order_marks_are_read(imported):
    text = '\ufeffname;model;auc\r\n"a;1";"x ""y""\nz";0.5\r\n\r\n'
    target, _ = imported(text)
    run = target.tracker.get_run("a;1")
    assert run.params == {"model": 'x "y"\nz'} and run.metrics == {"auc": 0.5}
    assert imported("step\tloss\n1\t2\n", "t.tsv")[1].outcomes == {"taken": 1}
    assert imported("Wall time,Step,Value\n1767225600.5,0,0.25\n", "tb.csv")[1].taken["points"] == 1


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "empty|looks like nothing"),
        ("step,loss\n", "no rows"),
        ("step,loss\n1,2,3\n", "line 2 has 3 cells, the header 2"),
        ("step,loss\n1\n", "line 2 has 1 cells"),
        ("step,loss,loss\n1,2,3\n", "'loss' is there twice"),
        ("step,,x\n1,2,3\n", "column 2 has no name"),
        ("step,loss\n1.5,2\n", "line 2, column 'step': expected a whole number"),
        ("step,loss\n9223372036854775808,2\n", "64 bits"),
        ("step,loss\n1,0.5\n2,high\n", "'loss' hold text|'loss'"),
        ("step,time,loss\n1,yesterday,2\n", "expected a time like"),
        ('step,loss\n1,"2\n', "line"),
        ("a,b\n1,2\n", "whether a row is a run or a step"),
        ("name,auc,status\na,1,dancing\n", "no status is called 'dancing'"),
    ],
)
def test_what_makes_no_sense_is_refused_with_line_and_column(imported, text, match):
    with pytest.raises(Invalid, match=match):
        imported(text)


def test_a_decimal_comma_is_explained(imported):
    with pytest.raises(Invalid) as caught:
        imported("step;loss\n1;0,5\n", column={"loss": "metric"})
    assert "a decimal point is a point" in str(caught.value.hint)


def test_wrong_column_options_are_refused(imported):
    with pytest.raises(Invalid, match="no column 'los'") as caught:
        imported("step,loss\n1,2\n", column={"los": "metric"})
    assert "'loss'" in str(caught.value.hint)
    with pytest.raises(Invalid, match="column"):
        imported("step,loss\n1,2\n", column={"loss": "nonsense"})
    with pytest.raises(Invalid, match="several columns are step"):
        imported("a,b,loss\n1,2,3\n", column={"a": "step", "b": "step"})


def test_bytes_that_are_no_text_are_refused(imported):
    with pytest.raises(Invalid, match="not UTF-8: byte 10"):
        imported(b"step,loss\n\xff,2\n")


def test_a_name_for_the_file_and_an_experiment_can_be_given(imported):
    target, _ = imported("step,loss\n1,2\n", name="upload", experiment="mine", from_="csv")
    assert target.tracker.get_run("upload").experiment == "mine"


def test_secrets_that_another_tool_kept_are_not_brought_along(imported):
    text = "name,model,tags.note,api_key,auc\na,rf,--password hunter2,q7Rk2zz9,0.8\n"
    target, report = imported(text, column={"api_key": "param"})
    run = target.tracker.get_run("a")
    assert run.params == {"model": "rf", "api_key": "[redacted]"}
    assert run.tags == {"note": "--password [redacted]"} and run.redacted == 2
    assert any("'api_key'" in note for note in report.notes)
    assert imported(text, column={"api_key": "param"})[1].outcomes == {"there already": 1}


def test_a_run_that_was_thrown_away_or_purged_here_is_not_said_to_be_taken(imported):
    text = "name,model,auc\na,rf,0.8\n"
    target, _ = imported(text)
    target.tracker.delete_run("a")
    report = imported(text)[1]
    assert report.outcomes == {"differs": 1} and "trash" in report.runs[0].differences[0]
    target.tracker.purge_runs(yes=True)
    report = imported(text)[1]
    assert report.outcomes == {"differs": 1} and "purged" in report.runs[0].differences[0]
    assert imported(text, new_ids=True)[1].outcomes == {"taken": 1}


@pytest.mark.parametrize("rows", ["steps", "runs"])
def test_memory_does_not_grow_with_the_file(workspace, project, monkeypatch, rows):
    from nbproof.tracking.transfer import tables

    monkeypatch.setattr(tables, "_ROWS_AT_ONCE", 4096)

    def peak_of(lines):
        with (project / "long.csv").open("w") as file:
            if rows == "steps":
                file.write("run,step,loss,auc\n")
                file.writelines(f"run {n % 3},{n},{n / 7},{n / 9}\n" for n in range(lines))
            else:
                file.write("run_name,params.text,metrics.auc\n")
                file.writelines(f"run {n},{'x' * 1000},{n / 9}\n" for n in range(lines // 50))
        tracemalloc.start()
        try:
            source = tables.CsvSource(project / "long.csv")
            points = sum(part.n for run in source.runs() for _, part in run.points())
            source.close()
            return points, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak_of(1_000)  # what is imported once counts for nobody
    (few, before), (many, after) = peak_of(10_000), peak_of(60_000)
    assert many == 6 * few
    assert after < before + (1 << 20)


def test_steps_of_several_runs_keep_their_order_across_pieces(imported, monkeypatch):
    from nbproof.tracking.transfer import tables

    monkeypatch.setattr(tables, "_ROWS_AT_ONCE", 7)
    text = "run,step,loss,auc\n" + "".join(
        f"{'ab'[n % 2]},{n},{n / 7!r},{'' if n % 3 else n}\n" for n in range(100)
    )
    target, report = imported(text)
    assert report.outcomes == {"taken": 2} and report.taken["points"] == 134
    history = target.tracker.get_run("b").metric_history("loss")
    assert history["step"].tolist() == list(range(1, 100, 2))
    assert history["value"].tolist() == [n / 7 for n in range(1, 100, 2)]
    assert target.tracker.get_run("a").metric_history("auc")["step"].tolist() == list(range(0, 100, 6))
