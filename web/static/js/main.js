// Mounts over the page that the server painted first, and redraws with whatever comes.

import { html, render } from "../vendor/htm-preact.module.js";
import { Link } from "./link.js";
import { connect } from "./live.js";
import { Mapping } from "./mapping.js";
import { Overview } from "./overview.js";
import { state, subscribe } from "./state.js";
import { retitle } from "./title.js";

const Page = { overview: Overview, mapping: Mapping }[document.body.dataset.page];
const app = document.getElementById("app");
const link = document.getElementById("link");

function draw() {
  render(html`<${Page} now=${performance.now()} />`, app);
  render(html`<${Link} />`, link);
  retitle(state);
}

app.replaceChildren();
draw();
subscribe(draw);
connect();
setInterval(draw, 1000); // ages grow, and data goes stale, without any news
