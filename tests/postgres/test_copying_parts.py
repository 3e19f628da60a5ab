"""Parts on real servers: every row once, whatever rewrites the relation, whoever else copies, whatever dies."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from migrator.copying.copy_part import PartCopy, copy_part
from migrator.copying.courtesy import make_way
from migrator.copying.errors import CopyError, RewrittenError, SnapshotGoneError, StoppedError, UnlikeError, YieldError
from migrator.copying.held import Held
from migrator.copying.leaving import leave_group
from migrator.errors import MigratorError, UnreachableError
from migrator.machines.cluster import Cluster
from tests.postgres.copying import GROUP, MAPPING, NAME, Pair, make_pair

TABLE = "CREATE TABLE public.t (id int, body text)"
FILL = "INSERT INTO public.t SELECT g, repeat(md5(g::text), 4) FROM generate_series(1, 20000) g"
PART = 1 << 20


@pytest.fixture
def pair(
    request: pytest.FixtureRequest, shared: Callable[[int], Cluster], database: Callable[..., str]
) -> Iterator[Pair]:
    """15 to 18, or what the test asks for; a table of some 3.5 MB, and a snapshot that sees its 20,000 rows."""
    old, new = shared(getattr(request, "param", 15)), shared(18)
    with ExitStack() as stack:
        made = make_pair(stack, old, new, (database(old), database(new)))
        made.on_both(TABLE)
        made.on_source(FILL)
        made.hold_snapshot()
        yield made


def count(pair: Pair) -> int:
    return int(pair.on_destination("SELECT count(*) FROM public.t")[0][0])


def done(pair: Pair) -> list[tuple[int, int, int]]:
    return pair.on_destination(
        "SELECT number, rows, bytes FROM migrator.parts WHERE copied_at IS NOT NULL ORDER BY number"
    )


def leave(pair: Pair, stop: Callable[[], bool] = lambda: False) -> None:
    """The table leaves its group."""
    leave_group(pair.sessions()[1], MAPPING, 1, "public.t", stop)


class Gate:
    """A throttle that stands in mid-copy until it is opened; `reached` once rows are there."""

    def __init__(self) -> None:
        self.reached, self.open = threading.Event(), threading.Event()

    def take(self, cost_bytes: float) -> float:
        self.reached.set()
        return 0.0 if self.open.is_set() else 0.05


class Copier(threading.Thread):
    """One part, copied beside the test."""

    def __init__(self, pair: Pair, job: PartCopy) -> None:
        super().__init__(daemon=True)
        self.gate, self.stopping = Gate(), threading.Event()
        self.error: BaseException | None = None
        self.copied: object = None
        self._job = job
        self.source, self.destination = pair.sessions()
        self.pid = self.source.info.backend_pid

    def run(self) -> None:
        try:
            self.copied = copy_part(self.source, self.destination, self._job, self.gate, self.stopping.is_set)
        except BaseException as error:
            self.error = error

    def wait_until_copying(self) -> None:
        assert self.gate.reached.wait(30), self.error


@pytest.mark.parametrize("pair", [15, 16, 17, 18], indirect=True)
def test_every_row_is_copied_once_in_parts(pair: Pair) -> None:
    """Also rows written, moved and deleted after the snapshot are as the snapshot saw them."""
    before = pair.on_source("SELECT sum(hashtextextended(t::text, 0)::numeric) FROM public.t t")
    jobs = pair.jobs("public.t", PART)
    assert len(jobs) > 2
    pair.on_source("INSERT INTO public.t SELECT g, 'late' FROM generate_series(1, 9000) g")
    pair.on_source("UPDATE public.t SET body = 'changed' WHERE id % 3 = 0; DELETE FROM public.t WHERE id % 7 = 0")
    copied = pair.copy(jobs)
    assert count(pair) == 20_000
    assert pair.on_destination("SELECT sum(hashtextextended(t::text, 0)::numeric) FROM public.t t") == before
    assert [(each.rows, each.bytes) for each in copied if each] == [(rows, size) for _, rows, size in done(pair)]
    assert pair.throttle.taken == sum(each.bytes for each in copied if each)


def test_a_part_that_is_done_is_not_copied_again(pair: Pair) -> None:
    jobs = pair.jobs("public.t", PART)
    pair.copy(jobs)
    assert pair.copy(jobs) == [None] * len(jobs)
    assert count(pair) == 20_000


def test_several_copiers_share_a_relation(pair: Pair) -> None:
    """All parts at once, each by its own sessions: no deadlock, no row twice."""
    copiers = [Copier(pair, job) for job in pair.jobs("public.t", PART)]
    for copier in copiers:
        copier.start()
    for copier in copiers:
        copier.wait_until_copying()
    for copier in copiers:
        copier.gate.open.set()
        copier.join(60)
    assert [copier.error for copier in copiers] == [None] * len(copiers)
    assert count(pair) == 20_000


ALTERED = [
    "ALTER TABLE public.t ADD c int DEFAULT 3; ALTER TABLE public.t ALTER c DROP DEFAULT",
    "ALTER TABLE public.t DROP body; ALTER TABLE public.t ADD body text",
    "ALTER TABLE public.t RENAME id TO c; ALTER TABLE public.t RENAME c TO n",
]
"""Nothing of it is replicated, and the file stays: rows of before and of after the snapshot would differ without a sign."""

REWRITES = [
    "VACUUM FULL public.t",
    "CREATE INDEX t_id ON public.t (id); CLUSTER public.t USING t_id",
    "ALTER TABLE public.t ALTER id TYPE bigint",
    "TRUNCATE public.t",
    "DROP TABLE public.t; CREATE TABLE public.t (id int, body text)",
    "ALTER TABLE public.t RENAME TO u",
    *ALTERED,
]


@pytest.mark.parametrize("rewrite", REWRITES)
def test_a_rewrite_between_two_parts_is_noticed(pair: Pair, rewrite: str) -> None:
    """The rest is refused, the parts are given up with their rows, and a new snapshot brings what is there then."""
    first, *rest = pair.jobs("public.t", PART)
    pair.copy([first])
    for statement in rewrite.split("; "):
        pair.on_source(statement)
    with pytest.raises(RewrittenError):
        pair.copy(rest)
    leave(pair)
    assert count(pair) == 0
    if "RENAME TO" in rewrite:
        return
    if rewrite in ALTERED:
        for statement in rewrite.split("; "):
            pair.on_destination(statement)
    pair.on_destination(GROUP.format(MAPPING, 2))
    pair.hold_snapshot()
    pair.copy(pair.jobs("public.t", PART, group=2))
    source, destination = pair.checksums("public.t")
    assert source == destination


@pytest.mark.parametrize("rewrite", ["VACUUM FULL public.t", "TRUNCATE public.t"])
def test_a_rewrite_in_the_midst_of_a_part_waits_or_wins(pair: Pair, rewrite: str) -> None:
    """It waits for the lock; told to make way, the copier gives up its part, with nothing of it left, and then sees the rewrite."""
    (job,) = pair.jobs("public.t")
    copier = Copier(pair, job)
    copier.start()
    copier.wait_until_copying()
    rewriter = threading.Thread(target=pair.on_source, args=(rewrite,))
    rewriter.start()
    watcher, _ = pair.sessions()
    ended: tuple[int, ...] = ()
    for _ in range(200):
        ended = make_way(watcher, NAME)
        if ended:
            break
        time.sleep(0.05)
    assert ended == (copier.pid,)
    copier.gate.open.set()
    copier.join(30)
    rewriter.join(30)
    assert isinstance(copier.error, YieldError | UnreachableError) and not rewriter.is_alive()
    assert count(pair) == 0 and not done(pair)
    with pytest.raises(RewrittenError):
        pair.copy([job])


def test_nobody_is_told_to_go_for_nothing(pair: Pair) -> None:
    """Readers, writers and a VACUUM stand in nobody's way; a copy of another mapping's name is none of ours."""
    (job,) = pair.jobs("public.t")
    copier = Copier(pair, job)
    copier.start()
    copier.wait_until_copying()
    watcher, _ = pair.sessions()
    pair.on_source("UPDATE public.t SET body = 'x' WHERE id = 1")
    pair.on_source("VACUUM public.t")
    assert make_way(watcher, NAME) == ()
    copier.gate.open.set()
    copier.join(30)
    assert copier.error is None and count(pair) == 20_000


@pytest.mark.parametrize("again", ["", TABLE])
def test_nothing_is_copied_into_another_table_of_the_same_name(pair: Pair, again: str) -> None:
    """The one that its first part is in was dropped on the destination; what stands there by now is not emptied either."""
    first, second, *_ = pair.jobs("public.t", PART)
    assert pair.copy([first]) != [None]
    pair.on_destination(f"DROP TABLE public.t; {again}")
    assert pair.copy([second]) == [None]
    assert [number for number, _, _ in done(pair)] == [first.part.number]
    if again:
        pair.on_destination("INSERT INTO public.t VALUES (-1, 'somebody else''s')")
    leave(pair)
    assert done(pair) == []
    assert not again or count(pair) == 1


def test_a_lock_held_by_somebody_puts_the_part_off(pair: Pair) -> None:
    (job,) = pair.jobs("public.t")
    with pair.old.connect(pair.database) as other:
        other.execute("BEGIN; LOCK TABLE public.t IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(YieldError):
            pair.copy([job])
    pair.copy([job])
    assert count(pair) == 20_000


def test_a_snapshot_that_is_gone_is_named(pair: Pair) -> None:
    keeper = pair.hold_snapshot()
    (job,) = pair.jobs("public.t")
    keeper.close()
    with pytest.raises(SnapshotGoneError):
        pair.copy([job])
    assert count(pair) == 0


def test_a_relation_younger_than_the_snapshot_is_refused(pair: Pair) -> None:
    """Its rows are invisible: copied, it would look like an empty table."""
    pair.on_both("CREATE TABLE public.young (a int)")
    pair.on_source("INSERT INTO public.young VALUES (1)")
    with pytest.raises(RewrittenError):
        pair.copy(pair.jobs("public.young"))


def test_nothing_is_copied_for_a_retired_group(pair: Pair) -> None:
    jobs = pair.jobs("public.t", PART)
    pair.copy(jobs[:1])
    with pair.sessions()[1] as session:
        session.execute("UPDATE migrator.groups SET retired_at = now()")
    leave(pair)
    assert pair.copy(jobs[1:]) == [None] * len(jobs[1:])
    assert count(pair) == 0


def test_a_late_copier_does_not_double_rows(pair: Pair) -> None:
    """The first copier's client vanishes in mid-copy, its backend does not know yet; a second begins at once."""
    (job,) = pair.jobs("public.t")
    first = Copier(pair, job)
    first.start()
    first.wait_until_copying()
    with pytest.raises(YieldError):
        pair.copy([job])  # the first one's transaction still stands: its lock on the part is waited for
    first.gate.open.set()
    first.join(30)
    assert first.error is None
    assert pair.copy([job]) == [None]
    assert count(pair) == 20_000


