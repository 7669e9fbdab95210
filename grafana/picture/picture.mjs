// Makes a picture of a dashboard from the data of a Prometheus, without
// Grafana: node picture.mjs PROMETHEUS DASHBOARD.json PICTURE.png [SETTING...]
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

const { values: settings, positionals: [prometheus, file, picture] } = parseArgs({
  allowPositionals: true,
  options: {
    width: { type: 'string', default: '1280' },
    height: { type: 'string' }, // all of it by default
    hours: { type: 'string', default: '3' },
    light: { type: 'boolean', default: false },
    set: { type: 'string', multiple: true, default: [] }, // a variable: task=cpu-bound
    chromium: { type: 'string', default: '/usr/bin/chromium' },
  },
});
if (!picture) {
  console.error('usage: node picture.mjs http://localhost:9090 ../dashboards/home.json home.png [--width 1280] [--height N] [--hours 3] [--light] [--set task=cpu-bound] [--chromium PATH]');
  process.exit(2);
}
const width = Number(settings.width);

const { outputFiles } = await build({
  entryPoints: [new URL('draw.jsx', import.meta.url).pathname], bundle: true, write: false, outdir: '/', format: 'iife', jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"production"', global: 'window' }, logLevel: 'error',
  loader: { '.ttf': 'empty', '.woff2': 'empty', '.svg': 'text' },
});
const assets = Object.fromEntries(outputFiles.map((f) => [f.path, f]));

const given = Object.fromEntries(settings.set.map((one) => one.split(/=(.*)/s)));
const input = JSON.stringify({ dashboard: JSON.parse(readFileSync(file)), width, shown: settings.hours * 3600, light: settings.light, given });
const page = `<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="/draw.css"><style>body { margin: 0 }</style><div id="root"></div>
<script>window.picture = ${input.replaceAll('<', '\\u003c')}</script><script src="/draw.js"></script>`;
const types = { js: 'text/javascript', css: 'text/css', '/': 'text/html' };

// The page asks this server for everything, so that Prometheus need not allow
// foreign pages.
const server = createServer(async (request, response) => {
  if (request.url.startsWith('/api/')) {
    const body = [];
    for await (const chunk of request) {
      body.push(chunk);
    }
    const { method, headers: { 'content-type': type } } = request;
    const answer = await fetch(prometheus + request.url, method === 'GET' ? {} : { method, body: Buffer.concat(body), headers: { 'content-type': type } })
      .catch((error) => new Response(JSON.stringify({ error: `${prometheus}: ${error.cause ?? error}` })));
    response.end(Buffer.from(await answer.arrayBuffer()));
  } else {
    response.setHeader('content-type', types[request.url.split('.').pop()] ?? 'text/plain');
    response.end(request.url === '/' ? page : assets[request.url]?.contents);
  }
}).listen(0, '127.0.0.1');

const browser = await chromium.launch({
  executablePath: settings.chromium,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
try {
  const tab = await browser.newPage({ viewport: { width, height: 800 } });
  const failures = [];
  await tab.exposeFunction('failed', (message) => failures.push(message));
  tab.on('pageerror', (error) => failures.push(error.message));
  await tab.goto(`http://127.0.0.1:${server.address().port}/`);
  const drawn = tab.waitForFunction('window.drawn', null, { timeout: 60_000 }).catch(() => failures.push('not drawn within a minute'));
  while (!failures.length && !await tab.evaluate('window.drawn === true')) {
    await new Promise((next) => setTimeout(next, 100));
  }
  if (failures.length) {
    throw new Error(failures.join('\n'));
  }
  await drawn;
  const whole = await tab.evaluate('document.getElementById("dashboard").clientHeight');
  const height = Math.min(whole, Number(settings.height ?? whole));
  await tab.setViewportSize({ width, height });
  await tab.waitForTimeout(1000); // what came into sight is drawn
  await tab.screenshot({ path: picture });
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await browser.close();
  server.close();
}
