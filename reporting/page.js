"use strict";
(() => {
  // Text from the report only ever becomes a text node.
  const element = (tag, className, ...children) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.append(...children.filter((child) => child !== null));
    return made;
  };
  const slug = (words) => words.replaceAll(" ", "-");

  // Safari plays sound and video from blobs, not from data URIs.
  const playable = (source) => {
    const [head, body] = source.split(",", 2);
    const bytes = Uint8Array.from(atob(body), (letter) => letter.charCodeAt(0));
    return URL.createObjectURL(new Blob([bytes], { type: head.slice(5).split(";")[0] }));
  };

  const medium = (clip) => {
    const caption = element("figcaption", "", clip.note ? `${clip.label} (${clip.note})` : clip.label);
    if (!clip.source) return element("figure", "clip absent", caption);
    const shown = document.createElement(clip.kind === "image" ? "img" : clip.kind);
    if (clip.kind === "image") {
      shown.alt = clip.label;
      shown.src = clip.source;
    } else {
      shown.controls = true;
      shown.loop = clip.kind === "video";
      shown.src = playable(clip.source);
    }
    return element("figure", "clip", shown, caption);
  };

  const choice = (option) =>
    element("li", option.gold ? "gold" : "", element("b", "", option.label), ` ${option.text}`,
      option.gold ? element("span", "tick", " ✓ gold") : null);

  const gold = (asked) => asked.choices.length
    ? element("ul", "choices", ...asked.choices.map(choice))
    : element("p", "gold", element("b", "", "Gold: "), asked.gold);

  const pieces = (parts) => parts.length
    ? element("p", "pieces", ...parts.map((part) => element("span", `piece ${part.kind}`, part.text)))
    : null;

  const paragraph = (className, text) => text ? element("p", className, text) : null;

  // What a filter's field holds is listed in `fields`, by name: the values of one entry.
  const browse = (id, fields, draw) => {
    const section = document.getElementById(id);
    if (!section) return null;
    const entries = JSON.parse(section.querySelector("script").textContent);
    const form = section.querySelector("form");
    const article = section.querySelector("article");
    const steps = { previous: -1, next: 1 };
    const wanted = (name) => form.elements[name].value;
    let chosen = [];
    let place = 0;

    const show = () => {
      for (const player of article.querySelectorAll("video, audio")) URL.revokeObjectURL(player.src);
      form.querySelector("output").textContent = chosen.length ? `${place + 1} of ${chosen.length}` : "none match";
      for (const [name, step] of Object.entries(steps)) form.elements[name].disabled = !chosen[place + step];
      article.replaceChildren(...(chosen.length ? draw(chosen[place], wanted) : []));
    };
    const go = (step) => {
      if (!chosen[place + step]) return;
      place += step;
      show();
    };
    const select = () => {
      chosen = entries.filter((entry) => Object.entries(fields).every(([name, values]) =>
        !wanted(name) || values(entry, wanted).includes(wanted(name))));
      place = 0;
      show();
    };

    for (const [name, values] of Object.entries(fields)) {
      const options = new Set(entries.flatMap((entry) => values(entry, () => "")));
      for (const value of options) form.elements[name].append(new Option(value, value));
    }
    for (const [name, step] of Object.entries(steps)) form.elements[name].addEventListener("click", () => go(step));
    form.addEventListener("change", select);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    select();
    return { section, go };
  };

  const completion = (shown) =>
    element("section", "completion",
      element("h4", "", shown.run, " ",
        element("span", `mark ${slug(shown.mark)}`,
          shown.mark + (shown.mark === "partly right" ? `, ${shown.value.toFixed(2)}` : "")),
        shown.given ? element("span", "given", `answer read: ${shown.given}`) : null),
      pieces(shown.pieces), paragraph("quiet", shown.note));

  const written = (exhibit, wanted) =>
    exhibit.completions.filter((shown) => !wanted("run") || shown.run === wanted("run"));

  const drawExhibit = (exhibit, wanted) => [
    element("div", "clips", ...exhibit.clips.map(medium)),
    element("div", "question",
      element("p", "quiet", `${exhibit.benchmark} · ${exhibit.family} · ${exhibit.id}`),
      element("h3", "", exhibit.question), gold(exhibit)),
    element("div", "completions", ...written(exhibit, wanted).map(completion))];

  const ratings = (row) => row.ratings.length
    ? element("div", "ratings",
        ...(row.quality === null ? []
          : [element("b", "", "composite"), element("b", "", row.quality.toFixed(2)), element("span", "why")]),
        ...row.ratings.flatMap((rating) => [
          element("span", "", rating.name.replaceAll("_", " ")), element("span", "", rating.value.toFixed(1)),
          element("span", "why quiet", rating.rationale)]))
    : null;

  const judged = (verdict, row) => {
    if (!row) return element("section", `judged ${verdict}`, element("p", "quiet", `No ${verdict} row beside this one.`));
    const why = row.leaving ? `${row.leaving.step}: ${row.leaving.reason}` : "";
    return element("section", `judged ${verdict}`,
      element("h4", "", element("span", `mark ${row.leaving ? "wrong" : "right"}`, verdict),
        why ? element("span", "reason", why) : null,
        row.repaired ? element("span", "given", "after a repair") : null),
      element("p", "quiet", `${row.source} · ${row.id}`),
      row.leaving ? paragraph("", row.leaving.detail) : null,
      ...(row.clips.length ? row.clips.map(medium) : [element("p", "quiet", "This row has no clip.")]),
      paragraph("asked", row.question), gold(row),
      pieces(row.written), row.reply ? element("pre", "reply", row.reply) : null,
      paragraph("quiet", row.note), ratings(row));
  };

  const rowsOf = (pair) => [pair.accepted, pair.rejected].filter((row) => row);
  const outcome = (row) => row.leaving ? `${row.leaving.step}: ${row.leaving.reason}` : "accepted";

  const browsers = [
    browse("pairs", {
      source: (pair) => rowsOf(pair).map((row) => row.source),
      outcome: (pair) => rowsOf(pair).map(outcome),
    }, (pair) => [judged("accepted", pair.accepted), judged("rejected", pair.rejected)]),
    browse("examples", {
      benchmark: (exhibit) => [exhibit.benchmark],
      family: (exhibit) => [exhibit.family],
      run: (exhibit) => exhibit.completions.map((shown) => shown.run),
      mark: (exhibit, wanted) => written(exhibit, wanted).map((shown) => shown.mark),
    }, drawExhibit),
  ].filter((browser) => browser);

  // On paper nothing can be unfolded.
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => { part.open = true; }));

  // Arrow keys turn the pages of the browser that has the focus, or else of the one in the middle of the window.
  const inSight = ({ section }) => {
    const { top, bottom } = section.getBoundingClientRect();
    return top < innerHeight / 2 && bottom > innerHeight / 2;
  };
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest("select, input, textarea, video, audio, .scroll")) return;
    const browser = browsers.find(({ section }) => section.contains(event.target)) ?? browsers.find(inSight);
    if (event.key === "ArrowLeft") browser?.go(-1);
    if (event.key === "ArrowRight") browser?.go(1);
  });
})();
