"""The release of a lot of meters: what has to be known of its units and its sample, and what the customer is told."""
