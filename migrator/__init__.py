"""pg-migrator: moves whole PostgreSQL instances to new ones while they stay in use."""

__version__ = "0.1.0"
