import { expect } from "chai"
import { info } from "../../../packages/controller/src/commands/info.ts"

describe("info", () => {
  it("has a line for each fact, and none for what nobody knows", () => {
    const facts = {
      id: "org.x.a[n=1]",
      name: "A",
      repository: "r",
      description: "Of two\nlines",
      homepage: "https://e.org/",
      license: "CC0-1.0",
      doi: "10.1/2",
      size: "2 GB",
      type: "Base",
      tags: ["one", "two"],
      tasks: ["t"],
      axes: {
        n: { domain: [1, "b"], default: 1 },
        k: { type: "integer", inId: false },
      },
      example: "org.x.a[n=1]",
      agreement: { id: "terms", url: "https://e.org/terms" },
      path: "/d/data/r",
      state: "partial",
      resources: [
        { name: "data", kind: "file", state: "complete", urls: [], integrity: ["md5 0a"], path: "/d/data/r/f" },
      ],
    } as const
    expect(info("a").text(facts as never)).to.equal(
      [
        "id: org.x.a[n=1]",
        "name: A",
        "repository: r",
        "description: Of two",
        "  lines",
        "homepage: https://e.org/",
        "license: CC0-1.0",
        "doi: 10.1/2",
        "size: 2 GB",
        "type: Base",
        "tags: one, two",
        "tasks: t",
        'axis n: 1, "b" (default 1)',
        "axis k: any integer; not part of the id",
        "example: datamaestro prepare 'org.x.a[n=1]'",
        "agreement: terms https://e.org/terms",
        "path: /d/data/r",
        "state: partial",
        "resource data: file, complete",
        "  at /d/data/r/f",
        "  md5 0a",
        "",
      ].join("\n"),
    )
  })

  it("tells whose contents change over time", () => {
    const facts = { id: "a", repository: "r", type: "Base", tags: [], tasks: [], path: "/d", axes: {}, resources: [] }
    expect(info("a").text({ ...facts, state: "none", timestamp: true })).to.contain(
      "\ntimestamp: its contents change over time\n",
    )
    expect(info("a").text({ ...facts, state: "none" })).not.to.contain("timestamp")
  })

  it("tells what is fetched besides from what is fetched instead", () => {
    const resource = { name: "data", kind: "tar", integrity: [], state: "none" } as const
    const one = ["https://e.org/1", "https://m.org/1"]
    const two = ["https://e.org/2"]
    const facts = { id: "a", repository: "r", type: "Base", tags: [], tasks: [], path: "/d", axes: {} }
    const shown = (resources: object[]): string =>
      info("a").text({
        ...facts,
        state: "none",
        resources: resources.map((more) => ({ ...resource, ...more })) as never,
      })
    expect(shown([{ urls: one }])).to.contain("  from https://e.org/1\n  or https://m.org/1\n")
    expect(shown([{ urls: [...one, ...two], downloads: [one, two] }])).to.contain(
      "  from https://e.org/1\n  or https://m.org/1\n  from https://e.org/2\n",
    )
    const places = [{ folder: "corpora", path: "wsj" }, { path: "~/wsj" }]
    expect(shown([{ urls: [], kind: "linkfolder", from: places }])).to.contain(
      "  from data folder corpora, in it wsj\n  or ~/wsj\n",
    )
    const origins = [{ dataset: "org.x@text" }, { resource: "raw" }]
    expect(shown([{ urls: [], kind: "step", from: origins }])).to.contain(
      "  from dataset org.x@text\n  from resource raw\n",
    )
  })
})
