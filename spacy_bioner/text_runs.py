"""Runs of letters and digits that are written as one within text without spaces."""

from __future__ import annotations

import re

# Latin and Greek letters, µ and digits, of half and full width.
_SIGN = "0-9A-Za-zµÀ-ÖØ-öø-ɏͰ-Ͽ０-９Ａ-Ｚａ-ｚ"
_DIGIT = "0-9０-９"
_HYPHEN, _STOP = "-‐‑－'’＇", ".,．，"
_JOINED = f"[{_HYPHEN}](?=[{_SIGN}])|(?<=[{_DIGIT}])[{_STOP}](?=[{_DIGIT}])"

# Hyphens and apostrophes join signs, full stops and commas digits: COVID-19, 50µg, 5-FU, 1.5mg,
# and B12 in 維生素B12. A slash joins nothing, nor does a full stop before a letter: AST/ALT and
# 1.Aspirin are two runs.
RUN = re.compile(f"[{_SIGN}]+(?:(?:{_JOINED})[{_SIGN}]+)*")

# What a character of a run may be.
PART_OF_RUN = re.compile(f"[{_HYPHEN}{_STOP}{_SIGN}]")
