// The map of `canvas.py`, with the drawing of `drawing.js`. Moving, zooming, pointing and the legend cost no run of the page. Python hears of
// pictures that are missing, of a point that was picked, and of a line that was drawn around some.

const WAIT_MS = 120, NEAR = 14, FEWEST_CORNERS = 6, MOST_CORNERS = 240;

const bytes = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));

function start(root, calls) {
  const canvas = root.querySelector("canvas");
  const map = {
    root, canvas, calls, context: canvas.getContext("2d"), tip: root.querySelector(".tip"), legend: root.querySelector(".legend"),
    view: { x: SIDE / 2, y: SIDE / 2, scale: 0 }, count: 0, places: null, codes: null, colours: { names: [], ordered: false },
    pictures: new Map(), inView: [], lines: [], picked: null, chosen: null, hovered: null, loud: null, lasso: [], fingers: new Map(),
    drawing: false, aiming: false, told: "", version: "", ratio: 1, dark: false, ink: "#000", asked: "", moved: false,
  };
  map.redraw = () => {
    if (!map.frame) map.frame = requestAnimationFrame(() => { map.frame = 0; paint(map); ask(map); });
  };
  new ResizeObserver(() => fit(map)).observe(canvas);
  buttons(map);
  pointers(map);
  canvas.onkeydown = (event) => pressed(map, event);
  canvas.onfocus = () => { map.aiming = canvas.matches(":focus-visible"); map.redraw(); };
  canvas.onblur = () => { map.aiming = false; map.redraw(); };
  return map;
}

// The shorter side alone decides how large the whole map is drawn, so that is what a resized view follows.
const shorter = (canvas) => Math.min(canvas.width, canvas.height);

function fit(map) {
  const { canvas } = map, before = shorter(canvas);
  map.ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * map.ratio);
  canvas.height = Math.round(canvas.clientHeight * map.ratio);
  if (!map.view.scale) home(map);
  else if (before) map.view.scale *= shorter(canvas) / before || 1;
  map.redraw();
}

function home(map) {
  map.view = { x: SIDE / 2, y: SIDE / 2, scale: shorter(map.canvas) / SIDE };
  map.redraw();
}

// Keeps what lies at (x, y), in pixels of the page, where it is.
function zoom(map, factor, x = map.canvas.clientWidth / 2, y = map.canvas.clientHeight / 2) {
  const [beforeX, beforeY] = placeAt(map, x, y), whole = shorter(map.canvas) / SIDE;
  map.view.scale = Math.min(Math.max(map.view.scale * factor, whole / 2), whole * 2000);
  const [afterX, afterY] = placeAt(map, x, y);
  map.view.x += beforeX - afterX;
  map.view.y += beforeY - afterY;
  map.redraw();
}

function pan(map, dx, dy) {
  const limit = (value) => Math.min(Math.max(value, 0), SIDE);
  map.view.x = limit(map.view.x - (dx * map.ratio) / map.view.scale);
  map.view.y = limit(map.view.y - (dy * map.ratio) / map.view.scale);
  map.redraw();
}

function nearest(map, x, y, reach = NEAR) {
  const [middleX, middleY] = placeAt(map, x, y), { places } = map;
  let found = null, least = ((reach * map.ratio) / map.view.scale) ** 2;
  for (let row = 0; places && row < map.count; row++) {
    const distance = (places[2 * row] - middleX) ** 2 + (places[2 * row + 1] - middleY) ** 2;
    if (distance < least) [least, found] = [distance, row];
  }
  return found;
}

// Asks for the pictures in view, if there are few, and for the one under the pointer.
function ask(map) {
  clearTimeout(map.later);
  const wanted = [...(map.hovered === null ? [] : [map.hovered]), ...map.inView].filter((row) => !map.pictures.has(row)).slice(0, MOST_PICTURES);
  if (!wanted.length || wanted.join() === map.asked) return;
  map.later = setTimeout(() => { map.asked = wanted.join(); map.calls.setStateValue("wanted", wanted); }, WAIT_MS);
}

