// State and queues from Node, by fetch: a job's script, which has JR_API_URL and JR_TOKEN from the runner.
const { JR_API_URL, JR_TOKEN } = process.env;

async function call(method, path, body) {
  const answer = await fetch(JR_API_URL + path, {
    method,
    headers: { authorization: `Bearer ${JR_TOKEN}`, "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const document = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(document.error), document); // a problem has `type`, too
  return document;
}

/** The value of a key, or what to take where there is none. */
async function value(path, otherwise) {
  try {
    return (await call("GET", path)).value;
  } catch (problem) {
    if (problem.status === 404) return otherwise;
    throw problem;
  }
}

await call("POST", "/queues/letters/items", { payloads: [{ to: "ada" }, { to: "grace" }] });

const { items } = await call("POST", "/queues/letters/claim?wait=5s", { count: 10, lease: "1m" });
for (const { id, lease_token, payload } of items) {
  try {
    console.log(`a letter to ${payload.to}`);
    await call("POST", `/queues/letters/items/${id}/complete`, { lease_token });
  } catch (problem) {
    if (problem.type?.endsWith(":lease_lost")) continue; // it took too long: another claim has the item, or will
    await call("POST", `/queues/letters/items/${id}/fail`, { lease_token, error: String(problem) });
  }
}

// Read, think, and write only if it is still as it was: else begin again.
for (let stored = false; !stored; ) {
  const before = await value("/state/letters/count/value", null);
  const expected = before === null ? { expect_missing: true } : { expect: before };
  ({ stored } = await call("PUT", "/state/letters/count", { value: (before ?? 0) + items.length, ...expected }));
}
console.log(`JR_RESULT:${JSON.stringify({ meta: { value: await value("/state/letters/count/value") } })}`);
