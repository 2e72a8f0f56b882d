"""Technical sheets: templates of typed fields, and what is filled in checked field by field."""
