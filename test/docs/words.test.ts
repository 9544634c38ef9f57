import { expect } from "chai"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { page, ROOT } from "./markdown.ts"

/** What the repositories of the catalogue import of the words that definitions are written in, types left out. */
function wordsInUse(): Set<string> {
  const packages = readdirSync(join(ROOT, "packages")).filter((name) => name.startsWith("repository-"))
  const texts = packages.flatMap((name) => {
    const folder = join(ROOT, "packages", name, "src")
    const paths = readdirSync(folder, { recursive: true, encoding: "utf8" })
    return paths.filter((path) => path.endsWith(".ts")).map((path) => readFileSync(join(folder, path), "utf8"))
  })
  const imports = texts.flatMap((text) => [
    ...text.matchAll(/import (?!type)\{([^}]*)\} from "@datamaestro\/dataset"/g),
  ])
  const names = imports.flatMap(([, list = ""]) => list.split(",").map((name) => name.trim()))
  return new Set(names.filter((name) => name !== "" && !name.startsWith("type ")))
}

describe("the page for authors", () => {
  it("explains every word that the catalogue is written in", () => {
    const { text } = page("docs/repositories.md")
    const words = [...wordsInUse()]
    expect(words).to.include("defineDataset")
    expect(words.filter((word) => !new RegExp(`\\b${word}\\b`).test(text))).to.deep.equal([])
  })
})
