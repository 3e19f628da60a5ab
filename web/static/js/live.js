// The connection to the server: websocket only, comes back by itself, says what it is doing.

import { io } from "../vendor/socket.io.esm.min.js";
import { changed, onMapping, onPulse, onSnapshot, state } from "./state.js";

export function connect() {
  const socket = io({ transports: ["websocket"], timeout: 8000, reconnectionDelayMax: 5000, randomizationFactor: 0.3 });
  const join = () => state.name && socket.emit("join", state.name);
  const lost = () => { state.link = "lost"; changed(); };

  // Back on the network: do not sit out an attempt that began without one.
  window.addEventListener("online", () => socket.connected || socket.disconnect().connect());
  socket.on("connect", () => { state.link = "live"; join(); changed(); });
  socket.on("disconnect", (reason) => {
    lost();
    if (reason === "io server disconnect") setTimeout(() => socket.connect(), 3000);
  });
  socket.on("connect_error", () => {
    lost();
    if (!socket.active) setTimeout(() => socket.connect(), 5000); // refused: the server is full, ask again
  });
  socket.on("snapshot", onSnapshot);
  socket.on("mapping", onMapping);
  socket.on("pulse", (pulse) => {
    const back = pulse.reachable && !state.reachable;
    onPulse(pulse);
    if (back || (pulse.reachable && state.name && !state.complete)) join();
  });
}
