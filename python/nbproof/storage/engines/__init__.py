"""Query engines: where computations over rows are done."""
