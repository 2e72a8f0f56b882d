"""Production orders, routings and the units that pass along them: what may happen next, and why not."""
