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
  const marks = document.createElement("div");
  marks.className = "marks";
  frame.append(marks);
  if (place < 10) {
    const key = document.createElement("kbd");
    key.textContent = (place + 1) % 10;
    frame.append(key);
  }
  element.append(frame, lines(card));
  return element;
}

function freshState({ screen, marks }) {
  const [same, duplicate, wrong_label] = [marks.same, marks.duplicate, marks.wrong_label].map((places) => new Set(places));
  return { screen, same, duplicate, wrong_label, name: marks.name, kind: "same", since: performance.now() };
}

// Words on a picture for what is marked there.
function marksAt(number, { same, duplicate, wrong_label }) {
  const marks = [];
  if (wrong_label.has(number)) marks.push({ text: "wrong label", tone: "false" });
  if (duplicate.has(number)) marks.push({ text: "duplicate", tone: "same" });
  else if (same.has(number)) marks.push({ text: "same", tone: "same" });
  return marks;
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
  if (isNew) root.state = freshState(data);
  const { state } = root;
  state.isAnswered = false; // drawn again, a screen whose answers could not be stored can be answered again
  const confirm = root.querySelector(".confirm");
  const all = root.querySelector(".all");
  const naming = root.querySelector(".name");
  const kinds = [...root.querySelectorAll("[data-kind]")];
  const cards = data.cards.map(drawImage);
  if (!data.has_labels && state.kind === "wrong_label") state.kind = "same";

  const show = () => {
    cards.forEach((card, place) => {
      const isSame = state.same.has(place + 1);
      card.classList.toggle("same", isSame);
      card.setAttribute("aria-pressed", isSame);
      const marks = marksAt(place + 1, state);
      card.querySelector(".marks").replaceChildren(...marks.map(badge));
      const told = marks.map((mark) => mark.text).filter((text) => text !== "same");
      card.setAttribute("aria-label", [data.cards[place].pictures[0].alt, ...told].join(", "));
    });
    for (const button of kinds) {
      button.hidden = button.dataset.kind === "wrong_label" && !data.has_labels;
      button.setAttribute("aria-pressed", button.dataset.kind === state.kind);
    }
    const same = state.same.size;
    const called = state.name.trim() ? `, named ${state.name.trim()}` : "";
    confirm.querySelector(".count").textContent = `${same} same${called}, ${cards.length - same} different`;
  };
  const toggle = (place) => {
    const number = place + 1;
    if (state.kind === "wrong_label") {
      if (!state.wrong_label.delete(number)) state.wrong_label.add(number);
    } else if (state.kind === "duplicate") {
      if (!state.duplicate.delete(number)) state.duplicate.add(number);
      state.same.add(number); // a copy of the anchor is of its kind; it stays so if it turns out to be none
    } else {
      state.duplicate.delete(number);
      if (!state.same.delete(number)) state.same.add(number);
    }
    show();
  };
  const choose = (kind) => {
    if (kind === "wrong_label" && !data.has_labels) return; // whoever sees no labels cannot call one wrong
    state.kind = state.kind === kind ? "same" : kind;
    show();
  };
  const answer = () => {
    if (state.isAnswered || performance.now() - state.since < TOO_SOON_MS) return;
    state.isAnswered = true; // a second run would break off the one that stores the answers
    const [same, duplicate, wrong_label] = [state.same, state.duplicate, state.wrong_label].map((marked) => [...marked]);
    setTriggerValue("answered", { screen: data.screen, same, duplicate, wrong_label, name: state.name });
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
    if (/^[0-9]$/.test(event.key)) {
      const keyed = (Number(event.key) + 9) % 10; // 0 is the tenth
      if (cards[keyed]) toggle(keyed);
    } else if (event.key.startsWith("Arrow") && !isOnControl) {
      cards[placeAfter(event.key, place, cards)].focus();
    } else if (event.key === "Enter" && !isOnControl && path[0] !== all) {
      answer();
    } else if (event.key.toLowerCase() === "a") {
      answerAll();
    } else if (event.key.toLowerCase() === "d") {
      choose("duplicate");
    } else if (event.key.toLowerCase() === "w") {
      choose("wrong_label");
    } else if (event.key.toLowerCase() === "n") {
      naming.focus();
    } else return;
    event.preventDefault();
  };
  // What is typed is the field's own, also where the page listens to keys. Enter only leads back: with a list open it picks from it.
  naming.onkeydown = (event) => {
    event.stopPropagation();
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    root.focus({ preventScroll: true });
  };
  naming.oninput = () => {
    state.name = naming.value;
    show();
  };

  if (isNew) naming.value = state.name;
  root.querySelector("datalist").replaceChildren(...data.names.map((name) => new Option(name, name)));
  for (const button of kinds) button.onclick = () => choose(button.dataset.kind);
  root.querySelector(".anchors").replaceChildren(drawAnchor(data.anchor));
  root.querySelector(".images").replaceChildren(...cards);
  cards.forEach((card, place) => (card.onclick = () => toggle(place)));
  confirm.onclick = answer;
  all.onclick = answerAll;
  show();
  // Keys are for the new screen, and not for the button that was pressed before it came; a field keeps them.
  if (isNew && !document.activeElement?.closest(FIELDS)) root.focus({ preventScroll: true });
  // The element may be drawn again before it is told to end: two listeners would each turn a mark, and so leave it as it was.
  document.removeEventListener("keydown", root.onKey);
  root.onKey = onKey;
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}
