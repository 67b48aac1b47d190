"""What tests of several rooms lean on: a plain user, a PostgreSQL server."""
