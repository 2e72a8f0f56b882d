"""One method for each route about products.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from edge.client.session import Session, part
from edge.client.shapes.products import Bom, NewProduct, NewRange, Revised, Routing, SerialRange


class ProductsCalls(Session):
    """Routes about products."""

    def add_product(self, body: NewProduct, *, key: str | None = None) -> NewProduct:
        """Add a product."""
        return self.call("POST", "/v1/products", NewProduct, body=body, key=self.key(key))

    def publish_routing(self, body: Routing, *, key: str | None = None) -> Revised:
        """Publish the next revision of a product's routing."""
        return self.call("POST", "/v1/routings", Revised, body=body, key=self.key(key))

    def routing(self, product: str, revision: int) -> Routing:
        """A revision of a product's routing."""
        return self.call("GET", f"/v1/routings/{part(product)}/{part(revision)}", Routing)

    def publish_bom(self, body: Bom, *, key: str | None = None) -> Revised:
        """Publish the next revision of a product's bill of materials."""
        return self.call("POST", "/v1/boms", Revised, body=body, key=self.key(key))

    def bom(self, product: str, revision: int) -> Bom:
        """A revision of a product's bill of materials."""
        return self.call("GET", f"/v1/boms/{part(product)}/{part(revision)}", Bom)

    def add_serial_range(self, body: NewRange, *, key: str | None = None) -> SerialRange:
        """Add a serial range; it overlaps no other one."""
        return self.call("POST", "/v1/serial-ranges", SerialRange, body=body, key=self.key(key))

    def serial_range(self, range_id: str) -> SerialRange:
        """A serial range as it stands."""
        return self.call("GET", f"/v1/serial-ranges/{part(range_id)}", SerialRange)