def test_a_commit_on_its_way_counts(pair: Pair) -> None:
    """The second copier waits for the part's row while the first commits, and then finds nothing to do."""
    (job,) = pair.jobs("public.t")
    first, second = Copier(pair, job), Copier(pair, job)
    first.start()
    first.wait_until_copying()
    second.start()
    second.gate.open.set()
    first.gate.open.set()
    first.join(30)
    second.join(30)
    assert first.error is None and second.error is None and second.copied is None
    assert count(pair) == 20_000


def test_it_stops_within_a_moment_and_leaves_nothing(pair: Pair) -> None:
    """Both statements are ended, both sessions closed."""
    (job,) = pair.jobs("public.t")
    copier = Copier(pair, job)
    copier.start()
    copier.wait_until_copying()
    copier.stopping.set()
    copier.join(10)
    assert isinstance(copier.error, StoppedError) and copier.source.closed and copier.destination.closed
    for _ in range(100):
        left = pair.on_destination(f"SELECT 1 FROM pg_stat_activity WHERE application_name = '{NAME}'")
        if not left:
            break
        time.sleep(0.1)
    assert not left and count(pair) == 0 and not done(pair)
    pair.copy([job])
    assert count(pair) == 20_000


@pytest.mark.parametrize("side", ["source", "destination"])
def test_it_stops_while_a_server_says_nothing(pair: Pair, side: str) -> None:
    """A backend that is frozen answers no cancel; its session is closed all the same."""
    pair.on_source("INSERT INTO public.t SELECT g, repeat('x', 1000) FROM generate_series(1, 20000) g")
    pair.hold_snapshot()
    (job,) = pair.jobs("public.t")
    copier = Copier(pair, job)
    backend = getattr(copier, side).info.backend_pid
    copier.start()
    copier.wait_until_copying()
    os.kill(backend, signal.SIGSTOP)
    try:
        copier.gate.open.set()
        copier.join(0.5)
        assert copier.is_alive()
        copier.stopping.set()
        copier.join(20)
        assert isinstance(copier.error, StoppedError)
    finally:
        os.kill(backend, signal.SIGCONT)


