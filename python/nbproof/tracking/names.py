"""Names for runs that were given none: two words a person can say aloud."""

from __future__ import annotations

__all__ = ["kind_name"]

_HOW = (
    "amber bold brave breezy bright brisk calm candid cheery clear clever cosy crisp curious dapper "
    "daring deft eager early easy fair fleet fresh gentle glad golden grand happy hardy honest jolly "
    "keen kind lively lucid lucky mellow merry mild neat nimble noble patient plucky polite proud quick "
    "quiet ready rosy serene sharp silver sleek smart snug solid spry steady still sunny swift tidy "
    "true warm wise witty zesty "
).split()
_WHO = (
    "alder aspen badger beaver birch bison bramble brook cedar clover condor coral crane cricket "
    "dolphin eagle egret elm falcon fern finch fjord fox gecko glade grove hare harbor hazel heron ibis "
    "iris jay juniper kestrel kite lagoon lark laurel lemur linden lynx magpie maple marten meadow "
    "merlin moss newt oak orca oriole osprey otter owl panda pine plover poppy puffin quail raven reed "
    "robin rowan sage salmon sparrow spruce stork swallow swan tern thistle thrush tulip vale walnut "
    "willow wren "
).split()


def kind_name(identifier: str) -> str:
    """A friendly name for an id; the same id always gets the same name.

    Examples
    --------
    >>> kind_name("0190" + "0" * 28)
    'amber-alder'
    """
    number = int(identifier[16:], 16)
    return f"{_HOW[number % len(_HOW)]}-{_WHO[number // len(_HOW) % len(_WHO)]}"
