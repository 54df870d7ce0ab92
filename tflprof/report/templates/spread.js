// Box plots relative to each layer's own median: small layers are as readable as large ones.
const SPREAD_FEW = 16;
let spreadAll = false;

function drawSpread(figure) {
  const more = document.getElementById('spread-more');
  const known = ranked.filter((layer) => layer.quantiles && layer.quantiles[2] > 0);
  more.hidden = true;
  if (!known.length) return empty(figure, 'No layer was measured.');
  const chosen = spreadAll ? known : known.slice(0, SPREAD_FEW);
  more.hidden = known.length <= SPREAD_FEW;
  more.textContent = spreadAll ? `the ${SPREAD_FEW} most expensive` : `all ${known.length}`;
  const width = figure.clientWidth;
  const names = Math.min(210, width * 0.42);
  const height = chosen.length * 20 + 34;
  const svg = canvas(figure, width, height);
  const relative = chosen.map((layer) => layer.quantiles.map((each) => each / layer.quantiles[2] - 1));
  const far = Math.min(1, Math.max(0.005, ...relative.flat().map(Math.abs))) * 1.05;
  const x = linear(-far, far, names + 8, width - 6);
  for (const tick of ticks(-far, far, (width - names) / 70)) {
    const label = `${tick > 0 ? '+' : ''}${number(tick * 100)} %`;
    make('line', { class: Math.abs(tick) < far * 1e-9 ? 'axis' : 'grid', x1: x(tick), x2: x(tick), y1: 0, y2: height - 26 }, svg);
    make('text', { x: x(tick), y: height - 10, 'text-anchor': 'middle' }, svg, Math.abs(tick) < far * 1e-9 ? 'median' : label);
  }
  chosen.forEach((layer, i) => drawBox(svg, layer, relative[i], x, i * 20 + 10, names, far));
  return undefined;
}

function drawBox(svg, layer, quantiles, x, y, names, far) {
  const [low, from, , to, high] = quantiles.map((each) => x(Math.max(-far, Math.min(far, each))));
  const mark = make('g', { class: 'mark' }, svg);
  make('text', { class: 'strong', x: names, y: y + 4, 'text-anchor': 'end' }, mark, shortened(layer.name, names));
  make('line', { class: 'whisker', x1: low, x2: high, y1: y, y2: y }, mark);
  make('rect', { class: `c${layer.colour}`, x: from, width: Math.max(1, to - from), y: y - 5, height: 10, rx: 1.5 }, mark);
  make('line', { class: 'whisker', x1: x(0), x2: x(0), y1: y - 5, y2: y + 5 }, mark);
  make('rect', { class: 'hit', x: 0, width: x(far), y: y - 10, height: 20 }, mark);
  const shown = (each) => `${each < 0 ? '−' : '+'}${number(Math.abs(each) * 100)} %`;
  const range = `half within ${shown(quantiles[1])} … ${shown(quantiles[3])}, nine of ten within ${shown(quantiles[0])} … ${shown(quantiles[4])}`;
  explain(mark, [...layerLines(layer).slice(0, 2), layer.text.value, range, data.provenance], layer);
}
