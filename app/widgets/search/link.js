// Copies the address. Where the browser forbids that, as on a page that comes over the network without HTTPS, it is shown to be copied.

export default function ({ parentElement }) {
  const [button, said, field] = ["button", "span", "input"].map((name) => parentElement.querySelector(name));
  button.onclick = async () => {
    const address = window.location.href;
    try {
      await navigator.clipboard.writeText(address);
      said.textContent = "Copied";
      field.hidden = true;
      setTimeout(() => (said.textContent = ""), 2000);
    } catch {
      field.value = address;
      field.hidden = false;
      field.select();
      said.textContent = "Ctrl + C copies it";
    }
  };
}
