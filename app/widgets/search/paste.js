// Takes pictures out of the clipboard; what is pasted into a field is the field's own. Brings into sight what is found for an upload.

function base64(buffer) {
  const bytes = new Uint8Array(buffer);
  let text = "";
  for (let start = 0; start < bytes.length; start += 0x8000) text += String.fromCharCode(...bytes.subarray(start, start + 0x8000));
  return btoa(text);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".paste");
  const told = root.querySelector("[role=alert]");
  const onPaste = async (event) => {
    if (event.composedPath()[0].closest?.("input, textarea, [contenteditable]")) return;
    const files = [...(event.clipboardData?.files ?? [])].filter((file) => file.type.startsWith("image/"));
    if (!files.length) return;
    event.preventDefault();
    if (files.reduce((sum, file) => sum + file.size, 0) > data.most) {
      told.textContent = `What was pasted is larger than ${Math.round(data.most / 1e6)} MB, the most that is taken.`;
      return;
    }
    told.textContent = "";
    const read = files.map(async (file) => ({ name: file.name || "pasted", content: base64(await file.arrayBuffer()) }));
    setTriggerValue("files", await Promise.all(read));
  };
  // The top of the page shows it, out of sight from a field or a camera far down.
  if (root.uploads !== undefined && root.uploads !== data.uploads)
    document.querySelector('[data-testid="stMain"]')?.scrollTo({ top: 0, behavior: "smooth" });
  root.uploads = data.uploads;
  // Drawn again before it is told to end, the element would search twice.
  document.removeEventListener("paste", root.onPaste);
  root.onPaste = onPaste;
  document.addEventListener("paste", onPaste);
  return () => document.removeEventListener("paste", onPaste);
}
