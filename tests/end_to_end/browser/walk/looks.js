// What a page looks like to `visitor.py` and `controls.py`. Custom elements of the demo lie in open shadow roots: all of this looks into them.
window.samekindWalk = (() => {
  function* deep(root) {
    for (const element of root.querySelectorAll("*")) {
      yield element;
      if (element.shadowRoot) yield* deep(element.shadowRoot);
    }
  }
  const up = (element) => element.assignedSlot ?? element.parentElement ?? element.getRootNode().host ?? null;
  function* ancestors(element) {
    for (let each = element; each; each = up(each)) yield each;
  }
  const closest = (element, selector) => [...ancestors(element)].find((each) => each.matches(selector));
  // A sidebar that is put away stands beside the screen; on a phone one that is open covers the page.
  const PUT_AWAY = "[data-testid=stSidebar][data-collapsed=true] *";
  const OPEN_SIDEBAR = "[data-testid=stSidebar][data-collapsed=false]";
  const isPhone = innerWidth < 768;
  const isSeen = (element) => {
    if (closest(element, PUT_AWAY)) return false;
    const box = element.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  };
  const short = (text) => (text ?? "").replace(/\s+/g, " ").trim().slice(0, 60);

  // ---- when it is at rest

  // Told by what goes to the server and comes back, for a page does not say that it has asked for something: on a busy machine
  // it would seem to be at rest until the answer begins.
  const ANSWER_MS = 20_000; // not everything that is sent is answered
  const LONGEST_MS = 120_000;
  let [sent, heard, uploads] = [-Infinity, 0, 0];
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", () => (heard = performance.now()));
    }
    send(...given) {
      sent = performance.now();
      super.send(...given);
    }
  };
  const upload = XMLHttpRequest.prototype.send;
  XMLHttpRequest.prototype.send = function (...given) {
    uploads += 1;
    this.addEventListener("loadend", () => (uploads -= 1));
    upload.apply(this, given);
  };
  const IDLE = "[data-testid=stApp][data-test-script-state=notRunning]";
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms)); // by the page's clock: it comes after what the page has put off
  const isFading = () => document.getAnimations().some((each) => each.playState === "running" && each.effect.getComputedTiming().endTime < Infinity);
  async function rest() {
    const began = performance.now();
    await sleep(250); // fields send a moment after the last key
    while (true) {
      const now = performance.now();
      if (now - began > LONGEST_MS) throw new Error("not at rest after two minutes");
      const isAnswered = heard >= sent || now - sent > ANSWER_MS;
      if (isAnswered && !uploads && now - Math.max(heard, sent) > 150 && document.querySelector(IDLE) && !isFading()) return;
      await sleep(50);
    }
  }

  // ---- what does not fit

  // Text beyond the nearest box around it: one that has a border or a ground of its own, or cuts off what stands over its edge.
  function* spilt() {
    for (const element of deep(document.body)) {
      if (["SCRIPT", "STYLE", "OPTION", "TITLE"].includes(element.tagName) || closest(element, "svg, .katex, [aria-hidden=true]")) continue;
      const texts = [...element.childNodes].filter((node) => node.nodeType === 3 && node.data.trim());
      if (!texts.length || !isSeen(element)) continue;
      const range = document.createRange();
      range.setStart(texts[0], 0);
      range.setEnd(texts.at(-1), texts.at(-1).length);
      const text = range.getBoundingClientRect();
      for (const box of ancestors(element)) {
        const style = getComputedStyle(box);
        if (/auto|scroll/.test(style.overflowX + style.overflowY)) break; // can be scrolled to
        if (/absolute|fixed/.test(style.position)) break; // such as a slider's figure, which stands above its thumb
        const cuts = style.overflowX !== "visible";
        const isBox = cuts || parseFloat(style.borderRightWidth) > 0 || !/, 0\)$|transparent/.test(style.backgroundColor);
        if (!isBox || style.display === "inline") continue;
        if (style.textOverflow === "ellipsis" || style.webkitLineClamp !== "none") break; // shortened on purpose, and whole on hover
        const edge = box.getBoundingClientRect();
        if (edge.width <= 1) break; // for screen readers only
        if (text.right > edge.right + 2 || text.left < edge.left - 2) yield `“${short(texts[0].data)}” stands over the edge of its box`;
        break;
      }
    }
  }

  function tooWide() {
    const found = [];
    const main = document.querySelector(".stMain");
    if (main && main.scrollWidth > main.clientWidth) found.push(`the page is ${main.scrollWidth - main.clientWidth} px too wide`);
    for (const row of document.querySelectorAll("[data-testid=stHorizontalBlock]")) {
      const over = row.scrollHeight - row.clientHeight;
      if (isSeen(row) && over > 16 && getComputedStyle(row).overflowY === "visible") found.push(`what stands in “${short(row.innerText)}” is ${over} px too high for it`);
    }
    for (const layer of document.querySelectorAll("[role=dialog], [data-testid=stPopoverBody]")) {
      if (!isSeen(layer)) continue;
      const { left, right } = layer.getBoundingClientRect();
      if (left < -1 || right > innerWidth + 1) found.push(`${layer.dataset.testid ?? "a dialog"} is off the screen`);
      if (layer.scrollWidth > layer.clientWidth + 1) found.push(`${layer.dataset.testid ?? "a dialog"} is too wide`);
    }
    return found;
  }

  // ---- what can be used

  const CONTROLS =
    "button, a[href], summary, input:not([type=hidden]), textarea, select, canvas[tabindex], [role=slider], [role=combobox], [role=tab], [role=group][tabindex='0']";
  const KINDS = [
    ["[data-testid=stExpandSidebarButton], [data-testid=stExpandSidebarButton] *", "sidebar"],
    ["[data-testid=stHeader] *", "chrome"],
    ["[data-testid=stSidebarNav] *", "navigation"],
    ["[data-testid=stSidebar] [data-testid=stPopover] *", "shared"], // the same on every page
    ["[data-testid=stSidebarHeader] *, .modebar *, [data-testid=stElementToolbar] *", "chrome"],
    ["[aria-label=Dismiss]", "chrome"], // for screen readers only: it closes what Escape closes
    ["input[type=file]", "file"],
    ["[role=tab]", "tab"],
    ["[role=radio]", "segment"],
    ["[data-testid=stSelectbox] [role=combobox], [data-testid=stSelectbox] input", "select"],
    ["[data-testid=stSelectbox] *", "chrome"],
    ["[role=slider], [data-testid=stSlider] input", "slider"],
    ["input[type=checkbox]", "switch"],
    ["input[type=radio]", "segment"],
    ["input[type=number]", "number"],
    ["input, textarea", "text"],
    ["summary", "expander"],
    ["[data-testid=stPopover] *", "popover"],
    ["canvas", "canvas"],
    ["[role=group]", "stage"],
    ["a", "link"],
    ["button", "button"],
  ];
  const nameOf = (element) => {
    const by = element.getAttribute("aria-labelledby");
    const labelled = by && element.getRootNode().getElementById?.(by.split(" ")[0])?.textContent;
    const own = element.cloneNode(true);
    for (const icon of own.querySelectorAll("[data-testid=stIconMaterial]")) icon.remove();
    const table = element.dataset.testid === "data-grid-canvas" && "table"; // it says its cells, a moment later
    return short(element.getAttribute("aria-label") || labelled || table || own.textContent || element.labels?.[0]?.innerText || element.placeholder || element.title);
  };
  const keyOf = (element, kind) => {
    const keyed = closest(element, "[class*=st-key-]");
    const region = keyed ? [...keyed.classList].find((name) => name.startsWith("st-key-")) : "";
    // Of a hundred cards one is used: they are told by what they are, and not by what they show. A key of its own tells a field in any language.
    const isCard = element.getRootNode() instanceof ShadowRoot && element.className;
    const isKeyed = region && ["slider", "number", "select", "switch"].includes(kind) && keyed.matches("[data-testid=stElementContainer]");
    const own = isKeyed ? "" : isCard ? `.${element.className} ${element.dataset.act ?? ""}` : nameOf(element);
    const key = `${kind} ${region} ${own}`.replace("(0)", "(none)").replace(/[0-9a-f]{4,}(-[0-9a-f]+)*|\d+/g, "#"); // ids of screens, numbers
    // A phone's sidebar is opened again when it holds something else.
    return kind === "sidebar" ? `${key} ${document.querySelectorAll("[data-testid=stSidebar] label").length}` : key;
  };
  // The layer on top: a dialog, else a popover, else the page.
  const top = () =>
    ([...document.querySelectorAll("[data-testid=stDialog]")].find(isSeen) ??
      [...document.querySelectorAll("[data-testid=stPopoverBody]")].find(isSeen) ??
      (isPhone && document.querySelector(OPEN_SIDEBAR))) ||
    document.body;
  function controls(root = top()) {
    const found = [];
    for (const element of deep(root)) {
      if (!element.matches(CONTROLS) || element.disabled || element.getAttribute("aria-disabled") === "true") continue;
      const kind = KINDS.find(([selector]) => element.matches(selector))[1];
      const box = ["switch", "segment", "file", "slider"].includes(kind) ? (element.closest("label, section, [data-testid]") ?? element) : element;
      if (kind === "chrome" || !isSeen(box)) continue;
      found.push({ element, kind, key: keyOf(element, kind), name: nameOf(element) });
    }
    return found;
  }
  // Those that show something else come last, and among them the last first: what lies in a tab before the other tabs.
  function next(done) {
    const left = controls().filter(({ key, kind }) => !done.includes(key) && kind !== "navigation" && kind !== "link");
    const stay = left.filter(({ kind }) => kind !== "tab" && kind !== "segment");
    return stay[0] ?? left.at(-1) ?? null;
  }
  // What is like nothing that was examined before, by its tag, its classes (Streamlit has one for each style), attributes and colours.
  // Kept beside the page, for the tab goes on to others. Of things in one another the outermost, and of a shadow root its host.
  const KEPT = "samekindWalk";
  const HELD = /^(role|type|aria-(checked|disabled|expanded|invalid|pressed|selected))$/; // attributes whose value counts
  const PASSING = /^data-(stale|hovered|open|rac|key|collection|trigger|pressed|react-.*|focus.*|st-overlay.*)$/;
  const told = (element, name) =>
    HELD.test(name) ? `${name}=${element.getAttribute(name)}` : /^(alt|aria-label|data-.*)$/.test(name) && !PASSING.test(name) ? name : "";
  const likeness = (element) => {
    const own = (element.getAttribute("class") ?? "").replace(/(trace|cb)[0-9a-f]{6}|EmbeddingId-\w+/g, "#"); // names made anew each time
    const attributes = element.getAttributeNames().map((name) => told(element, name)).filter(Boolean).sort();
    const { color, backgroundColor, fill, opacity } = element.style ?? {};
    return [element.tagName, own, element.textContent.trim() ? "text" : "", ...attributes, color, backgroundColor, fill, opacity].join(" ");
  };
  let strange = [];
  function news() {
    const known = new Set(JSON.parse(sessionStorage.getItem(KEPT) ?? "[]"));
    const fresh = new Set();
    const met = new Set();
    for (const element of deep(document.body)) {
      if ((element.namespaceURI.endsWith("svg") && element.tagName !== "text") || !isSeen(element)) continue;
      const like = likeness(element);
      if (!known.has(like)) fresh.add(element);
      met.add(like);
    }
    sessionStorage.setItem(KEPT, JSON.stringify([...known.union(met)]));
    const outermost = [...fresh].filter((element) => !ancestors(up(element)).some((each) => fresh.has(each)));
    const host = (element) => (element.getRootNode() instanceof ShadowRoot ? host(element.getRootNode().host) : element);
    strange = [...new Set(outermost.map(host))];
    return strange.length;
  }
  const stranger = () => strange.filter((element) => element.isConnected);

  // ---- the keyboard

  const focused = () => {
    let element = document.activeElement;
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    return element;
  };
  // A group whose members the arrow keys reach is one stop.
  const stopOf = (element) => closest(element, "[role=radiogroup], [role=tablist], [data-testid=stButtonGroup]") ?? element;
  let reached = new Set();
  let last = null;
  const begin = () => {
    reached = new Set();
    document.body.tabIndex = -1; // so that Tab begins at the top, wherever the page has put the focus
    document.body.focus();
    document.body.removeAttribute("tabindex");
  };
  function step() {
    const element = focused();
    if (!element || element === document.body) return "body";
    const isNew = !reached.has(element) || element === last; // Tab goes through the cells of a table, which is one element
    last = element;
    reached.add(element);
    reached.add(stopOf(element));
    const box = element.getBoundingClientRect();
    if (box.bottom < 0 || box.top > innerHeight || box.right < 0 || box.left > innerWidth) return `out of sight: ${nameOf(element)}`;
    return isNew ? "" : "again";
  }
  const missed = () =>
    controls(document.body)
      .filter(({ element, kind }) => kind !== "file" && !reached.has(element) && !reached.has(stopOf(element)))
      .map(({ kind, name }) => `${kind} “${name}”`);

  return { rest, spilt: () => [...new Set(spilt())], tooWide, controls, next, news, stranger, begin, step, missed, top };
})();
