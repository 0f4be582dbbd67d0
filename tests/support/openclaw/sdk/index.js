// A stand-in for the kit that the plugin is built on. The kit itself writes files of an agent's workspace at
// intervals and manages services of the operating system; of that nothing is here. What asks over HTTP asks the
// same as there: the plugin's own tools at `apiUrl`, those of the kit at the runner's port on this machine.

export const RUNNER_PORT = Number(process.env.RUNNER_PORT ?? 1937);
export const DEFAULT_BIND_ADDRESS = '127.0.0.1';
export const SECTION_IDS = { Runner: 'Runner' };
export const WORKSPACE_CONFIG_DEFAULTS = { core: { gatewayUrl: 'http://127.0.0.1:1' } };

/** What the plugin would write into the workspace: functions that return promises of texts. */
export const contents = [];

export async function fetchJson(url, options) {
  const answer = await fetch(url, options);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`HTTP ${answer.status}: ${text}`);
  return JSON.parse(text);
}

export const ok = (data) => ({ content: [{ type: 'text', text: JSON.stringify(data) }] });

export const connectionFail = (error) => ({
  content: [{ type: 'text', text: `Error: ${error.message}` }],
  isError: true,
});

const settings = (api, plugin) => api.config?.plugins?.entries?.[plugin]?.config ?? {};

export const resolveOptionalPluginSetting = (api, plugin, key, variable) =>
  settings(api, plugin)[key] ?? process.env[variable];

export const resolvePluginSetting = (api, plugin, key, variable, otherwise) =>
  resolveOptionalPluginSetting(api, plugin, key, variable) ?? otherwise;

export const resolveWorkspacePath = (api) => api.resolvePath('.');
export const getPackageVersion = () => '0.8.1';
export const init = () => {};
export const loadWorkspaceConfig = () => undefined;
export const createComponentWriter = () => ({ start() {} });

export function createAsyncContentCache({ fetch, placeholder }) {
  contents.push(fetch);
  return () => placeholder;
}

export function createPluginToolset({ name, defaultPort }) {
  const base = `http://127.0.0.1:${defaultPort}`;
  const tool = (word, ask) => ({
    name: `${name}_${word}`,
    execute: async (_id, parameters) => {
      try {
        return ok(await ask(parameters));
      } catch (error) {
        return connectionFail(error);
      }
    },
  });
  return [
    tool('status', () => fetchJson(`${base}/status`)),
    tool('config', ({ path }) =>
      fetchJson(`${base}/config${path ? `?path=${encodeURIComponent(path)}` : ''}`),
    ),
    tool('config_apply', ({ config }) =>
      fetchJson(`${base}/config/apply`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ patch: config }),
      }),
    ),
  ];
}
