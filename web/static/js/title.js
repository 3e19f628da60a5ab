// What a tab says from afar.

import * as format from "./format.js";

export function retitle(state) {
  const rows = [...state.mappings.values()];
  const ready = rows.filter((row) => row.cutover_ready).length;
  const problems = rows.filter((row) => row.status === "problematic").length;
  const marks = [problems && `${problems} problematic`, ready && `${ready} ready`].filter(Boolean).join(", ");
  const title = state.name
    ? `${state.summary ? `${format.label(state.summary.status)}: ` : ""}${state.name} – pg-migrator`
    : `${marks ? `(${marks}) ` : ""}Mappings – pg-migrator`;
  if (document.title !== title) document.title = title;
}
