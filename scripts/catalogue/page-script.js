const query = document.querySelector("#query")
const found = document.querySelector("#found")
const nothing = document.querySelector("#nothing")
const entries = [...document.querySelectorAll("article")].map((element) => ({
  element,
  text: element.dataset.text,
  fields: JSON.parse(element.dataset.fields),
  summary: element.querySelector("summary"),
}))

/** Words, all of which must be there; `tag:"two words"` is one. */
function termsOf(text) {
  return [...text.matchAll(/(?:(repo|tag|task|type):)?(?:"([^"]*)"?|(\S+))/g)].map(([, field, quoted, bare]) => ({
    field,
    word: (quoted ?? bare).toLowerCase(),
  }))
}

function matches({ text, fields }, { field, word }) {
  return field === undefined ? text.includes(word) : fields[field].some((value) => value.toLowerCase().includes(word))
}

function show() {
  const terms = termsOf(query.value)
  let count = 0
  for (const entry of entries) {
    const wanted = terms.every((term) => matches(entry, term))
    entry.element.hidden = !wanted
    if (wanted) count++
  }
  found.textContent = `${count} dataset${count === 1 ? "" : "s"}`
  nothing.hidden = count > 0
  for (const button of document.querySelectorAll("[data-term]")) {
    button.setAttribute("aria-pressed", String(has(button.dataset.term)))
  }
}

function written(term) {
  return term.replace(/:(.*\s.*)$/, ':"$1"')
}

/** What is typed, in whole terms: `tag:image` is no part of `tag:images`. */
function typed() {
  return query.value.match(/(?:(?:repo|tag|task|type):)?(?:"[^"]*"?|\S+)/g) ?? []
}

function has(term) {
  return typed().includes(written(term))
}

function toggle(term) {
  const word = written(term)
  query.value = (has(term) ? typed().filter((each) => each !== word) : [...typed(), word]).join(" ")
  show()
}

function move(step) {
  const shown = entries.filter(({ element }) => !element.hidden)
  const at = shown.findIndex(({ summary }) => summary === document.activeElement)
  const next = at + step
  if (next < 0) query.focus()
  else shown[Math.min(next, shown.length - 1)]?.summary.focus()
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy)
    button.textContent = "Copied"
  } catch {
    // A page from a file may have no clipboard of this kind; the older way copies what is selected.
    getSelection()?.selectAllChildren(button.previousElementSibling)
    button.textContent = document.execCommand("copy") ? "Copied" : "Selected"
  }
  setTimeout(() => (button.textContent = "Copy"), 1500)
}

function openLinked() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)))
  if (target === null) return
  query.value = ""
  show()
  target.querySelector("details").open = true
  target.scrollIntoView()
}

query.addEventListener("input", show)
addEventListener("hashchange", openLinked)
document.addEventListener("click", ({ target }) => {
  const button = target.closest("button")
  if (button?.dataset.term !== undefined) toggle(button.dataset.term)
  if (button?.dataset.copy !== undefined) void copy(button)
})
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  if (event.key === "/" && document.activeElement !== query) {
    query.focus()
    query.select()
  } else if (event.key === "Escape") {
    query.value = ""
    show()
    query.focus()
  } else if (event.key === "ArrowDown") move(1)
  else if (event.key === "ArrowUp") move(-1)
  else if (event.key === "Enter" && document.activeElement === query) move(1)
  else return
  event.preventDefault()
})
show()
openLinked()
