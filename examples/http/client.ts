// A client in TypeScript with the names of the original's, over HTTP. Copy it: it needs fetch and nothing else.
declare const process: { env: Record<string, string | undefined> };

export type Item = { id: number; payload: unknown; attempt: number; lease_token: string };

/** What the server refuses: `status` of HTTP, and the `code` at the end of its type, such as `lease_lost`. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export class Client {
  private readonly url: string;
  private readonly token: string;

  constructor(url: string = process.env.JR_API_URL ?? "", token: string = process.env.JR_TOKEN ?? "") {
    this.url = url;
    this.token = token;
  }

  /** The value of a key; null where there is none. */
  getState = (namespace: string, key: string) => this.value(`/state/${path(namespace, key)}/value`);

  async setState(namespace: string, key: string, value: unknown, options: { ttl?: string } = {}) {
    await this.call("PUT", `/state/${path(namespace, key)}`, { value, ...options });
  }

  async deleteState(namespace: string, key: string) {
    await this.call("DELETE", `/state/${path(namespace, key)}`);
  }

  async hasItem(namespace: string, key: string, item: string) {
    return (await this.found(`/state/${path(namespace, key)}/items/${path(item)}`)) !== null;
  }

  getItem = (namespace: string, key: string, item: string) =>
    this.value(`/state/${path(namespace, key)}/items/${path(item)}`);

  async setItem(namespace: string, key: string, item: string, value: unknown = null) {
    await this.call("PUT", `/state/${path(namespace, key)}/items/${path(item)}`, { value });
  }

  async deleteItem(namespace: string, key: string, item: string) {
    await this.call("DELETE", `/state/${path(namespace, key)}/items/${path(item)}`);
  }

  async countItems(namespace: string, key: string): Promise<number> {
    return (await this.call("GET", `/state/${path(namespace, key)}/items?limit=0`)).count;
  }

  /** How many were removed. */
  async pruneItems(namespace: string, key: string, keep: number): Promise<number> {
    return (await this.call("POST", `/state/${path(namespace, key)}/prune`, { keep })).pruned;
  }

  async listItemKeys(
    namespace: string,
    key: string,
    { limit, order = "desc" }: { limit?: number; order?: "asc" | "desc" } = {},
  ): Promise<string[]> {
    const most = limit === undefined ? "" : `&limit=${limit}`;
    return (await this.call("GET", `/state/${path(namespace, key)}/items?order=${order}${most}`)).keys;
  }

  /** The number of the new item; null for one that the queue knows already. */
  async enqueue(
    queue: string,
    payload: unknown,
    { priority, maxAttempts }: { priority?: number; maxAttempts?: number } = {},
  ): Promise<number | null> {
    const body = { payload, priority, max_attempts: maxAttempts };
    return (await this.call("POST", `/queues/${path(queue)}/items`, body)).ids[0];
  }

  /** Items that are this script's until their lease ends; `wait`, such as `30s`, is for the first of them. */
  async dequeue(queue: string, count = 1, wait = "0s"): Promise<Item[]> {
    return (await this.call("POST", `/queues/${path(queue)}/claim?wait=${wait}`, { count })).items;
  }

  done = (queue: string, item: Item) => this.answer(queue, item, "complete");

  fail = (queue: string, item: Item, error: string) => this.answer(queue, item, "fail", { error });

  private async answer(queue: string, { id, lease_token }: Item, act: string, more: object = {}) {
    await this.call("POST", `/queues/${path(queue)}/items/${id}/${act}`, { lease_token, ...more });
  }

  private async value(place: string): Promise<unknown> {
    return (await this.found(place))?.value ?? null;
  }

  private async found(place: string) {
    try {
      return await this.call("GET", place);
    } catch (problem) {
      if (problem instanceof Problem && problem.status === 404) return null;
      throw problem;
    }
  }

  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  private async call(method: string, place: string, body?: unknown): Promise<any> {
    const answer = await fetch(this.url + place, {
      method,
      headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const document = await answer.json();
    if (!answer.ok) throw new Problem(answer.status, document.type.split(":").pop(), document.error);
    return document;
  }
}

const path = (...names: string[]) => names.map(encodeURIComponent).join("/");
