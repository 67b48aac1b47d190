"""Figures: numbers first, picture second.  Pure: no files, no database, no clock."""
