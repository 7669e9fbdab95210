// Draws a dashboard in the browser with the components that Grafana is made
// of. What Grafana's server keeps to itself is made up for here: the grid, the
// defaults of panels, and the gauge. Panels of other types say their type.
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { lastValueFrom } from 'rxjs';
import {
  FieldConfigOptionsRegistry, ThemeContext, applyFieldOverrides, cacheFieldDisplayNames, createTheme, dateTime, formattedValueToString,
  getDisplayValueAlignmentFactors, getFieldDisplayValues, renderMarkdown, standardTransformers, standardTransformersRegistry, transformDataFrame,
} from '@grafana/data';
import { BarGauge, BigValue, GlobalStyles, PanelChrome, PortalContainer, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { Data } from './data.mjs';

const { dashboard, width, shown, light, given } = window.picture;
const theme = createTheme({ colors: { mode: light ? 'light' : 'dark' } });
const data = new Data(dashboard, shown, given);
const range = { from: dateTime(data.from), to: dateTime(data.to), raw: { from: `now-${shown}s`, to: 'now' } };

// Transformations are looked up here by their id; some are there twice.
const transformers = new Map(Object.values(standardTransformers).map((t) => [t.id, { id: t.id, name: t.name, transformation: async () => t }]));
standardTransformersRegistry.setInit(() => [...transformers.values()]);

// What a field can be told, by the names that our dashboards use.
const option = (path, isCustom) => ({ id: isCustom ? `custom.${path}` : path, path, name: path, isCustom, process: (v) => v, shouldApply: () => true });
const registry = new FieldConfigOptionsRegistry(() => [
  ...['unit', 'decimals', 'min', 'max', 'noValue', 'color', 'mappings', 'thresholds', 'links'].map((name) => option(name, false)),
  ...['align', 'axisPlacement', 'axisSoftMax', 'cellOptions', 'drawStyle', 'fillOpacity', 'filterable', 'hideFrom', 'lineInterpolation', 'lineStyle',
    'lineWidth', 'minWidth', 'pointSize', 'scaleDistribution', 'showPoints', 'spanNulls', 'stacking', 'thresholdsStyle', 'width',
  ].map((name) => option(name, true)),
]);
const defaults = {
  table: { align: 'auto', cellOptions: { type: 'auto' } },
  timeseries: { axisPlacement: 'auto', hideFrom: {}, pointSize: 5, scaleDistribution: { type: 'linear' }, stacking: { mode: 'none' }, thresholdsStyle: { mode: 'off' } },
};

// fieldConfig is that of a panel after Grafana's migrations.
function fieldConfig(panel) {
  const config = structuredClone(panel.fieldConfig);
  const { displayMode, ...custom } = { ...defaults[panel.type], ...config.defaults.custom };
  config.defaults.custom = custom;
  config.defaults.thresholds ??= { mode: 'absolute', steps: [{ color: 'green' }] };
  config.defaults.thresholds.steps[0].value = -Infinity;
  for (const property of config.overrides.flatMap((o) => o.properties)) {
    if (property.id === 'custom.displayMode') {
      Object.assign(property, { id: 'custom.cellOptions', value: { type: property.value } });
    }
  }
  return config;
}

async function series(panel, scope) {
  let frames = await data.frames(panel, scope);
  if (panel.transformations) {
    frames = await lastValueFrom(transformDataFrame(panel.transformations, frames, { interpolate: (text) => text }));
  }
  frames = applyFieldOverrides({
    data: frames, fieldConfig: fieldConfig(panel), fieldConfigRegistry: registry, replaceVariables: (text) => text, theme, timeZone: 'utc',
  });
  cacheFieldDisplayNames(frames);
  return frames;
}

function Values({ panel, frames, width, height }) {
  const { options } = panel;
  const values = getFieldDisplayValues({
    data: frames, fieldConfig: panel.fieldConfig, reduceOptions: options.reduceOptions, replaceVariables: (text) => text, theme, timeZone: 'utc',
  });
  const common = { source: frames, renderCounter: 1, getValues: () => values, width, height, orientation: options.orientation ?? 'auto' };
  switch (panel.type) {
    case 'stat':
      return <VizRepeater {...common} autoGrid itemSpacing={3} getAlignmentFactors={getDisplayValueAlignmentFactors}
        renderValue={({ value, ...place }) => <BigValue {...place} {...options} theme={theme} value={value.display}
          textMode={options.textMode === 'auto' && values.length === 1 ? 'value' : options.textMode} />} />;
    case 'bargauge':
      return <VizRepeater {...common} itemSpacing={10} minVizHeight={options.minVizHeight} maxVizHeight={options.maxVizHeight}
        getAlignmentFactors={(all) => getDisplayValueAlignmentFactors(all, options.orientation)}
        renderValue={({ value, ...place }) => <BarGauge {...place} {...options} theme={theme} value={value.display} field={value.field}
          display={value.view?.getFieldDisplayProcessor(value.colIndex)} itemSpacing={10} lcdCellWidth={12} namePlacement="auto"
          valueDisplayMode={options.valueMode} />} />;
    default:
      return <VizRepeater {...common} renderValue={({ value, ...place }) => <Gauge {...place} display={value.display} />} />;
  }
}

// Gauge stands in for Grafana's, which its packages lack.
function Gauge({ display, width, height }) {
  const radius = Math.min(width / 2, height) * 0.8, share = Math.min(1, Math.max(0, display.numeric));
  const arc = (to, color) => {
    const [x, y] = [-radius * Math.cos(Math.PI * to), -radius * Math.sin(Math.PI * to)];
    return <path d={`M${-radius},0A${radius},${radius} 0 0 1 ${x},${y}`} fill="none" stroke={color} strokeWidth={radius / 4} />;
  };
  return (
    <svg width={width} height={height} viewBox={`${-width / 2} ${-height * 0.95} ${width} ${height}`}>
      {arc(1, theme.colors.background.secondary)}
      {arc(share, display.color)}
      <text textAnchor="middle" fontSize={radius * 0.4} fill={display.color}>{formattedValueToString(display)}</text>
    </svg>
  );
}

function Content({ panel, frames, width, height }) {
  const { options, type } = panel;
  if (type === 'text') {
    return <div className="markdown-html" dangerouslySetInnerHTML={{ __html: renderMarkdown(data.resolve(options.content)) }} />;
  }
  if (!frames.some((frame) => frame.length)) {
    return <>{panel.fieldConfig.defaults.noValue ?? 'No data'}</>;
  }
  switch (type) {
    case 'stat':
    case 'bargauge':
    case 'gauge':
      return <Values {...{ panel, frames, width, height }} />;
    case 'table':
      return <TableNG data={frames[0]} fieldConfig={panel.fieldConfig} width={width} height={height} noHeader={!options.showHeader} sortBy={options.sortBy}
        cellHeight="sm" enableSharedCrosshair={false} getActions={() => []} structureRev={1} timeRange={range} />;
    case 'timeseries':
      return <TimeSeries frames={frames} options={options} legend={options.legend} width={width} height={height} structureRev={1} timeRange={range} timeZone="utc" />;
    default:
      return <>A {type}: only Grafana itself draws it.</>;
  }
}

let waiting = 0;
function Panel({ panel, scope, ...style }) {
  const [frames, setFrames] = useState();
  useEffect(() => {
    if (!panel.targets) {
      setFrames([]);
      return;
    }
    waiting++;
    series(panel, scope).then(setFrames).catch((error) => window.failed(`${panel.title}: ${error}`)).finally(() => waiting--);
  }, []);
  const title = data.resolve(panel.title, scope);
  if (panel.type === 'row') {
    return <div style={{ ...style, position: 'absolute', fontSize: 16, paddingTop: 4 }}>{title}</div>;
  }
  return (
    <div style={{ ...style, position: 'absolute' }}>
      <PanelChrome title={title} description={panel.description} width={style.width} height={style.height}>
        {(width, height) => frames && <Content {...{ panel, frames, width, height }} />}
      </PanelChrome>
    </div>
  );
}

// layOut gives panels their places in pixels: 24 columns, rows of 30 and a gap
// of 8. A repeated panel moves down what is below it.
function layOut() {
  const column = (width - 24) / 24, places = [];
  let down = 0;
  for (const panel of dashboard.panels) {
    const { x, y, w, h } = panel.gridPos;
    const scopes = panel.repeat ? data.each(panel.repeat).map((value) => ({ [panel.repeat]: value })) : [{}];
    const perRow = panel.repeat ? Math.min(panel.maxPerRow, scopes.length) : 1;
    const columns = panel.repeat ? 24 / perRow : w;
    scopes.forEach((scope, i) => places.push({ panel, scope, left: 16 + (x + (i % perRow) * columns) * column, width: columns * column - 8,
      top: 16 + (y + down + Math.floor(i / perRow) * h) * 38, height: h * 38 - 8 }));
    down += h * (Math.ceil(scopes.length / perRow) - 1);
  }
  return places;
}

function Dashboard() {
  const places = layOut();
  const height = Math.max(...places.map((p) => p.top + p.height)) + 16;
  return (
    <ThemeContext.Provider value={theme}>
      <PortalContainer />
      <GlobalStyles />
      <div id="dashboard" style={{ position: 'relative', width, height, background: theme.colors.background.canvas, color: theme.colors.text.primary }}>
        {places.map((place, i) => <Panel key={i} {...place} />)}
      </div>
    </ThemeContext.Provider>
  );
}

data.variables().then(() => {
  createRoot(document.getElementById('root')).render(<Dashboard />);
  const timer = setInterval(() => {
    if (waiting === 0) {
      clearInterval(timer);
      setTimeout(() => { window.drawn = true; }, 2000); // tables measure themselves first
    }
  }, 200);
}).catch((error) => window.failed(String(error)));
