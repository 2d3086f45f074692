"""Pages, cards and files that show what was computed; nothing is computed here."""
