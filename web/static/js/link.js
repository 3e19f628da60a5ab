// The state of the connection, in the page's head; the one thing that is announced aloud.

import { html } from "../vendor/htm-preact.module.js";
import { state } from "./state.js";

export function Link() {
  const [kind, text] = describe();
  return html`<span class="dot" data-kind=${kind} aria-hidden="true"></span>${text}`;
}

function describe() {
  if (state.link === "connecting") return ["wait", "Connecting"];
  if (state.link === "lost") return ["bad", "Connection lost – trying again"];
  if (!state.reachable) return ["bad", "Redis is away"];
  return ["good", "Live"];
}
