// What Grafana's server and its Prometheus datasource do with a dashboard:
// values for its variables, and the answers to its queries as data frames.
import { toDataFrame } from '@grafana/data';

const points = 300; // about one a pixel

export class Data {
  // shown is how many seconds up to now are shown; given are values of variables.
  constructor(dashboard, shown, given) {
    Object.assign(this, { dashboard, shown, given, to: Date.now(), found: {} });
    this.from = this.to - shown * 1000;
    this.values = { __range: `${shown}s`, __rate_interval: '1m', __interval: '15s', datasource: 'Prometheus' };
  }

  // resolve puts values in place of variables, longer names first.
  resolve(text, scope = {}) {
    const values = { ...this.values, ...scope };
    for (const name of Object.keys(values).sort((a, b) => b.length - a.length)) {
      text = text.replace(new RegExp(`\\$(?:${name}\\b|\\{${name}(?::\\w+)?\\})`, 'g'), () => values[name]);
    }
    return text;
  }

  async variables() {
    for (const v of this.dashboard.templating.list) {
      const [, series, label] = /^label_values\((.*), (\w+)\)$/.exec(v.definition ?? '') ?? [];
      if (!series) {
        this.values[v.name] ??= v.query;
        continue;
      }
      const found = await this.ask(`label/${label}/values`, { 'match[]': this.resolve(series), start: this.from / 1000, end: this.to / 1000 }, 'GET');
      this.found[v.name] = found;
      const preset = found.includes(v.current?.value) ? v.current.value : found[0];
      this.values[v.name] = this.given[v.name] ?? (v.includeAll ? v.allValue : preset);
    }
  }

  // each are the values of a variable for which a panel is repeated.
  each(name) {
    const value = this.values[name];
    return this.found[name].filter((one) => value === '.*' || value === one);
  }

  async frames(panel, scope) {
    const frames = [];
    for (const target of panel.targets) {
      const query = this.resolve(target.expr, scope);
      const step = Math.max(10, Math.ceil(this.shown / points));
      const { result } = target.instant
        ? await this.ask('query', { query, time: this.to / 1000 })
        : await this.ask('query_range', { query, start: this.from / 1000, end: this.to / 1000, step });
      if (target.format === 'table') {
        frames.push(...table(result, target, panel.targets.length > 1 ? `Value #${target.refId}` : 'Value'));
      } else {
        frames.push(...result.map((series) => line(series, target, step, this.resolve(target.legendFormat, scope))));
      }
    }
    return frames;
  }

  async ask(path, query, method = 'POST') {
    const body = new URLSearchParams(query);
    const answer = method === 'GET' ? await fetch(`/api/v1/${path}?${body}`) : await fetch(`/api/v1/${path}`, { method, body });
    const { status, error, data } = await answer.json();
    if (status !== 'success') {
      throw new Error(`${error}: ${query.query ?? path}`);
    }
    return data;
  }
}

function table(result, { refId }, valueName) {
  if (!result.length) {
    return [];
  }
  const labels = [...new Set(result.flatMap((s) => Object.keys(s.metric)))].sort();
  return [toDataFrame({ refId, fields: [
    { name: 'Time', type: 'time', values: result.map((s) => s.value[0] * 1000) },
    ...labels.map((name) => ({ name, type: 'string', values: result.map((s) => s.metric[name] ?? '') })),
    { name: valueName, type: 'number', values: result.map((s) => Number(s.value[1])) },
  ] })];
}

function line({ metric, value, values = [value] }, { refId }, step, legend) {
  const times = [], figures = [];
  for (const [time, figure] of values) {
    if (times.length && time * 1000 - times.at(-1) > step * 1500) { // a gap
      times.push(times.at(-1) + step * 1000);
      figures.push(null);
    }
    times.push(time * 1000);
    figures.push(Number(figure));
  }
  const name = legend.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => metric[label] ?? '');
  return toDataFrame({ refId, name, fields: [
    { name: 'Time', type: 'time', values: times, config: { interval: step * 1000 } },
    { name: 'Value', type: 'number', values: figures, labels: metric, config: { displayNameFromDS: name } },
  ] });
}
