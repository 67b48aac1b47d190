"""The revisions of the tables, oldest first.

One line per revision, so that two migrations written at once collide in review.  It is read at every
opening too: comparing the stamp with this list costs nothing, importing Alembic costs a third of a second.

Rules
-----
- One purpose per revision; its docstring says what happens to the rows that exist.
- Within a minor series (0.1, 0.2, ...) a revision only expands: new tables, new indexes, new columns that
  are nullable or have a server default.  A kernel and a JupyterLab of one series share a workspace whichever
  of them is newer.
- It runs on SQLite (use ``op.batch_alter_table``) and on PostgreSQL.
- A workspace saved at the revision before is kept in ``tests/migrations/assets/`` and upgraded there.
"""

REVISIONS: tuple[str, ...] = (
    "0001",  # every table of the first release
    "0002",  # runs.newest_metric, so that listing runs does not look through their metrics
    "0003",  # groups, cancelling, the trash; when other machines were last seen
    "0004",  # metrics.best, bounds and outlines of chunks, tails of metrics
    "0005",  # saved_searches; params.start and its index, so that runs are found by the value of a param
    "0006",  # versions of artifacts, with their kind, step, metadata, preview and reference
    "0007",  # environments, and where runs came from
    "0008",  # data_lineage; an index of the artifacts that are references
    "0009",  # datasets and their versions; content_packs, content_records: the index of the content store
    "0010",  # drift_reports
    "0011",  # moved_objects: where artifacts are now that were files of their own
)

HEAD = REVISIONS[-1]
