"""Security labels, by a label provider made for this test: none comes with PostgreSQL's packages."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from migrator.apply import ApplyError
from migrator.machines.cluster import Cluster
from tests.postgres.schema_trial import Trial, dump, load

PROVIDER = r"""
#include "postgres.h"
#include "commands/seclabel.h"
#include "fmgr.h"
PG_MODULE_MAGIC;
static void check(const ObjectAddress *object, const char *label) {}
void _PG_init(void) { register_label_provider("Lab \"el", check); }
"""
LABELS = """
SECURITY LABEL FOR "Lab ""el" ON TABLE app.plain IS 'it''s \\ %s';
SECURITY LABEL FOR "Lab ""el" ON COLUMN app.plain.note IS 'column';
SECURITY LABEL FOR "Lab ""el" ON VIEW app.seen IS 'view';
SECURITY LABEL FOR "Lab ""el" ON MATERIALIZED VIEW app.z_base IS 'stored';
SECURITY LABEL FOR "Lab ""el" ON FUNCTION app.double(numeric, integer) IS 'function';
SECURITY LABEL FOR "Lab ""el" ON PROCEDURE app.nothing(integer) IS 'procedure';
SECURITY LABEL FOR "Lab ""el" ON AGGREGATE app.how_many(*) IS 'aggregate';
SECURITY LABEL FOR "Lab ""el" ON DOMAIN app.small IS 'domain';
SECURITY LABEL FOR "Lab ""el" ON TYPE app.pair IS 'type';
SECURITY LABEL FOR "Lab ""el" ON SCHEMA "Odd.Schema" IS 'schema';
SECURITY LABEL FOR "Lab ""el" ON LANGUAGE tongue IS 'language';
SECURITY LABEL FOR "Lab ""el" ON PUBLICATION empty_one IS 'publication';
"""


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory, shared: Callable[[int], Cluster]) -> Iterator[str]:
    """The path of a label provider for 18."""
    headers = shared(18).bin.parent / "include" / "server"
    if not (headers / "postgres.h").exists():
        headers = shared(18).bin.parent / "include" / "postgresql" / "server"
    compiler = shutil.which("cc")
    if compiler is None or not (headers / "postgres.h").exists():
        pytest.skip("no C compiler, or no headers of PostgreSQL 18")
    folder = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    (folder / "labels.c").write_text(PROVIDER)
    made = folder / "labels.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-I", str(headers), "-o", str(made), str(folder / "labels.c")], check=True
    )
    folder.chmod(0o755)
    yield str(made)
    shutil.rmtree(folder)


@pytest.mark.finding("security_label_provider")
def test_labels_arrive_where_their_provider_is_loaded(
    provider: str, cluster: Callable[..., Cluster], database: Callable[..., str], shared: Callable[[int], Cluster]
) -> None:
    source, destination = cluster(18, shared_preload_libraries=provider), shared(18)
    each = Trial(source, database(source), destination, database(destination))
    load(source, each.database, "code/source.sql")
    source.execute(LABELS, each.database)
    (note,) = each.portability()
    assert (note.code, note.blocking) == ("security_label_provider", False)
    with pytest.raises(ApplyError, match="is not loaded"):
        each.run()
    destination.execute(f"ALTER DATABASE {each.target} SET session_preload_libraries = '{provider}'")
    each.run()
    assert each.portability() == ()
    for sql in each.at_cutover():
        destination.execute(sql, each.target)
    here, there = dump(source, each.database, destination), dump(destination, each.target, destination)
    labels = [line for line in here.splitlines() if line.startswith("SECURITY LABEL")]
    assert len(labels) == LABELS.count(";")
    assert labels == [line for line in there.splitlines() if line.startswith("SECURITY LABEL")]
    source.execute("SECURITY LABEL ON TABLE app.plain IS 'other'", each.database)
    (drift,) = each.late_definitions().findings
    destination.execute(drift.remedy.removeprefix("On the destination: "), each.target)
    assert each.late_definitions().quiet
