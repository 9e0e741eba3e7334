// A frame over a picture, by pointer and by keys. It is kept in shares of the picture's sides, so that its size on the screen does not matter.

const STEP = 0.02;
const LEAST = 0.02; // a click without a drag is no choice

function within(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".cropper");
  const stage = root.querySelector(".stage");
  const frame = root.querySelector(".box");
  const image = root.querySelector("img");
  if (root.of !== data.of) {
    root.of = data.of;
    root.box = data.box ?? [0.1, 0.1, 0.8, 0.8];
  }
  if (image.src !== data.image) image.src = data.image;

  const show = () => {
    const [left, top, width, height] = root.box.map((share) => `${100 * share}%`);
    Object.assign(frame.style, { left, top, width, height });
    const [x, y, wide, high] = root.box.map((share) => Math.round(100 * share));
    stage.setAttribute("aria-label", `the part to search with: ${wide} by ${high} percent, ${x} from the left and ${y} from the top`);
  };
  const point = (event) => {
    const box = image.getBoundingClientRect();
    return [within((event.clientX - box.left) / box.width, 0, 1), within((event.clientY - box.top) / box.height, 0, 1)];
  };
  let start = null;
  stage.onpointerdown = (event) => {
    start = point(event);
    stage.setPointerCapture(event.pointerId);
  };
  stage.onpointermove = (event) => {
    if (start === null) return;
    const end = point(event);
    const [x, y] = [0, 1].map((i) => Math.min(start[i], end[i]));
    const [width, height] = [0, 1].map((i) => Math.abs(start[i] - end[i]));
    if (width >= LEAST && height >= LEAST) root.box = [x, y, width, height];
    show();
  };
  stage.onpointerup = stage.onpointercancel = () => (start = null);
  stage.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [x, y] = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key] ?? [0, 0];
    const [left, top, width, height] = root.box;
    if (event.key === "Enter") {
      root.querySelector(".apply").click();
    } else if (event.shiftKey && (x || y)) {
      root.box = [left, top, within(width + x, LEAST, 1 - left), within(height + y, LEAST, 1 - top)];
    } else if (x || y) {
      root.box = [within(left + x, 0, 1 - width), within(top + y, 0, 1 - height), width, height];
    } else return;
    event.preventDefault();
    show();
  };
  root.querySelector(".apply").onclick = () => setTriggerValue("cropped", { box: root.box });
  root.querySelector(".all").onclick = () => setTriggerValue("cropped", { box: null });
  show();
}
