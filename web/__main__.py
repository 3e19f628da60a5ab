"""python -m web: the dashboard as a process of its own, told by the environment where Redis is and where to listen."""

import os
import sys

from migrator import logs
from web.server import serve

PREFIX = "MIGRATOR__"


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def main() -> None:
    """Serve until SIGTERM. Exit status 2 without MIGRATOR__REDIS_URL."""
    logs.configure(None)
    redis_url = os.environ.get(PREFIX + "REDIS_URL")
    if not redis_url:
        print(f"Set {PREFIX}REDIS_URL, or start the dashboard with: pg-migrator web -c FILE", file=sys.stderr)  # noqa: T201 - before there is a log
        sys.exit(2)
    serve(
        redis_url,
        os.environ.get(PREFIX + "WEB__HOST") or "127.0.0.1",
        int(os.environ.get(PREFIX + "WEB__PORT") or 8080),
        _names(os.environ.get(PREFIX + "WEB__ALLOWED_HOSTS", "")),
    )


if __name__ == "__main__":
    main()
