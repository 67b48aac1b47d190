"""What `%track_data` takes: a frame is a variable of the notebook, so no operation says it."""

from __future__ import annotations

from nbproof.platform.argv import Argument, Form

__all__ = ["track_data_form"]


def track_data_form() -> Form:
    """Its usage and its help."""
    arguments = (
        Argument(
            "source", "FRAME_OR_PATH", required=True, help="A variable, or the path of a file or folder."
        ),
        Argument("name", "--name", metavar="N", help="The dataset; by default the variable's name."),
        Argument("description", "--description", metavar="TEXT"),
        Argument("tag", "--tag", "mapping", metavar="KEY=VALUE"),
        Argument("alias", "--alias", "list", metavar="ALIAS", help="Point this at the version."),
        Argument(
            "reference", "--reference", "switch", default=False, help="Copy nothing: the file stays there."
        ),
    )
    return Form(
        "%track_data", arguments, "Keep a frame, a file or a folder as the next version of a dataset."
    )
