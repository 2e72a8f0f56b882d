"""What the web service does on nobody's request."""
