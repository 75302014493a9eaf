"use strict";
document.documentElement.classList.add("js");

const element = (id) => document.getElementById(id);

/** Light and dark, where the system's choice is not wanted. */
function listenToTheme() {
  element("theme").addEventListener("change", (event) => {
    document.documentElement.dataset.theme = event.target.value;
  });
}

/** What a browser without scripts shows at once is one text here, and parsed when it is asked for. */
const trusted = window.trustedTypes?.createPolicy("planguard", { createHTML: (text) => text });

function unpack(body) {
  const packed = body.querySelector(".more noscript");
  if (packed === null) return;
  const text = packed.textContent;
  packed.parentElement.insertAdjacentHTML("beforeend", trusted?.createHTML(text) ?? text);
  packed.remove();
}

function open(body, yes) {
  if (yes) {
    textOf(body);
    unpack(body);
  }
  body.classList.toggle("open", yes);
  body.querySelector(".toggle").setAttribute("aria-expanded", String(yes));
}

const listOf = (text) => (text === "" ? [] : text.split(" "));

/** What the controls ask for, as one function of a row; rows keep numbers, never foreign text. */
function wanted() {
  const text = escaped(element("text").value.trim()).toLowerCase();
  const cost = element("cost").value === "" ? null : Number(element("cost").value);
  const chosen = ["t", "m", "r"].map((name) => [name, element(`by-${name}`).value]);
  const change = element("by-k").value;
  return (body) =>
    chosen.every(([name, value]) =>
      value === "" || (value === "-" ? body.dataset[name] === "" : listOf(body.dataset[name]).includes(value))) &&
    (change === "" || body.dataset.k === change) &&
    (cost === null || Number(body.dataset.c) >= cost) &&
    (text === "" || textOf(body).includes(text));
}

const texts = new WeakMap();

/** All of a row and what is behind it, but its plans: as it is escaped on the page, without tags. */
function textOf(body) {
  if (!texts.has(body)) {
    const [above, packed] = [body.rows[0].textContent, body.querySelector(".more noscript").textContent];
    const behind = packed.split('<div class="plans">')[0].replace(/<[^>]*>/g, " ");
    texts.set(body, `${escaped(above)} ${behind}`.toLowerCase());
  }
  return texts.get(body);
}

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;" };
const escaped = (text) => text.replace(/[&<>"']/g, (sign) => ENTITIES[sign]);

/** The number a row is sorted by; of several tables, modules or rules the first one's. */
const numberOf = {
  n: (body) => Number(body.id.slice(1)),
  m: (body) => Number(listOf(body.dataset.m)[0] ?? Infinity),
  t: (body) => Number(listOf(body.dataset.t)[0] ?? Infinity),
  s: (body) => Number(body.dataset.s),
  k: (body) => (body.dataset.k === "-1" ? Infinity : Number(body.dataset.k)),
  c: (body) => Number(body.dataset.c),
  x: (body) => Number(body.dataset.x),
};

function sort(table, rows, heading) {
  const by = heading.querySelector("button").dataset.by;
  const was = heading.getAttribute("aria-sort");
  const numbers = by === "c" || by === "x"; // the largest first, words from their beginning
  const down = was === "none" ? numbers : was === "ascending";
  for (const other of heading.parentElement.children) other.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  const number = numberOf[by];
  const compare = (a, b) => {
    const [x, y] = [number(a), number(b)];
    return x === y ? numberOf.n(a) - numberOf.n(b) : (x < y ? -1 : 1) * (down ? -1 : 1);
  };
  table.append(...[...rows].sort(compare));
}

function listenToTable(table) {
  const rows = [...table.tBodies];
  const total = rows.length.toLocaleString("en");
  const filter = () => {
    const isWanted = wanted();
    let count = 0;
    for (const body of rows) {
      body.hidden = !isWanted(body);
      count += body.hidden ? 0 : 1;
    }
    element("count").textContent = `${count.toLocaleString("en")} of ${total} queries`;
    element("nothing").hidden = count > 0;
  };
  const controls = document.querySelector(".controls");
  const showAll = () => {
    for (const one of controls.querySelectorAll("input, select")) one.value = "";
    filter();
  };
  controls.addEventListener("input", filter);
  element("reset").addEventListener("click", showAll);
  table.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button === null) return;
    if (button.dataset.by !== undefined) sort(table, rows, button.closest("th"));
    else open(button.closest("tbody"), button.getAttribute("aria-expanded") === "false");
  });
  return showAll;
}

/** A link to a query shows it, whatever is filtered. */
function follow(showAll) {
  const target = element(location.hash.slice(1));
  if (target === null) return;
  target.closest("details")?.setAttribute("open", "");
  if (target.localName !== "tbody") return;
  if (target.hidden) showAll();
  open(target, true);
  target.scrollIntoView();
  target.querySelector(".toggle").focus({ preventScroll: true });
}

/** The same link again changes no address, and what was folded meanwhile is to unfold all the same. */
function listenToLinks(showAll) {
  addEventListener("hashchange", () => follow(showAll));
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link === null || link.hash !== location.hash || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (link.hash.startsWith("#q")) event.preventDefault(); // the browser's own way would take the focus
    follow(showAll);
  });
}

/** On paper nothing can be unfolded: what a finding folds is printed, queries stay as they are. */
function listenToPrinting() {
  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll("#findings details:not([open]), #coverage details:not([open])")];
    for (const one of unfolded) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of unfolded) one.open = false;
  });
}

document.addEventListener("DOMContentLoaded", () => {
  listenToTheme();
  listenToPrinting();
  const table = element("table");
  const showAll = table === null ? () => {} : listenToTable(table);
  listenToLinks(showAll);
  follow(showAll);
});
