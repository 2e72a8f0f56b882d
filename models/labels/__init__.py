"""Labels and engravings: templates, and what a printer or a laser is sent for them."""
