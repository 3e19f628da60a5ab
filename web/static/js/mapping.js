// One mapping: what it is at, what is in the way, and everything behind it.

import { html } from "../vendor/htm-preact.module.js";
import { Conditions } from "./conditions.js";
import { Cutover } from "./cutover.js";
import { Databases } from "./databases.js";
import { Findings } from "./findings.js";
import * as format from "./format.js";
import { Groups } from "./groups.js";
import { Log } from "./log.js";
import { Metrics } from "./metrics.js";
import { Badge, Light, Observed, Route } from "./parts.js";
import { Relations } from "./relations.js";
import { staleReason, state } from "./state.js";

const SECTIONS = ["findings", "databases", "metrics", "tables", "replication", "cutover", "log"];

export function Mapping() {
  const { summary } = state;
  const reason = staleReason(state.name);
  if (!summary) return html`<${Crumbs} /><h1>${state.name}</h1><p class="empty">Nothing was observed yet. This page fills as soon as beat and a worker have looked at the mapping once.</p>`;
  return html`<${Crumbs} />
    <header class="head"><h1>${summary.name}</h1> <${Badge} status=${summary.status} />
      <span class="phase">${summary.phase && format.label(summary.phase)}</span>
      <p class="route"><${Route} ...${summary} /></p></header>
    ${reason && html`<p class="stale-banner" role="status"><b>Stale data.</b> ${reason}. Shown as last observed.</p>`}
    <div class=${reason ? "stale" : ""}>
      <${Numbers} summary=${summary} />
      <nav class="jump" aria-label="Sections">${SECTIONS.map((id) => html`<a key=${id} href=${`#${id}`}>${format.label(id)}</a>`)}</nav>
      <div class="columns">
        <${Findings} summary=${summary} />
        <${Conditions} light=${summary.light} ready=${summary.cutover_ready} />
      </div>
      <${Databases} summary=${summary} />
      <${Metrics} history=${state.history} version=${state.historyVersion} replication=${state.replication} />
      <${Relations} databases=${state.relations} version=${state.relationsVersion} arrived=${state.complete} />
      <${Groups} summary=${summary} />
      <${Cutover} summary=${summary} />
      <${Log} lines=${state.log} />
    </div>`;
}

const Crumbs = () => html`<p class="crumbs"><a href="/">Mappings</a></p>`;

function Numbers({ summary }) {
  const progress = summary.progress || {};
  const counts = (summary.totals && summary.totals.relations) || {};
  const sum = (key) => counts[key] || 0;
  const pace = progress.bytes_per_second ? `${format.size(progress.bytes_per_second)}/s` : null;
  const left = progress.eta_seconds ? `${format.duration(progress.eta_seconds)} left` : null;
  const limit = summary.rate_limit_mbps === null || summary.rate_limit_mbps === undefined ? null : `limit ${summary.rate_limit_mbps} MB/s`;
  return html`<dl class="kpis">
    <${Kpi} name="Light" sub=${stability(summary)}><${Light} ready=${summary.cutover_ready} /><//>
    <${Kpi} name="Lag" sub=${format.duration(summary.lag_seconds)}>${format.lag(summary.lag_bytes)}<//>
    <${Kpi} name="Copied" sub=${`${format.size(progress.bytes_copied)} of ${format.size(progress.bytes_total)}`}>${format.percent(progress.bytes_copied, progress.bytes_total)}<//>
    <${Kpi} name="Pace" sub=${[left, limit].filter(Boolean).join(", ")}>${pace || "–"}<//>
    <${Kpi} name="Tables ready" sub=${sum("failed") ? `${format.number(sum("failed"))} failed` : `${format.number(sum("copying"))} copying`}>${format.number(sum("ready"))} of ${format.number(sum("total"))}<//>
    <${Kpi} name="Row delta">${format.number(summary.row_delta)}<//>
    <${Kpi} name="WAL retained" sub=${room(summary.wal)}>${format.size(summary.retained_bytes)}<//>
    <${Kpi} name="Observed"><${Observed} name=${summary.name} /><//>
  </dl>`;
}

// How long the source's WAL may go on growing, where that is soon enough to matter.
function room(wal) {
  if (!wal || typeof wal.seconds_left !== "number" || wal.seconds_left > 86400) return "on the source";
  return `${format.size(wal.bytes_per_second)}/s; room for ${format.duration(wal.seconds_left)}`;
}

const Kpi = ({ name, sub, children }) => html`<div><dt>${name}</dt><dd>${children}</dd>${sub && html`<dd class="sub">${sub}</dd>`}</div>`;

function stability({ light, cutover_ready: ready }) {
  if (!light || !light.quiet_since) return null;
  const since = `quiet since ${format.time(light.quiet_since)}`;
  return ready ? since : `${since}, must last ${light.stable_seconds} s`;
}
