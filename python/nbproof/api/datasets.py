"""The functions of ``nbp.`` that keep and read datasets; loaded with the first of them."""

from __future__ import annotations

from nbproof.api.calls import of_service
from nbproof.datasets.service import DataVersionControl
from nbproof.platform.workspace import current

__all__ = ["get_dataset", "register_dataset"]

register_dataset = of_service(lambda: current().datasets, DataVersionControl.register_dataset)
get_dataset = of_service(lambda: current().datasets, DataVersionControl.get_dataset)
