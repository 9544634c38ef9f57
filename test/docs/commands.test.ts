import { expect } from "chai"
import { EXIT_STATUS } from "@datamaestro/protocol"
import { datamaestro } from "../helpers/command-line.ts"
import { blocks, page, pages } from "./markdown.ts"

interface Help {
  /** `cache list`; empty for the program. */
  command: string
  options: string[]
}

/** What `--help` says of a command and all below it. */
async function helpOf(path: readonly string[] = []): Promise<Help[]> {
  const { stdout, status } = await datamaestro([...path, "--help"])
  expect(status, path.join(" ")).to.equal(0)
  const below = [...section(stdout, "Commands").matchAll(/^ {2}([a-z][a-z-]*)/gm)]
    .map(([, name = ""]) => name)
    .filter((name) => name !== "help")
  const options = [...stdout.matchAll(/^ {2}(?:(-\w)(?:, )?)?(--[a-z-]+)?.*$/gm)]
    .filter(([line]) => line.startsWith("  -"))
    .map(([, short = "", long]) => long ?? short)
  const own = { command: path.join(" "), options }
  const others = await Promise.all(below.map((name) => helpOf([...path, name])))
  return [own, ...others.flat()]
}

function section(help: string, title: string): string {
  const start = help.indexOf(`\n${title}:\n`)
  return start < 0 ? "" : (help.slice(start + title.length + 3).split(/\n\n/)[0] ?? "")
}

/** The flags of each command line that a page shows. */
function shownFlags(): { page: string; flag: string }[] {
  return pages().flatMap(({ path, text }) =>
    blocks(text)
      .filter(({ language }) => language === "sh" || language === "console" || language === "")
      .flatMap(({ code }) => code.split("\n"))
      .filter((line) => /(^|[\s(])datamaestro\s/.test(line) && !/^\s*(npm|mkdir|cd|git)\s/.test(line))
      .map((line) => line.replace(/\s#.*$/, "").replace(/^.*?(^|[\s(])datamaestro\s/, ""))
      .flatMap((line) => [...line.matchAll(/(?<=^|\s)--[a-z-]+/g)].map(([flag]) => ({ page: path, flag }))),
  )
}

describe("documented commands", function () {
  this.timeout(60_000)
  const text = page("docs/commands.md").text
  let help: Help[]

  before(async () => {
    help = await helpOf()
  })

  it("are those that there are", () => {
    // `datafolders` alone is no command, only what is below it; `hosts` is one.
    const there = help
      .map(({ command }) => command)
      .filter(
        (command) =>
          command === "hosts" || (!help.some((other) => other.command.startsWith(`${command} `)) && command !== ""),
      )
    const headings = [...text.matchAll(/^### (.*)$/gm)].flatMap(([, heading = ""]) =>
      [...heading.matchAll(/`([^`]+)`/g)].map(([, command = ""]) => command.replace(/\s*[<[].*$/, "")),
    )
    expect(headings.toSorted()).to.deep.equal(there.toSorted())
  })

  it("have all their options, and no others", () => {
    const there = new Set(help.flatMap(({ options }) => options))
    const documented = new Set(
      [...text.matchAll(/^\| `.*?\|/gm)].flatMap(([cell]) =>
        [...cell.matchAll(/`(-{1,2}[A-Za-z][a-z-]*)/g)].map(([, flag = ""]) => flag),
      ),
    )
    documented.delete("-h")
    expect([...documented].toSorted()).to.deep.equal([...there].toSorted())
  })

  it("are shown with options that exist", () => {
    const there = new Set(help.flatMap(({ options }) => options))
    const shown = shownFlags()
    expect(shown).to.have.length.above(5)
    expect(shown.filter(({ flag }) => !there.has(flag))).to.deep.equal([])
  })

  it("end with the statuses of the code", () => {
    const rows = [...text.matchAll(/^\| (\d+) +\| ([^|]*)\|/gm)]
    const documented = rows.flatMap(([, status = "", codes = ""]) =>
      [...codes.matchAll(/`([A-Z_]+)`/g)].map(([, code = ""]) => [code, Number(status)] as const),
    )
    expect(Object.fromEntries(documented)).to.deep.equal(EXIT_STATUS)
  })
})
