"""Opens a workspace, wires its services, registers the operations; has no behaviour of its own."""
