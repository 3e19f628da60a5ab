"""What one mapping's page shows, as this process last read it; and what has changed since."""

from migrator.store import Document, Store
from migrator.store.history import History
from web.summaries import relation_row

HISTORY_POINTS = 1_000
"""What a browser gets of a day at first: the plots are some hundred pixels wide."""
HISTORY_LENGTH = 2_000
TAIL = 30
LOG_LENGTH = 200

Relations = dict[str, dict[str, Document]]


class Watch:
    """A mapping somebody looks at. `full` and every later `refresh` fit together: the browser adds them up."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name
        self._summary = store.summary(name)
        self._relations = self._read_relations(self._summary)
        self._history = History(store, name).samples(HISTORY_POINTS)
        self._log = store.log(name, LOG_LENGTH)

    def full(self) -> Document:
        """Everything, for a browser that has nothing."""
        relations = {
            database: {"set": [relation_row(name, row) for name, row in rows.items()], "gone": []}
            for database, rows in self._relations.items()
        }
        return {
            "name": self._name,
            "full": True,
            "summary": self._summary,
            "relations": relations,
            "history": self._history,
            "log": self._log,
        }

    def refresh(self) -> Document | None:
        """Look again; what has changed, None where nothing has. All is read before anything is taken for told."""
        summary = self._store.summary(self._name)
        relations = self._read_relations(summary)
        samples = History(self._store, self._name).newest(TAIL)
        lines = self._store.log(self._name, LOG_LENGTH)
        change: Document = {
            "relations": self._changed_relations(relations),
            "history": self._new_samples(samples),
            "log": self._new_lines(lines),
        }
        change = {key: value for key, value in change.items() if value}
        if summary != self._summary:
            self._summary = change["summary"] = summary
        return {"name": self._name, "full": False, **change} if change else None

    def _read_relations(self, summary: Document | None) -> Relations:
        if (summary or {}).get("left_out"):
            summary = self._store.whole_summary(self._name)
        databases = (summary or {}).get("databases")
        names = [str(database["name"]) for database in databases] if isinstance(databases, list) else []
        return {name: self._store.relations(self._name, name) for name in names}

    def _changed_relations(self, relations: Relations) -> Document:
        before, self._relations = self._relations, relations
        changes = {
            database: _difference(before.get(database, {}), relations.get(database, {}))
            for database in before.keys() | relations.keys()
        }
        return {database: change for database, change in changes.items() if change["set"] or change["gone"]}

    def _new_samples(self, samples: list[Document]) -> list[Document]:
        newest = str(self._history[-1].get("at")) if self._history else ""
        new = [sample for sample in samples if str(sample.get("at")) > newest]
        self._history = [*self._history, *new][-HISTORY_LENGTH:]
        return new

    def _new_lines(self, lines: list[Document]) -> list[Document]:
        last = self._log[-1] if self._log else None
        known = next((count for count, line in enumerate(reversed(lines)) if line == last), len(lines))
        self._log = lines
        return lines[len(lines) - known :]


def _difference(before: dict[str, Document], after: dict[str, Document]) -> dict[str, list[object]]:
    gone: list[object] = [*sorted(before.keys() - after.keys())]
    return {"set": [relation_row(name, row) for name, row in after.items() if before.get(name) != row], "gone": gone}
