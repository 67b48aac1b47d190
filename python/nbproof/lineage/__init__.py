"""Where things come from and what was made of them: one table of typed edges for the whole product."""
