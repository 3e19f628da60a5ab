// Small pieces that several pages are made of.

import { html, useEffect, useState } from "../vendor/htm-preact.module.js";
import * as format from "./format.js";
import { ageOf, staleReason } from "./state.js";

export const Badge = ({ status }) => html`<span class="badge" data-status=${status}>${format.label(status)}</span>`;

export const Light = ({ ready }) => html`<span class=${ready ? "light on" : "light"}>
  <span class="lamp" aria-hidden="true"></span>${ready ? "CUTOVER READY" : "Not yet"}</span>`;

export function Progress({ numbers, label }) {
  const { bytes_total: total = null, bytes_copied: copied = null } = numbers || {};
  if (total === null) return html`<span class="muted">not begun</span>`;
  return html`<progress max=${total || 1} value=${copied || 0} aria-label=${label}></progress>
    <span class="small"><b>${format.percent(copied, total)}</b> <span class="muted">${format.size(copied)} of ${format.size(total)}</span></span>`;
}

export const Lag = ({ of }) => html`${format.lag(of.lag_bytes)}${typeof of.lag_seconds === "number" && html`<span class="sub">${format.duration(of.lag_seconds)}</span>`}`;

export const Route = ({ source, destination }) => html`${source} <span aria-hidden="true">→</span><span class="sr">to</span> ${destination}`;

export function Observed({ name }) {
  const reason = staleReason(name);
  return html`${format.age(ageOf(name))}${reason && html`<span class="stale-mark">stale</span>`}`;
}

/** What the summary leaves out of one of its lists, and where all of it is. */
export function More({ summary, list, what }) {
  const count = (summary.left_out && summary.left_out[list]) || 0;
  return count > 0 && html`<p class="muted">And ${format.number(count)} more ${what}: <a href=${`/api/mappings/${encodeURIComponent(summary.name)}/whole`}>all of them as JSON</a>.</p>`;
}

/** Copies text; falls back to a selection where the clipboard is closed to pages without TLS. */
export function Copy({ text, what }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return undefined;
    const timer = setTimeout(() => setDone(false), 2000);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async () => setDone(await toClipboard(text));
  return html`<button type="button" class="copy" onClick=${copy} aria-label=${`Copy ${what}`}>
    <span aria-live="polite">${done ? "Copied" : "Copy"}</span></button>`;
}

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "sr";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

/** A block to paste, with its button. */
export const Code = ({ text, what }) => html`<div class="code"><pre tabindex="0">${text}</pre><${Copy} text=${text} what=${what} /></div>`;

export const Panel = ({ id, title, note, children, wide }) => html`<section class=${wide ? "panel wide" : "panel"} aria-labelledby=${`${id}-title`} id=${id}>
  <h2 id=${`${id}-title`}>${title}${note !== undefined && html` <span class="note">${note}</span>`}</h2>${children}</section>`;
