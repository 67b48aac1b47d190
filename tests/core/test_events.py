"""Changes reach every listener, one failing listener harms none."""

from __future__ import annotations

import logging

from nbproof.core.events import Changed, Changes, merged


def test_a_change_reaches_every_listener_until_it_unsubscribes():
    changes = Changes()
    seen: list[Changed] = []
    leave = changes.subscribe(seen.append)
    changes.publish(Changed("run", ("a",)))
    leave()
    changes.publish(Changed("run", ("b",)))
    assert seen == [Changed("run", ("a",))]


def test_a_listener_that_raises_is_logged_and_disturbs_nobody(caplog):
    changes = Changes()
    seen: list[Changed] = []

    def broken(change: Changed) -> None:
        raise RuntimeError("no")

    changes.subscribe(broken)
    changes.subscribe(seen.append)
    with caplog.at_level(logging.ERROR, "nbproof"):
        changes.publish(Changed("run", ("a",)))
    assert seen and "listener" in caplog.text


def test_a_change_without_ids_is_no_change():
    changes = Changes()
    seen: list[Changed] = []
    changes.subscribe(seen.append)
    changes.publish(Changed("run", ()))
    assert seen == []


def test_merging_keeps_each_id_once_in_order():
    found = merged([Changed("run", ("b", "a")), Changed("job", ("x",)), Changed("run", ("a", "c"))])
    assert found == [Changed("run", ("b", "a", "c")), Changed("job", ("x",))]
