// Shared by the charts: SVG elements, scales, ticks.
const data = JSON.parse(document.getElementById('data').textContent);
const layers = data.layers.filter((layer) => layer.value !== null);
const ranked = [...layers].sort((a, b) => a.rank - b.rank);

function make(name, attributes = {}, parent = null, text = null) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== null) element.textContent = text;
  if (parent) parent.append(element);
  return element;
}

function canvas(figure, width, height) {
  figure.replaceChildren();
  return make('svg', { viewBox: `0 0 ${width} ${height}`, height, 'aria-hidden': 'true' }, figure);
}

function empty(figure, message) {
  const note = document.createElement('p');
  note.className = 'empty';
  note.textContent = message;
  figure.replaceChildren(note);
}

function linear(from, to, low, high) {
  return (value) => low + ((value - from) / (to - from || 1)) * (high - low);
}

function logarithmic(from, to, low, high) {
  const scale = linear(Math.log10(from), Math.log10(to), low, high);
  return (value) => scale(Math.log10(value));
}

// Round values within [from, to], about as many as asked for.
function ticks(from, to, count) {
  const rough = (to - from) / Math.max(1, count) || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((each) => each * power >= rough) * power;
  const found = [];
  for (let i = Math.ceil(from / step); i * step <= to + step * 1e-6; i += 1) found.push(i * step);
  return found;
}

function decades(from, to) {
  const found = [];
  for (let power = Math.ceil(Math.log10(from)); 10 ** power <= to * 1.0001; power += 1) found.push(10 ** power);
  return found;
}

function number(value) {
  return String(Number(value.toPrecision(3))).replace('-', '−');
}

// One scale for a whole axis, so that its labels compare at a glance.
function axisScale(largest) {
  const time = [[1e9, 's'], [1e6, 'ms'], [1e3, 'µs'], [1, 'ns']];
  const count = [[1e9, 'G'], [1e6, 'M'], [1e3, 'k'], [1, '']];
  const scales = data.unit === 'ns' ? time : count;
  return scales.find(([factor]) => largest >= factor) || scales[3];
}

function shortened(text, width) {
  const most = Math.max(4, Math.floor(width / 7));
  return text.length <= most ? text : `…${text.slice(text.length - most + 1)}`;
}

function layerLines(layer) {
  const group = layer.members.length > 1 ? `one kernel for ${layer.members.join(', ')}` : null;
  const interval = layer.text.interval ? ` (${layer.text.interval})` : '';
  return [
    layer.name,
    `${layer.id} ${layer.op}`,
    layer.kernel,
    group,
    `${layer.text.value}${data.unit === 'ns' ? '' : ` ${data.unit}`}${interval}, ${layer.text.share}`,
    ...(layer.text.instructions ? [`${layer.text.instructions} instructions`] : []),
    layer.rate === null ? null : `${layer.text.macs} MACs, ${layer.text.rate} ${data.rateName}`,
    data.provenance,
  ];
}
