// Draws a screen of `screen_grid.py`, with the parts of `cards.js`. Marks are kept here, so that a click costs no run of the page; Python hears
// of them when the screen is answered.

// Where every key is text or a choice of its own, and where Enter and arrows are.
const FIELDS = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], [role=combobox], [role=dialog]";
const CONTROLS = "button, a, summary, [role=radiogroup]";
const TOO_SOON_MS = 400; // a second press or click was meant for the screen before

function drawAnchor(card) {
  const element = document.createElement("div");
  element.className = "card anchor";
  const frame = document.createElement("div");
  frame.className = "frame";
  frame.append(picture(card.pictures[0]));
  element.append(frame, lines(card));
  return element;
}

function drawImage(card, place) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "card image";
  element.setAttribute("aria-label", card.pictures[0].alt);
  const frame = document.createElement("div");
  frame.className = "frame";
  frame.append(picture(card.pictures[0]));
  const mark = badge({ text: "same", tone: "same" });
  frame.append(mark);
  if (place < 9) {
    const key = document.createElement("kbd");
    key.textContent = place + 1;
    frame.append(key);
  }
  element.append(frame, lines(card));
  return element;
}

// The card that an arrow leads to; rows are as many cards wide as stand at the height of the first one.
function placeAfter(key, place, cards) {
  const columns = cards.filter((card) => card.offsetTop === cards[0].offsetTop).length;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
  if (place < 0) return 0;
  return cards[place + step] ? place + step : place;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".screen");
  const isNew = root.state?.screen !== data.screen;
  if (isNew) root.state = { screen: data.screen, same: new Set(data.same), since: performance.now() };
  const { state } = root;
  state.isAnswered = false; // drawn again, a screen whose answers could not be stored can be answered again
  const confirm = root.querySelector(".confirm");
  const all = root.querySelector(".all");
  const cards = data.cards.map(drawImage);

  const show = () => {
    cards.forEach((card, place) => {
      const isSame = state.same.has(place + 1);
      card.classList.toggle("same", isSame);
      card.setAttribute("aria-pressed", isSame);
    });
    const same = state.same.size;
    confirm.querySelector(".count").textContent = `${same} same, ${cards.length - same} different`;
  };
  const toggle = (place) => {
    if (!state.same.delete(place + 1)) state.same.add(place + 1);
    show();
  };
  const answer = () => {
    if (state.isAnswered || performance.now() - state.since < TOO_SOON_MS) return;
    state.isAnswered = true; // a second run would break off the one that stores the answers
    setTriggerValue("answered", { screen: data.screen, same: [...state.same].sort((a, b) => a - b) });
  };
  const answerAll = () => {
    if (state.isAnswered || performance.now() - state.since < TOO_SOON_MS) return;
    cards.forEach((_, place) => state.same.add(place + 1));
    show();
    answer();
  };

  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const path = event.composedPath();
    const isInside = path.includes(root);
    if (!isInside && path[0].closest?.(FIELDS)) return;
    const isOnControl = !isInside && path[0].closest?.(CONTROLS);
    const place = cards.indexOf(parentElement.activeElement ?? document.activeElement);
    if (/^[1-9]$/.test(event.key)) {
      if (cards[event.key - 1]) toggle(event.key - 1);
    } else if (event.key.startsWith("Arrow") && !isOnControl) {
      cards[placeAfter(event.key, place, cards)].focus();
    } else if (event.key === "Enter" && !isOnControl && path[0] !== all) {
      answer();
    } else if (event.key.toLowerCase() === "a") {
      answerAll();
    } else return;
    event.preventDefault();
  };

  root.querySelector(".anchors").replaceChildren(drawAnchor(data.anchor));
  root.querySelector(".images").replaceChildren(...cards);
  cards.forEach((card, place) => (card.onclick = () => toggle(place)));
  confirm.onclick = answer;
  all.onclick = answerAll;
  show();
  // Keys are for the new screen, and not for the button that was pressed before it came; a field keeps them.
  if (isNew && !document.activeElement?.closest(FIELDS)) root.focus({ preventScroll: true });
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}
