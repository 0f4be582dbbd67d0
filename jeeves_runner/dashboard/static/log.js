// The log of a run: as it grows, with its colours, to be searched, followed and pointed at.
import { LogPanel } from "./log/panel.js";
import { follow } from "./log/stream.js";
import { listen } from "./log/ways.js";

let begun = null;

// Also where a run that waited has started while its page was open.
function start() {
  const place = document.getElementById("log");
  if (!place || place === begun) return;
  begun = place;
  const panel = new LogPanel(place);
  listen(panel);
  follow(place.dataset.run, () => panel.grows, (kind, data) => panel.take(kind, data));
}

start();
document.addEventListener("jeeves:shown", start);
