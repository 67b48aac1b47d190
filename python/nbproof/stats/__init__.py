"""Statistics of tables: profiles, drift, leakage.  Pure arithmetic on Arrow and numpy: no files, no clock."""
