"use strict";
document.documentElement.classList.add("js");
const remembered = { // a page opened from a file may have no storage
  read() { try { return localStorage.getItem("theme"); } catch { return null; } },
  write(theme) { try { localStorage.setItem("theme", theme); } catch { /* forgotten on reload */ } },
};
const asked = remembered.read();
if (asked === "light" || asked === "dark") document.documentElement.dataset.theme = asked;

// Opens whatever folds the target of a link within the page, and shows it.
const reveal = (hash) => {
  const target = hash.length > 1 && document.getElementById(decodeURIComponent(hash.slice(1)));
  if (!target) return;
  for (let each = target; each; each = each.parentElement) {
    each.hidden = false; // a filter may hide it
    if (each.tagName === "DETAILS") each.open = true;
  }
  target.scrollIntoView({ behavior: "instant" }); // what was opened has moved it
};

// Parts of the page are replaced while a run goes on, so the handlers are the document's.
document.addEventListener("DOMContentLoaded", () => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const button = document.getElementById("theme");
  const isDark = () => (document.documentElement.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";
  const label = () => { button.textContent = isDark() ? "Light" : "Dark"; button.setAttribute("aria-label", `Switch to ${button.textContent.toLowerCase()} theme`); };
  button.hidden = false;
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    remembered.write(document.documentElement.dataset.theme);
    label();
  });
  dark.addEventListener("change", label);
  label();

  const hide = () => { const tip = document.getElementById("tip"); if (tip) tip.hidden = true; };
  const show = (point) => {
    const tip = document.getElementById("tip");
    const frame = tip.parentElement.getBoundingClientRect();
    const box = point.getBoundingClientRect();
    tip.textContent = point.getAttribute("aria-label");
    tip.hidden = false;
    const middle = box.left + box.width / 2 - frame.left - tip.offsetWidth / 2;
    tip.style.left = `${Math.max(4, Math.min(middle, frame.width - tip.offsetWidth - 4))}px`;
    const above = box.top - frame.top - tip.offsetHeight - 8;
    tip.style.top = `${above > 0 ? above : box.bottom - frame.top + 8}px`;
  };
  const point = (event) => event.target.closest?.(".point");
  document.addEventListener("pointerover", (event) => { if (point(event)) show(point(event)); });
  document.addEventListener("pointerout", (event) => { if (point(event)) hide(); });
  document.addEventListener("focusin", (event) => { if (point(event)) show(point(event)); });
  document.addEventListener("focusout", (event) => { if (point(event)) hide(); });
  document.addEventListener("keydown", (event) => {
    const here = point(event);
    if (!here) return;
    if (event.key === "Escape") return hide();
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const points = [...here.parentElement.children];
    const next = points[points.indexOf(here) + step];
    if (!next) return;
    here.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });

  document.addEventListener("click", async (event) => {
    const copy = event.target.closest(".copy");
    if (!copy) return;
    const text = copy.nextElementSibling;
    try {
      await navigator.clipboard.writeText(text.textContent);
      copy.textContent = "Copied";
    } catch { // no permission: leave the text selected for the reader's own copy key
      getSelection().selectAllChildren(text);
      copy.textContent = "Selected";
    }
    setTimeout(() => { copy.textContent = "Copy"; }, 1500);
  });

  // Filters of a list: the controls stand in .tools, the entries in the list or table after it.
  const sift = (tools) => {
    const next = tools.nextElementSibling;
    const list = next.querySelector("tbody") || next;
    const entries = [...list.children];
    const sort = tools.querySelector("[data-sort]")?.value;
    entries.forEach((entry, index) => { entry.dataset.at ??= index; });
    const place = (entry) => Number(entry.dataset[sort || "at"]);
    if (sort !== undefined && sort !== (list.dataset.sorted || "")) {
      list.append(...entries.sort((one, two) => place(one) - place(two) || one.dataset.at - two.dataset.at));
      list.dataset.sorted = sort;
    }
    const wanted = [...tools.querySelectorAll("[data-filter]")].map((field) => [field.dataset.filter, field.value.trim().toLowerCase()]).filter(([, value]) => value);
    let found = 0;
    for (const entry of entries) {
      entry.hidden = !wanted.every(([what, value]) => what === "text"
        ? entry.textContent.toLowerCase().includes(value)
        : what === "slices" ? entry.dataset.slices.split(" ").includes(value) : entry.dataset[what] === value);
      found += !entry.hidden;
    }
    tools.querySelector(".found").textContent = wanted.length ? `${found} of ${entries.length}` : "";
  };
  for (const kind of ["input", "change"]) document.addEventListener(kind, (event) => {
    const tools = event.target.closest(".tools");
    if (tools?.querySelector(".found")) sift(tools);
  });
  document.addEventListener("replaced", (event) => {
    for (const found of event.target.querySelectorAll(".tools .found")) sift(found.closest(".tools"));
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link) setTimeout(() => reveal(link.getAttribute("href")));
  });
  addEventListener("hashchange", () => reveal(location.hash));
  reveal(location.hash);

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open], [data-load])")];
    for (const each of closed) each.open = true;
  });
  addEventListener("afterprint", () => { for (const each of closed) each.open = false; });
});
