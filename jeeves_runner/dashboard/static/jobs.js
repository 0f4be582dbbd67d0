// The filters of the list of jobs act while one types: the address changes, and the page comes again for it.

const form = () => document.getElementById("filters");

// The address of what the fields say now, from its first page.
function wanted() {
  const said = new URLSearchParams();
  for (const [name, value] of new FormData(form())) if (value.trim()) said.set(name, value.trim());
  return said.size ? `/jobs?${said}` : "/jobs";
}

function changed(event) {
  if (event.target.form !== form() || !form()) return;
  history.replaceState(history.state, "", wanted());
  document.dispatchEvent(new CustomEvent("jeeves:typed"));
}

document.documentElement.dataset.liveFilter = "";
document.addEventListener("input", changed);
// Enter leaves the words for the first job that fits, and opens it when it is pressed again.
document.addEventListener("submit", (event) => {
  if (event.target !== form()) return;
  event.preventDefault();
  document.querySelector("table.jobs a.job")?.focus();
});
