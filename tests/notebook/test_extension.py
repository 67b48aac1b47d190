"""Loading and unloading in a real IPython shell."""

from __future__ import annotations

import subprocess
import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell

from nbproof.platform import workspace
from nbproof.platform.rooms import magic_names
from nbproof.tracking.active import ActiveRun


@pytest.fixture
def shell(project):
    before = workspace.use(None)
    shell = InteractiveShell.instance()
    yield shell
    shell.run_line_magic("unload_ext", "nbproof")
    shell.reset()
    if shell.history_manager is not None:
        shell.history_manager.end_session()
    InteractiveShell.clear_instance()
    if (opened := workspace.use(before)) is not None:
        opened.close()


def lines(shell):
    return shell.magics_manager.magics["line"]


def test_loading_twice_changes_nothing_and_unloading_takes_all_back(shell, capsys):
    before = set(lines(shell))
    callbacks = len(shell.events.callbacks["post_run_cell"])
    shell.run_line_magic("load_ext", "nbproof")
    assert "nbproof" in capsys.readouterr().out
    assert "[--reference]" in lines(shell)["track_data"].__doc__
    assert set(lines(shell)) - before == {"nbproof", "track_data", *magic_names()}
    shell.run_line_magic("reload_ext", "nbproof")
    assert capsys.readouterr().out.count("workspace") <= 1
    assert len(shell.events.callbacks["post_run_cell"]) == callbacks + 1
    assert ActiveRun in shell.display_formatter.ipython_display_formatter.type_printers

    shell.run_line_magic("unload_ext", "nbproof")
    assert set(lines(shell)) == before
    assert len(shell.events.callbacks["post_run_cell"]) == callbacks
    assert ActiveRun not in shell.display_formatter.ipython_display_formatter.type_printers


def test_values_are_expanded_by_ipython(shell, capsys):
    shell.run_line_magic("load_ext", "nbproof")
    shell.run_cell("rates = [0.1, 0.2]\nname = 'rates'")
    shell.run_cell("%start_run --experiment {'digits'}")
    assert shell.run_cell("%log_param $name {rates}").success
    assert shell.run_cell("%log_metric loss {max(rates) * -1}").success
    shell.run_cell("%end_run")
    shell.run_cell("import nbproof as nbp; run = nbp.get_run('@last')")
    run = shell.user_ns["run"]
    assert (run.params, run.metrics) == ({"rates": [0.1, 0.2]}, {"loss": -0.2})


def test_a_magic_of_a_new_room_is_there(shell, capsys):
    from nbproof.platform.rooms import Room, added
    from tests.cli import echo

    with added(Room("echo", echo, lambda workspace: echo.Echo())):
        shell.run_line_magic("load_ext", "nbproof")
        shell.run_line_magic("reload_ext", "nbproof")
        assert shell.run_cell("%say hello --times 2").success
        assert "hello hello" in capsys.readouterr().out
        shell.run_line_magic("unload_ext", "nbproof")


def test_the_help_of_a_magic_is_its_docstring(shell, capsys):
    shell.run_line_magic("load_ext", "nbproof")
    assert "[--step N]" in lines(shell)["log_metric"].__doc__
    shell.run_cell("%log_metric --help")
    assert "usage: %log_metric KEY VALUE" in capsys.readouterr().out


def test_loading_loads_neither_database_nor_frames(project):
    code = (
        "import sys\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "InteractiveShell.instance().run_line_magic('load_ext', 'nbproof')\n"
        "print({'sqlalchemy', 'pandas', 'numpy', 'anywidget', 'plotly'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"
