// What the page knows, and who wants to hear of it. The server's events are added up here.

const initial = JSON.parse(document.getElementById("state").textContent);

export const state = {
  link: "connecting", // connecting | live | lost
  reachable: true, // does the server reach Redis
  pulsedAt: performance.now(),
  refreshSeconds: initial.refresh_seconds,
  staleSeconds: initial.stale_seconds,
  replication: initial.replication,
  seenAt: observedAt(initial.ages || {}), // mapping -> performance.now() of the moment it was observed
  mappings: new Map((initial.mappings || []).map((row) => [row.name, row])),
  name: initial.name || null,
  summary: initial.summary || null,
  complete: false, // has the mapping's full state arrived
  relations: new Map(), // database -> Map(relation -> array)
  relationsVersion: 0,
  history: [],
  historyVersion: 0,
  log: [],
};

function observedAt(ages) {
  const now = performance.now();
  return new Map(Object.entries(ages).map(([name, age]) => [name, now - age * 1000]));
}

const listeners = new Set();
let scheduled = false;

export function subscribe(listener) {
  listeners.add(listener);
}

export function changed() {
  if (scheduled) return;
  scheduled = true;
  queueMicrotask(() => {
    scheduled = false;
    listeners.forEach((listener) => listener());
  });
}

export function ageOf(name) {
  const at = state.seenAt.get(name);
  return at === undefined ? null : (performance.now() - at) / 1000;
}

/** Why what is shown may not be so any more; null while it is fresh. */
export function staleReason(name) {
  if (state.link === "lost") return "Connection to the dashboard lost";
  if (!state.reachable) return "The dashboard cannot reach Redis";
  if ((performance.now() - state.pulsedAt) / 1000 > state.staleSeconds) return "The dashboard has gone silent";
  const age = ageOf(name);
  return age !== null && age > state.staleSeconds ? "Nothing new was observed" : null;
}

export function onPulse(pulse) {
  state.pulsedAt = performance.now();
  state.reachable = pulse.reachable;
  state.refreshSeconds = pulse.refresh_seconds;
  state.staleSeconds = pulse.stale_seconds;
  state.seenAt = observedAt(pulse.ages);
  changed();
}

export function onSnapshot(event) {
  if (event.full) state.mappings.clear();
  event.mappings.forEach((row) => state.mappings.set(row.name, row));
  event.gone.forEach((name) => state.mappings.delete(name));
  changed();
}

export function onMapping(event) {
  if (event.name !== state.name) return;
  if (event.full) {
    state.complete = true;
    state.relations = new Map();
    state.history = [];
    state.log = [];
  }
  if ("summary" in event) state.summary = event.summary;
  if (event.relations) addRelations(event.relations);
  if (event.history || event.full) {
    state.history = [...state.history, ...(event.history || [])].slice(-2000);
    state.historyVersion += 1;
  }
  if (event.log) state.log = [...state.log, ...event.log].slice(-200);
  changed();
}

function addRelations(databases) {
  for (const [database, change] of Object.entries(databases)) {
    const rows = state.relations.get(database) || new Map();
    change.set.forEach((row) => rows.set(row[0], row));
    change.gone.forEach((relation) => rows.delete(relation));
    state.relations.set(database, rows);
  }
  state.relationsVersion += 1;
}
