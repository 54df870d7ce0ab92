const charts = { order: drawOrder, spread: drawSpread, roofline: drawRoofline, session: drawSession };

function draw(figure) {
  if (figure.clientWidth) charts[figure.id](figure);
}

const drawn = new Map();
const observer = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (drawn.get(target) === target.clientWidth) continue;
    drawn.set(target, target.clientWidth);
    draw(target);
  }
});
for (const id of Object.keys(charts)) observer.observe(document.getElementById(id));
document.getElementById('spread-more').addEventListener('click', () => {
  spreadAll = !spreadAll;
  draw(document.getElementById('spread'));
});
