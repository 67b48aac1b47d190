"""Shell completion: the script for a shell, and what it asks for at each press of the key."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Mapping
from typing import Any

from nbproof.cli.session import Session
from nbproof.platform.argv import Argument

__all__ = ["complete", "completion", "parser"]

_MOST = 50


def completion(session: Session, values: Mapping[str, Any]) -> int:
    """Print the script."""
    import argcomplete.shell_integration

    print(argcomplete.shell_integration.shellcode(["nbproof"], shell=values["shell"]))
    return 0


def complete() -> None:
    """Answer the shell and end the process."""
    import argcomplete

    logging.disable(logging.CRITICAL)
    argcomplete.autocomplete(parser(), always_complete_options="long")


def parser() -> argparse.ArgumentParser:
    """Every command as one argparse parser."""
    from nbproof.cli.commands import all_commands

    top = argparse.ArgumentParser(prog="nbproof")
    top.add_argument("--version", action="store_true")
    levels: dict[str, Any] = {"": top.add_subparsers()}
    for words, command in sorted(all_commands().items()):
        group, _, verb = words.rpartition(" ")
        if group not in levels:
            levels[group] = levels[""].add_parser(group).add_subparsers()
        form = command.form()
        command.form().add_to(
            levels[group].add_parser(verb, help=form.summary.replace("%", "%%")), _completer
        )
    return top


def _completer(argument: Argument) -> Callable[..., Any] | None:
    if argument.choices:
        return None
    if argument.about == "file":
        from argcomplete.completers import FilesCompleter

        return FilesCompleter()
    if argument.about in ("run", "experiment"):
        about = argument.about
        return lambda prefix, parsed_args, **_: _names(about, parsed_args)
    return lambda **_: ()


def _names(about: str, said: argparse.Namespace) -> list[str]:
    """Names from the workspace; none where there is no workspace, and never a traceback into the prompt."""
    try:
        values = {"workspace": getattr(said, "workspace", None), "url": getattr(said, "url", None)}
        with Session(values) as session:
            if not session.workspace.exists:
                return []
            if about == "experiment":
                return [each.name for each in session.ask("experiments.list", limit=_MOST).items]
            runs = session.ask("runs.search", limit=_MOST).items
            return ["@last", *dict.fromkeys(run.name for run in runs)]
    except Exception:  # whatever it is, a key press is no place to hear of it
        return []
