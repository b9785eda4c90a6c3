"use strict";
(() => {
  const store = document.getElementById("exhibits");
  if (!store) return;
  const exhibits = JSON.parse(store.textContent);
  const filters = document.getElementById("filters");
  const article = document.getElementById("exhibit");
  const position = document.getElementById("position");
  const steps = { previous: -1, next: 1 };
  let chosen = [];
  let place = 0;
  let clipUrls = [];

  // Text from the report only ever becomes a text node.
  const element = (tag, className, ...children) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.append(...children.filter((child) => child !== null));
    return made;
  };
  const slug = (words) => words.replaceAll(" ", "-");

  const fill = (name, values) => {
    for (const value of [...new Set(values)]) {
      const option = element("option", "", value);
      option.value = value;
      filters.elements[name].append(option);
    }
  };

  // Safari plays sound and video from blobs, not from data URIs.
  const playable = (source) => {
    const [head, body] = source.split(",", 2);
    const bytes = Uint8Array.from(atob(body), (letter) => letter.charCodeAt(0));
    const url = URL.createObjectURL(new Blob([bytes], { type: head.slice(5).split(";")[0] }));
    clipUrls.push(url);
    return url;
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

  const piece = (part) => element("span", `piece ${part.kind}`, part.text);

  const value = (completion) =>
    completion.mark === "partly right" ? `, ${completion.value.toFixed(2)}` : "";

  const completion = (shown) =>
    element("section", "completion",
      element("h4", "", shown.run, " ",
        element("span", `mark ${slug(shown.mark)}`, shown.mark + value(shown)),
        shown.given ? element("span", "given", `answer read: ${shown.given}`) : null),
      shown.pieces.length ? element("p", "pieces", ...shown.pieces.map(piece)) : null,
      shown.note ? element("p", "quiet", shown.note) : null);

  const visible = (exhibit) => {
    const run = filters.elements.run.value;
    return exhibit.completions.filter((shown) => !run || shown.run === run);
  };

  const matches = (exhibit) => {
    const { benchmark, family, run, mark } = filters.elements;
    const shown = visible(exhibit);
    return (!benchmark.value || exhibit.benchmark === benchmark.value)
      && (!family.value || exhibit.family === family.value)
      && (!run.value || shown.length > 0)
      && (!mark.value || shown.some((each) => each.mark === mark.value));
  };

  const draw = () => {
    clipUrls.forEach((url) => URL.revokeObjectURL(url));
    clipUrls = [];
    const exhibit = chosen[place];
    position.textContent = exhibit ? `${place + 1} of ${chosen.length}` : "none match";
    for (const [id, step] of Object.entries(steps))
      document.getElementById(id).disabled = !chosen[place + step];
    if (!exhibit) return article.replaceChildren();
    const list = element("ul", "choices", ...exhibit.choices.map(choice));
    article.replaceChildren(
      element("div", "clips", ...exhibit.clips.map(medium)),
      element("div", "question",
        element("p", "quiet", `${exhibit.benchmark} · ${exhibit.family} · ${exhibit.id}`),
        element("h3", "", exhibit.question),
        exhibit.choices.length ? list : element("p", "gold", element("b", "", "Gold: "), exhibit.gold)),
      element("div", "completions", ...visible(exhibit).map(completion)));
  };

  const select = () => {
    chosen = exhibits.filter(matches);
    place = 0;
    draw();
  };
  const go = (step) => {
    if (!chosen[place + step]) return;
    place += step;
    draw();
  };

  fill("benchmark", exhibits.map((exhibit) => exhibit.benchmark));
  fill("family", exhibits.map((exhibit) => exhibit.family));
  fill("run", exhibits.flatMap((exhibit) => exhibit.completions.map((shown) => shown.run)));
  fill("mark", exhibits.flatMap((exhibit) => exhibit.completions.map((shown) => shown.mark)));
  filters.addEventListener("change", select);
  filters.addEventListener("submit", (event) => event.preventDefault());
  for (const [id, step] of Object.entries(steps))
    document.getElementById(id).addEventListener("click", () => go(step));
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest("select, input, textarea, video, audio, .scroll")) return;
    if (event.key === "ArrowLeft") go(-1);
    if (event.key === "ArrowRight") go(1);
  });
  filters.hidden = false;
  select();
})();
