"""Redis's address as Celery, kombu and Flower want it told: they read it otherwise than redis-py, by which all else goes."""

import ssl
from urllib.parse import parse_qs, quote, urlsplit

from kombu.utils.url import parse_url


def url_of(redis_url: str) -> str:
    """A socket in the file system has another scheme for kombu, and the number of its database another name."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    database = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.netloc}{parts.path}?virtual_host={quote(database)}"


def tls_of(redis_url: str) -> dict[str, object] | None:
    """The URL's own options, under which the server is verified unless they say otherwise.

    kombu verifies nothing where there are none, and would send the password to anybody. Flower reads them only here.
    """
    if urlsplit(redis_url).scheme != "rediss":
        return None
    return {"ssl_cert_reqs": ssl.CERT_REQUIRED, **parse_url(redis_url).get("ssl", {})}
