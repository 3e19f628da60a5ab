"""What the servers are told when they are dialled: where, as whom, and what no setting kept with a role or database may change."""

import re
from collections.abc import Mapping

from psycopg.conninfo import make_conninfo

from migrator.config import InstanceSpec, Secret

# What a role or database may set for every session, and what a statement, a deparsed definition or an answer would mean
# something else by.
_MEANING = {
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "quote_all_identifiers": "off",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "xmloption": "content",
    "bytea_output": "hex",
    "extra_float_digits": "3",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "default_tablespace": "",
    "default_table_access_method": "heap",
    "default_transaction_read_only": "off",  # an operator's fence against applications
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
}

# Set on the server too: only there do they end a session whose client has vanished while a statement runs.
# (Without them an advisory lock stayed for 11 s under a running statement, and for hours behind a black hole.)
_SESSION_OPTIONS = {
    "search_path": "",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "row_security": "off",
    "check_function_bodies": "off",
    "jit": "off",  # catalog queries over 10,000 tables: 0.4 s without, 2 to 5 s with
    "client_connection_check_interval": "5000",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "20000",
    **_MEANING,
}

# What a walsender of ours must not inherit from the source's role or database settings.
_WALSENDER_OPTIONS = {
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "row_security": "off",
}

# Of a service's further parameters: those that hold for the destination's libpq too, of whatever version from 15 on.
_FOR_BOTH = frozenset(
    "channel_binding gssencmode krbsrvname ssl_max_protocol_version ssl_min_protocol_version sslsni".split()
)

_SPLITS, _ESCAPED = re.compile(r"([\s\\])"), r"\\\1"

_KEEPALIVES = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}


def session_conninfo(
    instance: InstanceSpec,
    database: str,
    application_name: str,
    role: str,
    settings: Mapping[str, str],
    further: Mapping[str, str],
) -> str:
    """What we dial a server with. Holds the password; `further` are parameters of the connection, not settings of the session."""
    return make_conninfo(
        "",
        **_endpoint(instance, database),
        **_KEEPALIVES,
        **further,
        application_name=application_name,
        options=_options({**_SESSION_OPTIONS, "role": role, **settings}),
    )


def replication_conninfo(
    source: InstanceSpec, database: str, source_version: int, application_name: str, password: Secret | None, role: str
) -> str:
    """What the destination dials the source with; its files are the destination's. Holds the password.

    `password` is the one that our own session used, wherever libpq found it: `password_of`; `role` the one that it was.
    """
    options = {**_WALSENDER_OPTIONS, "role": role}
    if source_version >= 170000:
        options["transaction_timeout"] = "0"
    parameters = {
        **{key: value for key, value in source.parameters.items() if key in _FOR_BOTH},
        "host": source.replication_server or source.server,
        "port": str(source.replication_port or source.port),
        "user": source.username,
        "password": password.reveal() if password else None,
        "dbname": database,
        "sslmode": source.replication_sslmode or source.sslmode,
        "sslrootcert": source.replication_sslrootcert or source.sslrootcert,
        "sslcert": source.replication_sslcert or source.sslcert,
        "sslkey": source.replication_sslkey or source.sslkey,
        "connect_timeout": str(source.connect_timeout_seconds),
    }
    given = {name: value for name, value in parameters.items() if value is not None}
    return make_conninfo("", **given, **_KEEPALIVES, application_name=application_name, options=_options(options))


def _options(settings: Mapping[str, str]) -> str:
    """Settings as the startup packet carries them: separated by blanks, a blank in a value behind a backslash."""
    return " ".join(f"-c {name}={_SPLITS.sub(_ESCAPED, value)}" for name, value in settings.items())


def _endpoint(instance: InstanceSpec, database: str) -> dict[str, str]:
    parameters = {
        **instance.parameters,
        "host": instance.server,
        "port": str(instance.port),
        "user": instance.username,
        "password": instance.password.reveal() if instance.password else None,
        "dbname": database,
        "sslmode": instance.sslmode,
        "sslrootcert": instance.sslrootcert,
        "sslcert": instance.sslcert,
        "sslkey": instance.sslkey,
        "passfile": instance.passfile,
        "connect_timeout": str(instance.connect_timeout_seconds),
    }
    return {name: value for name, value in parameters.items() if value is not None}
