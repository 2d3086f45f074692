"""Encoders as they predict: in another form than the one that is trained."""
