"""Where things are kept: the database of records, the journal in front of it, the content behind it.

Nothing is imported here: the journal must not drag SQLAlchemy into a kernel that only logs.
"""
