// Draws the cards of `gallery.py`. Text is set through textContent only: labels and ids come from folder names.

function badge({ text, tone }) {
  const element = document.createElement("span");
  element.className = `badge ${tone}`;
  element.textContent = text;
  return element;
}

function picture({ image, alt }) {
  const element = document.createElement("img");
  element.alt = alt;
  element.onload = () => element.classList.toggle("tiny", Math.max(element.naturalWidth, element.naturalHeight) <= 64);
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

function drawCard(card, pick) {
  const whole = card.action === "whole";
  const element = document.createElement(whole ? "button" : "div");
  element.className = `card ${card.tone}`;
  element.dataset.id = card.id;
  const frame = document.createElement("div");
  frame.className = "frame";
  for (const shown of card.pictures) frame.append(picture(shown));
  element.append(frame, lines(card));
  if (whole) {
    element.type = "button";
    element.setAttribute("aria-label", card.action_label);
    element.onclick = () => pick(card.id);
  } else if (card.action) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "action";
    button.textContent = card.action;
    button.setAttribute("aria-label", card.action_label);
    button.onclick = () => pick(card.id);
    element.append(button);
  }
  return element;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const grid = parentElement.querySelector(".grid");
  grid.style.setProperty("--card", `${data.card_width}px`);
  grid.setAttribute("aria-label", data.label);
  const pick = (id) => {
    setTriggerValue("picked", id);
    // What was picked is shown at the top of the page, out of sight from a card far down.
    document.querySelector('[data-testid="stMain"]')?.scrollTo({ top: 0, behavior: "smooth" });
  };
  grid.replaceChildren(
    ...data.cards.map((card) => {
      const item = document.createElement("div");
      item.setAttribute("role", "listitem");
      item.append(drawCard(card, pick));
      return item;
    }),
  );
}
