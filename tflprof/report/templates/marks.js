// Marks of charts say what stands in their row of the table, and lead to it.
for (const mark of document.querySelectorAll('[data-row]')) {
  const { row, of } = mark.dataset;
  const lines = tables.get(of)?.lines(row);
  if (!lines) continue;
  explain(mark, lines);
  mark.addEventListener('click', (event) => {
    event.preventDefault();
    findRow(row, of);
  });
}

// Paper has no buttons.
window.addEventListener('beforeprint', () => {
  for (const details of document.querySelectorAll('details')) details.open = true;
});
