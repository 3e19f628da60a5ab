"""One piece of work: its lock, its own look, its own decision, then the hands."""
