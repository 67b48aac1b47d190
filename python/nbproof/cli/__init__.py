"""The command `nbproof`: every operation that names one, and those that set up and look after things."""