function point(map, row, x, y) {
  Object.assign(map, { hovered: row, tipAt: [x, y] });
  map.tip.hidden = row === null;
  if (row !== null) {
    const known = map.pictures.get(row), code = map.codes[row];
    const words = document.createElement("span");
    words.textContent = [known?.id, code === GREY ? map.colours.rest : map.colours.names[code]].filter(Boolean).join(" · ");
    map.tip.replaceChildren(...(known ? [known.image] : []), words);
    map.tip.style.left = `${Math.min(x + 14, map.canvas.clientWidth - 150)}px`;
    map.tip.style.top = `${y + 180 > map.canvas.clientHeight ? Math.max(y - 170, 0) : y + 14}px`;
  }
  map.redraw();
}

function pick(map, row) {
  if (row !== null) map.calls.setTriggerValue("picked", row);
}

function surrounded(map, corners) {
  map.calls.setTriggerValue("lassoed", { corners, version: map.version });
}

// Around what is in view, a hand's breadth from its edges.
function surroundView(map) {
  const { clientWidth: width, clientHeight: height } = map.canvas;
  surrounded(map, [[0, 0], [width, 0], [width, height], [0, height]].map(([x, y]) => placeAt(map, x, y)));
}

function finishLasso(map) {
  const step = Math.max(1, Math.ceil(map.lasso.length / MOST_CORNERS));
  const corners = map.lasso.filter((_, place) => place % step === 0);
  map.lasso = [];
  if (corners.length >= FEWEST_CORNERS) surrounded(map, corners);
  map.redraw();
}

function clear(map) {
  map.lasso = [];
  map.loud = null;
  showLegend(map);
  if (map.picked !== null || map.chosen) map.calls.setTriggerValue("cleared", true);
  map.redraw();
}

function draws(map, on) {
  map.drawing = on;
  map.canvas.classList.toggle("drawing", on);
  map.root.querySelector('[data-do="lasso"]').setAttribute("aria-pressed", on);
}

function buttons(map) {
  const work = {
    lasso: () => draws(map, !map.drawing), view: () => surroundView(map), clear: () => clear(map),
    closer: () => zoom(map, 1.6), farther: () => zoom(map, 1 / 1.6), home: () => home(map),
  };
  for (const button of map.root.querySelectorAll("[data-do]")) button.onclick = work[button.dataset.do];
}

function pressed(map, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { clientWidth: width, clientHeight: height } = map.canvas, step = Math.min(width, height) / 6;
  const work = {
    ArrowLeft: () => pan(map, step, 0), ArrowRight: () => pan(map, -step, 0), ArrowUp: () => pan(map, 0, step), ArrowDown: () => pan(map, 0, -step),
    "+": () => zoom(map, 1.6), "=": () => zoom(map, 1.6), "-": () => zoom(map, 1 / 1.6), 0: () => home(map),
    Enter: () => pick(map, nearest(map, width / 2, height / 2, Infinity)), s: () => surroundView(map), Escape: () => clear(map),
  }[event.key];
  if (!work) return;
  event.preventDefault();
  map.aiming = true;
  work();
}

