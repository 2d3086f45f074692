"""Encoders as they are trained on a CPU: with fewer passes over memory."""
