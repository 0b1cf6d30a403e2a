// What pages.py asks of a page; each function returns what is wrong, or counts.
function boxes() {
  const bad = [];
  const name = (e) => `${e.tagName.toLowerCase()}${e.id ? '#' + e.id : ''}${e.className ? '.' + e.className : ''} “${(e.textContent || e.alt || '').trim().slice(0, 40)}”`;
  const seen = (e) => { const s = getComputedStyle(e); const b = e.getBoundingClientRect(); return s.display !== 'none' && s.visibility !== 'hidden' && b.width > 0 && b.height > 0; };
  const wide = document.scrollingElement.scrollWidth;
  if (wide > innerWidth + 1) bad.push(`the page is ${wide} wide on a screen of ${innerWidth}`);
  for (const image of document.images) {
    const box = image.getBoundingClientRect();
    if (!image.complete || !image.naturalWidth) bad.push(`not drawn: ${image.alt.slice(0, 60)}`);
    if (box.right > innerWidth + 1 || box.left < -1) bad.push(`figure out of the screen: ${image.alt.slice(0, 60)}`);
    // Text of 8.5 points must not come below 8 pixels.
    if (box.width < 0.7 * image.naturalWidth) bad.push(`figure at ${(box.width / image.naturalWidth).toFixed(2)} of its size: ${image.alt.slice(0, 60)}`);
  }
  for (const e of document.querySelectorAll('h1,h2,h3,h4,p,li,td,th,figcaption,button,summary,footer,b,code,input')) {
    if (!seen(e) || e.closest('nav ul')) continue;
    const box = e.getBoundingClientRect();
    const style = getComputedStyle(e);
    if (style.display !== 'inline' && e.scrollWidth > e.clientWidth + 1 && e.tagName !== 'INPUT') bad.push(`cut: ${name(e)}`);
    if (!e.closest('.scroll') && box.right > innerWidth + 1) bad.push(`out of the screen: ${name(e)}`);
  }
  for (const parent of document.querySelectorAll('main,section,header .wrap,.figures,.opening,.opening > div,.tools,figure,.facts,.warnings,ul,ol,tr,nav .wrap')) {
    const boxes = [...parent.children].filter(seen).map((e) => [e, e.getBoundingClientRect()]).filter(([e]) => getComputedStyle(e).position !== 'sticky');
    for (let i = 0; i < boxes.length; i += 1) for (let j = i + 1; j < Math.min(boxes.length, i + 40); j += 1) {
      const [[a, p], [b, q]] = [boxes[i], boxes[j]];
      if (Math.min(p.right, q.right) - Math.max(p.left, q.left) > 1 && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 1) bad.push(`over each other: ${name(a)} and ${name(b)}`);
    }
  }
  return bad.slice(0, 12);
}

function tables() {
  const bad = [];
  const rows = (table) => [...table.tBodies].flatMap((body) => [...body.rows]);
  const number = (cell) => { const t = cell.firstChild ? cell.firstChild.textContent.replace(/−/g, '-').replace(/\s/g, '') : ''; const f = t.match(/-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?/i); return f ? parseFloat(f[0]) : NaN; };
  let sorted = 0, filtered = 0, folded = 0;
  for (const table of document.querySelectorAll('table[data-first]')) {
    const all = rows(table).length;
    if (all < 3) continue;
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, at) => {
      for (const way of head.classList.contains('n') ? ['descending', 'ascending'] : ['ascending', 'descending']) {
        head.querySelector('button').click();
        if (head.getAttribute('aria-sort') !== way) bad.push(`${table.dataset.name}: ${head.textContent} is not ${way}`);
        if (rows(table).length !== all) bad.push(`${table.dataset.name}: sorting lost rows`);
        if (!head.classList.contains('n')) continue;
        const found = rows(table).map((row) => number(row.cells[at]));
        const known = found.filter((v) => !Number.isNaN(v));
        if (found.slice(known.length).some((v) => !Number.isNaN(v))) bad.push(`${table.dataset.name}: what is not defined is not last`);
        const sign = way === 'ascending' ? 1 : -1;
        if (known.some((v, i) => i && sign * (v - known[i - 1]) < 0)) bad.push(`${table.dataset.name}: ${head.textContent} is out of order`);
        sorted += 1;
      }
    });
    const tools = table.closest('.scroll').previousElementSibling;
    const box = tools.querySelector('input');
    if (box) {
      const word = rows(table)[0].textContent.trim().toLowerCase().split(/\s+/)[0].slice(0, 12);
      const want = rows(table).filter((row) => row.textContent.toLowerCase().includes(word)).length;
      box.value = word; box.dispatchEvent(new Event('input'));
      if (rows(table).length !== want) bad.push(`${table.dataset.name}: “${word}” leaves ${rows(table).length} rows, not ${want}`);
      box.value = 'no row has this'; box.dispatchEvent(new Event('input'));
      if (rows(table).length) bad.push(`${table.dataset.name}: filtered by nonsense it has rows`);
      box.value = ''; box.dispatchEvent(new Event('input'));
      if (rows(table).length !== all) bad.push(`${table.dataset.name}: rows do not come back`);
      filtered += 1;
    }
    const fold = [...tools.querySelectorAll('button')].find((b) => !b.hidden);
    if (fold && table.tBodies[1]) {
      const before = getComputedStyle(table.tBodies[1]).display;
      fold.click();
      if (before === getComputedStyle(table.tBodies[1]).display) bad.push(`${table.dataset.name}: does not unfold`);
      fold.click(); folded += 1;
    }
  }
  return [bad.slice(0, 12), sorted, filtered, folded];
}

function hover() {
  const slim = matchMedia('(max-width: 700px)').matches;
  let said = 0, plates = 0;
  for (const plate of document.querySelectorAll('.plate[data-wide]')) {
    const marks = JSON.parse((slim && plate.dataset.narrow) || plate.dataset.wide);
    plate.scrollIntoView({ block: 'center', behavior: 'instant' });
    const box = plate.getBoundingClientRect();
    const [x, y, words] = marks[0];
    plate.dispatchEvent(new PointerEvent('pointermove', { clientX: box.left + x * box.width, clientY: box.top + y * box.height, bubbles: true }));
    const tip = document.querySelector('.tip');
    const at = tip.getBoundingClientRect();
    plates += 1;
    if (!tip.hidden && tip.textContent && at.left >= 0 && at.right <= innerWidth + 1) said += 1;
    plate.dispatchEvent(new PointerEvent('pointerleave'));
  }
  scrollTo({ top: 0, behavior: 'instant' });
  return [said, plates];
}
