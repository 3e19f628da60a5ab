"""`python -m web`: the dashboard by itself. All it is told: where Redis is, where to listen, which names are its own."""

import os
import sys

from web.server import serve

PREFIX = "MIGRATOR__"


def main() -> None:
    """Read the environment, and serve."""
    redis_url = os.environ.get(f"{PREFIX}REDIS_URL") or os.environ.get("REDIS_URL")
    if not redis_url:
        sys.exit(f"{PREFIX}REDIS_URL is not set. Set it to the Redis that the workers use.")
    port = os.environ.get(f"{PREFIX}WEB__PORT", "8080")
    if not port.isdecimal():
        sys.exit(f"{PREFIX}WEB__PORT must be a number, not {port}.")
    names = [name.strip() for name in os.environ.get(f"{PREFIX}WEB__ALLOWED_HOSTS", "").split(",")]
    host = os.environ.get(f"{PREFIX}WEB__HOST", "127.0.0.1")
    serve(redis_url, host, int(port), [name for name in names if name])


if __name__ == "__main__":
    main()
