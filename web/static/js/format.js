// How numbers are written; web/formats.py writes them the same way. MB = 1,048,576 bytes.

const NOTHING = "–";
const LABELS = {
  not_started: "Not started", in_progress: "In progress", synced: "Synced", cutover_ready: "Cutover ready",
  problematic: "Problematic", paused: "Paused", completing: "Completing", completed: "Completed",
  aborting: "Aborting", aborted: "Aborted",
  pre_data: "Pre-data", post_data: "Post-data", catchup: "Catch-up",
};
export const STATUSES = [
  "problematic", "cutover_ready", "synced", "in_progress", "not_started",
  "paused", "completing", "completed", "aborting", "aborted",
];

const absent = (value) => value === null || value === undefined;
const grouped = (value, digits) =>
  value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

export function label(status) {
  const text = String(status || "unknown");
  const words = text.replaceAll("_", " ");
  return LABELS[text] || words.charAt(0).toUpperCase() + words.slice(1);
}

export function size(value) {
  if (absent(value)) return NOTHING;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let number = value, unit = 0;
  while (Math.abs(number) >= 1024 && unit < 4) { number /= 1024; unit += 1; }
  return `${grouped(number, unit < 2 || Math.abs(number) >= 100 ? 0 : 1)} ${units[unit]}`;
}

export function lag(value) {
  if (absent(value)) return NOTHING;
  const megabytes = value / 1048576;
  return `${grouped(megabytes, megabytes < 10 ? 2 : 0)} MB`;
}

export function duration(value) {
  if (absent(value)) return NOTHING;
  if (value < 10) return `${grouped(value, 1)} s`;
  const seconds = Math.round(value);
  const two = (number) => String(number).padStart(2, "0");
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

export function number(value) {
  return absent(value) ? NOTHING : grouped(value, 0).replace("-", "\u2212");
}

export function percent(part, whole) {
  if (absent(part) || !whole) return NOTHING;
  return `${Math.min(100, Math.floor((100 * part) / whole))} %`;
}

export function age(seconds) {
  if (absent(seconds)) return NOTHING;
  return seconds < 2 ? "just now" : `${duration(Math.floor(seconds)).replace(".0 s", " s")} ago`;
}

export function time(iso) {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? NOTHING : at.toLocaleTimeString("en-GB");
}
