"""The ground floor: errors, ids, clock, settings, changes and the declaration of a verb.

Nothing here imports more than the standard library and pydantic, and nothing is imported eagerly:
a kernel that only logs never pays for pydantic.
"""
