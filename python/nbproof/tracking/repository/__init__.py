"""The records of tracking: reading them, and bringing the journal into them.

Reading is `RunRepository` in ``reading``, with ``search`` for the search language, ``views`` for what a row
looks like to users, ``cursors`` for where a page ended, ``completion`` and ``leaderboard`` for what else is
asked of searches, and ``saved`` for those that have a name.  `TrackingApplier` in ``applying`` writes what a
drain read, in the drain's transaction.  ``stored`` is what those who write a column and those who read it
must agree on.  ``trash`` is what users throw away and bring back, ``family`` how runs are nested, and
``lineage`` what runs are in the graph of where things come from.
"""

from nbproof.tracking.repository.applying import TrackingApplier
from nbproof.tracking.repository.lineage import RunLineage
from nbproof.tracking.repository.reading import RunRepository
from nbproof.tracking.repository.saved import SavedSearchApplier
from nbproof.tracking.repository.trash import TrashApplier, TrashRepository

__all__ = [
    "RunLineage",
    "RunRepository",
    "SavedSearchApplier",
    "TrackingApplier",
    "TrashApplier",
    "TrashRepository",
]
