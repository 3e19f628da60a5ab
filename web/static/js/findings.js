// What the operator must know or do, blocking ones first; and what is merely waited for.

import { html, useState } from "../vendor/htm-preact.module.js";
import { ask } from "./ask.js";
import * as format from "./format.js";
import { Code, More, Panel } from "./parts.js";

export function Findings({ summary }) {
  const { findings = [], waits = [], totals = {} } = summary;
  const sorted = [...findings].sort((one, other) => Number(Boolean(other.blocking)) - Number(Boolean(one.blocking)));
  const blocking = totals.findings ? totals.findings.blocking : sorted.filter((finding) => finding.blocking).length;
  const note = blocking ? `${blocking} blocking` : findings.length ? "none blocking" : undefined;
  return html`<${Panel} id="findings" title="Findings" note=${note}>
    ${sorted.length === 0 && html`<p class="muted">Nothing is in the way.</p>`}
    ${sorted.map((finding) => html`<${Finding} key=${`${finding.code} ${finding.database} ${finding.relation} ${finding.message}`} finding=${finding} />`)}
    <${More} summary=${summary} list="findings" what="findings" />
    ${findings.some((finding) => finding.code === "action_failed") && html`<${Retry} name=${summary.name} />`}
    ${waits.length > 0 && html`<h3>Waiting for</h3><ul class="waits">${waits.map((wait) => html`<li key=${`${wait.phase} ${wait.database} ${wait.message}`}>
      <b>${format.label(wait.phase)}</b> ${wait.database && html`<span class="muted">${wait.database}</span>`} ${wait.message}</li>`)}</ul>`}
    <${More} summary=${summary} list="waits" what="waits" />
  <//>`;
}

function Retry({ name }) {
  const [answer, setAnswer] = useState(null);
  const [busy, setBusy] = useState(false);
  const press = async () => {
    if (busy) return; // not disabled by then: it would lose the keyboard's focus
    setBusy(true);
    setAnswer(await ask(name, "retry", {}));
    setBusy(false);
  };
  return html`<div class="retry"><button type="button" class="plain" aria-disabled=${busy ? "true" : undefined} onClick=${press}>Try what failed again now</button>
    <div role="status" class="answer">${answer && html`<div data-kind=${answer.kind}><p>${answer.text}</p></div>`}</div></div>`;
}

function Finding({ finding }) {
  const place = [finding.database, finding.relation].filter(Boolean).join(" · ");
  return html`<article class="finding" data-blocking=${finding.blocking ? "yes" : "no"}>
    <p class="kind"><b>${finding.blocking ? "Blocking" : "Notice"}</b> <code>${finding.code}</code> ${place && html`<span class="muted">${place}</span>`}
      ${finding.since && html` <time class="muted" datetime=${finding.since}>since ${format.time(finding.since)}</time>`}</p>
    <p>${finding.message}</p>
    ${finding.remedy && html`<${Code} text=${finding.remedy} what=${`remedy of ${finding.code}`} />`}</article>`;
}
