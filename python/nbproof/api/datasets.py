"""The functions of ``nbp.`` that keep and read datasets; loaded with the first of them."""

from __future__ import annotations

from nbproof.api.calls import of_service
from nbproof.datasets.contracts import DatasetContracts
from nbproof.datasets.service import DataVersionControl
from nbproof.platform.workspace import current

__all__ = [
    "check_leakage",
    "contract_of",
    "detect_drift",
    "diff_versions",
    "get_dataset",
    "get_lineage",
    "profile_table",
    "register_dataset",
    "set_contract",
    "track_transformation",
]

register_dataset = of_service(lambda: current().datasets, DataVersionControl.register_dataset)
track_transformation = of_service(lambda: current().datasets, DataVersionControl.track_transformation)
get_lineage = of_service(lambda: current().datasets, DataVersionControl.get_lineage)
profile_table = of_service(lambda: current().datasets, DataVersionControl.profile_table)
get_dataset = of_service(lambda: current().datasets, DataVersionControl.get_dataset)
detect_drift = of_service(lambda: current().datasets, DataVersionControl.detect_drift)
check_leakage = of_service(lambda: current().datasets, DataVersionControl.check_leakage)
diff_versions = of_service(lambda: current().datasets, DataVersionControl.diff_versions)
set_contract = of_service(lambda: current().datasets.contracts, DatasetContracts.set_contract)
contract_of = of_service(lambda: current().datasets.contracts, DatasetContracts.contract_of)
