"""Child processes and throw-away servers: for `run`, `demo` and the tests."""
