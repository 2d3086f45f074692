"""Raw text to learn encoders, vectors and word lists from."""
