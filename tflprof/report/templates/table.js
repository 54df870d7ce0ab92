// Sorting and filtering of the table of layers; unknown values stay last either way.
const table = document.getElementById('layers');
const body = table.tBodies[0];
const rows = [...body.rows];
const textFirst = new Set(['rank', 'index', 'name', 'op', 'kernel', 'cumulative']);

function cellValue(row, column) {
  const cell = row.cells[column];
  if (!('v' in cell.dataset)) return cell.textContent.trim();
  return cell.dataset.v === '' ? null : Number(cell.dataset.v);
}

function sortBy(header) {
  const column = header.cellIndex;
  const key = header.dataset.key;
  const before = header.getAttribute('aria-sort');
  const up = before ? before !== 'ascending' : textFirst.has(key);
  for (const other of header.parentElement.cells) other.removeAttribute('aria-sort');
  header.setAttribute('aria-sort', up ? 'ascending' : 'descending');
  const order = (a, b) => {
    const [left, right] = [cellValue(a, column), cellValue(b, column)];
    if (left === null || right === null) return (left === null) - (right === null);
    const sign = typeof left === 'number' ? left - right : left.localeCompare(right, 'en', { numeric: true });
    return up ? sign : -sign;
  };
  rows.sort(order);
  body.append(...rows);
}

function filterRows() {
  const words = document.getElementById('filter').value.toLowerCase().split(/\s+/).filter(Boolean);
  const op = document.getElementById('op-filter').value;
  let shown = 0;
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    const kind = row.querySelector('.op').textContent.trim();
    const matches = words.every((word) => text.includes(word)) && (!op || kind === op);
    row.hidden = !matches;
    shown += matches;
  }
  const all = `${rows.length} layer${rows.length === 1 ? '' : 's'}`;
  document.getElementById('count').textContent = shown === rows.length ? all : `${shown} of ${all}`;
}

function findRow(id) {
  for (const row of rows) {
    const wanted = row.dataset.id === id;
    row.classList.toggle('on', wanted);
    if (wanted) {
      row.hidden = false;
      row.scrollIntoView({ block: 'center', behavior: 'smooth' });
    }
  }
}

for (const header of table.tHead.querySelectorAll('[data-key]')) {
  header.querySelector('button').addEventListener('click', () => sortBy(header));
}
document.getElementById('filter').addEventListener('input', filterRows);
document.getElementById('op-filter').addEventListener('change', filterRows);
