"""Datasets: any table, file or folder as versions that cost little, read back exactly and can be compared."""
