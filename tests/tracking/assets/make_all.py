"""Makes the stores of other tools that the tests import: ``python tests/tracking/assets/make_all.py``.

Each tool gets a throw-away environment; what it wrote is zipped here.  Run it again when a new version of a
tool writes something new, and look at the difference in the tests.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = {
    "mlflow-3": ["mlflow==3.17.2"],
    "mlflow-2": ["mlflow==2.9.2", "setuptools<80", "sqlalchemy<2.0.30"],
    "tensorboard": ["tensorboardX==2.6.5", "tensorboard==2.21.0"],
}


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        for name, wanted in ENVIRONMENTS.items():
            python = Path(scratch, f"{name}-environment", "bin", "python")
            subprocess.run([sys.executable, "-m", "venv", python.parent.parent], check=True)
            subprocess.run([python, "-m", "pip", "-q", "install", *wanted], check=True)
            if name == "tensorboard":
                stores = {name: ["make_tensorboard.py", "logs"]}
            else:
                stores = {
                    f"{name}-files": ["make_mlflow.py", "file:mlruns", "-"],
                    f"{name}-sqlite": ["make_mlflow.py", "sqlite:///mlflow.db", "mlartifacts"],
                }
            for store, (script, *words) in stores.items():
                folder = Path(scratch, store)
                folder.mkdir()
                placed = [word if ":" in word or word == "-" else str(folder / word) for word in words]
                subprocess.run([python, HERE / script, *placed], cwd=folder, check=True)
                pack(folder, HERE / f"{store}.zip")


def pack(folder: Path, target: Path) -> None:
    for database in folder.glob("*.db"):
        with sqlite3.connect(database) as connection:
            connection.execute("PRAGMA page_size = 512")
            connection.execute("VACUUM")
        connection.close()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                packed.write(file, file.relative_to(folder).as_posix())


if __name__ == "__main__":
    main()
