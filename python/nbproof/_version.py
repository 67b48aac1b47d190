"""The version of nbproof, stated once: the build, the extension and the workspace all read it here."""

__version__ = "0.1.0"
