// Draws the points of `canvas.py`: pixels are written into one array, which takes a few milliseconds for 100,000 points and needs no graphics
// card. Every group has a colour and a shape, so that nothing depends on seeing colours.

const GREY = 255, SIDE = 65535, MOST_PICTURES = 60, PICTURE = 52;
// Told apart in both schemes and by the colour-blind (after Okabe and Ito, darker on white, lighter on black), each at least 3 : 1.
const NAMED = {
  light: ["#0072b2", "#c2410c", "#00795c", "#a6548a", "#8a6d00", "#332288", "#b0172b", "#117a8b", "#6b4f2a", "#3f3f46"],
  dark: ["#56b4e9", "#fb923c", "#34d399", "#f0a6ca", "#f0e442", "#a5b4fc", "#fb7185", "#5eead4", "#d6b98c", "#f4f4f5"],
};
const SCALE = {
  light: ["#5b8db8", "#3f7f9f", "#2f6f73", "#5f4b8b", "#440154"],
  dark: ["#5a6fb5", "#3f93a5", "#3fb883", "#a5d84f", "#fde725"],
};
const QUIET = { light: "#b3b3b8", dark: "#5b5b63" };
const SHAPES = ["circle", "square", "triangle", "diamond", "cross"];

function isDark(element) {
  const [red, green, blue] = rgb(getComputedStyle(element).getPropertyValue("--st-background-color") || "#ffffff");
  return red * 0.3 + green * 0.59 + blue * 0.11 < 128;
}

function rgb(colour) {
  const probe = (rgb.probe ??= document.createElement("canvas").getContext("2d", { willReadFrequently: true }));
  probe.fillStyle = "#fff";
  probe.fillStyle = colour.trim();
  probe.fillRect(0, 0, 1, 1);
  return probe.getImageData(0, 0, 1, 1).data;
}

const word = (colour) => {
  const [red, green, blue] = rgb(colour);
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
};

function colourOf(map, code) {
  const scheme = map.dark ? "dark" : "light";
  return code === GREY ? QUIET[scheme] : (map.colours.ordered ? SCALE : NAMED)[scheme][code];
}

const shapeOf = (map, code) => (code === GREY || map.colours.ordered ? "circle" : SHAPES[code % SHAPES.length]);

// True inside a shape of that radius about the origin.
function covers(shape, x, y, radius) {
  const [across, down] = [Math.abs(x), Math.abs(y)];
  if (shape === "square") return Math.max(across, down) <= radius * 0.85;
  if (shape === "triangle") return y <= radius * 0.75 && y >= 2 * across - radius * 1.05;
  if (shape === "diamond") return across + down <= radius * 1.2;
  if (shape === "cross") return Math.min(across, down) <= radius * 0.35 && Math.max(across, down) <= radius * 1.1;
  return x * x + y * y <= radius * radius + 0.3;
}

// Offsets into the array of pixels.
function stamp(shape, radius, width) {
  const reach = Math.ceil(radius * 1.2), offsets = [];
  for (let y = -reach; y <= reach; y++)
    for (let x = -reach; x <= reach; x++) if (covers(shape, x, y, radius)) offsets.push(y * width + x);
  return Int32Array.from(offsets);
}

// Pixels of a place on the map, and back.
const across = (map, x) => (x - map.view.x) * map.view.scale + map.canvas.width / 2;
const down = (map, y) => (y - map.view.y) * map.view.scale + map.canvas.height / 2;
const placeAt = (map, x, y) => [
  (x * map.ratio - map.canvas.width / 2) / map.view.scale + map.view.x,
  (y * map.ratio - map.canvas.height / 2) / map.view.scale + map.view.y,
];

const isChosen = (map, row) => !map.chosen || (map.chosen[row >> 3] >> (row & 7)) & 1;
const isQuiet = (map, row, code) => (map.loud !== null && code !== map.loud) || !isChosen(map, row);

