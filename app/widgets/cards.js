// Parts of cards, put before `gallery.js` and `screen_grid.js`. Text is set through textContent only: labels and ids come from folder names.

function badge({ text, tone }) {
  const element = document.createElement("span");
  element.className = `badge ${tone}`;
  element.textContent = text;
  return element;
}

function picture({ image, alt }) {
  const element = document.createElement("img");
  element.alt = alt;
  element.onload = () => element.classList.toggle("tiny", Math.max(element.naturalWidth, element.naturalHeight) <= 32);
  element.src = image;
  return element;
}

// Ids are paths: a line may end after one of their separators, and not in the middle of a word as long as a word fits.
function breakable(text) {
  return text.split(/(?<=[\/_])/).flatMap((part, place) => (place ? [document.createElement("wbr"), part] : [part]));
}

function lines(card) {
  const box = document.createElement("div");
  box.className = "lines";
  if (card.heading) {
    const heading = document.createElement("div");
    heading.className = "heading";
    heading.append(...breakable(card.heading));
    heading.title = card.heading;
    box.append(heading);
  }
  for (const text of card.lines) {
    const line = document.createElement("div");
    line.className = "line";
    line.append(...breakable(text));
    line.title = text;
    box.append(line);
  }
  for (const mark of card.badges) box.append(badge(mark));
  return box;
}