def test_a_failure_of_the_destination_is_heard_in_mid_copy(pair: Pair) -> None:
    """Not at the end of the rows: here there would be none, since the source waits for the throttle."""
    pair.on_destination("ALTER TABLE public.t ADD CHECK (id < 100)")
    (job,) = pair.jobs("public.t")
    with pytest.raises(CopyError, match="23514"):
        pair.copy([job])
    assert count(pair) == 0


def test_a_trigger_that_would_fire_is_refused(pair: Pair) -> None:
    pair.on_destination(
        "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER quiet BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f();"
    )
    (job,) = pair.jobs("public.t")
    pair.copy([job])  # it does not fire for a replica
    assert count(pair) == 20_000
    pair.on_destination("ALTER TABLE public.t ENABLE ALWAYS TRIGGER quiet; UPDATE migrator.parts SET copied_at = NULL")
    with pytest.raises(UnlikeError, match="quiet"):
        pair.copy([job])


def test_a_row_that_was_there_is_kept(pair: Pair) -> None:
    """A table is emptied before a frozen copy only where it is empty: what stands in it is not ours to remove."""
    pair.on_destination("INSERT INTO public.t VALUES (-1, 'theirs')")
    pair.copy(pair.jobs("public.t"))
    assert pair.on_destination("SELECT count(*), min(id) FROM public.t") == [(20_001, -1)]


