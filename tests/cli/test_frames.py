"""Histories from a shell: a CSV becomes metrics of a run."""

from __future__ import annotations

import io
import sys
import tracemalloc

import pytest


@pytest.fixture
def run(nbproof):
    assert nbproof("runs", "start", "digits", "--name", "r").code == 0
    return nbproof


def history(run, key):
    return [
        (each["step"], each["value"]) for each in run("runs", "history", "r", key, "--json").json["items"]
    ]


def test_columns_become_metrics_with_steps_times_and_gaps(run, project):
    (project / "log.csv").write_text("epoch,loss,auc,at\n1,0.9,,1000\n2,nan,0.5,1001\n\n4,0.25,0.75,1002.5\n")
    told = run("runs", "log-frame", "r", "log.csv", "--step", "epoch", "--time", "at", "--json")
    assert told.code == 0, told.err
    assert told.json == {"points": 5}
    assert history(run, "loss") == [(1, 0.9), (2, "NaN"), (4, 0.25)]
    assert history(run, "auc") == [(2, 0.5), (4, 0.75)]
    assert run("runs", "metrics", "r", "--json").json["items"][0]["name"] == "auc"


def test_without_steps_they_count_on_and_stdin_is_read(run, monkeypatch):
    for text in ("loss\n3\n2\n", "loss\n1\n"):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        assert run("runs", "log-frame", "r", "-").code == 0
    assert history(run, "loss") == [(0, 3.0), (1, 2.0), (2, 1.0)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("loss\n1\nmany\n", "line 3, column 'loss': expected a number, found 'many'"),
        ("step,loss\n0.5,1\n", "line 2, column 'step': expected a whole number"),
        ("step,loss\n9223372036854775808,1\n", "64 bits"),
        ("step,loss\n1,2,3\n", "line 2 has 3 cells"),
        ("loss,loss\n1,2\n", "each once"),
        ("steps,loss\n1,2\n", "no column 'step'"),
        ("", "name the columns"),
        ('step,loss\n1,"2\n', "unexpected end"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place_and_nothing_recorded(run, project, text, said):
    (project / "log.csv").write_text(text)
    step = ["--step", "step"] if "step" in text else []
    done = run("runs", "log-frame", "r", "log.csv", *step)
    assert done.code == 2 and said in done.err
    assert run("runs", "metrics", "r", "--json").json["items"] == []


@pytest.mark.newest
def test_a_long_file_is_recorded_in_bounded_memory(run, project):
    with (project / "log.csv").open("w") as file:
        file.write("step,loss\n")
        file.writelines(f"{number},{number / 7}\n" for number in range(200_000))
    tracemalloc.start()
    try:
        assert run("runs", "log-frame", "r", "log.csv", "--step", "step", "--json").json == {
            "points": 200_000
        }
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 24 << 20
    assert run("runs", "show", "r", "--json").json["metrics"] == {"loss": 199_999 / 7}
