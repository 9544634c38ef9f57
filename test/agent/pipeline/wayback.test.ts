import { defineDataset, rawFile, step, wayback } from "@datamaestro/dataset"
import { expect } from "chai"
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import type { PrepareOptions } from "../../../packages/agent/src/pipeline/preparation.ts"
import { failure } from "../../fixtures/extraction.ts"
import { prepareOptions, resolved } from "../../fixtures/preparation.ts"
import { eachPreparation, type PreparationSetup } from "../../fixtures/preparation-setup.ts"

describe("pages of an archive of the web", () => {
  let { origin, home, root } = {} as PreparationSetup
  eachPreparation((setup) => {
    ;({ origin, home, root } = setup)
    for (const [name, body] of [
      ["a", "<p>A\u2028é</p>\r\n"],
      ["b?x=1", "B"],
      ["c", "C"],
    ] as const) {
      origin.route(address(name), { body, contentType: "text/html" })
    }
  })

  const page = (name: string): string => `http://example.org/${name}`
  const address = (name: string): string => `/web/20191127id_/${page(name)}`
  const names = ["a", "b?x=1", "gone", "c"]

  const prepare = async (given: Partial<PrepareOptions> = {}, timestamp = "20191127", list = names.map(page)) => {
    const definition = defineDataset({
      id: "org.example.thing",
      resources: {
        urls: step({
          from: [],
          name: "urls.txt",
          version: list.join(),
          transient: true,
          run: async ({ output }) => Promise.resolve(writeFileSync(output, `${list.join("\n")}\n`)),
        }),
        pages: wayback("urls", { name: "pages.jsonl", timestamp, host: origin.url }),
      },
      describe: ({ pages }) => rawFile(pages),
    })
    await prepareDataset(resolved(definition), prepareOptions(home.path, given))
  }
  const lines = (): unknown[] =>
    readFileSync(join(root, "pages.jsonl"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown)
  const WANTED = [
    { id: page("a"), status: 200, content: "<p>A\u2028é</p>\r\n" },
    { id: page("b?x=1"), status: 200, content: "B" },
    { id: page("gone"), status: 404 },
    { id: page("c"), status: 200, content: "C" },
  ]

  it("are a line each, in the order of the list; what the archive does not have has its status", async () => {
    await prepare()
    expect(lines()).to.deep.equal(WANTED)
    expect(readFileSync(join(root, "pages.jsonl"), "utf8")).not.to.contain("\u2028")
    expect(existsSync(join(root, "urls.txt"))).to.equal(false)
    const before = origin.requests.length
    await prepare({ download: false })
    expect(origin.requests).to.have.length(before)
  })

  for (const left of [
    '{"id":"http://example.org/c","status":200,"content":"h',
    // Whole by its looks, though it has lost its end.
    '{"id":"http://example.org/c","status":200,"content":"h"}',
  ])
    it(`go on behind the last whole line, though a kill has left ${left}`, async () => {
      origin.route(address("c"), { body: "C", stallAfter: { bytes: 0, times: 1 } })
      const stop = new AbortController()
      const preparing = failure(prepare({ signal: stop.signal }))
      while (origin.requestsOf(address("c")).length === 0) await sleep(5)
      stop.abort()
      expect(await preparing).to.have.property("code", "INTERRUPTED")
      const kept = join(root, ".downloads/pages.pages")
      appendFileSync(kept, left)
      await prepare()
      expect(lines()).to.deep.equal(WANTED)
      expect(origin.requestsOf(address("a"))).to.have.length(1)
    })

  it("are fetched anew when another state is asked for, or the list is another from there on", async () => {
    origin.route(address("c"), { body: "", fail: { status: 400 } })
    expect(await failure(prepare())).to.have.property("code", "DOWNLOAD_FAILED")
    origin.route(address("c"), { body: "C" })
    await prepare({}, "20191127", [page("a"), page("c")])
    expect(lines()).to.deep.equal([WANTED[0], WANTED[3]])
    expect(origin.requestsOf(address("a"))).to.have.length(1)
    origin.route("/web/2020id_/http://example.org/a", { body: "A of 2020" })
    await prepare({}, "2020", [page("a")])
    expect(lines()).to.deep.equal([{ id: page("a"), status: 200, content: "A of 2020" }])
  })

  it("can't be of what is no web address, nor of no day", async () => {
    expect(await failure(prepare({}, "20191127", ["file:///etc/passwd"]))).to.have.property("code", "STEP_FAILED")
    expect(() =>
      defineDataset({
        id: "org.x",
        resources: { pages: wayback("urls", { name: "p", timestamp: "2019" }) },
        describe: () => ({}),
      }),
    ).to.throw(/no resource "urls"/)
    expect(() =>
      defineDataset({
        id: "org.x",
        resources: {
          urls: step({ from: [], name: "u", run: async () => {} }),
          pages: wayback("urls", { name: "p", timestamp: "last year" }),
        },
        describe: () => ({}),
      }),
    ).to.throw(/YYYYMMDD/)
  })
})
