"""The journal: the only thing written on the user's hot path.  See ``docs/explanation/journal-format.md``.

Nothing is imported here: a kernel that only logs loads `writer` and what that needs, all of it from the
standard library.
"""
