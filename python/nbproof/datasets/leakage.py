"""Whether a test set knows something of its training set: the views and the making of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from nbproof.core.errors import Invalid
from nbproof.core.operation import Ask, Number, Positional, View
from nbproof.datasets.drift_display import SIGNS, severity_html
from nbproof.datasets.drift_models import Severity
from nbproof.datasets.models import Reference
from nbproof.datasets.sides import side_of

if TYPE_CHECKING:
    from nbproof.datasets.handle import DatasetHandle

__all__ = ["CheckLeakage", "LeakageFinding", "LeakageReport", "leakage_between"]


class LeakageFinding(View):
    """One way in which the test set is not new."""

    code: Literal["duplicate", "near_duplicate", "one_column_differs", "entity", "time"]
    severity: Severity
    rows: int = Field(description="Of the test set.")
    share: Number
    sentence: str
    action: str
    columns: list[str] = Field(default_factory=list)
    guessed: bool = Field(False, description="Whether these columns were guessed.")
    examples: list[tuple[int, int]] = Field(
        default_factory=list, description="Pairs of a test row and a training row, by place from 0 on."
    )

    def listed(self) -> dict[str, object]:
        """A row of the table of findings."""
        return {"severity": self.severity, "found": self.sentence, "what to do": self.action}


class LeakageReport(View):
    """What a test set shares with its training set."""

    train: str = Field(description="Such as sales@v1.")
    test: str
    severity: Severity
    sentence: str = Field(description="All in one line.")
    findings: list[LeakageFinding] = Field(default_factory=list, description="The worst first.")
    notes: list[str] = Field(default_factory=list, description="What could not be looked at, and why.")
    train_rows: int
    test_rows: int
    columns: list[str] = Field(description="Those that were compared.")

    def __str__(self) -> str:
        lines = [f"{SIGNS[self.severity]} {self.severity}: {self.sentence}"]
        lines += [f"  {each.sentence} {each.action}" for each in self.findings]
        return "\n".join(lines + [f"  {each}" for each in self.notes])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        more = "".join(f"<li>{escape(each.sentence)} {escape(each.action)}</li>" for each in self.findings)
        more += "".join(f"<li>{escape(each)}</li>" for each in self.notes)
        folded = f"<details><summary>what was found</summary><ul>{more}</ul></details>" if more else ""
        return {
            "text/plain": str(self),
            "text/html": f'<div class="nbproof-leakage">{severity_html(self.severity)} '
            f"{escape(self.sentence)}{folded}</div>",
        }


class CheckLeakage(Ask):
    """A training set and a test set."""

    train: Annotated[Reference, Positional]
    test: Annotated[Reference, Positional]
    entity: list[str] = Field(
        default_factory=list,
        description="Columns that say whom or what a row is about; guessed where none is given.",
    )
    time: str | None = Field(None, description="The column that says when.")


def leakage_between(
    train: Any,
    test: Any,
    handle: Callable[[str], DatasetHandle],
    *,
    entity: str | Sequence[str] | None,
    time: str | None,
    progress: Callable[[float], object] | None = None,
) -> LeakageReport:
    """Read both and look for what they share; `progress` is told the share that is done."""
    from nbproof.stats.leakage import UnusableColumn, check_leakage

    one, other = side_of(train, handle, "train"), side_of(test, handle, "test")
    try:
        found = check_leakage(one.table(), other.table(), entity=entity or None, time=time, progress=progress)
    except UnusableColumn as error:
        field = "time" if error.name == time else "entity"
        raise Invalid(str(error), hint=error.hint, details={"field": field}) from error
    return LeakageReport(train=one.name, test=other.name, **found.to_json())
