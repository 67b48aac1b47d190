"""What kernels inherit from the server: nothing of ours."""

from __future__ import annotations

import os


def test_kernels_do_not_inherit_the_servers_workspace(monkeypatch, tmp_path, request):
    named = tmp_path / "of the server"
    named.mkdir()
    monkeypatch.setenv("NBPROOF_WORKSPACE", str(named))
    server = request.getfixturevalue("jp_serverapp")
    assert "NBPROOF_WORKSPACE" not in os.environ
    host = server.web_app.settings["nbproof_host"]
    assert host._home_workspace == named
