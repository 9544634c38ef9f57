import { expect } from "chai"
import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { anchor, page, pages, prose, ROOT } from "./markdown.ts"

interface Link {
  page: string
  target: string
}

function links(): Link[] {
  return pages().flatMap(({ path, text }) =>
    [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = ""]) => ({ page: path, target }))
      .filter(({ target }) => !/^[a-z]+:/.test(target)),
  )
}

function fault({ page: from, target }: Link): string | undefined {
  const [file = "", fragment] = target.split("#")
  const path = file === "" ? from : join(dirname(from), file)
  if (!existsSync(join(ROOT, path))) return `${from}: there is no "${path}"`
  if (fragment === undefined) return undefined
  const headings = [...prose(page(path).text).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchor(heading))
  return headings.includes(fragment) ? undefined : `${from}: "${path}" has no heading "#${fragment}"`
}

describe("links of the documentation", () => {
  it("lead to files and headings that are there", () => {
    const all = links()
    expect(all).to.have.length.above(10)
    expect(all.map(fault).filter((each) => each !== undefined)).to.deep.equal([])
  })

  it("lead to every decision from their index", () => {
    const index = page("docs/decisions/README.md").text
    const decisions = pages()
      .map(({ path }) => path)
      .filter((path) => path.startsWith("docs/decisions/") && !path.endsWith("README.md"))
    expect(decisions.filter((path) => !index.includes(`(${path.slice("docs/decisions/".length)})`))).to.deep.equal([])
  })
})
