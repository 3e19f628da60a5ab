// The checklist of the cutover, from live state, and the request that ends the mapping.

import { html, useState } from "../vendor/htm-preact.module.js";
import { ask } from "./ask.js";
import { Code, Panel } from "./parts.js";

const ENDED = { completing: "Completion is under way.", completed: "This mapping is completed.", aborting: "Abort is under way.", aborted: "This mapping was aborted." };

export function Cutover({ summary }) {
  const steps = summary.cutover || [];
  const holding = steps.filter((step) => step.holds === true).length;
  return html`<${Panel} id="cutover" title="Cutover" note=${steps.length ? `${holding} of ${steps.length} steps hold` : undefined}>
    ${steps.length === 0 && html`<p class="muted">The instructions appear once there is something to switch.</p>`}
    <ol class="steps">${steps.map((step) => html`<${Step} key=${step.number} step=${step} />`)}</ol>
    ${ENDED[summary.status] ? html`<p><b>${ENDED[summary.status]}</b></p>` : html`<${Complete} name=${summary.name} completion=${summary.completion || {}} />`}<//>`;
}

function Step({ step }) {
  const holds = step.holds === true ? "yes" : step.holds === false ? "no" : "unknown";
  const words = { yes: "holds", no: "does not hold yet", unknown: "for you to judge" }[holds];
  const place = [step.side && `on the ${step.side}`, step.database && `in ${step.database}`].filter(Boolean).join(", ");
  return html`<li value=${step.number} data-holds=${holds}>
    <h3>${step.title} <span class="mark" data-ok=${holds === "no" ? "not yet" : holds}>${words}</span></h3>
    ${step.why && html`<p class="muted">${step.why}</p>`}
    ${step.sql && html`<p class="where">SQL ${place}</p><${Code} text=${step.sql} what=${`SQL of step ${step.number}`} />`}
    ${step.command && html`<p class="where">Command</p><${Code} text=${step.command} what=${`command of step ${step.number}`} />`}</li>`;
}

function Complete({ name, completion }) {
  const [typed, setTyped] = useState("");
  const [answer, setAnswer] = useState(null);
  const [busy, setBusy] = useState(false);
  // Busy, the button is not disabled: it would lose the keyboard's focus.
  const submit = async (event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setAnswer(await ask(name, "complete", { name: typed }));
    setBusy(false);
  };
  return html`<form class="complete" onSubmit=${submit} aria-labelledby="complete-title">
    <h3 id="complete-title">Mark complete</h3>
    <p>Drops this mapping's subscriptions, slots, publications and ledger on both sides. It cannot be taken back. The worker judges once more, live, before it acts.</p>
    ${!completion.safe && (completion.reasons || []).length > 0 && html`<div class="reasons"><p><b>Not safe yet:</b></p><ul>${completion.reasons.map((reason) => html`<li key=${reason}>${reason}</li>`)}</ul></div>`}
    <label for="typed">Type <b>${name}</b> to confirm</label>
    <div class="row"><input id="typed" name="typed" autocomplete="off" autocapitalize="none" spellcheck="false" required value=${typed} onInput=${(event) => setTyped(event.target.value)} />
      <button type="submit" class="danger" aria-disabled=${busy ? "true" : undefined}>Mark complete</button></div>
    <div role="status" class="answer">${answer && html`<div data-kind=${answer.kind}><p>${answer.text}</p>
      ${answer.reasons.length > 0 && html`<ul>${answer.reasons.map((reason) => html`<li key=${reason}>${reason}</li>`)}</ul>`}</div>`}</div></form>`;
}