def test_a_relation_of_one_part_is_frozen(pair: Pair) -> None:
    """So that no VACUUM has to write it once more."""
    pair.on_destination("CREATE EXTENSION IF NOT EXISTS pg_visibility")
    pair.copy(pair.jobs("public.t"))
    assert pair.on_destination("SELECT count(*) FROM pg_visibility_map('public.t') WHERE NOT all_frozen") == [(0,)]


def test_without_the_right_to_be_a_replica(pair: Pair) -> None:
    """An ordinary owner copies too."""
    role = f"owner_{pair.target}"
    pair.new.execute(f"CREATE ROLE {role} LOGIN")
    try:
        pair.on_destination(
            f"ALTER TABLE public.t OWNER TO {role}; GRANT USAGE ON SCHEMA migrator TO {role};"
            f"GRANT ALL ON ALL TABLES IN SCHEMA migrator TO {role}"
        )
        (job,) = pair.jobs("public.t")
        source, superusers = pair.sessions()
        superusers.execute(f"SET session_replication_role = origin; SET SESSION AUTHORIZATION {role}".encode())
        copy_part(source, superusers, job, pair.throttle, lambda: False)
        assert count(pair) == 20_000
    finally:
        pair.on_destination(f"REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}")
        pair.new.execute(f"DROP ROLE {role}")


def test_a_server_that_goes_away_is_named(
    cluster: Callable[..., Cluster], shared: Callable[[int], Cluster], database: Callable[..., str]
) -> None:
    """And nothing of the part stays; after the restart it is copied under a new snapshot."""
    old, new = cluster(16), shared(18)
    with ExitStack() as stack:
        made = make_pair(stack, old, new, ("postgres", database(new)))
        made.on_both(TABLE)
        made.on_source(FILL)
        keeper = made.hold_snapshot()
        (job,) = made.jobs("public.t")
        copier = Copier(made, job)
        copier.start()
        copier.wait_until_copying()
        old.restart("immediate")
        copier.gate.open.set()
        copier.join(30)
        assert isinstance(copier.error, MigratorError)
        assert count(made) == 0 and not done(made)
        keeper.close()


def test_a_relation_leaves_between_two_parts_however_many_copy(pair: Pair) -> None:
    """Who wants to leave waits for the parts that are under way; those that come later step aside, else it would wait for ever."""
    first, second, *_ = pair.jobs("public.t", PART)
    copier = Copier(pair, first)
    copier.start()
    copier.wait_until_copying()
    leaver = threading.Thread(target=leave, args=(pair,), daemon=True)
    leaver.start()
    until(lambda: pair.on_destination("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))
    with pytest.raises(YieldError, match="leave"):
        pair.copy([second])
    assert leaver.is_alive()
    copier.gate.open.set()
    copier.join(30)
    leaver.join(30)
    assert not leaver.is_alive() and copier.error is None
    assert count(pair) == 0 and pair.on_destination("SELECT 1 FROM migrator.parts") == []


def test_leaving_is_put_off_when_the_process_ends(pair: Pair) -> None:
    (job,) = pair.jobs("public.t")
    copier, stopping = Copier(pair, job), threading.Event()
    copier.start()
    copier.wait_until_copying()
    stopping.set()
    with pytest.raises(StoppedError):
        leave(pair, stopping.is_set)
    copier.gate.open.set()
    copier.join(30)
    assert copier.error is None and count(pair) == 20_000


class Closed:
    """A throttle that lets nothing through, as at a rate of 0; told when it is asked."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def take(self, cost_bytes: float) -> float:
        self.asked.set()
        return 3600.0


def test_a_copy_held_by_its_throttle_hears_that_its_source_is_gone(pair: Pair) -> None:
    """Not only when it may read again, which may be never: what is unread stands before the end of the connection."""
    pair.on_source("INSERT INTO public.t SELECT g, repeat(md5(g::text), 40) FROM generate_series(1, 20000) g")
    pair.hold_snapshot()
    (job,) = pair.jobs("public.t")
    source, destination = pair.sessions()
    closed, pid = Closed(), source.info.backend_pid

    def look() -> None:
        if not pair.on_source(f"SELECT 1 FROM pg_stat_activity WHERE pid = {pid}"):
            raise YieldError("gone")

    def end() -> None:
        closed.asked.wait(30)
        pair.on_source(f"SELECT pg_terminate_backend({pid})")

    ender = threading.Thread(target=end)
    ender.start()
    with pytest.raises(YieldError):
        copy_part(source, destination, job, Held(closed, look), lambda: False)
    ender.join(30)
    assert count(pair) == 0


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
