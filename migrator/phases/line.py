"""The three lines: we to the source, we to the destination, the destination to the source. What mends each, by the reason."""

import re
from collections.abc import Iterator

from migrator.config import InstanceSpec
from migrator.phases.view import View
from migrator.phases.wording import some
from migrator.quote import identifier
from migrator.steps import Finding, Mend, Side

# The findings about rights say these better.
_RIGHTS = re.compile(r"to start (?:a )?(?:walsender|WAL sender)")

_HOST_MISMATCH = re.compile(r'server certificate for "(?P<certified>.*)" .*does not match host name "(?P<used>.*?)"')


def findings(view: View) -> Iterator[Finding]:
    """The destination cannot reach the source to begin with: one finding per reason, whatever the number of databases."""
    if view.observation.journal is None or view.observation.journal.source is not None:
        return
    databases: dict[str, list[str]] = {}
    if view.observation.undialled is None:
        yield _untried(view)
    for database, reason in (view.observation.undialled or {}).items():
        if not _RIGHTS.search(reason):
            databases.setdefault(_without_database(reason, database), []).append(database)
    for reason, names in databases.items():
        yield Finding(
            "destination_cannot_reach_source",
            f"The destination, which dials the source, cannot reach it (database {some(names)}): {reason}",
            remedy(view.spec.source, reason, view.spec.destination),
        )


def broken(view: View) -> Iterator[Finding]:
    """It could, and cannot any more: of one database, whose changes wait on the source meanwhile."""
    reason = (view.observation.undialled or {}).get(view.database.name)
    if reason is not None:
        reason = _without_database(reason, view.database.name)
        yield Finding(
            "destination_cannot_reach_source",
            f"The destination, which dials the source, cannot reach database {view.database.name} any more: {reason}; nothing "
            "is replicated, and the source keeps WAL for it.",
            f"{remedy(view.spec.source, reason, view.spec.destination)} Replication goes on by itself, nothing is lost.",
            database=view.database.name,
        )


def _untried(view: View) -> Finding:
    user = view.destination.user.name
    grant = f"GRANT SET ON PARAMETER log_min_messages TO {identifier(user)};"
    return Finding(
        "destination_dial_untried",
        f"Whether the destination reaches the source was not tried: {user} may not keep the trial, and the source's password "
        "in it, out of the destination's log.",
        f"On the destination: {grant}",
        blocking=False,
        mends=(Mend(Side.DESTINATION, grant),),
    )


def _without_database(reason: str, database: str) -> str:
    """The reason without what makes it another one for each database, and without the name of the trial."""
    reason = re.sub(r'^(?:subscription "migrator_dial_\d+" )?could not connect to the publisher: ', "", reason)
    return reason.replace(f'database "{database}"', "this database")


def remedy(instance: InstanceSpec, reason: str, dialler: InstanceSpec | None = None) -> str:
    """What mends a line to `instance`; `dialler` is the destination where it is the one that dials, None: we do."""
    keys = f"instances.{instance.name}"
    prefix = "replication_" if dialler else ""
    place = f"on the machine of {dialler.name}" if dialler else "on this machine"
    server, port = _address(instance, dialler)
    if "SSL support is not compiled in" in reason:
        return (
            f"Use a PostgreSQL built with OpenSSL for {dialler.name if dialler else 'this machine'}; or, in a network you "
            f"trust, without TLS: {keys}.{prefix}sslmode: disable."
        )
    if match := _HOST_MISMATCH.search(reason):
        return (
            f"Set {keys}.{prefix}server to a name in the certificate ({match['certified']}, ...); or give {server} a "
            f"certificate for {match['used']}."
        )
    if re.search(r"root certificate file .* does not exist|could not (?:read|load) root certificate", reason):
        return f"Set {keys}.{prefix}sslrootcert to the file of your authorities {place}, or to system."
    if "certificate verify failed" in reason:
        return (
            f"Have {keys}.{prefix}sslrootcert ({place}) name the authority that signed the server's certificate, and see "
            f"that this has not expired: openssl s_client -starttls postgres -connect {server}:{port} </dev/null | "
            "openssl x509 -noout -issuer -dates."
        )
    if re.search(r"certificate file|private key file", reason):
        return f"Set {keys}.{prefix}sslcert and {prefix}sslkey to files {place} that {'PostgreSQL' if dialler else 'we'} can read."
    return _of_server(instance, reason, keys, dialler) or (
        f"Check that PostgreSQL listens on {server}:{port}, that a firewall lets "
        f"{dialler.name if dialler else 'us'} through, that pg_hba.conf admits {instance.username}, and its password."
    )


def _of_server(instance: InstanceSpec, reason: str, keys: str, dialler: InstanceSpec | None) -> str | None:
    """Where the server has answered, and refused."""
    prefix = "replication_" if dialler else ""
    if "does not support SSL" in reason:
        return (
            f"Switch TLS on there: ssl = on, with ssl_cert_file and ssl_key_file; or set {keys}.{prefix}sslmode lower."
        )
    if "requires a valid client certificate" in reason or "certificate authentication failed" in reason:
        return f"Set {keys}.{prefix}sslcert and {prefix}sslkey to a certificate for {instance.username}, and its key."
    if "no pg_hba.conf entry" in reason:
        who = dialler.server if dialler else "ADDRESS/32"
        line = f"hostssl all {identifier(instance.username)} {who} scram-sha-256"
        return f"Add to pg_hba.conf of {instance.name}: {line}; then SELECT pg_reload_conf(); there."
    if "password is required" in reason or "does not request a password" in reason:
        return (
            f"Have pg_hba.conf of {instance.name} ask for {instance.username}'s password (scram-sha-256, not trust); or use "
            "a superuser on the destination."
        )
    if "too many connections for role" in reason:
        return (
            f"On {instance.name}: ALTER ROLE {identifier(instance.username)} CONNECTION LIMIT -1; or end sessions of "
            "that role that are not ours."
        )
    if "password authentication failed" in reason or "no password supplied" in reason:
        return f"Correct {keys}.password (or password_file, service, passfile), or the role's password: \\password."
    return None


def _address(instance: InstanceSpec, dialler: InstanceSpec | None) -> tuple[str, int]:
    if dialler is None:
        return instance.server, instance.port
    return instance.replication_server or instance.server, instance.replication_port or instance.port
