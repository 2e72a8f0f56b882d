"""What crosses a border: events, topics and tables, each declared once."""
