"""Another release of nbproof, made from this one: another version, and a migration that only it knows."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from .plain_user import REPOSITORY

__all__ = ["make_other_version"]

_MIGRATION = '''\
"""Runs remember the weather: for tests of two releases that share a workspace.

Existing rows: nothing is known of theirs.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("weather", sa.Text(), nullable=True))
    op.create_table("forecasts", sa.Column("id", sa.Integer(), primary_key=True))
'''


def make_other_version(folder: Path, version: str) -> Path:
    """Copy the package into a folder as another version; the folder, for ``PYTHONPATH``.

    It has one migration more than this one, which only expands: a nullable column and a table.
    """
    package = folder / "nbproof"
    ignored = shutil.ignore_patterns("__pycache__", "labextension")
    shutil.copytree(REPOSITORY / "python" / "nbproof", package, ignore=ignored)
    _replace(package / "_version.py", r'__version__ = "[^"]+"', f'__version__ = "{version}"')

    migrations = package / "storage" / "migrations"
    text = (migrations / "__init__.py").read_text()
    before = re.findall(r'^    "(\d{4})",', text, flags=re.MULTILINE)[-1]
    revision = f"{int(before) + 1:04d}"
    _replace(migrations / "__init__.py", rf'^(    "{before}",.*\n)', rf'\1    "{revision}",\n')
    (migrations / "versions" / f"{revision}_weather.py").write_text(
        _MIGRATION.format(revision=revision, before=before)
    )
    # What creates an empty workspace has it as well.
    tables = package / "tracking" / "tables.py"
    _replace(
        tables,
        r"^(    newest_metric: .*\n)",
        r"\1    weather: Mapped[Prose | None]\n",
    )
    with tables.open("a") as file:
        file.write(
            "\n\nclass ForecastRow(Base):\n"
            '    __tablename__ = "forecasts"\n\n'
            "    id: Mapped[int] = mapped_column(primary_key=True)\n"
        )
    return folder


def _replace(path: Path, pattern: str, by: str) -> None:
    text, times = re.subn(pattern, by, path.read_text(), flags=re.MULTILINE)
    assert times == 1, f"{pattern} is found {times} times in {path}"
    path.write_text(text)
