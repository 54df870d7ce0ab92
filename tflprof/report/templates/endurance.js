// An endurance run over time: latency, and below it what may explain it. Unknown points are gaps.
function drawEndurance(figure) {
  const run = data.endurance;
  const known = (values) => values.filter((value) => value !== null);
  if (run.seconds.length < 2) return empty(figure, 'Too few blocks to draw.');
  const [factor, suffix] = axisScale(Math.max(...run.latency));
  const panels = [
    { title: `latency, ${suffix}`, unit: suffix, values: run.latency, factor, height: 150, dots: true },
    { title: 'frequency, GHz', unit: 'GHz', values: run.khz, factor: 1e6, height: 84 },
    { title: 'temperature, °C', unit: '°C', values: run.celsius, factor: 1, height: 84 },
  ].filter((panel) => known(panel.values).length);
  const width = figure.clientWidth;
  const gap = 34;
  const svg = canvas(figure, width, panels.reduce((sum, panel) => sum + panel.height + gap, 0) + 20);
  const box = { left: 56, right: width - 8 };
  const last = run.seconds[run.seconds.length - 1];
  const [span, spanName] = last >= 120 ? [60, 'min'] : [1, 's'];
  const x = linear(0, last, box.left + 4, box.right - 4);
  let top = 24;
  for (const panel of panels) {
    drawPanel(svg, panel, { ...box, top, bottom: top + panel.height }, x, run);
    top += panel.height + gap;
  }
  const bottom = top - gap;
  for (const tick of ticks(0, last / span, width / 90)) {
    make('text', { x: x(tick * span), y: bottom + 18, 'text-anchor': 'middle' }, svg, `${number(tick)} ${spanName}`);
  }
  if (run.point) {
    const at = x(run.point.seconds);
    const right = at > (box.left + box.right) / 2;
    make('line', { class: 'limit throttle', x1: at, x2: at, y1: 14, y2: bottom }, svg);
    make('text', { class: 'strong', x: at + (right ? -6 : 6), y: 12, 'text-anchor': right ? 'end' : 'start' }, svg, 'slower from here on');
  }
  return undefined;
}

function drawPanel(svg, panel, box, x, run) {
  const values = panel.values.map((value) => (value === null ? null : value / panel.factor));
  const seen = values.filter((value) => value !== null);
  const low = Math.min(...seen);
  const high = Math.max(...seen);
  const pad = (high - low) * 0.08 || high * 0.01 || 1;
  const y = linear(low - pad, high + pad, box.bottom, box.top);
  make('text', { class: 'strong', x: 0, y: box.top - 8 }, svg, panel.title);
  for (const tick of ticks(low - pad, high + pad, panel.height / 17)) {
    make('line', { class: 'grid', x1: box.left, x2: box.right, y1: y(tick), y2: y(tick) }, svg);
    make('text', { x: box.left - 8, y: y(tick) + 4, 'text-anchor': 'end' }, svg, String(Number(tick.toPrecision(4))));
  }
  if (panel.dots) drawLevels(svg, panel, box, x, y, run);
  let path = '';
  values.forEach((value, i) => {
    if (value === null) return;
    path += `${path && values[i - 1] !== null ? 'L' : 'M'}${x(run.seconds[i]).toFixed(1)} ${y(value).toFixed(1)}`;
    if (!panel.dots) return;
    const mark = make('circle', { class: 'mark dot c0', cx: x(run.seconds[i]), cy: y(value), r: 2.5 }, svg);
    const beside = [run.khz[i] === null ? null : `${number(run.khz[i] / 1e6)} GHz`, run.celsius[i] === null ? null : `${number(run.celsius[i])} °C`];
    explain(mark, [`${number(value)} ${panel.unit}`, `at ${number(run.seconds[i])} s`, beside.filter(Boolean).join(', '), data.provenance]);
  });
  if (!panel.dots) make('path', { class: 'course', d: path }, svg);
}

function drawLevels(svg, panel, box, x, y, run) {
  if (!run.point) return;
  const at = x(run.point.seconds);
  for (const [from, to, value] of [[box.left, at, run.point.before], [at, box.right, run.point.after]]) {
    make('line', { class: 'level', x1: from, x2: to, y1: y(value / panel.factor), y2: y(value / panel.factor) }, svg);
  }
}
