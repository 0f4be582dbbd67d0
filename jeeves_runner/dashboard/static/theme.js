// Light, dark, or as the system has it. It comes before the page is drawn, so that the page never shines up in
// colours that the viewer has not chosen; and it is no module, because those come later.
(() => {
  const KEY = "jeeves-theme";
  const MEDIA = { system: "screen and (prefers-color-scheme: dark)", light: "not all", dark: "screen" };

  function chosen() {
    try { return MEDIA[localStorage.getItem(KEY)] ? localStorage.getItem(KEY) : "system"; } catch { return "system"; }
  }

  function hold() {
    document.getElementById("dark").media = MEDIA[chosen()];
    for (const button of document.querySelectorAll("#theme button")) {
      button.setAttribute("aria-pressed", button.value === chosen());
    }
  }

  hold();
  addEventListener("storage", (event) => { if (event.key === KEY) hold(); }); // other tabs choose it too
  addEventListener("DOMContentLoaded", () => {
    const group = document.getElementById("theme");
    if (!group) return;
    group.hidden = false;
    group.addEventListener("click", (event) => {
      if (!event.target.value) return;
      try { localStorage.setItem(KEY, event.target.value); } catch { /* the browser keeps nothing */ }
      hold();
    });
    hold();
  });
})();
