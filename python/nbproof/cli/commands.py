"""Which commands there are: those of the operations, and those written by hand."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbproof.cli.session import EVERYWHERE, Session
from nbproof.cli.transfer import BESIDE
from nbproof.core.errors import Invalid, near_names
from nbproof.platform.argv import Argument, Form, command_form

if TYPE_CHECKING:
    from nbproof.core.operation import Operation

__all__ = ["Command", "all_commands", "find", "overview"]

Runner = Callable[[Session, Mapping[str, Any]], int]


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes
    ----------
    words : str
        What follows ``nbproof``: ``runs show``.
    form : callable
        Gives what can be said to it.
    run : callable
        Does it; the exit code.
    """

    words: str
    form: Callable[[], Form]
    run: Runner

    @property
    def summary(self) -> str:
        """One line."""
        return self.form().summary


def _by_hand(words: str, module: str, description: str, *arguments: Argument) -> Command:
    # Its module is loaded when the command is run: `nbproof --version` waits for none of them.
    function = words.replace(" ", "_").replace("-", "_")

    def run(session: Session, values: Mapping[str, Any]) -> int:
        code: int = getattr(importlib.import_module(f"nbproof.cli.{module}"), function)(session, values)
        return code

    return Command(words, lambda: Form(f"nbproof {words}", (*arguments, *EVERYWHERE), description), run)


_FOLDER = Argument("folder", "FOLDER", about="file", help="By default the current one.")

BY_HAND = {
    command.words: command
    for command in (
        _by_hand(
            "init",
            "init",
            "Make a workspace in a folder, or say that it is there.",
            _FOLDER,
        ),
        _by_hand("doctor", "doctor", "Say what is installed, where the workspace is, and what to mend."),
        _by_hand(
            "serve",
            "serve",
            "Serve workspaces below a folder over HTTP, without JupyterLab.",
            _FOLDER,
            Argument("host", "--host", metavar="ADDRESS", help="Where to listen. Default: 127.0.0.1."),
            Argument("port", "--port", metavar="N", help="Default: 8899, or the next free one."),
            Argument("base_url", "--base-url", metavar="PATH", help="Below which path, for proxies."),
            Argument(
                "token",
                "--token",
                metavar="TOKEN",
                help="What clients must send. Default: NBPROOF_TOKEN, JUPYTER_TOKEN or a new one.",
            ),
            Argument("config", "--config", metavar="FILE", about="file", help="Of Jupyter Server."),
            Argument("allow_root", "--allow-root", "switch", default=False, help="Let root do it."),
        ),
        _by_hand(
            "sync",
            "sync",
            "Bring what is on this machine to the server, or tell what waits for which.\n\n"
            "What is recorded with NBPROOF_URL waits here until the server has it; a process in the "
            "background sends it. This sends it now, and says what stands in the way. Runs of the "
            "workspace of this folder that the server does not have go along.",
        ),
        _by_hand(
            "runs check-references",
            "artifacts",
            "Look whether what a run's references lead to is unchanged; exit code 1 if not.",
            Argument("id", "RUN", required=True, about="run", help="Any way of naming a run."),
        ),
        _by_hand(
            "runs log-frame",
            "frames",
            "Log the columns of a CSV as metrics of a run, however long it is.\n\n"
            "The first line names the columns. An empty cell is no point, nan is one. Nothing is recorded "
            "where a cell makes no sense.",
            Argument("id", "RUN", required=True, about="run", help="Any way of naming a run."),
            Argument("path", "FILE", required=True, about="file", help="A CSV; - is stdin."),
            Argument("step", "--step", metavar="COLUMN", help="Of steps; by default they count on."),
            Argument(
                "time", "--time", metavar="COLUMN", help="Of times, seconds since 1970; by default now."
            ),
        ),
        _by_hand("db upgrade", "database", "Bring the database to the newest revision, after a copy."),
        _by_hand("db current", "database", "Show the revision of the database, and what is pending."),
        _by_hand(
            "backup",
            "backup",
            "Copy the workspace into one file, while it is in use.",
            Argument("file", "FILE", required=True, about="file", help="The file to make: a ZIP."),
        ),
        _by_hand(
            "restore",
            "backup",
            "Make a workspace of a backup; nothing is overwritten.",
            Argument("file", "FILE", required=True, about="file", help="What nbproof backup made."),
            _FOLDER,
            Argument(
                "database",
                "--database",
                metavar="URL",
                help="An empty PostgreSQL database for the records, instead of a SQLite file.",
            ),
        ),
        _by_hand("db vacuum", "database", "Give the disk back what deleted records took in the database."),
        _by_hand("db check", "database", "Check the database for damage; exit code 1 if something is found."),
        _by_hand(
            "completion",
            "completion",
            "Print what makes a shell complete nbproof's commands.\n\n"
            "bash:  eval \"$(nbproof completion bash)\"      in ~/.bashrc\n"
            "zsh:   eval \"$(nbproof completion zsh)\"       in ~/.zshrc\n"
            "fish:  nbproof completion fish | source       in ~/.config/fish/config.fish",
            Argument("shell", "SHELL", required=True, choices=("bash", "zsh", "fish")),
        ),
    )
}  # fmt: skip


