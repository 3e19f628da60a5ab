// The databases of a mapping, each with its own state.

import { html } from "../vendor/htm-preact.module.js";
import * as format from "./format.js";
import { Badge, Lag, More, Panel, Progress } from "./parts.js";

export function Databases({ summary }) {
  const { databases = [], left_out: left = {} } = summary;
  return html`<${Panel} id="databases" title="Databases" note=${databases.length + (left.databases || 0)}>
  <table class="cards"><thead><tr><th scope="col">Database</th><th scope="col">Status</th><th scope="col">Copied</th>
    <th scope="col" class="n">Tables ready</th><th scope="col" class="n">Copying</th><th scope="col" class="n">Waiting</th>
    <th scope="col" class="n">Failed</th><th scope="col" class="n">Lag</th></tr></thead>
  <tbody>${databases.map((database) => html`<${Row} key=${database.name} database=${database} />`)}</tbody></table>
  <${More} summary=${summary} list="databases" what="databases" /><//>`;
}

function Row({ database }) {
  const counts = database.relations || {};
  const renamed = database.target && database.target !== database.name;
  return html`<tr data-status=${database.status}>
    <th scope="row">${database.name}${renamed && html`<span class="route">→ ${database.target}</span>`}</th>
    <td data-label="Status"><${Badge} status=${database.status} /> <span class="phase">${database.phase && format.label(database.phase)}</span></td>
    <td data-label="Copied" class="copied"><${Progress} numbers=${database} label=${`Copied of ${database.name}`} /></td>
    <td data-label="Tables ready" class="n">${format.number(counts.ready)} of ${format.number(counts.total)}</td>
    <td data-label="Copying" class="n">${format.number(counts.copying)}</td>
    <td data-label="Waiting" class="n">${format.number(counts.waiting)}</td>
    <td data-label="Failed" class=${counts.failed ? "n failed" : "n"}>${format.number(counts.failed)}</td>
    <td data-label="Lag" class="n"><${Lag} of=${database} /></td></tr>`;
}
