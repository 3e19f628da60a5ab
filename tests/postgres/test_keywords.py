"""What is named like a keyword of later versions keeps its meaning: an older server's spelling leaves such names bare."""

from collections.abc import Callable

import pytest

from migrator.machines.cluster import Cluster
from migrator.schema.spelling import KEYWORDS_SINCE_15
from tests.postgres.schema_trial import Trial, dump, load

Shared = Callable[[int], Cluster]
Databases = Callable[..., str]


@pytest.mark.parametrize("version", [15, 16, 17])
def test_names_like_later_keywords_arrive_as_if_made_there(version: int, shared: Shared, database: Databases) -> None:
    each = Trial(shared(version), database(shared(version)), shared(18), database(shared(18)))
    load(each.source, each.database, "keywords/source.sql")
    each.run()
    made = database(shared(18))
    load(shared(18), made, "keywords/source.sql")
    assert dump(each.destination, each.target, shared(18)) == dump(shared(18), made, shared(18))
    for step in (each.pre_data(), each.post_data(), each.late_definitions()):
        assert step.quiet
        assert not step.findings, [finding.message for finding in step.findings]


def test_the_list_holds_what_became_a_keyword(shared: Shared) -> None:
    """Those that need quotes on 18, and did not everywhere from 15 on."""
    words = {
        version: dict(shared(version).execute("SELECT word, catcode FROM pg_get_keywords()")) for version in (15, 18)
    }
    later = {word for word, kind in words[18].items() if kind != "U" and words[15].get(word, "U") == "U"}
    assert later == KEYWORDS_SINCE_15


def test_the_destinations_keyword_in_its_place_is_drift(shared: Shared, database: Databases) -> None:
    """As one was made before this was known."""
    each = Trial(shared(15), database(shared(15)), shared(18), database(shared(18)))
    each.source.execute(
        "CREATE TABLE t (id integer PRIMARY KEY, system_user text, CHECK (system_user <> ''))", each.database
    )
    each.run()
    each.destination.execute(
        "ALTER TABLE t DROP CONSTRAINT t_system_user_check; ALTER TABLE t ADD CONSTRAINT t_system_user_check CHECK (system_user <> '')",
        each.target,
    )
    (finding,) = each.post_data().findings
    assert finding.code == "schema_drift"
