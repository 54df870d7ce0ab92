// Sorting and filtering of tables of layers, each in a region of its own; unknown values stay last either way.
const textFirst = new Set(['rank', 'index', 'name', 'op', 'kernel', 'cumulative', 'status', 'match']);

function cellValue(row, column) {
  const cell = row.cells[column];
  if (!('v' in cell.dataset)) return cell.textContent.trim();
  return cell.dataset.v === '' ? null : Number(cell.dataset.v);
}

class LayerTable {
  constructor(region) {
    this.table = region.querySelector('table');
    this.rows = [...this.table.tBodies[0].rows];
    this.search = region.querySelector('input[type=search]');
    this.selects = [...region.querySelectorAll('select')];
    this.count = region.querySelector('output');
    this.fold = region.querySelector('button.fold');
    for (const header of this.table.tHead.querySelectorAll('[data-key]')) {
      header.querySelector('button').addEventListener('click', () => this.sort(header));
    }
    this.search.addEventListener('input', () => this.filter());
    for (const select of this.selects) select.addEventListener('change', () => this.filter());
    if (this.fold) {
      this.fold.hidden = false;
      this.fold.addEventListener('click', () => this.setFolded(this.fold.ariaExpanded === 'true'));
      this.setFolded(true);
    }
  }

  sort(header) {
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
    this.rows.sort(order);
    this.table.tBodies[0].append(...this.rows);
  }

  setFolded(folded) {
    this.fold.ariaExpanded = String(!folded);
    this.fold.textContent = folded ? this.fold.dataset.more : this.fold.dataset.less;
    this.filter();
  }

  // Rows in which nothing happened are folded away, but whoever searches finds them.
  filter() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = this.selects.filter((select) => select.value);
    const folded = this.fold?.ariaExpanded === 'false' && !words.length && !wanted.length;
    this.table.classList.toggle('folded', folded);
    let shown = 0;
    for (const row of this.rows) {
      const text = row.textContent.toLowerCase();
      const matches = words.every((word) => text.includes(word))
        && wanted.every((select) => row.querySelector(select.dataset.cells).textContent.trim() === select.value);
      row.hidden = !matches;
      shown += matches && !(folded && row.classList.contains('foldable'));
    }
    const all = `${this.rows.length} layer${this.rows.length === 1 ? '' : 's'}`;
    this.count.textContent = shown === this.rows.length ? all : `${shown} of ${all}`;
  }

  // A row in words, for the marks that stand for it.
  lines(id) {
    const row = this.rows.find((each) => each.dataset.id === id);
    return row && [...row.querySelectorAll('[data-line]')].map(
      (cell) => `${cell.dataset.line} ${cell.textContent.replace(/\s+/g, ' ')}`.trim(),
    );
  }

  find(id) {
    for (const row of this.rows) {
      const wanted = row.dataset.id === id;
      row.classList.toggle('on', wanted);
      if (wanted) {
        if (row.classList.contains('foldable') && this.table.classList.contains('folded')) this.setFolded(false);
        row.hidden = false;
        row.scrollIntoView({ block: 'center', behavior: 'smooth' });
      }
    }
  }
}

const tables = new Map([...document.querySelectorAll('[data-table]')].map(
  (region) => [region.dataset.table, new LayerTable(region)],
));

function findRow(id, name = 'layers') {
  tables.get(name)?.find(id);
}
