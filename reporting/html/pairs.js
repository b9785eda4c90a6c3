// Accepted and rejected rows side by side, one pair at a time.
(async () => {
  const section = document.getElementById("pairs");
  if (!section) return;
  const form = section.querySelector("form");
  const article = section.querySelector("article");
  const steps = { previous: -1, next: 1 };

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
  const fields = {
    source: (pair) => rowsOf(pair).map((row) => row.source),
    outcome: (pair) => rowsOf(pair).map((row) => row.leaving ? `${row.leaving.step}: ${row.leaving.reason}` : "accepted"),
  };

  const pairs = await unpack(section);
  let chosen = pairs;
  let place = 0;
  const show = () => {
    release(article);
    form.querySelector("output").textContent = chosen.length ? `${place + 1} of ${chosen.length}` : "none match";
    for (const [name, step] of Object.entries(steps)) form.elements[name].ariaDisabled = String(!chosen[place + step]);
    const pair = chosen[place];
    article.replaceChildren(...(pair ? [judged("accepted", pair.accepted), judged("rejected", pair.rejected)] : []));
  };
  const go = (step) => {
    if (!chosen[place + step]) return;
    place += step;
    show();
  };
  const select = () => {
    chosen = pairs.filter((pair) => Object.entries(fields).every(([name, values]) =>
      !form.elements[name].value || values(pair).includes(form.elements[name].value)));
    place = 0;
    show();
  };

  for (const [name, values] of Object.entries(fields)) addOptions(form.elements[name], new Set(pairs.flatMap(values)));
  for (const [name, step] of Object.entries(steps)) form.elements[name].addEventListener("click", () => go(step));
  form.addEventListener("change", select);
  form.addEventListener("submit", (event) => event.preventDefault());
  section.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest("select, video, audio")) return;
    if (event.key === "ArrowLeft") go(-1);
    if (event.key === "ArrowRight") go(1);
  });
  form.hidden = false;
  show();
})();
