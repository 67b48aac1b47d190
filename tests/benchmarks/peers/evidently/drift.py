"""Evidently's preset for drift, on two Parquet files: ``python -P drift.py REFERENCE CURRENT``.

It needs pandas before 3.  The answer is seconds of the run alone, which does not include making a page.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

import pandas
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

warnings.simplefilter("ignore")
frames = [pandas.read_parquet(path) for path in sys.argv[1:]]
numbers = [name for name in frames[0] if frames[0][name].dtype.kind in "if"]
definition = DataDefinition(
    numerical_columns=numbers, categorical_columns=[name for name in frames[0] if name not in numbers]
)
reference, current = (Dataset.from_pandas(frame, data_definition=definition) for frame in frames)
began = time.perf_counter()
found = Report([DataDriftPreset()]).run(current, reference)
found.dict()
print("ANSWER", json.dumps(time.perf_counter() - began), flush=True)
