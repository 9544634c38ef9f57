import { RepositoryIndex } from "../../../packages/agent/src/repositories/repository-index.ts"
import { searchDatasets } from "../../../packages/agent/src/resolve/search-datasets.ts"
import { expect } from "chai"
import { PluginPackages } from "../../helpers/plugin-packages.ts"
import { rejection } from "../../helpers/rejection.ts"

const define = (id: string, facts: string): string =>
  `(globalThis.searched?.push("${id}"), defineDataset({ id: "${id}", ${facts}, resources: { data: file("https://e.org/a") } }))`

describe("searchDatasets", () => {
  let plugins: PluginPackages
  let index: RepositoryIndex
  const searched: string[] = []
  before(async () => {
    ;(globalThis as { searched?: string[] }).searched = searched
    plugins = await PluginPackages.create()
    index = new RepositoryIndex([
      await plugins.addDatasets("text", {
        "org.x.reviews": define(
          "org.x.reviews",
          `name: "Reviews", description: "Of films", tags: ["text", "english"], tasks: ["sentiment analysis"], describe: ({ data }) => textFile(data)`,
        ),
        "org.x.vectors": define(
          "org.x.vectors",
          `tags: ["word embeddings"], type: "WordEmbeddingsText", axes: { dim: axis([50, 100]) }, describe: ({ data }) => textFile(data)`,
        ),
        "org.x.broken": `(() => { throw new Error("boom") })()`,
      }),
      await plugins.addDatasets("image", {
        "com.y.digits": define(
          "com.y.digits",
          `tags: ["images"], tasks: ["image classification"], axes: { n: axis("integer") }, describe: ({ data }) => folder(data)`,
        ),
      }),
      await plugins.add("gone", { "index.js": `throw new Error("no such GPU")` }),
    ])
  })
  after(async () => {
    delete (globalThis as { searched?: string[] }).searched
    await plugins[Symbol.asyncDispose]()
  })

  const found = async (...terms: string[]): Promise<string[]> =>
    (await searchDatasets(terms, index)).hits.map(({ id }) => id)

  it("loads only the definitions that the cheaper terms leave", async () => {
    expect(await found("nothing-like-it", "tag:text")).to.deep.equal([])
    expect(searched).to.deep.equal([])
    expect(await found("digits")).to.deep.equal(["com.y.digits"])
    expect(searched).to.deep.equal(["com.y.digits"])
  })

  it("matches ids, tags, tasks, types and repositories, whatever their case, and all of the terms", async () => {
    expect(await found("^ORG\\.x\\.(rev|vec)")).to.deep.equal(["org.x.reviews", "org.x.vectors"])
    expect(await found("tag:^text$")).to.deep.equal(["org.x.reviews"])
    expect(await found("TAG:word")).to.deep.equal(["org.x.vectors"])
    expect(await found("task:classification")).to.deep.equal(["com.y.digits"])
    expect(await found("type:^folder$")).to.deep.equal(["com.y.digits"])
    expect(await found("type:TextFile")).to.deep.equal(["org.x.reviews"])
    expect(await found("type:embeddings")).to.deep.equal(["org.x.vectors"])
    expect(await found("repo:image")).to.deep.equal(["com.y.digits"])
    expect(await found("repository:ima", "y")).to.deep.equal(["com.y.digits"])
    expect(await found("tag:text", "tag:english")).to.deep.equal(["org.x.reviews"])
    expect(await found("tag:text", "tag:images")).to.deep.equal([])
  })

  it("finds everything without terms, and tells what is broken without hiding the rest", async () => {
    const { hits, warnings } = await searchDatasets([], index)
    expect(hits).to.deep.equal([
      { id: "org.x.broken", repository: "text" },
      { id: "org.x.reviews", repository: "text", name: "Reviews", description: "Of films" },
      { id: "org.x.vectors", repository: "text", axes: { dim: { domain: [50, 100] } } },
      { id: "com.y.digits", repository: "image", axes: { n: { type: "integer" } } },
    ])
    expect(warnings.join("\n"))
      .to.match(/"gone".*no such GPU/)
      .and.match(/"org.x.broken".*boom/)
    expect(await found("tag:.", "broken")).to.deep.equal([])
  })

  it("names the prefixes there are, instead of silently finding nothing behind another one", async () => {
    const error = await rejection(searchDatasets(["digits", "bogus:x"], index))
    expect(error.code).to.equal("USAGE")
    expect(error.message).to.contain('"bogus:"')
    expect(error.hint).to.contain("tag:, task:, repo:, repository:, type:")
    expect(await found("(?:digits|vectors)$")).to.deep.equal(["org.x.vectors", "com.y.digits"])
  })

  for (const [term, reason] of [
    ["(x", /Unterminated group/],
    ["tag:[a", /Unterminated character class/],
    ["type:*", /Nothing to repeat/],
  ] as const) {
    it(`says what is wrong with ${term}`, async () => {
      const error = await rejection(searchDatasets([term], index))
      expect(error.code).to.equal("USAGE")
      expect(error.message).to.contain(`"${term}"`).and.match(reason)
    })
  }
})
