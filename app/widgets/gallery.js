// Draws the cards of `gallery.py`, with the parts of `cards.js`.

// Small buttons, which also answer to their keys while the keyboard is anywhere in the card.
function drawActs(card, act) {
  const row = document.createElement("div");
  row.className = "acts";
  for (const { name, text, label, key } of card.acts) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "act";
    button.textContent = text;
    button.title = `${label} (${key})`;
    button.dataset.act = name;
    button.setAttribute("aria-label", label);
    button.setAttribute("aria-keyshortcuts", key);
    button.onclick = () => act(card.id, name);
    row.append(button);
  }
  return row;
}

function answerKeys(card, element, act) {
  element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const found = card.acts.find(({ key }) => key === event.key.toLowerCase());
    if (!found) return;
    event.preventDefault();
    event.stopPropagation();
    act(card.id, found.name);
  });
}

function drawCard(card, pick, act) {
  const whole = card.action === "whole";
  const element = document.createElement(whole ? "button" : "div");
  element.className = `card ${card.tone}`;
  element.dataset.id = card.id;
  const frame = document.createElement("div");
  frame.className = "frame";
  for (const shown of card.pictures) frame.append(picture(shown));
  element.append(frame, lines(card));
  if (card.acts.length) {
    element.append(drawActs(card, act));
    answerKeys(card, element, act);
  }
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

// Beside the card, not in it: a card may be a button itself.
function basketButton(card, put) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "basket";
  button.textContent = card.in_basket ? "✓" : "+";
  button.title = card.in_basket ? "In the basket" : "Add to the basket";
  button.setAttribute("aria-pressed", card.in_basket);
  button.setAttribute("aria-label", `${card.pictures[0]?.alt ?? ""}: in the basket`);
  button.onclick = () => put(card.id);
  return button;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const grid = parentElement.querySelector(".grid");
  grid.style.setProperty("--card", `${data.card_width}px`);
  grid.classList.toggle("one-row", data.one_row);
  grid.setAttribute("aria-label", data.label);
  const pick = (id) => {
    grid.picked = id;
    setTriggerValue("picked", id);
    // What was picked is shown at the top of the page, out of sight from a card far down.
    document.querySelector('[data-testid="stMain"]')?.scrollTo({ top: 0, behavior: "smooth" });
  };
  const act = (id, name) => {
    grid.acted = { id, name };
    setTriggerValue("acted", { id, name });
  };
  const put = (id) => {
    grid.put = id;
    setTriggerValue("acted", { id, name: "basket" });
  };
  grid.replaceChildren(
    ...data.cards.map((card) => {
      const item = document.createElement("div");
      item.setAttribute("role", "listitem");
      item.dataset.id = card.id;
      item.append(drawCard(card, pick, act));
      if (card.in_basket !== null) item.append(basketButton(card, put));
      return item;
    }),
  );
  // The button that was pressed is drawn anew: without this the keyboard would begin again at the top of the page.
  if (grid.picked !== undefined) {
    const buttons = [...grid.querySelectorAll("button:not(.basket)")];
    const own = buttons.find((button) => button.closest(".card").dataset.id === grid.picked);
    (own ?? buttons[0])?.focus({ preventScroll: true });
    delete grid.picked;
  }
  // Likewise; what was done may have taken the card away, and then the first one has the same button.
  if (grid.acted !== undefined) {
    const buttons = [...grid.querySelectorAll(".act")].filter((button) => button.dataset.act === grid.acted.name);
    const own = buttons.find((button) => button.closest(".card").dataset.id === grid.acted.id);
    (own ?? buttons[0])?.focus({ preventScroll: true });
    delete grid.acted;
  }
  if (grid.put !== undefined) {
    const own = [...grid.querySelectorAll(".basket")].find((button) => button.parentElement.dataset.id === grid.put);
    own?.focus({ preventScroll: true });
    delete grid.put;
  }
  // Escape leaves a field or a switch, so that keys are the page's again.
  document.removeEventListener("keydown", window.samekindEscape);
  window.samekindEscape = (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) document.activeElement?.blur();
  };
  document.addEventListener("keydown", window.samekindEscape);
}
