"""Runs on their way between workspaces, and into one from what other tools wrote.

Whatever comes in is read by a source (`archive`, `mlflow`, `tensorboard`, `tables`) as `PortableRun`s, which
`recording` brings into the journal; whatever goes out is read from the records as the same `PortableRun`s,
which `archive` writes.
"""
