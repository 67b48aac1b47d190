"""Versions of tables, files and folders: what they hold, where they came from, how they differ."""
