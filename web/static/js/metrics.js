// Lag and copied bytes over time. Drawn by uPlot, which the page loads as a plain script.

import { html, useEffect, useMemo, useRef } from "../vendor/htm-preact.module.js";
import * as format from "./format.js";
import { Panel } from "./parts.js";

const HEIGHT = 180;
const BINARY = Array.from({ length: 50 }, (_, power) => 2 ** power); // ticks on whole kB, MB, GB
const CLOCK = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
const dark = matchMedia("(prefers-color-scheme: dark)");

export function Metrics({ history, version, replication }) {
  const at = useMemo(() => history.map((sample) => Date.parse(sample.at) / 1000), [version]);
  const column = (key) => history.map((sample) => sample[key] ?? null);
  const { wal_lag_threshold_mb: mb, wal_lag_threshold_minutes: minutes } = replication || {};
  const plots = [
    ["Lag in bytes", "lag_bytes", format.lag, mb && mb * 1048576, "--series-1", BINARY],
    ["Lag in time", "lag_seconds", format.duration, minutes && minutes * 60, "--series-2", CLOCK],
    ["Copied", "bytes_copied", format.size, null, "--series-3", BINARY],
  ];
  return html`<${Panel} id="metrics" title="Metrics">
    ${history.length < 2 ? html`<p class="muted">Plots appear with the second sample.</p>` : html`<div class="plots">
      ${plots.map(([title, key, write, limit, colour, steps]) => html`<${Plot} key=${key} title=${title} at=${at} values=${column(key)} write=${write} limit=${limit} colour=${colour} steps=${steps} version=${version} />`)}</div>`}<//>`;
}

function Plot({ title, at, values, write, limit, colour, steps, version }) {
  const box = useRef(null);
  const plot = useRef(null);
  const newest = values[values.length - 1];
  useEffect(() => {
    const draw = () => {
      if (plot.current) plot.current.destroy();
      plot.current = new uPlot(options(box.current, write, limit, colour, steps), [at, values], box.current);
    };
    const resize = new ResizeObserver(() => plot.current.setSize({ width: box.current.clientWidth, height: HEIGHT }));
    draw();
    resize.observe(box.current);
    dark.addEventListener("change", draw); // the canvas keeps the colours it was drawn with
    return () => { dark.removeEventListener("change", draw); resize.disconnect(); plot.current.destroy(); };
  }, []);
  useEffect(() => plot.current && plot.current.setData([at, values]), [version]);
  const beyond = limit && newest !== null && newest > limit;
  return html`<figure><figcaption>${title} <b class=${beyond ? "failed" : ""}>${write(newest)}</b>
      ${limit && html` <span class="muted">threshold ${write(limit)}</span>`}</figcaption>
    <div ref=${box} class="plot" role="img" aria-label=${`${title} over time, now ${write(newest)}`}></div></figure>`;
}

function options(box, write, limit, colour, steps) {
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const axis = { stroke: token("--muted"), grid: { stroke: token("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  return {
    width: box.clientWidth || 320, height: HEIGHT, legend: { show: false }, cursor: { y: false, sync: { key: "metrics" } },
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(high * 1.1, 1)] } },
    axes: [{ ...axis, space: 70, size: 30, values: (_plot, ticks) => ticks.map((tick) => new Date(tick * 1000).toLocaleTimeString("en-GB").slice(0, 5)) },
      { ...axis, size: 78, space: 28, values: (_plot, ticks) => ticks.map((tick) => write(tick).replace(/\.0+ /, " ")), incrs: steps }],
    series: [{}, { stroke: token(colour), width: 2, fill: `${token(colour)}22`, points: { show: false } }],
    hooks: { draw: limit ? [(plot) => threshold(plot, limit, token("--bad"))] : [] },
  };
}

function threshold(plot, limit, colour) {
  const y = plot.valToPos(limit, "y", true);
  const { left, top, width } = plot.bbox;
  if (y < top) return;
  plot.ctx.save();
  plot.ctx.strokeStyle = colour;
  plot.ctx.setLineDash([6, 4]);
  plot.ctx.beginPath();
  plot.ctx.moveTo(left, y);
  plot.ctx.lineTo(left + width, y);
  plot.ctx.stroke();
  plot.ctx.restore();
}
