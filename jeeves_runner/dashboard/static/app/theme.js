// Light, dark, or as the system has it: pages come in the colours that the cookie says, see theme.py.
const COOKIE = "jr-colours";
const TOLD = "jeeves-theme"; // other tabs hear of it by this
const YEAR = 31536000;
const MEDIA = { system: "screen and (prefers-color-scheme: dark)", light: "not all", dark: "screen" };

const said = () => document.cookie.split("; ").find((each) => each.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);

function hold(theme) {
  document.getElementById("dark").media = MEDIA[theme];
  for (const button of document.querySelectorAll("#theme button")) {
    button.setAttribute("aria-pressed", button.value === theme);
  }
}

export function choose() {
  const group = document.getElementById("theme");
  if (!group) return;
  group.hidden = false;
  group.addEventListener("click", (event) => {
    const theme = event.target.value;
    if (!MEDIA[theme]) return;
    document.cookie = `${COOKIE}=${theme}; path=/; max-age=${YEAR}; samesite=lax`;
    try { localStorage.setItem(TOLD, theme); } catch { /* the browser keeps nothing */ }
    hold(theme);
  });
  const again = () => MEDIA[said()] && hold(said());
  again(); // a page to which one goes back may be that of before another was chosen
  addEventListener("storage", (event) => event.key === TOLD && MEDIA[event.newValue] && hold(event.newValue));
  addEventListener("pageshow", (event) => event.persisted && again());
}
