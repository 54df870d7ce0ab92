// Bars in execution order. A group's bar is as wide as the layers it serves, where they follow each other.
function span(layer) {
  const places = layer.members.map((id) => data.layers.findIndex((each) => each.id === id));
  const first = Math.min(...places);
  const together = Math.max(...places) - first === places.length - 1;
  return together ? [first, places.length] : [data.layers.indexOf(layer), 1];
}

function drawOrder(figure) {
  if (!layers.length) return empty(figure, 'No layer was measured.');
  const width = figure.clientWidth;
  const height = width < 600 ? 220 : 280;
  const box = { left: 48, right: width - 4, top: 22, bottom: height - 34 };
  const highest = Math.max(...layers.map((layer) => layer.value));
  const count = data.layers.length;
  const slot = Math.min((box.right - box.left) / count, 56);
  // The axis covers the intervals that are drawn; one far beyond all bars would flatten them, and ends in an arrow.
  const ends = slot < 6 ? [] : layers.map((layer) => layer.hi ?? 0);
  const largest = Math.min(Math.max(highest, ...ends), highest * 4) || 1;
  const svg = canvas(figure, width, height);
  const y = linear(0, largest, box.bottom, box.top);
  const [factor, suffix] = axisScale(largest);
  for (const tick of ticks(0, largest, 5)) {
    make('line', { class: tick ? 'grid' : 'axis', x1: box.left, x2: box.right, y1: y(tick), y2: y(tick) }, svg);
    make('text', { x: box.left - 8, y: y(tick) + 4, 'text-anchor': 'end' }, svg, number(tick / factor));
  }
  make('text', { x: box.left - 8, y: 10, 'text-anchor': 'end' }, svg, suffix || 'count');
  for (const tick of ticks(0, count - 1, Math.min(count, width / 80))) {
    if (!Number.isInteger(tick)) continue;
    const x = box.left + (tick + 0.5) * slot;
    make('text', { x, y: box.bottom + 16, 'text-anchor': 'middle' }, svg, data.layers[tick].id);
  }
  make('text', { x: box.left, y: height - 3 }, svg, 'execution order →');
  for (const layer of layers) drawBar(svg, layer, box, slot, y);
  return undefined;
}

function drawBar(svg, layer, box, slot, y) {
  const [first, many] = span(layer);
  const gap = Math.min(3, slot * 0.2);
  const left = box.left + first * slot + gap / 2;
  const across = Math.max(0.7, many * slot - gap);
  const top = Math.min(y(Math.max(layer.value, 0)), box.bottom - 1);
  const mark = make('g', { class: 'mark', 'data-id': layer.id }, svg);
  make('rect', { class: `c${layer.colour}`, x: left, width: across, y: top, height: box.bottom - top, rx: Math.min(2, across / 4) }, mark);
  const within = (value) => Math.min(box.bottom, Math.max(box.top, y(value)));
  const shown = layer.lo !== null && y(layer.lo) - y(layer.hi) >= 1.5 && across >= 6;
  const middle = left + across / 2;
  if (shown) make('line', { class: 'whisker', x1: middle, x2: middle, y1: within(layer.lo), y2: within(layer.hi) }, mark);
  if (shown && y(layer.hi) < box.top - 0.5) make('path', { class: 'whisker beyond', d: `M${middle - 4} ${box.top + 5}l4 -6l4 6` }, mark);
  make('rect', { class: 'hit', x: box.left + first * slot, width: many * slot, y: box.top, height: box.bottom - box.top }, mark);
  explain(mark, layerLines(layer), layer);
}
