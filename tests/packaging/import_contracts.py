"""A contract for import-linter: these modules import the standard library, nbproof, and what is listed."""

import sys
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OnlyContract(Contract):
    """The opposite of import-linter's `forbidden`: everything from outside is, except what is allowed.

    Only direct imports count; what one part of nbproof may take from another is for the layers to say.
    """

    source_modules: Any = fields.ListField(subfield=fields.StringField())
    allowed: Any = fields.ListField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        allowed = {*sys.stdlib_module_names, "nbproof", *(self.allowed or ())}
        found: list[tuple[str, str]] = []
        for root in self.source_modules:
            if root not in graph.modules:
                continue
            for module in sorted({root} | graph.find_descendants(root)):
                for imported in sorted(graph.find_modules_directly_imported_by(module)):
                    if imported.partition(".")[0] not in allowed:
                        found.append((module, imported))
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for module, imported in check.metadata["found"]:
            output.print_error(f"{module} imports {imported}")
