"""One tick of a mapping: look, decide, note, hand out, publish."""