// One finger or the mouse moves the map, or draws; two fingers zoom.
function pointers(map) {
  const { canvas, fingers } = map;
  const gap = () => { const [a, b] = [...fingers.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]); };
  canvas.onwheel = (event) => { event.preventDefault(); zoom(map, Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY); };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    map.moved = fingers.size > 0;
    fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    map.aiming = false;
    map.lasso = map.drawing && fingers.size === 1 ? [placeAt(map, event.offsetX, event.offsetY)] : [];
  };
  canvas.onpointermove = (event) => {
    const { offsetX: x, offsetY: y, pointerId } = event, before = fingers.get(pointerId);
    if (!before) return point(map, event.pointerType === "touch" ? null : nearest(map, x, y), x, y);
    if (!map.moved && Math.hypot(x - before[0], y - before[1]) < 4) return;
    const wide = fingers.size === 2 ? gap() : 0;
    fingers.set(pointerId, [x, y]);
    map.moved = true;
    if (wide) {
      const [a, b] = [...fingers.values()];
      zoom(map, gap() / wide, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
    } else if (map.lasso.length) {
      map.lasso.push(placeAt(map, x, y));
      map.redraw();
    } else pan(map, x - before[0], y - before[1]);
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => {
    fingers.delete(event.pointerId);
    if (map.lasso.length && map.moved) finishLasso(map);
    else if (!map.moved && event.type === "pointerup") pick(map, nearest(map, event.offsetX, event.offsetY));
  };
  canvas.onpointerleave = () => { if (!fingers.size) point(map, null, 0, 0); };
}

function swatch(map, code) {
  const small = document.createElement("canvas"), side = 16;
  small.width = small.height = side;
  small.setAttribute("aria-hidden", "true");
  const context = small.getContext("2d");
  context.fillStyle = colourOf(map, code);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) if (covers(shapeOf(map, code), x - side / 2, y - side / 2, 5.5)) context.fillRect(x, y, 1, 1);
  return small;
}

function showLegend(map) {
  const { names, counts, rest, num_grey } = map.colours;
  const entries = names.map((name, code) => [code, name, counts[code]]);
  if (num_grey) entries.push([GREY, rest, num_grey]);
  map.legend.replaceChildren(...entries.map(([code, name, count]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", map.loud === code);
    const words = document.createElement("span");
    words.textContent = `${name} (${count.toLocaleString("en")})`;
    button.append(swatch(map, code), words);
    button.onclick = () => { map.loud = map.loud === code ? null : code; showLegend(map); map.redraw(); };
    return button;
  }));
}

// What is large is sent once: Python leaves out what this page has said that it has.
function receive(map, data) {
  const kept = (window.samekindMap ??= {});
  if (data.places) Object.assign(kept, { places: new Uint16Array(bytes(data.places).buffer), placesVersion: data.places_version });
  if (data.codes) Object.assign(kept, { codes: bytes(data.codes), codesVersion: data.codes_version });
  const [places, codes] = [kept.placesVersion === data.places_version, kept.codesVersion === data.codes_version];
  if (map.version !== data.places_version) {
    // Other places, or all rows moved: what is in view and what is being drawn around would be other images.
    map.pictures.clear();
    map.lasso = [];
    if (map.version) home(map);
  }
  Object.assign(map, { version: data.places_version, count: data.count, places: places ? kept.places : null, codes: codes ? kept.codes : null });
  const have = [places ? data.places_version : "", codes ? data.codes_version : ""];
  if (map.told !== have.join()) {
    map.told = have.join();
    map.calls.setStateValue("have", have);
  }
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".map");
  const map = (root.samekindMap ??= start(root, {}));
  map.calls = { setStateValue, setTriggerValue };
  receive(map, data);
  map.dark = isDark(root);
  map.ink = getComputedStyle(root).getPropertyValue("--st-text-color").trim() || (map.dark ? "#fff" : "#000");
  if (map.coloursVersion !== data.codes_version) map.loud = null;
  Object.assign(map, { colours: data.colours, coloursVersion: data.codes_version, lines: data.lines, picked: data.picked });
  map.chosen = data.chosen ? bytes(data.chosen) : null;
  map.canvas.setAttribute("aria-label", data.label);
  for (const [row, id, picture] of data.pictures) {
    if (map.pictures.has(row)) continue;
    const image = new Image();
    image.alt = "";
    image.onload = map.redraw;
    image.src = picture;
    map.pictures.set(row, { id, image });
    if (row === map.hovered) point(map, row, ...map.tipAt); // it shows its picture now
  }
  showLegend(map);
  map.redraw();
}
