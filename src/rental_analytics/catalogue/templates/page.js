"use strict";
// Search and graph, on top of a page that is whole without them.
(() => {
  const $ = (id) => document.getElementById(id);
  const made = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  // --- Search -----------------------------------------------------------------------------------------------------

  const MOST_FOUND = 30;
  const WEIGHT = { metric: 0, table: 1, column: 2 };
  const entries = [...document.querySelectorAll("[data-kind]")].map((element) => ({
    id: element.id,
    kind: element.dataset.kind,
    name: element.dataset.name,
    of: element.dataset.of,
    text: element.querySelector("[data-text]")?.textContent ?? "",
  }));
  for (const entry of entries) {
    entry.shown = `${entry.of}.${entry.name}`;
    entry.folded = `${entry.shown} ${entry.text}`.toLowerCase();
  }

  const rank = (entry, words) => {
    if (!words.every((word) => entry.folded.includes(word))) return null;
    const name = entry.name.toLowerCase();
    const shown = entry.shown.toLowerCase();
    const query = words.join(" ");
    const asked = words.join("_");
    let place = 4;
    if (name === asked || shown === query) place = 0;
    else if (name.startsWith(asked)) place = 1;
    else if (words.every((word) => name.includes(word))) place = 2;
    else if (words.every((word) => shown.includes(word))) place = 3;
    return place * 10 + WEIGHT[entry.kind];
  };

  const find = (query) => {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return [];
    return entries
      .map((entry) => ({ entry, place: rank(entry, words) }))
      .filter((found) => found.place !== null)
      .sort((one, other) => one.place - other.place || one.entry.shown.localeCompare(other.entry.shown))
      .map((found) => found.entry);
  };

  const query = $("query");
  const results = $("results");
  let options = [];
  let chosen = -1;

  const closeResults = () => {
    results.hidden = true;
    query.setAttribute("aria-expanded", "false");
    query.removeAttribute("aria-activedescendant");
    chosen = -1;
  };

  const choose = (place) => {
    if (!options.length) return;
    chosen = (place + options.length) % options.length;
    options.forEach((option, number) => option.setAttribute("aria-selected", String(number === chosen)));
    options[chosen].scrollIntoView({ block: "nearest" });
    query.setAttribute("aria-activedescendant", options[chosen].id);
  };

  const visit = (id) => {
    const target = $(id);
    if (!target) return;
    location.hash = `#${encodeURIComponent(id)}`;
    const focused = target.closest("[tabindex]") ?? target;
    focused.focus({ preventScroll: true });
    target.scrollIntoView({ block: target.tagName === "TR" ? "center" : "start" });
  };

  const showResults = () => {
    const found = find(query.value);
    results.replaceChildren();
    options = found.slice(0, MOST_FOUND).map((entry, number) => {
      const option = made("li", { id: `result-${number}`, role: "option" });
      option.setAttribute("aria-selected", "false");
      option.append(made("code", { textContent: entry.shown }), ` ${entry.kind}`);
      option.append(made("span", { className: "what", textContent: entry.text }));
      option.dataset.target = entry.id;
      results.append(option);
      return option;
    });
    const asked = query.value.trim() !== "";
    if (asked && !found.length) results.append(made("li", { className: "nothing", textContent: "Nothing found" }));
    if (found.length > MOST_FOUND) {
      results.append(made("li", { className: "nothing", textContent: `and ${found.length - MOST_FOUND} more` }));
    }
    $("found").textContent = asked ? `${found.length} found` : "";
    closeResults();
    results.hidden = !asked;
    query.setAttribute("aria-expanded", String(asked));
    if (options.length) choose(0);
  };

  query.addEventListener("input", showResults);
  query.addEventListener("focus", () => query.value && showResults());
  query.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen - 1);
    else if (event.key === "Enter" && chosen >= 0) {
      const id = options[chosen].dataset.target;
      closeResults();
      visit(id);
    } else if (event.key === "Escape" && !results.hidden) closeResults();
    else return;
    event.preventDefault();
  });
  results.addEventListener("mousedown", (event) => {
    const option = event.target.closest("[data-target]");
    event.preventDefault();
    if (!option) return;
    closeResults();
    visit(option.dataset.target);
  });
  query.addEventListener("blur", closeResults);
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, select, textarea, dialog");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      query.focus();
      query.select();
    }
  });
  $("search").hidden = false;

  // --- Where the reader is ----------------------------------------------------------------------------------------

  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [decodeURIComponent(link.hash.slice(1)), link]));
  const seen = new Set();
  const observer = new IntersectionObserver(
    (changes) => {
      for (const change of changes) change.isIntersecting ? seen.add(change.target) : seen.delete(change.target);
      const first = [...document.querySelectorAll(".entry")].find((entry) => seen.has(entry));
      for (const [id, link] of links) {
        if (first && id === first.id) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
      const current = first && links.get(first.id);
      const nav = current?.closest("nav");
      if (nav && nav.scrollHeight > nav.clientHeight) {
        const place = current.getBoundingClientRect();
        const room = nav.getBoundingClientRect();
        if (place.top < room.top || place.bottom > room.bottom) nav.scrollTop += place.top - room.top - room.height / 3;
      }
    },
    { rootMargin: "-72px 0px -50% 0px" },
  );
  document.querySelectorAll(".entry").forEach((entry) => observer.observe(entry));

  // --- Graph ------------------------------------------------------------------------------------------------------

  const data = JSON.parse($("graph-data").textContent);
  const nameOf = ([relation, column]) => `${relation}.${column}`;
  const edgesOf = (pairs) => {
    const graph = { inputs: new Map(), outputs: new Map() };
    const add = (map, from, to) => (map.get(from) ?? map.set(from, new Set()).get(from)).add(to);
    for (const [from, to] of pairs) {
      add(graph.inputs, to, from);
      add(graph.outputs, from, to);
    }
    return graph;
  };
  const relations = new Map(data.columns.map((column) => [nameOf(column), column]));
  const tables = new Set(data.tableEdges.flat());
  const columnGraph = edgesOf(data.edges.map(([from, to]) => [nameOf(data.columns[from]), nameOf(data.columns[to])]));
  const tableGraph = edgesOf(data.tableEdges);

  const reached = (map, start) => {
    const found = new Set();
    const ahead = [start];
    while (ahead.length) {
      for (const next of map.get(ahead.pop()) ?? []) {
        if (next !== start && !found.has(next)) {
          found.add(next);
          ahead.push(next);
        }
      }
    }
    return found;
  };

  const placeOf = (name) => name.split(".")[0];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const ROWS = "*";
  const FONT = 12;
  const CHARACTER = 7.3;
  const SMALLEST = 0.55;
  const LARGEST = 1.2;
  const MARGIN = 24;
  const dialog = $("graph");
  let drawing = null;
  let shown = "";

  const labelOf = (name) => {
    const [relation, column] = relations.get(name) ?? [placeOf(name), name.slice(placeOf(name).length + 1)];
    return `${column === ROWS ? "rows" : column}\n${relation}`;
  };

  // Move what is outside of the window into room that is left beside the graph.
  const fill = () => {
    const box = drawing.elements().renderedBoundingBox();
    const shift = (low, high, room) => {
      if (low < MARGIN && high < room - MARGIN) return Math.min(MARGIN - low, room - MARGIN - high);
      if (low > MARGIN && high > room - MARGIN) return Math.max(MARGIN - low, room - MARGIN - high);
      return 0;
    };
    drawing.panBy({ x: shift(box.x1, box.x2, drawing.width()), y: shift(box.y1, box.y2, drawing.height()) });
  };

  const draw = (graph, names) => {
    drawing?.destroy();
    const nodes = [...names].map((name) => {
      const label = labelOf(name);
      const longest = Math.max(...label.split("\n").map((line) => line.length));
      return { data: { id: name, label, width: longest * CHARACTER + 18, colour: colour(placeOf(name)) || colour("muted") } };
    });
    const edges = [];
    for (const name of names) {
      for (const input of graph.inputs.get(name) ?? []) {
        if (names.has(input)) edges.push({ data: { id: `${input} > ${name}`, source: input, target: name } });
      }
    }
    drawing = cytoscape({
      container: $("graph-canvas"),
      elements: [...nodes, ...edges],
      layout: { name: "dagre", rankDir: "LR", nodeSep: 14, rankSep: 44, animate: false, fit: true, padding: MARGIN },
      minZoom: 0.05,
      maxZoom: 3,
      boxSelectionEnabled: false,
      autoungrabify: true,
      style: [
        {
          selector: "node",
          style: {
            label: "data(label)",
            width: "data(width)",
            height: 38,
            shape: "round-rectangle",
            "background-color": colour("card"),
            "border-color": "data(colour)",
            "border-width": 1.5,
            color: colour("ink"),
            "font-family": "ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace",
            "font-size": FONT,
            "text-valign": "center",
            "text-wrap": "wrap",
            "text-max-width": "10000px",
          },
        },
        { selector: "node.chosen", style: { "background-color": colour("mark"), "border-width": 3 } },
        {
          selector: "edge",
          style: {
            width: 1.5,
            "curve-style": "bezier",
            "line-color": colour("muted"),
            "target-arrow-color": colour("muted"),
            "target-arrow-shape": "triangle",
            "arrow-scale": 0.8,
            opacity: 0.75,
          },
        },
      ],
    });
    drawing.on("tap", "node", (event) => show(event.target.id()));
    drawing.getElementById(shown).addClass("chosen");
    // A few nodes are not blown up to fill the room; of many, those around the chosen one are shown so that they can be read.
    const zoom = Math.min(Math.max(drawing.zoom(), SMALLEST), LARGEST);
    if (zoom !== drawing.zoom()) {
      drawing.zoom(zoom);
      drawing.center(zoom === LARGEST ? undefined : drawing.getElementById(shown));
      if (zoom === SMALLEST) fill();
    }
  };

  const list = (element, names) => {
    const items = [...names].sort().map((name) => {
      const words = relations.get(name)?.[1] === ROWS ? `rows of ${relations.get(name)[0]}` : name;
      const parts = words.split(/(?<=[._])/).flatMap((part) => [made("wbr"), part]);
      const button = made("button", { type: "button" }, ...parts);
      button.addEventListener("click", () => show(name));
      return made("li", {}, button);
    });
    element.replaceChildren(...(items.length ? items : [made("li", { className: "muted", textContent: "nothing" })]));
  };

  const show = (name) => {
    const graph = tables.has(name) ? tableGraph : relations.has(name) ? columnGraph : null;
    $("graph-name").value = name;
    if (!graph) {
      $("graph-said").textContent = `${name || "Nothing"} is no table or column with a lineage; choose one from the list.`;
      return;
    }
    shown = name;
    const way = $("graph-way").value;
    const inputs = way === "out" ? new Set() : reached(graph.inputs, name);
    const outputs = way === "in" ? new Set() : reached(graph.outputs, name);
    const what = graph === tableGraph ? "tables" : "columns";
    $("graph-said").textContent = `Comes from ${inputs.size} and goes to ${outputs.size} ${what}. Choose one to see its own.`;
    list($("graph-inputs"), inputs);
    list($("graph-outputs"), outputs);
    draw(graph, new Set([name, ...inputs, ...outputs]));
  };

  const openGraph = (name) => {
    if (!dialog.open) dialog.showModal();
    show(name);
  };

  const zoomBy = (factor) =>
    drawing?.zoom({ level: drawing.zoom() * factor, renderedPosition: { x: drawing.width() / 2, y: drawing.height() / 2 } });
  const fit = () => drawing?.fit(undefined, MARGIN);
  const MOVES = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
  $("graph-in").addEventListener("click", () => zoomBy(1.25));
  $("graph-out").addEventListener("click", () => zoomBy(0.8));
  $("graph-fit").addEventListener("click", fit);
  $("graph-close").addEventListener("click", () => dialog.close());
  $("graph-way").addEventListener("change", () => show(shown));
  $("graph-name").addEventListener("change", (event) => show(event.target.value.trim()));
  $("graph-canvas").addEventListener("keydown", (event) => {
    if (MOVES[event.key]) drawing?.panBy({ x: MOVES[event.key][0], y: MOVES[event.key][1] });
    else if (event.key === "+" || event.key === "=") zoomBy(1.25);
    else if (event.key === "-") zoomBy(0.8);
    else if (event.key === "0") fit();
    else return;
    event.preventDefault();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dialog.open && show(shown));
  addEventListener("resize", () => dialog.open && drawing?.resize());

  $("graph-names").append(...[...tables, ...relations.keys()].map((name) => made("option", { value: name })));
  const present = new Set([...tables, ...relations.keys()].map(placeOf));
  const layers = ["configuration", "reference", "pipeline", "source", "raw_data", "curated", "intermediate", "presentation", "ops"];
  $("graph-legend").append(
    ...layers
      .filter((layer) => present.has(layer))
      .map((layer) => {
        const sign = made("span");
        sign.style.background = `var(--${layer})`;
        return made("li", {}, sign, layer);
      }),
  );

  for (const element of document.querySelectorAll("[data-graph]")) {
    const name = element.dataset.graph;
    if (!tables.has(name) && !relations.has(name)) continue;
    const button = made("button", { type: "button", textContent: element.matches(".entry") ? "Lineage graph" : "Graph" });
    button.setAttribute("aria-label", `Lineage graph of ${name}`);
    button.addEventListener("click", () => openGraph(name));
    if (element.matches(".entry")) {
      const heading = element.querySelector("h3");
      const head = made("div", { className: "entry-head" });
      heading.replaceWith(head);
      head.append(heading, button);
    } else element.append(button);
  }
  $("open-graph").hidden = false;
  $("open-graph").addEventListener("click", () => openGraph(shown || [...tables].find((name) => placeOf(name) === "presentation") || [...tables][0]));
})();
