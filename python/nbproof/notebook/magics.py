"""Line magics, read off the operations that name one, and ``%nbproof``.

IPython has expanded ``{expr}`` and ``$name`` before a magic sees its line.  Errors are `PlatformError`s,
which IPython shows without a traceback; nothing here ends the kernel.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nbproof.core.errors import Invalid, NotFound, hint_of, near_names

if TYPE_CHECKING:
    from nbproof.core.operation import Operation
    from nbproof.platform.argv import Form

__all__ = ["DriftMagic", "Magic", "NbproofMagic", "TrackDataMagic"]


class Magic:
    """A line magic that does what the service's method of the same name as in Python does.

    Parameters
    ----------
    name : str
        Without the percent sign.
    """

    def __init__(self, name: str) -> None:
        self.name = self.__name__ = name

    def __call__(self, line: str) -> Any:
        """Do what the rest of the line says."""
        from nbproof.platform.argv import HelpAsked, ask_from, call_from, split_line
        from nbproof.platform.workspace import current

        operation, form = self._declared
        try:
            values = form.read(split_line(line))
        except HelpAsked:
            print(form.help(), end="")  # noqa: T201 - the cell asked for it
            return None
        workspace = current()
        if getattr(operation.service, operation.python or "", None) is None:
            answer = workspace.call(operation, ask_from(operation, form, values))
        else:
            verb, positional, named = call_from(operation, form, values)
            answer = getattr(workspace.service(operation.service), verb)(
                *map(self._meant, positional), **named
            )
        return None if answer is None else _shown(answer)

    def _meant(self, value: Any) -> Any:
        """What a word stands for."""
        return value

    @cached_property
    def _declared(self) -> tuple[Operation, Form]:
        from nbproof.platform.argv import magic_form
        from nbproof.platform.rooms import operations

        operation = next(each for each in operations() if each.magic == self.name)
        return operation, magic_form(operation)

    def _help(self) -> str:
        return self._declared[1].help()

    # What `%log_metric?` shows.
    __doc__ = property(_help)


class DriftMagic(Magic):
    """``%drift A B``: each is a version of a dataset, or a variable of the notebook that holds a table."""

    def __init__(self) -> None:
        super().__init__("drift")

    def _meant(self, value: Any) -> Any:
        from nbproof.datasets.lineage import version_of
        from nbproof.datasets.table_profiles import TableProfile

        named = _variables().get(value) if isinstance(value, str) else None
        # A number or a text of that name is none of ours: the word names a dataset then.
        table = _is_table(named) or isinstance(named, TableProfile)
        return named if table or version_of(named) is not None else value


class TrackDataMagic:
    """Keep a frame, or a file or folder, as the next version of a dataset: ``%track_data FRAME_OR_PATH``."""

    name = __name__ = "track_data"

    def __call__(self, line: str) -> Any:
        """Register what the rest of the line names: a variable of the notebook, or else a path."""
        from nbproof.platform.argv import HelpAsked, split_line
        from nbproof.platform.workspace import current

        form = self._form
        try:
            values = form.read(split_line(line))
        except HelpAsked:
            print(form.help(), end="")  # noqa: T201 - the cell asked for it
            return None
        named = str(values["source"])
        variables = _variables() if named.isidentifier() else {}
        found = named in variables
        try:
            return current().datasets.register_dataset(
                variables[named] if found else named,
                values.get("name") or (named if found else None),
                description=values.get("description"),
                tags=values.get("tag"),
                aliases=values.get("alias", ()),
                reference=bool(values.get("reference")),
            )
        except NotFound as error:
            if found or not named.isidentifier() or error.details.get("field") not in ("source", "path"):
                raise
            raise _neither(named, variables, error) from None

    @cached_property
    def _form(self) -> Form:
        from nbproof.platform.track_data import track_data_form

        return track_data_form()

    def _help(self) -> str:
        return self._form.help()

    __doc__ = property(_help)


class NbproofMagic:
    """Run a command line of `nbproof` in this process: ``%nbproof runs list my-experiment``."""

    name = __name__ = "nbproof"

    def __call__(self, line: str) -> None:
        """Run the rest of the line."""
        from nbproof.platform.argv import split_line
        from nbproof.platform.workspace import current

        # Faces do not import each other, so the command is looked up at run time, as the shell would.
        run = importlib.import_module("nbproof.cli.main").run
        words = split_line(line)
        if words[:1] == ["serve"]:
            raise Invalid("nbproof serve runs until it is stopped", hint="run it in a terminal")
        run(words, workspace=current())


def _is_table(value: Any) -> bool:
    return not isinstance(value, type) and (hasattr(value, "__arrow_c_stream__") or hasattr(value, "shape"))


def _neither(named: str, variables: Mapping[str, Any], no_path: NotFound) -> NotFound:
    """What says that a word is neither a variable nor a path, and which of both is near."""
    tables = [name for name, value in variables.items() if not name.startswith("_") and _is_table(value)]
    near = near_names(named, tables)
    paths = no_path.details.get("near")
    files = [str(each) for each in paths] if isinstance(paths, list) else []
    meant = [f"the variable {near[0]!r}"] if near else []
    meant += [f"the path {files[0]!r}"] if files else []
    hint = f"did you mean {' or '.join(meant)}?" if meant else hint_of([], tables, "there are the variables")
    return NotFound(
        f"there is no variable {named!r}, and {no_path.message}",
        hint=hint or no_path.hint,
        details={**no_path.details, "near": [*near, *files]},
    )


def _variables() -> Mapping[str, Any]:
    """Those of the notebook."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return {} if shell is None else shell.user_ns


def _shown(answer: Any) -> Any:
    """The answer, which a cell shows if it stands last; a run's panel is shown wherever it starts."""
    from nbproof.notebook import live
    from nbproof.tracking.active import ActiveRun

    if isinstance(answer, ActiveRun):
        live.display_run(answer)
    return answer
