const charts = { order: drawOrder, spread: drawSpread, roofline: drawRoofline, session: drawSession, endurance: drawEndurance };

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
// A profile of exact counts has no distributions, and no places for their charts.
for (const figure of document.querySelectorAll('figure.chart')) observer.observe(figure);
document.getElementById('spread-more')?.addEventListener('click', () => {
  spreadAll = !spreadAll;
  draw(document.getElementById('spread'));
});