function paint(map) {
  const { canvas, places, codes } = map;
  if (!places || !codes || !canvas.width || !canvas.height) return;
  const started = performance.now();
  const { width, height } = canvas;
  if (map.image?.width !== width || map.image?.height !== height) map.image = new ImageData(width, height);
  const pixels = new Uint32Array(map.image.data.buffer).fill(0);
  const whole = Math.min(width, height) / SIDE, zoom = map.view.scale / whole;
  const crowd = Math.sqrt((width * height) / Math.max(map.count, 1)) / 6;
  const radius = Math.min(9, Math.max(1, crowd * Math.sqrt(zoom))) * Math.min(map.ratio, 2);
  const reach = Math.ceil(radius * 1.2) + 1;
  const stamps = {}, words = {};
  for (const code of [...map.colours.names.keys(), GREY]) {
    stamps[code] = stamp(shapeOf(map, code), radius, width);
    words[code] = word(colourOf(map, code));
  }
  const quiet = word(QUIET[map.dark ? "dark" : "light"]), small = stamp("circle", radius * 0.7, width);
  const { x: middleX, y: middleY, scale } = map.view;
  const inView = [];
  let inside = 0;
  for (const loud of [false, true]) {
    for (let row = 0; row < map.count; row++) {
      const code = codes[row];
      if ((code !== GREY && !isQuiet(map, row, code)) !== loud) continue;
      const x = ((places[2 * row] - middleX) * scale + width / 2) | 0, y = ((places[2 * row + 1] - middleY) * scale + height / 2) | 0;
      if (x < reach || y < reach || x >= width - reach || y >= height - reach) continue;
      inside += 1;
      if (inView.length <= MOST_PICTURES) inView.push(row);
      const faded = isQuiet(map, row, code), shape = faded ? small : stamps[code], colour = faded ? quiet : words[code], at = y * width + x;
      for (let k = 0; k < shape.length; k++) pixels[at + shape[k]] = colour;
    }
  }
  map.inView = inside <= MOST_PICTURES ? inView : [];
  map.context.putImageData(map.image, 0, 0);
  paintLines(map);
  map.inView.forEach((row) => paintPicture(map, row, colourOf(map, codes[row])));
  paintMarks(map);
  canvas.dataset.inside = inside;
  canvas.dataset.milliseconds = (performance.now() - started).toFixed(2);
}

function paintPicture(map, row, colour) {
  const image = map.pictures.get(row)?.image;
  if (!image?.complete || !image.naturalWidth) return;
  const { context, ratio, places } = map, side = PICTURE * ratio, fit = side / Math.max(image.naturalWidth, image.naturalHeight);
  const [width, height] = [image.naturalWidth * fit, image.naturalHeight * fit];
  const [x, y] = [across(map, places[2 * row]) - width / 2, down(map, places[2 * row + 1]) - height / 2];
  context.imageSmoothingEnabled = Math.max(image.naturalWidth, image.naturalHeight) > 32;
  context.drawImage(image, x, y, width, height);
  context.lineWidth = 2 * ratio;
  context.strokeStyle = colour;
  context.strokeRect(x, y, width, height);
}

// From the point that was picked to its hardest negatives; false ones by thick unbroken lines, others by thin broken ones.
function paintLines(map) {
  const { context, ratio, places } = map;
  if (map.picked === null) return;
  const [x, y] = [across(map, places[2 * map.picked]), down(map, places[2 * map.picked + 1])];
  for (const [row, tone] of map.lines) {
    context.beginPath();
    context.lineWidth = (tone === "false" ? 3 : 1.5) * ratio;
    context.setLineDash(tone === "false" ? [] : [5 * ratio, 4 * ratio]);
    context.strokeStyle = tone === "false" ? (map.dark ? "#fb923c" : "#c2410c") : map.ink;
    context.moveTo(x, y);
    context.lineTo(across(map, places[2 * row]), down(map, places[2 * row + 1]));
    context.stroke();
  }
  context.setLineDash([]);
}

function ring(map, row, radius) {
  const { context, ratio, places } = map;
  context.beginPath();
  context.arc(across(map, places[2 * row]), down(map, places[2 * row + 1]), radius * ratio, 0, 2 * Math.PI);
  context.lineWidth = 2 * ratio;
  context.strokeStyle = map.ink;
  context.stroke();
}

// The picked point, the one under the pointer, the line that is being drawn, and what the keyboard aims at.
function paintMarks(map) {
  const { context, ratio, canvas } = map;
  if (map.picked !== null) ring(map, map.picked, 9);
  if (map.hovered !== null) ring(map, map.hovered, 6);
  context.strokeStyle = map.ink;
  context.lineWidth = 1.5 * ratio;
  if (map.lasso.length) {
    context.beginPath();
    map.lasso.forEach(([x, y]) => context.lineTo(across(map, x), down(map, y)));
    context.closePath();
    context.stroke();
  }
  if (map.aiming) {
    const [x, y] = [canvas.width / 2, canvas.height / 2];
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(x + 4 * dx * ratio, y + 4 * dy * ratio);
      context.lineTo(x + 12 * dx * ratio, y + 12 * dy * ratio);
    }
    context.stroke();
  }
}
