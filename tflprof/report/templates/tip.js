// What a mark says when it is pointed at.
const tip = document.getElementById('tip');

function showTip(event, lines) {
  tip.replaceChildren(...lines.filter(Boolean).map((line, i) => {
    const element = document.createElement(i ? 'span' : 'b');
    element.textContent = line;
    return element;
  }));
  tip.hidden = false;
  const left = Math.min(event.pageX + 14, window.scrollX + document.documentElement.clientWidth - tip.offsetWidth - 8);
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${event.pageY + 16}px`;
}

function explain(element, lines, layer = null) {
  element.addEventListener('pointermove', (event) => showTip(event, lines));
  element.addEventListener('pointerleave', () => { tip.hidden = true; });
  if (layer) element.addEventListener('click', () => findRow(layer.id));
}
