"""Long work with an id, progress, cancel and a result, which survives the end of the process that did it."""
