"use strict";
document.documentElement.classList.add("js");
const remembered = { // a page opened from a file may have no storage
  read() { try { return localStorage.getItem("theme"); } catch { return null; } },
  write(theme) { try { localStorage.setItem("theme", theme); } catch { /* forgotten on reload */ } },
};
const asked = remembered.read();
if (asked === "light" || asked === "dark") document.documentElement.dataset.theme = asked;

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

  const tip = document.getElementById("tip");
  const hide = () => { tip.hidden = true; };
  const show = (point) => {
    const frame = tip.parentElement.getBoundingClientRect();
    const box = point.getBoundingClientRect();
    tip.textContent = point.getAttribute("aria-label");
    tip.hidden = false;
    const middle = box.left + box.width / 2 - frame.left - tip.offsetWidth / 2;
    tip.style.left = `${Math.max(4, Math.min(middle, frame.width - tip.offsetWidth - 4))}px`;
    const above = box.top - frame.top - tip.offsetHeight - 8;
    tip.style.top = `${above > 0 ? above : box.bottom - frame.top + 8}px`;
  };
  for (const group of document.querySelectorAll(".points")) {
    const points = [...group.children];
    group.addEventListener("pointerover", (event) => { const point = event.target.closest(".point"); if (point) show(point); });
    group.addEventListener("pointerout", hide);
    group.addEventListener("focusin", (event) => show(event.target.closest(".point")));
    group.addEventListener("focusout", hide);
    group.addEventListener("keydown", (event) => {
      if (event.key === "Escape") return hide();
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = points[points.indexOf(document.activeElement) + step];
      if (!next) return;
      document.activeElement.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  }

  for (const copy of document.querySelectorAll(".copy")) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
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
  }

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const each of closed) each.open = true;
  });
  addEventListener("afterprint", () => { for (const each of closed) each.open = false; });
});
