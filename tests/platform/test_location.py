"""Which workspace: the rules in their order, tried on real folders."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nbproof.core.errors import Invalid
from nbproof.platform.location import find_location, running_source


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def workspace(folder: Path) -> Path:
    (folder / ".nbproof").mkdir(parents=True)
    return folder


def test_a_server_wins_over_everything(home):
    workspace(home / "p")
    found = find_location(home / "p", {"NBPROOF_URL": "https://x/", "NBPROOF_WORKSPACE": "/y"}, home=home)
    assert found.url == "https://x"


def test_a_named_folder_wins_over_the_nearest(home):
    workspace(home / "p")
    found = find_location(home / "p", {"NBPROOF_WORKSPACE": str(home / "other")}, home=home)
    assert (found.root, found.exists) == (home / "other", False)


def test_the_named_folder_may_be_the_workspace_folder_itself(home):
    named = workspace(home / "p") / ".nbproof"
    assert find_location(home, {"NBPROOF_WORKSPACE": str(named)}, home=home).root == home / "p"


def test_a_named_file_is_refused(home):
    (home / "file").touch()
    with pytest.raises(Invalid, match="not a folder"):
        find_location(home, {"NBPROOF_WORKSPACE": str(home / "file")}, home=home)


def test_the_nearest_upward_is_taken(home):
    workspace(home / "p")
    workspace(home / "p" / "inner")
    deep = home / "p" / "inner" / "a" / "b"
    deep.mkdir(parents=True)
    assert find_location(deep, {}, home=home).root == home / "p" / "inner"


def test_one_in_the_home_folder_does_not_swallow_the_projects_below(home):
    workspace(home)
    project = home / "p"
    project.mkdir()
    assert find_location(project, {}, home=home).root == project


def test_a_new_one_is_made_at_the_root_of_the_repository(home):
    repository = home / "repo"
    deep = repository / "notebooks" / "deep"
    deep.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", repository], check=True)
    found = find_location(deep, {}, home=home)
    assert (found.root, found.exists) == (repository, False)
    assert "git" in found.why


def test_the_root_of_a_worktree_counts_as_well(home):
    tree = home / "tree"
    (tree / "nb").mkdir(parents=True)
    (tree / ".git").write_text("gitdir: elsewhere\n")
    assert find_location(tree / "nb", {}, home=home).root == tree


def test_without_git_a_new_one_is_made_beside_the_notebook(home):
    folder = home / "p" / "nb"
    folder.mkdir(parents=True)
    assert find_location(folder, {}, home=home).root == folder


def test_a_home_folder_under_git_does_not_make_one_workspace_of_all_projects(home):
    (home / ".git").mkdir()
    project = home / "p"
    project.mkdir()
    assert find_location(project, {}, home=home).root == project


@pytest.mark.parametrize("where", ["home", "root"])
def test_home_and_the_root_have_a_folder_of_the_users_own(home, where):
    start = home if where == "home" else Path("/")
    found = find_location(start, {"XDG_DATA_HOME": str(home / "data")}, home=home)
    assert found.root.is_relative_to(home) and found.root not in (home, Path("/"))
    assert find_location(start, {"XDG_DATA_HOME": str(home / "data")}, home=home) == found


def test_a_folder_that_everybody_writes_to_gives_nobody_a_workspace(home):
    shared = home / "tmp"
    workspace(shared)
    shared.chmod(0o1777)
    (shared / "mine").mkdir()

    assert find_location(shared / "mine", {}, home=home).root == shared / "mine"
    own = find_location(shared, {"XDG_DATA_HOME": str(home / "data")}, home=home)
    assert own.root.is_relative_to(home / "data")


def test_ten_projects_under_one_root_have_ten_workspaces(home):
    roots = set()
    for number in range(10):
        project = home / "lab" / f"project{number}"
        project.mkdir(parents=True)
        roots.add(find_location(project, {}, home=home).root)
    assert len(roots) == 10


def test_a_notebook_that_moves_belongs_to_where_it_is(home):
    one, other = workspace(home / "one"), workspace(home / "other")
    assert find_location(one, {}, home=home).root == one
    assert find_location(other, {}, home=home).root == other


def test_a_link_to_a_project_leads_to_the_project(home):
    project = workspace(home / "p")
    (home / "link").symlink_to(project)
    assert find_location(home / "link", {}, home=home).root == project


def test_a_folder_that_can_not_be_written_gets_a_folder_of_the_users_own(tmp_path, plain_user):
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    script = (
        "import sys; from pathlib import Path; from nbproof.platform.location import find_location;"
        f"found = find_location(Path({str(locked)!r}), {{}}, home=Path('/nonexistent-home'));"
        "print(found.root); print(found.why)"
    )
    done = plain_user.run([sys.executable, "-c", script], check=True)
    assert "nonexistent-home" in done.stdout and "can't be written" in done.stdout


def located(plain_user, start: Path, home: Path) -> list[str]:
    """Root, and where records go instead, as a user without special rights finds them."""
    script = (
        "from pathlib import Path; from nbproof.platform.location import find_location;"
        f"found = find_location(Path({str(start)!r}), {{}}, home=Path({str(home)!r}));"
        "print(found.root); print(found.instead and found.instead.root);"
        "print((found.instead or found).why)"
    )
    told: str = plain_user.run([sys.executable, "-c", script], check=True).stdout
    return told.splitlines()


def test_one_that_can_not_be_written_is_read_and_records_go_beside_the_notebook(plain_user):
    shared = plain_user.folder("shared")
    workspace(shared).joinpath(".nbproof").chmod(0o555)
    (shared / "ann").mkdir()
    (shared / "ann").chmod(0o777)
    root, instead, why = located(plain_user, shared / "ann", Path("/nonexistent-home"))
    assert (root, instead) == (str(shared), str(shared / "ann"))
    assert "beside the notebook" in why and "can't be written" in why


def test_records_go_to_a_repository_below_one_that_can_not_be_written(plain_user):
    shared = plain_user.folder("shared")
    workspace(shared).joinpath(".nbproof").chmod(0o555)
    deep = shared / "repo" / "deep"
    (deep).mkdir(parents=True)
    (shared / "repo" / ".git").mkdir()
    (shared / "repo").chmod(0o777)
    assert located(plain_user, deep, Path("/nonexistent-home"))[1] == str(shared / "repo")


def test_beside_one_that_can_not_be_written_records_go_to_a_folder_of_the_users_own(plain_user):
    shared, home = plain_user.folder("shared"), plain_user.folder("home")
    workspace(shared).joinpath(".nbproof").chmod(0o555)
    root, instead, _ = located(plain_user, shared, home)
    assert root == str(shared) and Path(instead).is_relative_to(home)
    # Once something is there, it is the workspace.
    workspace(Path(instead))
    Path(instead, ".nbproof").chmod(0o777)
    again, nothing, why = located(plain_user, shared, home)
    assert (again, nothing) == (instead, "None") and "can't be written" in why


def test_records_never_go_where_they_are_not_looked_for_again(plain_user):
    shared = plain_user.folder("shared")
    workspace(shared).joinpath(".nbproof").chmod(0o555)
    home = shared / "home"
    home.mkdir()
    home.chmod(0o777)
    root, instead, _ = located(plain_user, home, home)
    assert root == str(shared)
    assert Path(instead) != home and Path(instead).is_relative_to(home)


def test_the_notebook_of_a_kernel_is_what_jupyter_server_says():
    assert running_source({"JPY_SESSION_NAME": "/lab/p/a.ipynb"}) == (Path("/lab/p"), Path("/lab/p/a.ipynb"))


def test_a_script_is_its_own_source(project):
    (project / "train.py").write_text(
        "from nbproof.platform.location import running_source; print(*running_source({}))"
    )
    elsewhere = project / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [sys.executable, "../train.py"], cwd=elsewhere, capture_output=True, text=True, check=True
    )
    folder, source = done.stdout.split()
    assert (Path(folder).resolve(), Path(source).resolve()) == (project, project / "train.py")


def test_a_command_typed_at_the_prompt_has_the_current_folder(project):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from nbproof.platform.location import running_source; print(*running_source({}))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(project), "None"]


def test_a_folder_that_is_not_there_yet_is_a_place_like_any_other(tmp_path, home):
    found = find_location(tmp_path / "new" / "project", {}, home=home)
    assert (found.root, found.exists) == (tmp_path / "new" / "project", False)
