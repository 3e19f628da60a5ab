// All mappings: how many in which state, then each in a row.

import { html, useState } from "../vendor/htm-preact.module.js";
import * as format from "./format.js";
import { Badge, Lag, Light, Observed, Progress, Route } from "./parts.js";
import { staleReason, state } from "./state.js";

export function Overview() {
  const [only, setOnly] = useState(null);
  const rows = [...state.mappings.values()].sort(byUrgency);
  const shown = rows.filter((row) => !only || row.status === only);
  return html`<h1>Mappings</h1>
    <${Stale} rows=${rows} />
    ${rows.length ? html`<${Global} rows=${rows} only=${only} setOnly=${setOnly} /><${Table} rows=${shown} />` : html`<${Empty} />`}`;
}

function byUrgency(one, other) {
  const rank = (row) => format.STATUSES.indexOf(row.status);
  return rank(one) - rank(other) || (one.name < other.name ? -1 : 1);
}

const Empty = () => html`<p class="empty">Nothing was observed yet. Mappings appear here as soon as beat and a worker have looked at them once.</p>`;

function Stale({ rows }) {
  const reasons = rows.map((row) => staleReason(row.name));
  const old = reasons.filter(Boolean);
  if (!old.length) return null;
  const which = old.length === rows.length ? "All mappings" : `${old.length} of ${rows.length} mappings`;
  return html`<p class="stale-banner" role="status"><b>Stale data.</b> ${old[0]}. ${which} are shown as last observed.</p>`;
}

function Global({ rows, only, setOnly }) {
  const count = (status) => rows.filter((row) => row.status === status).length;
  const present = format.STATUSES.filter((status) => count(status));
  return html`<section class="global" aria-label="Mappings by status">
    <div class="bar" aria-hidden="true">${present.map((status) => html`<span key=${status} data-status=${status} style=${{ flexGrow: count(status) }}></span>`)}</div>
    <ul class="counts">
      <li class="all"><button type="button" class="count" aria-pressed=${String(!only)} onClick=${() => setOnly(null)}><b>${rows.length}</b> in all</button></li>
      ${present.map((status) => html`<li key=${status}><button type="button" class="count" data-status=${status} aria-pressed=${String(only === status)}
        onClick=${() => setOnly(only === status ? null : status)}><b>${count(status)}</b> ${format.label(status)}</button></li>`)}
    </ul></section>`;
}

function Table({ rows }) {
  return html`<table class="cards">
    <thead><tr><th scope="col">Mapping</th><th scope="col">Light</th><th scope="col">Status</th><th scope="col">Copied</th>
      <th scope="col" class="n">Lag</th><th scope="col" class="n">Row delta</th><th scope="col" class="n">Observed</th></tr></thead>
    <tbody>${rows.map((row) => html`<${Row} key=${row.name} row=${row} />`)}</tbody></table>`;
}

function Row({ row }) {
  return html`<tr data-status=${row.status} class=${staleReason(row.name) ? "stale" : ""}>
    <th scope="row"><a href=${`/mappings/${encodeURIComponent(row.name)}`}>${row.name}</a><span class="route"><${Route} ...${row} /></span></th>
    <td data-label="Light"><${Light} ready=${row.cutover_ready} /></td>
    <td data-label="Status" class="state"><${Badge} status=${row.status} /> <span class="phase">${row.phase && format.label(row.phase)}</span>
      ${row.why && html`<span class="why" title=${row.why}>${row.why}</span>`}</td>
    <td data-label="Copied" class="copied"><${Progress} numbers=${row.progress} label=${`Copied of ${row.name}`} /></td>
    <td data-label="Lag" class="n"><${Lag} of=${row} /></td>
    <td data-label="Row delta" class="n">${format.number(row.row_delta)}</td>
    <td data-label="Observed" class="n"><${Observed} name=${row.name} /></td></tr>`;
}
