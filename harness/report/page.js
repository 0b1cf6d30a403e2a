"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");

  // Light or dark: as the system says, until the reader chooses.
  const kept = { get: () => { try { return localStorage.getItem("theme"); } catch { return null; } },
                 set: (v) => { try { localStorage.setItem("theme", v); } catch { /* not kept */ } } };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  if (kept.get()) root.dataset.theme = kept.get();
  const themer = document.getElementById("theme");
  const name = () => { themer.textContent = dark() ? "Light" : "Dark"; };
  themer.hidden = false;
  themer.onclick = () => { root.dataset.theme = dark() ? "light" : "dark"; kept.set(root.dataset.theme); name(); };
  system.addEventListener("change", name);
  name();

  // A cell's number: the estimate before its interval. What is not defined sorts last.
  const value = (cell) => {
    const text = cell.firstChild ? cell.firstChild.textContent.replace(/−/g, "-").replace(/\s/g, "") : "";
    const found = text.match(/-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?/i);
    return found ? parseFloat(found[0]) : NaN;
  };
  const make = (tag, more) => Object.assign(document.createElement(tag), more);

  for (const table of document.querySelectorAll("table[data-first]")) {
    const first = Number(table.dataset.first);
    const [head, shown, rest] = [table.tHead, ...table.tBodies];
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    const texts = rows.map((row) => row.textContent.toLowerCase());
    let order = rows.map((_, at) => at);
    let only = null, words = [];
    const bar = make("div", { className: "tools" });
    const box = make("input", { type: "search", placeholder: "Filter rows" });
    box.setAttribute("aria-label", `Filter rows of ${table.dataset.title}`);
    const count = make("span", { className: "soft" });
    const fold = make("button", { type: "button" });
    const place = () => {
      const kept = order.filter((at) => words.every((word) => texts[at].includes(word)) && (!only || only.has(rows[at].id)));
      shown.replaceChildren(...kept.slice(0, first).map((at) => rows[at]));
      if (rest) rest.replaceChildren(...kept.slice(first).map((at) => rows[at]));
      const more = Math.max(0, kept.length - first);
      count.textContent = kept.length < rows.length ? `${kept.length} of ${rows.length} rows` : `${rows.length} rows`;
      fold.hidden = !more;
      const open = table.classList.contains("open");
      fold.textContent = open ? (first ? "Fold" : "Hide") : `Show ${first ? "the other" : "all"} ${more} rows`;
      fold.setAttribute("aria-expanded", String(open));
      table.closest(".scroll").classList.toggle("folded", !first && !open);
    };
    const unfold = (open) => { table.classList.toggle("open", open); place(); };
    fold.onclick = () => unfold(!table.classList.contains("open"));
    box.oninput = () => { words = box.value.toLowerCase().split(/\s+/).filter(Boolean); only = null; if (words.length && !first) table.classList.add("open"); place(); };
    table.showOnly = (ids) => { only = ids; words = []; box.value = ""; unfold(true); };
    [...head.rows[0].cells].forEach((cell, column) => {
      const button = make("button", { type: "button", textContent: cell.textContent });
      cell.replaceChildren(button);
      button.onclick = () => {
        const up = cell.getAttribute("aria-sort") === (cell.classList.contains("n") ? "descending" : "ascending");
        const ascending = cell.classList.contains("n") ? up : !up;
        for (const other of head.rows[0].cells) other.removeAttribute("aria-sort");
        cell.setAttribute("aria-sort", ascending ? "ascending" : "descending");
        const sign = ascending ? 1 : -1;
        const key = rows.map((row) => (cell.classList.contains("n") ? value(row.cells[column]) : row.cells[column].textContent));
        order.sort((a, b) => {
          if (typeof key[a] === "string") return sign * key[a].localeCompare(key[b], "en", { numeric: true }) || a - b;
          const lost = Number.isNaN(key[a]) - Number.isNaN(key[b]);
          return lost || sign * (key[a] - key[b]) || a - b;
        });
        place();
      };
    });
    if (rows.length > 5) bar.append(box, count);
    if (rest) bar.append(fold);
    table.closest(".scroll").before(bar);
    place();
  }

  // A link to logs shows these logs alone.
  const logs = document.querySelector("table[data-name=logs]");
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-logs]");
    if (!link || !logs) return;
    const ids = new Set();
    for (const part of link.dataset.logs.split(",")) {
      const [low, high] = part.split("-").map(Number);
      for (let at = low; at <= (high || low); at += 1) ids.add(`log_${at}`);
    }
    logs.showOnly(ids);
  });
  const reveal = () => {
    const target = logs && /^#log_\d+$/.test(location.hash) && document.getElementById(location.hash.slice(1));
    if (logs && !target && /^#log_\d+$/.test(location.hash)) logs.showOnly(new Set([location.hash.slice(1)]));
  };
  addEventListener("hashchange", reveal);
  reveal();

  // Values under the pointer: those of the nearest mark.
  const tip = make("div", { className: "tip", hidden: true });
  tip.setAttribute("role", "status");
  document.body.append(tip);
  const slim = matchMedia("(max-width: 700px)");
  for (const plate of document.querySelectorAll(".plate")) {
    const sets = {};
    const show = (event) => {
      const key = slim.matches && plate.dataset.narrow ? "narrow" : "wide";
      sets[key] = sets[key] || JSON.parse(plate.dataset[key]);
      const box = plate.getBoundingClientRect();
      let best = null, least = 24 ** 2;
      for (const mark of sets[key]) {
        const far = (box.left + mark[0] * box.width - event.clientX) ** 2 + (box.top + mark[1] * box.height - event.clientY) ** 2;
        if (far < least) [best, least] = [mark, far];
      }
      tip.hidden = !best;
      if (!best) return;
      tip.textContent = best[2];
      const [x, y] = [box.left + best[0] * box.width, box.top + best[1] * box.height];
      tip.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - tip.offsetWidth - 4))}px`;
      tip.style.top = `${y + 14 + tip.offsetHeight > innerHeight ? y - 12 - tip.offsetHeight : y + 12}px`;
    };
    plate.addEventListener("pointermove", show);
    plate.addEventListener("pointerdown", show);
    plate.addEventListener("pointerleave", () => { tip.hidden = true; });
  }
})();
