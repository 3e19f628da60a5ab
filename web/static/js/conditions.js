// Why the light is on, or what it still waits for.

import { html } from "../vendor/htm-preact.module.js";
import { Light, Panel } from "./parts.js";

export function Conditions({ light, ready }) {
  const conditions = (light && light.conditions) || [];
  const met = conditions.filter((condition) => condition.met).length;
  return html`<${Panel} id="light" title="The light" note=${`${met} of ${conditions.length} conditions met`}>
    <p class="big"><${Light} ready=${ready} /></p>
    <ul class="conditions">${conditions.map((condition) => html`<li key=${condition.name} data-met=${condition.met ? "yes" : "no"}>
      <span class="tick" aria-hidden="true"></span><span class="sr">${condition.met ? "Met:" : "Not met:"}</span>
      <span><b>${condition.name}</b> <span class="muted">${condition.detail}</span></span></li>`)}</ul><//>`;
}
