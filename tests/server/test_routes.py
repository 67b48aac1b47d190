from __future__ import annotations

import pytest

from nbproof.core.errors import NotFound
from nbproof.platform.rooms import operations
from nbproof.server.refusals import Refused
from nbproof.server.routes import Routes


@pytest.fixture(scope="module")
def routes() -> Routes:
    return Routes(operations())


@pytest.mark.parametrize(
    ("method", "path", "name", "fields"),
    [
        ("GET", "/experiments", "experiments.list", {}),
        ("GET", "/runs/search", "runs.search", {}),
        ("GET", "/runs/searching", "runs.get", {"id": "searching"}),
        ("GET", "/runs/a%2Fb", "runs.get", {"id": "a%2Fb"}),
        ("POST", "/runs/x/metrics/batch", "runs.log_metrics", {"id": "x"}),
        ("GET", "/runs/x/metrics/batch", "runs.metric_history", {"id": "x", "name": "batch"}),
        ("HEAD", "/runs/x", "runs.get", {"id": "x"}),
    ],
)
def test_a_path_means_one_operation(
    routes: Routes, method: str, path: str, name: str, fields: dict[str, str]
) -> None:
    match = routes.find(method, path)
    assert match.operation.name == name
    assert match.fields == fields


@pytest.mark.parametrize("path", ["", "/nothing", "/runs/", "/runs//metrics", "/runs/a/b/c/d", "/runs/x/"])
def test_other_paths_mean_none(routes: Routes, path: str) -> None:
    with pytest.raises(NotFound):
        routes.find("GET", path)


def test_a_wrong_method_names_the_right_ones(routes: Routes) -> None:
    with pytest.raises(Refused) as caught:
        routes.find("PUT", "/runs/x")
    assert caught.value.status == 405
    assert caught.value.headers == {"Allow": "DELETE, GET, PATCH"}


def test_no_operation_has_a_query_field_that_belongs_to_the_server() -> None:
    from nbproof.server.handlers import _OURS

    assert not [each.name for each in operations() if _OURS & set(each.query_fields)]
