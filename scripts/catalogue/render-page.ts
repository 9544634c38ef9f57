import { readFileSync } from "node:fs"
import { formatBytes } from "../../packages/protocol/src/format-bytes.ts"
import type { CatalogueEntry, CatalogueResource } from "./collect-entries.ts"

const part = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8")

/** The catalogue as one HTML page that needs nothing else: it searches by itself and reads well without JavaScript. */
export function renderPage(entries: readonly CatalogueEntry[]): string {
  const repositories = [...new Set(entries.map(({ repository }) => repository))].sort()
  const counted = repositories.map((id) => ({ id, count: entries.filter((each) => each.repository === id).length }))
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Datasets of datamaestro</title>
<style>
${part("page.css")}</style>
</head>
<body>
<header>
<h1>Datasets</h1>
<p class="lead">${entries.length} datasets that <code>datamaestro prepare ID</code> puts where your computing is.</p>
</header>
<search>
<label for="query" class="unseen">Search</label>
<input id="query" type="search" autocomplete="off" spellcheck="false" placeholder="Search: words, tag:images, task:…, type:…" aria-describedby="found" aria-keyshortcuts="/">
<p class="filters">${counted.map(({ id, count }) => `<button type="button" data-term="repo:${escape(id)}">${escape(id)} <small>${count}</small></button>`).join(" ")}
<span id="found" role="status">${entries.length} datasets</span></p>
</search>
<main>
${entries.map(renderEntry).join("\n")}
<p id="nothing" hidden>Nothing matches. All words must be there; <kbd>Esc</kbd> clears the search.</p>
</main>
<footer><kbd>/</kbd> search · <kbd>↓</kbd> <kbd>↑</kbd> move · <kbd>Enter</kbd> open · <kbd>Esc</kbd> clear</footer>
<script>
${part("page-script.js")}</script>
</body>
</html>
`
}

function renderEntry(entry: CatalogueEntry): string {
  const { id, repository, name, description, type, tags, tasks, variants } = entry
  const words = (prefix: string, list: readonly string[]): string =>
    list.map((word) => `<button type="button" data-term="${prefix}:${escape(word)}">${escape(word)}</button>`).join(" ")
  const search = [id, name, description, ...tags, ...tasks, type].filter((text) => text !== undefined).join(" ")
  const fields = { repo: [repository], tag: tags, task: tasks, type: [type] }
  return `<article id="${escape(id)}" data-text="${escape(search.toLowerCase())}" data-fields="${escape(JSON.stringify(fields))}">
<details>
<summary><h2>${escape(id).replace(/[._]/g, "$&<wbr>")}</h2>${name === undefined ? "" : ` <span class="name">${escape(name)}</span>`}${variants > 1 ? ` <span class="count">${variants} variants</span>` : ""}
${description === undefined ? "" : `<p>${escape(description)}</p>`}</summary>
<div class="body">
<p class="command"><code>${escape(entry.command)}</code> <button type="button" data-copy="${escape(entry.command)}">Copy</button></p>
<dl>
${facts(entry)
  .map(([term, value]) => `<dt>${term}</dt><dd>${value}</dd>`)
  .join("\n")}
</dl>
${entry.resources.length === 0 ? "" : `<ul class="resources">\n${entry.resources.map(renderResource).join("\n")}\n</ul>`}
</div>
</details>
<p class="words">${words("repo", [repository])} ${words("tag", tags)} ${words("task", tasks)}</p>
</article>`
}

function facts(entry: CatalogueEntry): [string, string][] {
  const { homepage, type, license, size, doi, agreement } = entry
  const given: [string, string | undefined][] = [
    ["Home page", homepage === undefined ? undefined : link(homepage)],
    ["Type", `<code>${escape(type)}</code>`],
    ["License", license === undefined ? undefined : escape(license)],
    ["Size", size === undefined ? undefined : escape(size)],
    ["DOI", doi === undefined ? undefined : link(`https://doi.org/${nameOf(doi)}`, nameOf(doi))],
    [
      "Agreement",
      agreement === undefined
        ? undefined
        : agreement.url === undefined
          ? escape(agreement.id)
          : link(agreement.url, agreement.id),
    ],
    ...Object.entries(entry.axes).map(([name, axis]): [string, string] => {
      const values =
        axis.domain
          ?.map((value) => `<code>${escape(typeof value === "string" ? value : JSON.stringify(value))}</code>`)
          .join(" ") ?? `any ${escape(axis.type ?? "value")}`
      const chosen =
        axis.default === undefined ? "" : `, by default <code>${escape(JSON.stringify(axis.default))}</code>`
      return [
        `Axis <code>${escape(name)}</code>`,
        `${values}${chosen}${axis.inId === false ? ", not part of the id" : ""}`,
      ]
    }),
  ]
  return given.flatMap(([term, value]) => (value === undefined ? [] : [[term, value] as [string, string]]))
}

/** People write it as a name or as its address. */
function nameOf(doi: string): string {
  return doi.replace(/^https?:\/\/(dx\.)?doi\.org\//, "")
}

function renderResource({ name, kind, urls, bytes, leadsTo }: CatalogueResource): string {
  const size = bytes === undefined ? "" : `, ${formatBytes(bytes)}`
  const places = [...urls.map((url) => link(url)), ...(leadsTo === undefined ? [] : [place(leadsTo, kind)])]
  return `<li><code>${escape(name)}</code> <small>${escape(kind)}${size}</small>${places.map((each) => `<br>${each}`).join("")}</li>`
}

function place(leadsTo: string, kind: string): string {
  if (kind === "manual") return link(leadsTo)
  if (kind !== "reference") return escape(leadsTo)
  const id = leadsTo.replace(/(\[.*\])?@.*$/, "")
  return `<a href="#${escape(encodeURIComponent(id))}">${escape(leadsTo)}</a>`
}

function link(url: string, text = url): string {
  return /^https?:/.test(url) ? `<a href="${escape(url)}">${escape(text)}</a>` : `<code>${escape(text)}</code>`
}

function escape(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  }
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character)
}
