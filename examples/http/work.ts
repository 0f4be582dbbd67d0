// A job's script in TypeScript, with client.ts beside it. Node runs it as it is from 22.6 on. For an older one, and with
// `"type": "module"` in package.json: `tsc --target es2022 --module nodenext --rewriteRelativeImportExtensions work.ts`.
import { Client, Problem } from "./client.ts";

const jr = new Client();

await jr.setState("letters", "greeting", "Dear", { ttl: "1d" });
await jr.enqueue("letters", { to: "ada" }, { priority: 1 });
await jr.enqueue("letters", { to: "grace" });

for (const item of await jr.dequeue("letters", 10, "5s")) {
  const { to } = item.payload as { to: string };
  if (await jr.hasItem("letters", "written", to)) continue;
  try {
    console.log(`${await jr.getState("letters", "greeting")} ${to}: a letter to ${to}`);
    await jr.setItem("letters", "written", to, { attempt: item.attempt });
    await jr.done("letters", item);
  } catch (problem) {
    if (problem instanceof Problem && problem.code === "lease_lost") continue;
    await jr.fail("letters", item, String(problem));
  }
}

await jr.setState("letters", "count", await jr.countItems("letters", "written"));
await jr.pruneItems("letters", "written", 100);
const written = await jr.listItemKeys("letters", "written", { limit: 5, order: "asc" });
console.log(`JR_RESULT:${JSON.stringify({ meta: { value: await jr.getState("letters", "count"), written } })}`);
