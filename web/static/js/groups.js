// Groups: one publication, one slot, one subscription each.

import { html } from "../vendor/htm-preact.module.js";
import * as format from "./format.js";
import { Lag, More, Panel } from "./parts.js";

const Yes = ({ is, yes, no }) => html`<span class="mark" data-ok=${is === null || is === undefined ? "unknown" : is ? "yes" : "no"}>${is === null || is === undefined ? "unknown" : is ? yes : no}</span>`;

export function Groups({ summary }) {
  const groups = summary.groups || [];
  return html`<${Panel} id="replication" title="Replication" note="groups and slots; lag counts the WAL of all databases of the source">
  ${groups.length === 0 && html`<p class="muted">No group exists yet.</p>`}
  ${groups.length > 0 && html`<table class="cards"><thead><tr><th scope="col">Group</th><th scope="col">Subscription</th><th scope="col">Apply worker</th>
    <th scope="col">Slot</th><th scope="col">WAL</th><th scope="col" class="n">Lag</th><th scope="col" class="n">WAL retained</th></tr></thead>
  <tbody>${groups.map((group) => html`<tr key=${`${group.database} ${group.number}`}>
    <th scope="row">${group.database} <span class="muted">group ${group.number}</span><span class="route mono">${group.name}</span></th>
    <td data-label="Subscription"><${Yes} is=${group.subscription_enabled} yes="enabled" no="disabled" /></td>
    <td data-label="Apply worker"><${Yes} is=${group.worker_running} yes="running" no="not running" /></td>
    <td data-label="Slot"><${Yes} is=${group.slot_active} yes="active" no="inactive" /></td>
    <td data-label="WAL"><${Yes} is=${group.wal_status ? ["reserved", "extended"].includes(group.wal_status) : null} yes=${group.wal_status} no=${group.wal_status} /></td>
    <td data-label="Lag" class="n"><${Lag} of=${group} /></td>
    <td data-label="WAL retained" class="n">${format.size(group.retained_bytes)}</td></tr>`)}</tbody></table>`}
  <${More} summary=${summary} list="groups" what="groups" /><//>`;
}
