"""Makes encoders of a given size and form, for where none can be downloaded."""