def all_commands() -> dict[str, Command]:
    """Every command by its words."""
    from nbproof.platform.rooms import operations

    return BY_HAND | {each.cli: _of_operation(each) for each in operations() if each.cli}


def _of_operation(operation: Operation) -> Command:
    def form() -> Form:
        declared = command_form(operation)
        taken = {each.spelling for each in declared.arguments}
        return declared.with_arguments(
            *_beside(operation), *(each for each in EVERYWHERE if each.spelling not in taken)
        )

    def run(session: Session, values: Mapping[str, Any]) -> int:
        if operation.name == "runs.log_artifact":
            from nbproof.cli.artifacts import log_artifact

            return log_artifact(session, operation, form(), values)
        from nbproof.cli.operations import run_operation

        return run_operation(session, operation, form(), values)

    assert operation.cli is not None
    return Command(operation.cli, form, run)


def _beside(operation: Operation) -> tuple[Argument, ...]:
    """What a command understands beside its ask's fields."""
    if operation.name in BESIDE:
        return BESIDE[operation.name]
    if operation.downloads:
        return (
            Argument(
                "output",
                "--output",
                metavar="PATH",
                about="file",
                help="Where to put it: a file, a folder, or - for stdout. By default its own name, here.",
            ),
            Argument("force", "--force", "switch", default=False, help="Replace a file that is there."),
        )
    if operation.name == "runs.log_artifact":
        return (
            Argument(
                "reference",
                "--reference",
                "switch",
                default=False,
                help="Keep no copy of PATH, a path or an address, only where it is and what it is.",
            ),
        )
    if operation.status == 202:
        return (
            Argument(
                "no_wait", "--no-wait", "switch", default=False, help="Answer with the job's id at once."
            ),
        )
    return ()


def find(words: Sequence[str]) -> tuple[Command, list[str]]:
    """The command that the words name, and the other words.

    Raises
    ------
    Invalid
        None of that name; the nearest are in the hint.
    """
    front: list[str] = []
    rest = list(words)
    takes_value = {each.spelling for each in EVERYWHERE if each.shape != "switch"}
    while rest and rest[0].startswith("-"):
        front.append(rest.pop(0))
        if front[-1] in takes_value and rest:
            front.append(rest.pop(0))
    if not rest:
        if front and front[-1] in ("-h", "--help"):
            raise Invalid("which command's help?", hint="nbproof --help")
        raise Invalid(f"no command follows {' '.join(front)}", hint="list them with: nbproof --help")
    for length in (2, 1):
        if command := BY_HAND.get(" ".join(rest[:length])):
            return command, front + rest[length:]
    known = all_commands()
    # The longest first: `runs compare` before a `runs` there might be.
    for length in (3, 2, 1):
        if command := known.get(" ".join(rest[:length])):
            return command, front + rest[length:]
    raise _unknown(rest, known)


def _unknown(words: Sequence[str], known: Mapping[str, Command]) -> Invalid:
    said = [word for word in words[:2] if not word.startswith("-")]
    groups: dict[str, list[str]] = {}
    for each in known:
        group, _, verb = each.partition(" ")
        groups.setdefault(group, []).append(verb)
    if said[0] in groups and groups[said[0]] != [""]:
        verbs = sorted(groups[said[0]])
        near = near_names(said[1], verbs) if len(said) > 1 else []
        message = (
            f"nbproof {said[0]} has no command {said[1]!r}"
            if len(said) > 1
            else f"nbproof {said[0]} does what?"
        )
        hint = f"did you mean: nbproof {said[0]} {near[0]}" if near else f"one of: {', '.join(verbs)}"
    else:
        near = near_names(said[0], groups) if len(said) == 1 else []
        near = near or near_names(" ".join(said), known) or near_names(said[0], groups)
        message = f"nbproof has no command {said[0]!r}"
        hint = f"did you mean: nbproof {near[0]}" if near else "list them with: nbproof --help"
    return Invalid(message, hint=hint, details={"field": "command", "near": near})


def overview(group: str | None = None) -> str | None:
    """The text of ``nbproof --help``, or of ``nbproof GROUP --help``; None if there is no such group."""
    from nbproof._version import __version__

    known = all_commands()
    if group is not None:
        members = [each for each in known.values() if each.words.startswith(f"{group} ")]
        wide = max((len(each.words) for each in members), default=0) + 2
        return "\n".join(f"  {each.words:<{wide}}{each.summary}" for each in members) or None
    groups: dict[str, list[Command]] = {"": []}
    for command in known.values():
        group = command.words.partition(" ")[0] if " " in command.words else ""
        groups.setdefault(group, []).append(command)
    width = max(map(len, known)) + 2
    lines = [
        f"nbproof {__version__}: experiments recorded from the notebook cell to the sidebar",
        "",
        "usage: nbproof COMMAND [...] [--json] [--workspace FOLDER] [--url URL]",
        "",
    ]
    for group in sorted(groups):
        lines += [f"  {each.words:<{width}}{each.summary}" for each in groups[group]]
        lines.append("")
    lines += [
        "A run is called by its name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC.",
        "nbproof COMMAND --help says more. Exit codes: 0 done, 1 error, 2 invalid use, 3 not found,",
        "4 conflict, 5 not allowed, 6 unavailable.",
    ]
    return "\n".join(lines)
