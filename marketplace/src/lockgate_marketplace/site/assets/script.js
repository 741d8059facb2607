// The pages work without this. With it: search, filters that combine, copying.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector, root = document) => root.querySelector(selector);

  function copying() {
    for (const button of all("button[data-copy]")) {
      if (!navigator.clipboard) continue;
      button.hidden = false;
      button.addEventListener("click", async () => {
        const word = button.textContent;
        try {
          await navigator.clipboard.writeText(button.dataset.copy);
          button.textContent = "Copied";
        } catch {
          button.textContent = "Not allowed";
        }
        setTimeout(() => { button.textContent = word; }, 1500);
      });
    }
  }

  function searching() {
    const box = one(".search");
    if (!box) return;
    const rows = all(".rows > li").map((node) => ({ node, words: node.dataset.words }));
    const field = one("#q"), clear = one("#clear"), count = one(".count");
    const nothing = one(".nothing");
    // A page of one facet lists a part: its links lead on, they do not combine.
    const links = one("main.chosen") ? [] : all("a[data-facet]");
    const chosen = new Map();
    const said = count.textContent;

    const own = (row, facet) => (row.node.dataset[facet] || "").split("\n");

    // The facets that keep a row out; the words that are searched for are one more.
    const against = (row, words) => {
      const found = [];
      for (const [facet, values] of chosen)
        if (values.size && !own(row, facet).some((value) => values.has(value)))
          found.push(facet);
      if (!words.every((word) => row.words.includes(word))) found.push("");
      return found;
    };

    const active = () => [...chosen.values()].some((values) => values.size);

    function show() {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      const counts = new Map(links.map((link) => [link.dataset.facet, new Map()]));
      let shown = 0;
      for (const row of rows) {
        const out = against(row, words), visible = out.length === 0;
        if (row.node.hidden === visible) row.node.hidden = !visible;
        shown += visible;
        if (out.length < 2) tally(counts, row, out);
      }
      const narrowed = words.length > 0 || active();
      count.textContent = narrowed ? `${shown} of ${said}` : said;
      nothing.hidden = shown > 0;
      clear.hidden = !narrowed;
      for (const link of links) {
        const on = chosen.get(link.dataset.facet)?.has(link.dataset.value) || false;
        link.setAttribute("aria-pressed", String(on));
        const left = counts.get(link.dataset.facet).get(link.dataset.value) || 0;
        one(".n", link).textContent = left;
        link.classList.toggle("none", !left && !on);
      }
      remember();
    }

    // A value's number is how many rows are left if it is chosen: the other facets
    // count, its own does not, since values of one facet widen.
    function tally(counts, row, out) {
      for (const [facet, values] of counts) {
        if (out.length && out[0] !== facet) continue;
        for (const value of own(row, facet)) values.set(value, (values.get(value) || 0) + 1);
      }
    }

    function remember() {
      const query = new URLSearchParams();
      if (field.value) query.set("q", field.value);
      for (const [facet, values] of chosen)
        for (const value of values) query.append(facet, value);
      const tail = query.toString();
      try {
        history.replaceState(null, "", tail ? `?${tail}` : location.pathname);
      } catch { /* a page opened as a file has no history to change */ }
    }

    function recall() {
      for (const [key, value] of new URLSearchParams(location.search)) {
        if (key === "q") field.value = value;
        else if (links.some((a) => a.dataset.facet === key && a.dataset.value === value))
          toggle(key, value);
      }
    }

    function toggle(facet, value) {
      if (!chosen.has(facet)) chosen.set(facet, new Set());
      const values = chosen.get(facet);
      if (!values.delete(value)) values.add(value);
    }

    function reset() {
      field.value = "";
      chosen.clear();
      show();
      field.focus();
    }

    for (const link of links) {
      link.setAttribute("role", "button");
      const act = (event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        toggle(link.dataset.facet, link.dataset.value);
        show();
      };
      link.addEventListener("click", act);
      link.addEventListener("keydown", (event) => { if (event.key === " ") act(event); });
    }
    field.addEventListener("input", show);
    clear.addEventListener("click", reset);
    one(".reset").addEventListener("click", (event) => {
      if (links.length) { event.preventDefault(); reset(); }
    });
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest("input, textarea");
      if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        field.focus();
      }
      if (event.key === "Escape" && event.target === field && field.value) {
        field.value = "";
        show();
      }
    });
    box.hidden = false;
    recall();
    show();
  }

  function unfolding() {
    // On a wide screen the filters are always there; the fold is for phones.
    const fold = one(".filters");
    if (fold && matchMedia("(min-width: 800px)").matches) fold.open = true;
  }

  unfolding();
  copying();
  searching();
})();
