"""What people install: built from a clean clone, and without Node from there on."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from tests.support.plain_user import REPOSITORY

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(600)]

LABEXTENSION = "share/jupyter/labextensions/nbproof"


def run(*argv: str | Path, cwd: Path, **env: str) -> str:
    """Run a program with nothing in its environment that would lead to ours; what it printed."""
    mine = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(argv, cwd=cwd, env={**mine, **env}, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
    return re.sub(r"\x1b\[\d*m", "", done.stdout + done.stderr)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (REPOSITORY / ".git").exists() or not shutil.which("git"):
        pytest.skip("not a git checkout")
    folder = tmp_path_factory.mktemp("clone") / "nbproof"
    run("git", "clone", "--quiet", "--no-hardlinks", REPOSITORY, folder, cwd=folder.parent)
    return folder


@pytest.fixture(scope="module")
def without_node(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH with a shell, but no Node."""
    folder = tmp_path_factory.mktemp("bin")
    for name in ("sh", "env", "uname"):
        (folder / name).symlink_to(shutil.which(name) or "")
    assert shutil.which("node", path=str(folder)) is None
    return str(folder)


@pytest.fixture(scope="module")
def sdist(clone: Path) -> Path:
    if not shutil.which("node"):
        pytest.skip("Node is not installed")
    # What was fetched already is not fetched again; the lock file's checksums are checked all the same.
    cache = REPOSITORY / ".yarn" / "cache"
    known = {"YARN_CACHE_FOLDER": str(cache)} if cache.is_dir() else {}
    run(sys.executable, "-m", "build", "--sdist", "--outdir", "dist", ".", cwd=clone, **known)
    (found,) = (clone / "dist").glob("*.tar.gz")
    return found


@pytest.fixture(scope="module")
def wheel(sdist: Path, without_node: str) -> Path:
    folder = sdist.parent
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", folder, sdist, cwd=folder, PATH=without_node)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def metadata(wheel: Path, names: list[str]) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


@pytest.fixture(scope="module")
def installed(wheel: Path, without_node: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment in which there was nothing before."""
    folder = tmp_path_factory.mktemp("empty") / "env"
    venv.create(folder, with_pip=False, symlinks=True)
    target = folder / "bin" / "python"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(target),
        "install",
        "--quiet",
        "--only-binary",
        ":all:",
    ]
    run(*pip, wheel, "jupyterlab", cwd=folder, PATH=without_node)
    return target.parent


def test_the_wheel_holds_the_package_the_extension_and_nothing_of_the_tests(names):
    assert "nbproof/__init__.py" in names
    assert "nbproof/py.typed" in names
    assert [name for name in names if name.endswith(f"{LABEXTENSION}/package.json")]
    assert [name for name in names if name.endswith(f"{LABEXTENSION}/install.json")]
    assert [name for name in names if name.endswith("etc/jupyter/jupyter_server_config.d/nbproof.json")]
    assert not [
        name for name in names if re.search(r"(^|/)(tests?|conftest\.py|node_modules|src)(/|$)", name)
    ]


def test_every_asset_is_in_the_wheel_once_and_none_is_a_source_map(names):
    assert not [name for name in names if name.startswith(("nbproof/labextension/", "nbproof/config/"))]
    assets = [Path(name).name for name in names if f"{LABEXTENSION}/static/" in name]
    assert "style.js" in assets
    assert len(assets) == len(set(assets))
    assert not [name for name in assets if name.endswith(".map")]
    entries = [name for name in assets if name.startswith("remoteEntry.")]
    assert len(entries) == 1


def test_the_licences_of_ours_and_of_what_is_bundled_are_in_the_wheel(names, metadata):
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert [name for name in names if name.endswith(".dist-info/licenses/LICENSE")]
    assert [name for name in names if name.endswith("static/third-party-licenses.json")]


def test_the_wheel_has_every_python_file_of_the_repository(clone, names):
    tracked = run("git", "ls-files", "python/nbproof", cwd=clone).split()
    wanted = {name.removeprefix("python/") for name in tracked if "/config/" not in name}
    assert wanted <= set(names)


def test_all_extras_are_named(metadata):
    assert set(metadata.get_all("Provides-Extra", [])) == set(
        "pdf voila s3 postgres redis spark shap all".split()
    )


def test_only_what_cuts_content_has_an_upper_bound(metadata):
    bounded = [
        line for line in metadata.get_all("Requires-Dist", []) if "<" in line or "==" in line.split(";")[0]
    ]
    # Another version may cut elsewhere: then nothing new would be shared with what is kept.
    assert [re.split("[=<>]", line)[0] for line in bounded] == ["pyfastcdc"]


def test_python_and_the_extension_have_the_same_version(clone, metadata):
    assert json.loads((clone / "package.json").read_text())["version"] == metadata["Version"]


def test_the_oldest_dependencies_tested_are_the_oldest_allowed(clone, metadata):
    pinned = dict(
        re.findall(r"^([\w-]+)==([\d.]+)", (clone / "tests/oldest-requirements.txt").read_text(), re.M)
    )
    for line in metadata.get_all("Requires-Dist", []):
        if lower := re.match(r"([\w-]+)(?:\[\w+\])?>=([\d.]+)", line):
            name, version = lower.groups()
            assert f"{pinned[name]}.".startswith(f"{version}."), f"{line} is tested with {pinned[name]}"


def test_the_sdist_holds_the_built_extension(sdist):
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    assert [name for name in names if name.endswith("python/nbproof/labextension/static/style.js")]
    assert not [name for name in names if "node_modules" in name or "/.yarn/" in name]


def test_both_extensions_are_there_after_a_plain_install(installed, tmp_path):
    home = {
        "HOME": str(tmp_path),
        "JUPYTER_CONFIG_DIR": str(tmp_path),
        "PATH": f"{installed}:{os.environ['PATH']}",
    }

    lab = run(installed / "jupyter", "labextension", "list", cwd=tmp_path, **home)
    server = run(installed / "jupyter", "server", "extension", "list", cwd=tmp_path, **home)

    assert re.search(r"nbproof v\S+ .*enabled.* OK", lab), lab
    assert re.search(r"nbproof .*enabled", server), server
    assert re.search(r"nbproof \S+ .*OK", server), server


def test_the_command_is_there_after_a_plain_install(installed, tmp_path):
    said = run(installed / "nbproof", "--version", cwd=tmp_path, HOME=str(tmp_path))
    assert re.search(r"\d+\.\d+\.\d+", said)


def test_a_python_only_build_needs_no_node(clone, without_node, tmp_path):
    source = tmp_path / "source"
    shutil.copytree(
        clone, source, ignore=shutil.ignore_patterns("node_modules", ".yarn", ".git", "labextension")
    )
    shutil.copytree(clone / "labextension", source / "labextension")

    run(
        *(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", tmp_path, source),
        cwd=tmp_path,
        PATH=without_node,
        SKIP_JUPYTER_BUILDER="1",
    )

    (found,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(found) as archive:
        assert not [name for name in archive.namelist() if name.endswith("style.js")]
