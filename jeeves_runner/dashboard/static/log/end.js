// What stands below a log: how its run ended, and where its next attempt is.
import { element } from "./tools.js";
import { span } from "../app.js";

export function ending(run, retry, hasWritten) {
  const ms = run.duration_ms;
  const short = ms < 1000 ? `${ms}ms` : `${(Math.floor(ms / 100) / 10).toFixed(1)}s`;
  const took = ms === null ? "" : ` after ${ms < 10000 ? short : span(ms)}`;
  const status = element("strong");
  status.textContent = run.status;
  const rest = `${took}${run.message ? `: ${run.message}` : ""}.`;
  const said = [hasWritten ? "It ended " : "It wrote nothing, and ended ", status, rest];
  if (!retry) return said;
  const link = element("a");
  link.href = `/runs/${retry.id}`;
  link.textContent = `attempt ${retry.attempt}, run #${retry.id}`;
  return [...said, " It goes on in ", link, "."];
}
