"""The dashboard: a thin shell over what stands in Redis. It knows no database, no credentials and no config file."""
