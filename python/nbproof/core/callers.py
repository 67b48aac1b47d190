"""Whose line of code called us: a warning that names a file of nbproof helps nobody.

Standard library only, and only used once something has failed.
"""

from __future__ import annotations

import os
import sys

__all__ = ["users_stacklevel"]

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def users_stacklevel() -> int:
    """What `warnings.warn` takes as ``stacklevel``, where this is called, to name the user's line.

    That is the first one outside of nbproof and of IPython, which stands between a magic and its cell.
    """
    # From Python 3.12 on, warnings.warn could be told what to skip.
    shell = getattr(sys.modules.get("IPython"), "__file__", None)
    passed = (_OURS,) if shell is None else (_OURS, os.path.dirname(shell) + os.sep)
    level, frame = 1, sys._getframe(1)
    while frame.f_code.co_filename.startswith(passed):
        if frame.f_back is None:
            return 1
        level, frame = level + 1, frame.f_back
    return level
