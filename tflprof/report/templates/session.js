// The total, block by block, over the time of the session: drift and steps show here.
function drawSession(figure) {
  const points = data.session;
  if (points.length < 2) return empty(figure, 'Too few blocks to draw.');
  const width = figure.clientWidth;
  const height = 190;
  const box = { left: 56, right: width - 8, top: 22, bottom: height - 34 };
  const svg = canvas(figure, width, height);
  const values = points.map((point) => point[1]);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const pad = (high - low) * 0.08 || high * 0.01 || 1;
  const x = linear(0, Math.max(...points.map((point) => point[0])), box.left + 4, box.right - 4);
  const y = linear(low - pad, high + pad, box.bottom, box.top);
  const [factor, suffix] = axisScale(high);
  for (const tick of ticks(low - pad, high + pad, 4)) {
    make('line', { class: 'grid', x1: box.left, x2: box.right, y1: y(tick), y2: y(tick) }, svg);
    make('text', { x: box.left - 8, y: y(tick) + 4, 'text-anchor': 'end' }, svg, String(Number((tick / factor).toPrecision(4))));
  }
  const { lo, hi } = figure.dataset;
  if (lo && hi) make('rect', { class: 'band', x: box.left, width: box.right - box.left, y: y(Number(hi)), height: Math.max(1, y(Number(lo)) - y(Number(hi))) }, svg);
  for (const tick of ticks(0, points[points.length - 1][0], width / 90)) {
    make('text', { x: x(tick), y: box.bottom + 16, 'text-anchor': 'middle' }, svg, `${number(tick)} s`);
  }
  make('text', { x: box.left - 8, y: 10, 'text-anchor': 'end' }, svg, suffix);
  for (const [at, value, process] of points) {
    const mark = make('circle', { class: `mark dot c${process % 2 ? 6 : 0}`, cx: x(at), cy: y(value), r: 3 }, svg);
    explain(mark, [`${number(value / factor)} ${suffix}`, `process ${process}, at ${number(at)} s`, data.provenance]);
  }
  return undefined;
}
