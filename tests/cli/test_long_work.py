"""Commands whose work takes long."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from nbproof.platform.rooms import Room, added
from tests.cli import labour


@pytest.fixture
def digging(project):
    with added(Room("labour", labour, lambda workspace: workspace.jobs)):
        yield


def test_a_command_waits_and_shows_the_result(nbproof, digging):
    done = nbproof("labour", "dig", "5", "--json")
    assert done.code == 0, done.err
    assert done.json["status"] == "done"
    assert done.json["result"] == {"dug": 5}
    assert "dug" in nbproof("labour", "dig", "2").out
    assert len(nbproof("jobs", "list", "--json").json["items"]) == 2


def test_a_job_that_fails_is_an_error_with_its_reason(nbproof, digging):
    done = nbproof("labour", "dig", "200")
    assert done.code == 1
    assert "there is rock" in done.err
    assert "dig elsewhere" in done.err


def test_no_wait_answers_with_the_id(nbproof, digging):
    told = nbproof("labour", "dig", "1", "--no-wait", "--json")
    assert told.code == 0
    assert len(told.json["id"]) == 32
    assert nbproof("jobs", "show", told.json["id"]).code == 0


def test_ctrl_c_cancels_the_job(project):
    code = (
        "import sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from nbproof.cli.main import main\n"
        "from nbproof.platform.rooms import Room, added\n"
        "from tests.cli import labour\n"
        "from nbproof.cli.session import Session\n"
        "before = Session.ask\n"
        "def told(self, name, /, **values):\n"
        "    print('asking', flush=True)\n"
        "    return before(self, name, **values)\n"
        "Session.ask = told\n"
        "with added(Room('labour', labour, lambda workspace: workspace.jobs)):\n"
        "    sys.exit(main(['labour', 'dig', '99']))\n"
    )
    from tests.support.plain_user import REPOSITORY

    process = subprocess.Popen(
        [sys.executable, "-c", code, str(REPOSITORY)],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "asking\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "cancelled job" in err
    assert "Traceback" not in err
