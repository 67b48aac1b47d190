"""Magics, errors and the panel in a real ipykernel."""

from __future__ import annotations

import sqlite3

from tests.notebook.notebooks import execute

WIDGET = "application/vnd.jupyter.widget-view+json"


def test_every_magic_records_and_the_panel_ends_as_plain_html(project):
    (project / "notes.txt").write_text("kept")
    ran = execute(
        project,
        "%load_ext nbproof",
        "%start_run --name first --experiment digits --tag team=a --param depth=3",
        "for step in range(4):\n    loss = 1 / (step + 1)\n    %log_metric loss {loss}",
        "%log_metric loss -0.5 --step 10\nname = 'layers'\n%log_param $name {[64, 32]}",
        "%log_artifact notes.txt --name text/notes.txt",
        "%end_run --status failed",
        "import nbproof as nbp\nrun = nbp.get_run('@last')\nrun",
        "print(run.status, run.params, run.tags, run.metrics)\n"
        "print(run.metric_history('loss')['step'].tolist(), [each.name for each in run.artifacts])",
    )

    assert "a new workspace will be" in ran.text(0)
    (shown,) = ran.data(1)  # replaced when the run had ended
    assert WIDGET not in shown
    assert "failed" in shown["text/plain"]
    assert "loss" in shown["text/html"]
    assert "<svg" in shown["text/html"]
    assert [ran.outputs(cell) for cell in (2, 4, 5)] == [[], [], []]
    assert [line for line in ran.text(7).splitlines() if line] == [
        "failed {'depth': 3, 'layers': [64, 32]} {'team': 'a'} {'loss': -0.5}",
        "[0, 1, 2, 3, 10] ['text/notes.txt']",
    ]
    assert "digits" in ran.data(6)[0]["text/html"]


def test_a_frame_or_a_file_becomes_a_dataset(project):
    (project / "raw.csv").write_text("city,visits\nOslo,3\n")
    ran = execute(
        project,
        "%load_ext nbproof\nimport nbproof as nbp, pandas as pd",
        "sales = pd.DataFrame({'city': ['Oslo', 'Rome'], 'visits': [3, 5]})\n"
        "%track_data sales --alias prod --tag owner=ann",
        "%track_data raw.csv --name visits/raw",
        "nbp.get_dataset('sales@prod')",
        "back = nbp.get_dataset('sales').to_pandas()\n"
        "print(back.equals(sales), [each.name for each in nbp.list_datasets()])",
        "%lineage visits/raw",
        "%track_data nothing.csv",
        "%start_run --name counting\n%track_data sales --name counted\n%end_run",
        "more = sales.assign(visits=sales['visits'] * 1000)\nvisits = 3\n%drift sales@v1 more",
        "found = nbp.search_runs('dataset = \"counted@v1\"')\n"
        "print(list(found['name']), nbp.get_run('counting').datasets[0].how)",
        "%track_data raw.csv --name visits/there --reference",
    )

    assert "sales@v1" in ran.data(1)[0]["text/plain"]
    assert "visits/raw@v1" in ran.data(2)[0]["text/plain"]
    assert "<table" in ran.data(3)[0]["text/html"]
    assert ran.text(4).strip() == "True ['sales', 'visits/raw']"
    assert "raw.csv" in ran.data(5)[0]["text/plain"]
    assert "there is nothing at" in ran.text(6)
    assert "sales@v1" in ran.data(8)[0]["text/plain"] and "a frame" in ran.data(8)[0]["text/plain"]
    assert ran.text(9).strip() == "['counting'] wrote"
    assert "nothing was copied" in ran.data(10)[0]["text/plain"]


