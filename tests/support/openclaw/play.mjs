// Has the plugin register its tools, calls those that stdin names, `[[tool, parameters], …]`, one after the other,
// and prints what they answer. `tools` lists them, `written` is what the plugin would tell an agent of the runner.

import { readFileSync } from 'node:fs';
import { contents } from '@karmaniverous/jeeves';
import register from '@karmaniverous/jeeves-runner-openclaw';

const tools = new Map();
register({
  config: {
    plugins: {
      entries: {
        'jeeves-runner-openclaw': { config: { apiUrl: process.env.API_URL, configRoot: process.cwd() } },
      },
    },
  },
  resolvePath: () => process.cwd(),
  registerTool: (tool) => tools.set(tool.name, tool),
});

const answers = [];
for (const [name, parameters] of JSON.parse(readFileSync(0, 'utf8'))) {
  if (name === 'tools') {
    answers.push([...tools.keys()]);
  } else if (name === 'written') {
    answers.push(await contents[0]());
  } else {
    const { content, isError } = await tools.get(name).execute('call', parameters);
    answers.push(isError ? { failed: content[0].text } : JSON.parse(content[0].text));
  }
}
console.log(JSON.stringify(answers));
