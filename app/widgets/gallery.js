// Draws the cards of `gallery.py`, with the parts of `cards.js`.

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
  const put = (id) => {
    grid.put = id;
    setTriggerValue("basket", id);
  };
  grid.replaceChildren(
    ...data.cards.map((card) => {
      const item = document.createElement("div");
      item.setAttribute("role", "listitem");
      item.dataset.id = card.id;
      item.append(drawCard(card, pick));
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