def test_a_word_that_is_neither_a_variable_nor_a_path_names_what_is_near(project):
    (project / "visit").write_text("kept")
    ran = execute(
        project,
        "%load_ext nbproof\nimport pandas as pd",
        "%track_data sale",
        "sales = pd.DataFrame({'visits': [3, 5]})\nsale_count = 3",
        "%track_data sale",
        "visits = sales",
        "%track_data visit_",
        "%track_data zzz",
        "%track_data sale.csv",
    )
    assert "there is no variable 'sale', and there is nothing at " in ran.text(1)
    assert "did you mean the variable 'sales'?" in ran.text(3)
    assert "did you mean the variable 'visits' or the path 'visit'?" in ran.text(5)
    assert "there are the variables 'sales', 'visits'" in ran.text(6)
    assert "variable" not in ran.text(7) and "there is nothing at" in ran.text(7)


def test_a_run_that_lives_is_shown_by_a_widget_with_a_static_fallback(project):
    ran = execute(
        project,
        "%load_ext nbproof",
        "import nbproof as nbp\nrun = nbp.start_run('alive', experiment='digits', params={'depth': 3})\nrun",
    )

    (shown,) = ran.data(1)
    assert WIDGET in shown
    assert "run alive" in shown["text/plain"]
    assert "depth" in shown["text/html"]


def test_the_panel_follows_while_a_cell_runs_and_log_calls_send_nothing(project):
    ran = execute(
        project,
        "%load_ext nbproof\nimport nbproof as nbp, time",
        "run = nbp.start_run('alive', experiment='digits')\nrun",
        "from nbproof.notebook import live\n"
        "panel = live._panels.live[run.id]\n"
        "sent = []\n"
        "panel.widget.observe(lambda change: sent.append(change['new']), 'state')\n"
        "deadline = time.monotonic() + 20\n"
        "count = 0\n"
        "while not (sent and sent[-1]['metrics'] and len(sent) > 2) and time.monotonic() < deadline:\n"
        "    for _ in range(100):\n"
        "        nbp.log_metric('loss', 1 / (count := count + 1))\n"
        "    time.sleep(0.05)\n"
        "print(len(sent) > 2, len(sent) < count / 100, sent[-1]['metrics'][0]['name'],\n"
        "      len(sent[-1]['metrics'][0]['points']) > 50)",
        "nbp.end_run()",
        "import threading\n"
        "deadline = time.monotonic() + 30\n"
        "names = lambda: [each.name for each in threading.enumerate()]\n"
        "while 'nbproof-panel' in names() and time.monotonic() < deadline: time.sleep(0.05)\n"
        "print('nbproof-panel' in names(), live._panels.live)",
    )

    assert ran.text(2).split() == ["True", "True", "loss", "True"], ran.text(2)
    assert ran.text(4).strip() == "False {}"


def test_a_kernel_without_anywidget_shows_the_static_panel(project):
    ran = execute(
        project,
        "import sys\nsys.modules['anywidget'] = None\n%load_ext nbproof",
        "%start_run --experiment digits --name plain",
        "%log_metric loss 0.5",
        "%end_run",
    )

    (shown,) = ran.data(1)
    assert WIDGET not in shown
    assert "finished" in shown["text/plain"]
    assert "0.5" in shown["text/html"]


def test_mistakes_are_told_in_two_lines_and_the_kernel_lives_on(project):
    ran = execute(
        project,
        "%load_ext nbproof",
        "%log_metric loss high",
        "%start_run --nmae x",
        "%end_run --status filed",
        "%log_artifact nowhere.csv",
        "%nbproof runs shw",
        "%nbproof runs show nobody",
        "%log_metric",
        "%log_metric 'loss 1",
        "print('alive')",
    )

    said = [ran.text(cell) for cell in range(1, 9)]
    for text in said:
        assert text.startswith("nbproof: ")
        assert "Traceback" not in text
        assert len(text.splitlines()) <= 2 or "nothing is recorded here yet" in text
    assert "VALUE: input should be a valid number" in said[0]
    assert "did you mean --name?" in said[1]
    assert "did you mean 'failed'?" in said[2]
    assert "nowhere.csv" in said[3]
    assert "did you mean: nbproof runs show" in said[4]
    assert "no run 'nobody'" in said[5]
    assert "KEY is missing" in said[6]
    assert "is not closed" in said[7]
    assert ran.text(9).strip() == "alive"
    assert not (project / ".nbproof").exists()


