// Achieved rate over arithmetic intensity, log-log; the dashed lines are the best that any layer here reached.
function bounds(values) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  return [low / 1.6, high * 1.6];
}

function drawRoofline(figure) {
  const known = layers.filter((layer) => layer.intensity && layer.rate);
  if (!known.length) return empty(figure, 'No measured layer has known multiply-accumulates.');
  const width = figure.clientWidth;
  const height = 350;
  const box = { left: 52, right: width - 8, top: 22, bottom: height - 42 };
  const svg = canvas(figure, width, height);
  const [x0, x1] = bounds(known.map((layer) => layer.intensity));
  const [y0, y1] = bounds(known.map((layer) => layer.rate));
  const x = logarithmic(x0, x1, box.left, box.right);
  const y = logarithmic(y0, y1, box.bottom, box.top);
  drawLogAxes(svg, box, x, y, [x0, x1], [y0, y1]);
  drawLimits(svg, known, x, y, [x0, x1, y0]);
  const largest = Math.max(...known.map((layer) => layer.share ?? 0)) || 1;
  for (const layer of [...known].sort((a, b) => b.value - a.value)) {
    const r = 3 + 9 * Math.sqrt(Math.max(layer.share ?? 0, 0) / largest);
    const mark = make('circle', { class: `mark dot c${layer.colour}`, cx: x(layer.intensity), cy: y(layer.rate), r }, svg);
    explain(mark, [...layerLines(layer), `${number(layer.intensity)} MACs per byte`], layer);
  }
  return undefined;
}

function logTicks(from, to) {
  const found = decades(from, to);
  if (found.length >= 2) return found;
  return decades(from / 10, to).flatMap((each) => [each, 2 * each, 5 * each]).filter((each) => each >= from && each <= to);
}

function drawLogAxes(svg, box, x, y, [x0, x1], [y0, y1]) {
  for (const tick of logTicks(x0, x1)) {
    make('line', { class: 'grid', x1: x(tick), x2: x(tick), y1: box.top, y2: box.bottom }, svg);
    make('text', { x: x(tick), y: box.bottom + 16, 'text-anchor': 'middle' }, svg, number(tick));
  }
  for (const tick of logTicks(y0, y1)) {
    make('line', { class: 'grid', x1: box.left, x2: box.right, y1: y(tick), y2: y(tick) }, svg);
    make('text', { x: box.left - 8, y: y(tick) + 4, 'text-anchor': 'end' }, svg, number(tick));
  }
  make('line', { class: 'axis', x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }, svg);
  make('text', { x: 0, y: 10 }, svg, `${data.rateName}, ${data.provenance}`);
  make('text', { x: box.right, y: box.bottom + 34, 'text-anchor': 'end' }, svg, 'MACs per byte →');
}

function drawLimits(svg, known, x, y, [x0, x1, y0]) {
  const rate = Math.max(...known.map((layer) => layer.rate));
  const traffic = Math.max(...known.map((layer) => layer.rate / layer.intensity));
  const knee = rate / traffic;
  const start = Math.max(x0, y0 / traffic);
  const corner = Math.min(Math.max(knee, start), x1);
  const points = [[start, traffic * start], [corner, Math.min(rate, traffic * corner)], [x1, Math.min(rate, traffic * x1)]];
  make('polyline', { class: 'limit', points: points.map(([a, b]) => `${x(a)},${y(b)}`).join(' ') }, svg);
}
