// The tables of a mapping: filtered, sorted, and drawn only as far as they are in sight, for there may be ten thousand.

import { html, useEffect, useMemo, useRef, useState } from "../vendor/htm-preact.module.js";
import * as format from "./format.js";
import { Panel } from "./parts.js";

const ROW = 33; // pixels; css/tables.css says the same
const SPARE = 10;
const STATES = ["failed", "copying", "waiting", "copied", "ready"];
// What stands where in the array that carries a relation (web/summaries.py: relation_row).
const NAME = 0, STATE = 1, BYTES = 2, ROWS = 3, COPIED_BYTES = 4, TARGET_ROWS = 6;
const COLUMNS = [
  { key: "name", title: "Table", of: (row) => row[NAME] },
  { key: "database", title: "Database", of: (row) => row.database },
  { key: "state", title: "State", of: (row) => STATES.indexOf(row[STATE]) },
  { key: "bytes", title: "Size", of: (row) => row[BYTES] ?? -1, n: true },
  { key: "copied", title: "Copied", of: (row) => (row[BYTES] ? (row[COPIED_BYTES] ?? 0) / row[BYTES] : 2), n: true },
  { key: "rows", title: "Rows", of: (row) => row[ROWS] ?? -1, n: true },
  { key: "target", title: "Rows on target", of: (row) => row[TARGET_ROWS] ?? -1, n: true },
];

function select(databases, { text, state, sort, down }) {
  const wanted = text.trim().toLowerCase();
  const found = [];
  for (const [database, rows] of databases) {
    for (const row of rows.values()) {
      if (state && row[STATE] !== state) continue;
      if (wanted && !row[NAME].toLowerCase().includes(wanted) && !database.toLowerCase().includes(wanted)) continue;
      row.database = database;
      found.push(row);
    }
  }
  const { of } = COLUMNS.find((column) => column.key === sort);
  const sign = down ? -1 : 1;
  const order = (one, other) => (one < other ? -1 : one > other ? 1 : 0);
  return found.sort((one, other) => sign * order(of(one), of(other)) || order(one[NAME], other[NAME]));
}

export function Relations({ databases, version, arrived }) {
  const [view, setView] = useState({ text: "", state: "", sort: "state", down: false });
  const rows = useMemo(() => select(databases, view), [version, view]);
  const total = [...databases.values()].reduce((sum, some) => sum + some.size, 0);
  const change = (part) => setView({ ...view, ...part });
  const note = rows.length === total ? format.number(total) : `${format.number(rows.length)} of ${format.number(total)}`;
  return html`<${Panel} id="tables" title="Tables" note=${arrived ? note : "loading"}>
    <div class="filters"><label for="table-filter" class="sr">Filter by name</label>
      <input id="table-filter" type="search" placeholder="Filter by name" value=${view.text} onInput=${(event) => change({ text: event.target.value })} />
      <label for="table-state" class="sr">State</label>
      <select id="table-state" value=${view.state} onChange=${(event) => change({ state: event.target.value })}>
        <option value="">All states</option>${STATES.map((state) => html`<option key=${state} value=${state}>${format.label(state)}</option>`)}</select></div>
    <${Window} rows=${rows} view=${view} change=${change} /><//>`;
}

function Window({ rows, view, change }) {
  const box = useRef(null);
  const [range, setRange] = useState({ top: 0, height: 480 });
  useEffect(() => {
    const element = box.current;
    const measure = () => setRange({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    element.addEventListener("scroll", measure, { passive: true });
    observer.observe(element);
    return () => { element.removeEventListener("scroll", measure); observer.disconnect(); };
  }, []);
  useEffect(() => { box.current.scrollTop = 0; }, [view]);
  const first = Math.max(0, Math.min(rows.length, Math.floor(range.top / ROW) - SPARE));
  const last = Math.min(rows.length, Math.ceil((range.top + range.height) / ROW) + SPARE);
  return html`<div class="scroll tables" ref=${box} tabindex="0" role="region" aria-label="Tables, scrollable">
    <table aria-rowcount=${rows.length + 1}><thead><tr aria-rowindex="1">${COLUMNS.map((column) => html`<${Head} key=${column.key} column=${column} view=${view} change=${change} />`)}</tr></thead>
    <tbody><tr class="space" aria-hidden="true" style=${{ height: `${first * ROW}px` }}></tr>
      ${rows.slice(first, last).map((row, index) => html`<${Relation} key=${`${row.database} ${row[NAME]}`} row=${row} index=${first + index + 2} />`)}
      <tr class="space" aria-hidden="true" style=${{ height: `${(rows.length - last) * ROW}px` }}></tr></tbody></table>
    ${rows.length === 0 && html`<p class="muted none">No tables to show.</p>`}</div>`;
}

function Head({ column, view, change }) {
  const active = view.sort === column.key;
  const sort = active ? (view.down ? "descending" : "ascending") : "none";
  const flip = () => change({ sort: column.key, down: active ? !view.down : Boolean(column.n) });
  return html`<th scope="col" aria-sort=${sort} class=${column.n ? `n ${column.key}` : column.key}><button type="button" onClick=${flip}>${column.title}<span aria-hidden="true">${active ? (view.down ? " ▾" : " ▴") : ""}</span></button></th>`;
}

function Relation({ row, index }) {
  return html`<tr aria-rowindex=${index}><th scope="row" class="name" title=${row[NAME]}>${row[NAME]}</th><td class="database">${row.database}</td>
    <td class="state"><span class="mark" data-state=${row[STATE]}>${format.label(row[STATE])}</span></td>
    <td class="n bytes">${format.size(row[BYTES])}</td><td class="n copied">${format.percent(row[COPIED_BYTES], row[BYTES])}</td>
    <td class="n rows">${format.number(row[ROWS])}</td><td class="n target">${format.number(row[TARGET_ROWS])}</td></tr>`;
}
