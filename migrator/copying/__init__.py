"""Rows by our own COPY: parts of relations under one exported snapshot, piped from the source into the destination."""
