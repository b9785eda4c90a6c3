// The examples: a list of which only the lines in sight are drawn, filters over it, and the chosen example beside it.
(async () => {
  const section = document.getElementById("examples");
  if (!section) return;
  const form = section.querySelector("form");
  const list = section.querySelector(".list");
  const article = section.querySelector("article");
  const found = section.querySelector(".found");
  const room = element("div", "room");
  list.append(room);
  const HEIGHT = 4.8 * parseFloat(getComputedStyle(document.documentElement).fontSize); // of a .line, as in page.css
  const SPARE = 8; // lines that are drawn above and below those in sight
  const SIGNS = { right: "✓", wrong: "✗", "partly right": "◐", unanswered: "∅" };
  const ARGUED = { true: "argues for the answer", false: "does not argue for it", null: "not known" };

  const exhibits = await unpack(section);
  const wanted = (name) => form.elements[name].value;
  const of = (exhibit, run) => exhibit.completions.find((shown) => shown.run === run);
  const score = (exhibit, run) => of(exhibit, run)?.value ?? null;

  const CHANGES = {
    changed: (before, after) => before !== after,
    right: (before, after) => after > before,
    wrong: (before, after) => after < before,
    same: (before, after) => before === after,
  };
  const changes = (exhibit) => {
    const [before, after] = [score(exhibit, wanted("from")), score(exhibit, wanted("to"))];
    return before !== null && after !== null && CHANGES[wanted("change")](before, after);
  };

  const texts = new Map();
  const text = (exhibit) => {
    if (!texts.has(exhibit)) {
      const parts = [exhibit.id, exhibit.question, exhibit.category, ...exhibit.choices.map((option) => option.text),
        ...exhibit.completions.map((shown) => shown.pieces.map(([, piece]) => piece).join(""))];
      texts.set(exhibit, parts.join("\n").toLowerCase());
    }
    return texts.get(exhibit);
  };

  const matches = (shown) =>
    (!wanted("run") || shown.run === wanted("run")) &&
    (!wanted("mark") || shown.mark === wanted("mark")) &&
    (!wanted("argued") || ARGUED[shown.consistent] === wanted("argued"));

  const fits = (exhibit) =>
    (!wanted("benchmark") || exhibit.benchmark === wanted("benchmark")) &&
    (!wanted("category") || exhibit.category === wanted("category")) &&
    exhibit.completions.some(matches) &&
    (!wanted("change") || changes(exhibit)) &&
    wanted("words").toLowerCase().split(/\s+/).every((word) => text(exhibit).includes(word));

  const written = (exhibit) => {
    const runs = wanted("change") ? [wanted("from"), wanted("to")] : wanted("run") ? [wanted("run")] : null;
    return runs ? runs.map((run) => of(exhibit, run)).filter((shown) => shown) : exhibit.completions;
  };

  const reward = ([name, value, blocks]) => {
    const where = blocks.length ? `, for ${blocks.join(" and ")}` : "";
    const chip = element("span", `paid ${blocks.join(" ")}`, `${name} `, element("b", "", value.toFixed(2)));
    chip.title = `reward ${name}: ${value.toFixed(2)}${where}`;
    return chip;
  };

  const completion = (shown) =>
    element("section", "completion",
      element("h4", "", shown.run, " ",
        element("span", `mark ${slug(shown.mark)}`,
          shown.mark + (shown.mark === "partly right" ? `, ${shown.value.toFixed(2)}` : "")),
        shown.given ? element("span", "given", `answer read: ${shown.given}`) : null,
        shown.consistent === null ? null
          : element("span", shown.consistent ? "given" : "given against", `reasoning ${ARGUED[shown.consistent]}`)),
      pieces(shown.pieces),
      shown.rewards.length ? element("p", "rewards", element("span", "quiet", "rewards "), ...shown.rewards.map(reward)) : null,
      paragraph("quiet", shown.note));

  const draw = (exhibit) => [
    element("div", "clips", ...(exhibit.clips.length ? exhibit.clips.map(medium) : [paragraph("quiet", "no clip")])),
    element("div", "question",
      element("p", "quiet", [exhibit.benchmark, exhibit.category, exhibit.id].filter((part) => part).join(" · ")),
      element("h3", "", exhibit.question), gold(exhibit)),
    element("div", "completions", ...written(exhibit).map(completion))];

  const picture = (exhibit) => {
    const clip = exhibit.clips.find((one) => one.thumbnail);
    if (!clip) return element("span", "thumbnail", exhibit.clips.some((one) => one.kind === "audio") ? "♪" : "");
    const image = element("img", "thumbnail");
    Object.assign(image, { loading: "lazy", decoding: "async", alt: "", src: clip.thumbnail });
    return image;
  };

  const line = (exhibit, place) => {
    const signs = element("span", "signs", ...written(exhibit).map((shown) =>
      element("span", slug(shown.mark), SIGNS[shown.mark] ?? "–")));
    signs.setAttribute("aria-label", written(exhibit).map((shown) => `${shown.run} ${shown.mark}`).join(", "));
    const made = element("div", "line", picture(exhibit), element("span", "words", exhibit.question), signs);
    Object.assign(made, { role: "option", id: `example-${place}`, ariaPosInSet: place + 1, ariaSetSize: chosen.length });
    made.style.top = `${place * HEIGHT}px`;
    made.dataset.place = place;
    return made;
  };

  let chosen = [];
  let place = 0;
  let drawn = new Map();
  const paint = () => {
    const first = Math.floor(list.scrollTop / HEIGHT) - SPARE;
    const last = Math.ceil((list.scrollTop + list.clientHeight) / HEIGHT) + SPARE;
    const before = drawn;
    drawn = new Map();
    for (let next = Math.max(0, first); next < Math.min(last, chosen.length); next += 1) {
      drawn.set(next, before.get(next) ?? line(chosen[next], next));
    }
    if (chosen[place] && !drawn.has(place)) drawn.set(place, before.get(place) ?? line(chosen[place], place));
    for (const [next, row] of before) if (drawn.get(next) !== row) row.remove();
    for (const [next, row] of drawn) {
      row.setAttribute("aria-selected", String(next === place));
      if (!row.isConnected) room.append(row);
    }
  };
  const show = (next) => {
    release(article);
    place = next;
    const top = place * HEIGHT;
    list.scrollTop = Math.max(Math.min(list.scrollTop, top), top + HEIGHT - list.clientHeight);
    paint();
    if (chosen[place]) list.setAttribute("aria-activedescendant", `example-${place}`);
    else list.removeAttribute("aria-activedescendant");
    article.replaceChildren(...(chosen[place] ? draw(chosen[place]) : []));
  };
  const select = () => {
    chosen = exhibits.filter(fits);
    const all = exhibits.length.toLocaleString("en");
    found.textContent = chosen.length === exhibits.length ? `${all} examples`
      : `${chosen.length.toLocaleString("en")} of ${all} examples`;
    room.replaceChildren();
    room.style.height = `${chosen.length * HEIGHT}px`;
    drawn = new Map();
    show(0);
  };

  const KEYS = {
    ArrowDown: () => place + 1, ArrowUp: () => place - 1, Home: () => 0, End: () => chosen.length - 1,
    PageDown: () => Math.min(place + 10, chosen.length - 1), PageUp: () => Math.max(place - 10, 0),
  };
  list.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !KEYS[event.key]) return;
    event.preventDefault();
    const next = KEYS[event.key]();
    if (chosen[next]) show(next);
  });
  list.addEventListener("click", (event) => {
    const row = event.target.closest(".line");
    if (row) show(Number(row.dataset.place));
  });
  list.addEventListener("scroll", () => requestAnimationFrame(paint));

  const runs = new Set(exhibits.flatMap((exhibit) => exhibit.completions.map((shown) => shown.run)));
  addOptions(form.elements.benchmark, new Set(exhibits.map((exhibit) => exhibit.benchmark)));
  addOptions(form.elements.category, [...new Set(exhibits.map((exhibit) => exhibit.category))].filter((name) => name).sort());
  addOptions(form.elements.mark, new Set(exhibits.flatMap((exhibit) => exhibit.completions.map((shown) => shown.mark))));
  addOptions(form.elements.argued,
    new Set(exhibits.flatMap((exhibit) => exhibit.completions.map((shown) => ARGUED[shown.consistent]))));
  for (const name of ["run", "from", "to"]) addOptions(form.elements[name], runs);
  for (const name of ["from", "to"]) {
    const start = [...form.elements[name].options].find((option) => option.value === section.dataset[name]);
    if (start) start.defaultSelected = start.selected = true;
  }
  form.addEventListener("input", select);
  form.addEventListener("reset", () => setTimeout(select));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = list.hidden = false;
  select();
  section.dataset.ready = Math.round(performance.now()); // milliseconds since the page was opened
})();
