"""Bills of materials: what goes into one unit of a product."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import msgspec
from msgspec import Meta

from sipe.contracts.fields import Name


class BomError(ValueError):
    """A bill of materials that cannot be right; names the component and what is wrong."""


class Component(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So much of a material for one unit."""

    material: Name
    qty: Annotated[float, Meta(gt=0, le=1e6)]
    unit: Annotated[str, Meta(min_length=1, max_length=12)] = "pcs"
    position: Annotated[str, Meta(max_length=64)] = ""
    traced: bool = False
    """Whether each unit has to say which serial or lot of it went in."""


class Bom(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A revision of a product's bill of materials; it never changes."""

    product: Name
    revision: Annotated[int, Meta(ge=1)]
    components: Annotated[tuple[Component, ...], Meta(min_length=1, max_length=5_000)]

    @property
    def traced(self) -> frozenset[str]:
        """The materials whose origin each unit has to name."""
        return frozenset(component.material for component in self.components if component.traced)


def bom_of(given: object) -> Bom:
    """A bill of materials from plain values; raises `BomError`."""
    try:
        bom = msgspec.convert(given, Bom)
    except msgspec.ValidationError as error:
        raise BomError(str(error)) from error
    places = Counter((component.material, component.position) for component in bom.components)
    for (material, position), times in places.items():
        if times > 1:
            raise BomError(f"bill of materials of {bom.product}: {material} is at {position or 'no position'} twice")
        if material == bom.product:
            raise BomError(f"bill of materials of {bom.product}: it contains itself")
    return bom
