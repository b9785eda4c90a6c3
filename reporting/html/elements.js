"use strict";
// Text from the report only ever becomes a text node. What the three scripts share is made here.
const element = (tag, className, ...children) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
};
const slug = (words) => words.replaceAll(" ", "-");
const paragraph = (className, text) => text ? element("p", className, text) : null;

const bytesOf = (base64) => {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let place = 0; place < binary.length; place += 1) bytes[place] = binary.charCodeAt(place);
  return bytes;
};

const unpack = (section) => {
  const stream = new Blob([bytesOf(section.querySelector(".packed").textContent)]).stream();
  return new Response(stream.pipeThrough(new DecompressionStream("gzip"))).json();
};

// Media lie in the page once each, as text, and become players only when they are shown.
const media = document.getElementsByClassName("medium");

// Safari plays sound and video from blobs, not from data URIs.
const playable = (source) => {
  const [head, body] = source.split(",", 2);
  return URL.createObjectURL(new Blob([bytesOf(body)], { type: head.slice(5).split(";")[0] }));
};

const medium = (clip) => {
  const caption = element("figcaption", "", clip.note ? `${clip.label} (${clip.note})` : clip.label);
  if (clip.source === null) {
    const still = clip.thumbnail ? element("img", "still") : null;
    if (still) Object.assign(still, { src: clip.thumbnail, alt: `a frame of ${clip.label}` });
    return element("figure", "clip absent", still, caption);
  }
  const source = media[clip.source].textContent;
  const shown = document.createElement(clip.kind === "image" ? "img" : clip.kind);
  if (clip.kind === "image") {
    Object.assign(shown, { alt: clip.label, src: source });
  } else {
    Object.assign(shown, { controls: true, loop: clip.kind === "video", src: playable(source) });
    shown.setAttribute("aria-label", clip.label);
    if (clip.thumbnail && clip.kind === "video") shown.poster = clip.thumbnail;
  }
  return element("figure", "clip", shown, caption);
};

const release = (article) => {
  for (const player of article.querySelectorAll("video, audio")) URL.revokeObjectURL(player.src);
};

const choice = (option) =>
  element("li", option.gold ? "gold" : "", element("b", "", option.label), ` ${option.text}`,
    option.gold ? element("span", "tick", " ✓ gold") : null);

const gold = (asked) => asked.choices.length
  ? element("ul", "choices", ...asked.choices.map(choice))
  : element("p", "gold", element("b", "", "Gold: "), asked.gold);

const pieces = (parts) => parts.length
  ? element("p", "pieces", ...parts.map(([kind, text]) => element("span", `piece ${kind}`, text)))
  : null;

const addOptions = (select, values) => {
  for (const value of values) select.append(new Option(value, value));
};

// Paper shows what is unfolded, and how to read it.
addEventListener("beforeprint", () => document.querySelectorAll(".reading").forEach((part) => { part.open = true; }));
const unfold = document.querySelector(".unfold");
if (document.querySelector("details")) unfold.hidden = false;
unfold.addEventListener("click", () => document.querySelectorAll("details").forEach((part) => { part.open = true; }));
