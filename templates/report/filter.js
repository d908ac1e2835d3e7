// The search field appears only if scripts run; without it every analysis is shown.
(() => {
  const form = document.querySelector("form.search");
  if (!form) return;
  const items = [...document.querySelectorAll("[data-item]")];
  const groups = [...document.querySelectorAll("[data-group]")];
  const texts = items.map((each) => each.textContent.toLowerCase());
  const output = form.querySelector("output");
  const show = () => {
    const words = form.querySelector("input").value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    items.forEach((each, number) => {
      each.hidden = !words.every((word) => texts[number].includes(word));
      shown += !each.hidden;
    });
    groups.forEach((each) => {
      each.hidden = words.length > 0 && !each.querySelector("[data-item]:not([hidden])");
    });
    output.textContent = words.length ? `${shown} of ${items.length}` : "";
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", show);
  form.hidden = items.length < 5;
})();
