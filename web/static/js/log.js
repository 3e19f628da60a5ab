// The newest lines of the mapping's log, newest on top.

import { html } from "../vendor/htm-preact.module.js";
import * as format from "./format.js";
import { Panel } from "./parts.js";

export function Log({ lines }) {
  const newest = [...lines].reverse();
  return html`<${Panel} id="log" title="Log" note=${lines.length ? `last ${lines.length} lines` : undefined}>
    ${newest.length === 0 && html`<p class="muted">No lines yet.</p>`}
    ${newest.length > 0 && html`<div class="scroll log" tabindex="0" role="region" aria-label="Log lines"><table>
      <thead class="sr"><tr><th scope="col">Time</th><th scope="col">Level</th><th scope="col">Event</th><th scope="col">Where</th></tr></thead>
      <tbody>${newest.map((line, index) => html`<tr key=${`${line.at} ${lines.length - index}`} data-level=${line.level}>
        <td><time datetime=${line.at} title=${line.at}>${format.time(line.at)}</time></td><td class="level">${line.level}</td>
        <td>${line.event}</td><td class="muted">${[line.phase, line.database, line.relation].filter(Boolean).join(" · ")}</td></tr>`)}</tbody></table></div>`}<//>`;
}