def test_a_magic_as_the_last_line_shows_its_run_once_and_can_be_assigned(project):
    ran = execute(
        project,
        "%load_ext nbproof",
        "run = %start_run --name mine --experiment digits",
        "print(run.name, run.status)",
        "%start_run --name next --experiment digits",
        "run",
    )

    assert len(ran.data(1)) == 1
    assert ran.text(2).strip() == "mine running"
    assert len(ran.data(3)) == 1
    assert "finished" in ran.data(4)[0]["text/html"]


def test_the_command_line_works_in_a_cell_on_the_workspace_of_the_notebook(project):
    ran = execute(
        project,
        "%load_ext nbproof",
        "%nbproof runs start digits --name cell --param layers=[64, 32]",
        "%nbproof runs list digits --json",
        "%nbproof --help",
        "%nbproof serve",
        "%nbproof doctor",
        "%log_metric --help",
    )

    assert "cell" in ran.text(1)
    assert '"layers"' in ran.text(2)
    assert "runs compare" in ran.text(3)
    assert "run it in a terminal" in ran.text(4)
    assert str(project) in ran.text(5)
    assert "--step N" in ran.text(6)
    assert sqlite3.connect(project / ".nbproof" / "meta.db").execute(
        "SELECT count(*) FROM runs"
    ).fetchone() == (1,)


def test_a_malformed_settings_file_does_not_stop_recording(project):
    (project / ".nbproof").mkdir()
    (project / ".nbproof" / "nbproof.toml").write_text("format = = 1\n")
    ran = execute(
        project, "%load_ext nbproof", "%start_run --experiment e\n%log_metric loss 0.5", "print('alive')"
    )

    assert "recording into" in ran.text(0)
    assert "is not valid TOML" in ran.text(1)
    assert ran.text(2).strip() == "alive"
    assert list((project / ".nbproof" / "journal").glob("*/points-1.bin"))


def test_a_workspace_that_is_a_file_is_said_and_the_magics_load(project):
    (project / "file").write_text("")
    ran = execute(project, "%load_ext nbproof", "%log_metric loss 1", NBPROOF_WORKSPACE=str(project / "file"))

    assert "can't record yet" in ran.text(0)
    assert "not a folder" in ran.text(1)


def test_the_warning_of_a_failed_record_names_the_cell(project):
    (project / ".nbproof").mkdir()
    (project / ".nbproof" / "journal").write_text("a file in its place")
    ran = execute(project, "%load_ext nbproof", "# a cell\n\n%log_metric x 1", NBPROOF_WORKSPACE=str(project))
    assert "RecordingFailed" in ran.text(1)
    assert "ipykernel_" in ran.text(1).partition("RecordingFailed")[0]
    assert ":3: RecordingFailed" in ran.text(1)


def test_a_widget_is_not_closed_before_a_browser_had_time_to_load_it(project):
    ran = execute(
        project,
        "%load_ext nbproof\nimport nbproof as nbp, time\nfrom nbproof.notebook import live",
        "began = time.monotonic()\n"
        "closed = []\n"
        "run = nbp.start_run('short', experiment='digits')\n"
        "live.display_run(run)\n"
        "widget = live._panels.live[run.id].widget\n"
        "close = widget.close\n"
        "widget.close = lambda: (closed.append(time.monotonic() - began), close())\n"
        "nbp.end_run()",
        "deadline = time.monotonic() + 30\n"
        "while not closed and time.monotonic() < deadline: time.sleep(0.05)\n"
        "print([seconds >= live._LOADING_SECONDS for seconds in closed])",
    )
    assert WIDGET not in ran.data(1)[0]  # the output is plain at once
    assert ran.text(2).strip() == "[True]"
