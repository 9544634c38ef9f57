import { expect } from "chai"
import { info } from "../../../packages/controller/src/commands/info.ts"

describe("info", () => {
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
