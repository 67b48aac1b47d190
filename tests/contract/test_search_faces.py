"""Every sentence of the search language is answered alike in Python, by the command and over REST.

Both databases; what each search finds stands in `tests.tracking.test_query.FOUND` and below.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pyarrow as pa
import pytest

from nbproof.cli.main import main
from nbproof.core.clock import FixedClock, SystemClock
from nbproof.core.errors import PlatformError
from nbproof.core.operation import View
from nbproof.lineage.models import LineageEdge
from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace
from nbproof.storage.database import open_database
from nbproof.tracking.query import field_of
from tests.server.test_serve import Headless, serving
from tests.tracking.test_query import FOUND, fill

# The runs are those of FOUND, but as if they had begun today and on the four days before; where it names
# days it is asked there alone.
SEARCHES = {
    **{query: found for query, found in FOUND.items() if "2026" not in query and "17672256" not in query},
    "started > -7d": "edcba",
    "started > -30h and not started > -1h": "d",
    "@good": "ab",
    "@good and params.depth = 3": "a",
    'packages.numpy >= "2.0" and packages.numpy < "2.10.1"': "d",
    "packages.numpy is null": "ecba",
    'cpu = "Fast 9" or cpu_count > 16': "d",
    'dataset = "sales@v1"': "c",
    'dataset in ("sales@prod", "sales@v1") and not dataset = "nothing"': "cb",
    'dataset != "sales@v1" or dataset like "%s" and name = "a"': "b",
}
del SEARCHES["order by duration desc"]  # the one that runs goes on
# A command opens the workspace anew; of those that say nearly the same it is asked one in three.
COMMANDED = [*list(SEARCHES)[::3], *list(SEARCHES)[-8:]]
WRONG = (
    *("auc > 0.9", "metrics.auc > 'x'", "name = = 'a'", "params.model like", "@goood", "name ~ '('", "("),
    *('dataset = "slaes"', 'dataset = "sales@v3"', "dataset < 'sales'"),
)


class Faces:
    """One workspace, asked in three ways; each answers the JSON of what was found."""

    def __init__(self, workspace: Workspace, server: Headless, capsys: pytest.CaptureFixture[str]) -> None:
        self.tracker = workspace.tracker
        self.server = server
        self._capsys = capsys

    def command(self, *words: str) -> tuple[int, Any]:
        self._capsys.readouterr()
        code = main([*words, "--json"])
        told = self._capsys.readouterr()
        return code, json.loads(told.out if code == 0 else told.err)

    def rest(self, path: str, **asked: Any) -> tuple[int, Any]:
        return self.server.ask(f"/api/v1{path}?{urlencode(asked, doseq=True)}")


@pytest.fixture(params=["sqlite", "postgresql"])
def faces(request, plain_user, monkeypatch, capsys) -> Iterator[Faces]:
    folder = plain_user.folder("searched")
    environ = {"NBPROOF_CAPTURE_GIT": "0"}
    url = f"sqlite:///{folder / '.nbproof' / 'meta.db'}"
    if request.param == "postgresql":
        url = environ["NBPROOF_DATABASE"] = request.getfixturevalue("lent_database")
    monkeypatch.chdir(folder)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with serving(plain_user, str(folder), "--port", "0", env=environ) as server:
        with open_database(url) as database:
            fill(database, FixedClock(SystemClock().now_us()))
        workspace = Workspace(Location(folder, False, "a test"), say=lambda line: None, environ=environ)
        facts = {"python": "3.11.7", "packages": {"numpy": "2.1.0"}, "cpu": "Fast 9", "cpu_count": 8}
        workspace.tracker.set_provenance("d", environment=facts)
        # c read the first version and b wrote the second; of a dataset nobody reads the versions.
        told = {"c": ("read", "sales"), "b": ("wrote", "sales"), "nobody": ("", "nothing")}
        for number, (run, (relation, dataset)) in enumerate(told.items()):
            version = workspace.datasets.register_dataset(
                pa.table({"x": [number]}), dataset, aliases=["prod"]
            )
            if relation:
                node, of_run = ("dataset_version", version.id), ("run", workspace.tracker.get_run(run).id)
                ends = (node, of_run) if relation == "read" else (of_run, node)
                workspace.lineage.add_edges([LineageEdge(source=ends[0], target=ends[1], relation=relation)])
        workspace.tracker.save_search("good", "metrics.auc > 0.75 order by name")
        yield Faces(workspace, server, capsys)
        workspace.close()


def plain(view: View) -> Any:
    return json.loads(view.model_dump_json())


def names(runs: list[Any]) -> str:
    return "".join(run["name"] for run in runs)


def test_every_sentence_of_the_language_is_answered_alike(faces):
    by_python = {query: "".join(run.name for run in faces.tracker.find_runs(query)) for query in SEARCHES}
    by_rest = {query: names(faces.rest("/runs/search", query=query)[1]["items"]) for query in SEARCHES}
    by_command = {query: names(faces.command("runs", "search", query)[1]["items"]) for query in COMMANDED}

    for answers in (by_python, by_rest, by_command):
        assert {query: found for query, found in answers.items() if found != SEARCHES[query]} == {}

    # Pages.
    for query in ("order by metrics.auc desc", "params.depth > 0 or metrics.auc is null", ""):
        whole = FOUND.get(query) or "".join(run.name for run in faces.tracker.find_runs(query))
        for ask in (
            lambda after, query=query: plain(faces.tracker.find_runs(query, limit=2, after=after)),
            lambda after, query=query: faces.rest(
                "/runs/search", query=query, limit=2, **({"after": after} if after else {})
            )[1],
            lambda after, query=query: faces.command(
                "runs", "search", query, "--limit", "2", *(["--after", after] if after else [])
            )[1],
        ):
            found, after = "", None
            while True:
                page = ask(after)
                found, after = found + names(page["items"]), page["next"]
                if after is None:
                    break
            assert found == whole, query

    # Leaderboards.
    board = plain(faces.tracker.leaderboard("auc", group_by="experiment"))
    assert [(group["n"], round(group["mean"], 9)) for group in board["groups"][:1]] == [(3, 0.8)]
    assert faces.rest("/runs/leaderboard", metric="auc", group_by="experiment") == (200, board)
    assert faces.command("runs", "leaderboard", "auc", "--group-by", "experiment") == (0, board)

    # What cannot be read or is not there.
    for query in WRONG:
        with pytest.raises(PlatformError) as caught:
            faces.tracker.find_runs(query)
        told = (caught.value.message, caught.value.hint)
        status, body = faces.rest("/runs/search", query=query)
        assert (status, (body["error"]["message"], body["error"]["hint"])) == (422, told), query
        code, body = faces.command("runs", "search", query)
        assert (code, (body["error"]["message"], body["error"]["hint"])) == (2, told), query
    hint = "did you mean 'auc'?"
    for path, command in (
        ("/runs/leaderboard", ("runs", "leaderboard", "acu")),
        ("/runs/a/metrics/acu", ("runs", "history", "a", "acu")),
    ):
        status, body = faces.rest(path, **({"metric": "acu"} if path.endswith("leaderboard") else {}))
        assert (status, body["error"]["hint"]) == (404, hint)
        code, body = faces.command(*command)
        assert (code, body["error"]["hint"]) == (3, hint)

    # What the filter box offers is what can be searched.
    offered = plain(faces.tracker.complete_search(""))
    assert faces.rest("/runs/search/completions", query="") == (200, offered)
    fields = [each["text"] for each in offered["items"] if each["kind"] == "field"]
    assert len(fields) > 30
    for text in fields:
        if text.endswith("."):
            inside = faces.tracker.complete_search(text).items
            assert inside and all(field_of(each.text) for each in inside), text
            text = inside[0].text
        query = f"{text} is not null"
        (status, body) = faces.rest("/runs/search", query=query)
        assert status == 200, (quote(query), body)
