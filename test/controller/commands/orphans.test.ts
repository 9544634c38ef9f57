import { expect } from "chai"
import { orphans, type OrphansOptions } from "../../../packages/controller/src/commands/orphans.ts"
import { runCommand } from "../../../packages/controller/src/commands/run-command.ts"
import { testInvocation } from "../../helpers/invocation.ts"
import { linkedSession } from "../../helpers/linked-session.ts"

describe("orphans", () => {
  const found = [
    { path: "/d/data/r/a", bytes: 2000 },
    { path: "/d/data/r/b", bytes: 500 },
  ]

  /** What is printed, asked, told and removed, where the person answers so. */
  const run = async (options: Partial<OrphansOptions>, answer?: string) => {
    const asked: string[] = []
    const sized: boolean[] = []
    const wanted: string[][] = []
    const call = testInvocation({
      open: () =>
        linkedSession({
          "orphans/list": ({ size }) => {
            sized.push(size)
            return { orphans: found, unknown: [{ path: "/d/data/q", reason: "it is a link" }] }
          },
          "orphans/remove": ({ paths }) => {
            wanted.push(paths)
            return { removed: paths.slice(1) }
          },
        }),
    })
    const ask = ({ text }: { text: string }): Promise<string> => {
      asked.push(text)
      return Promise.resolve(answer ?? "")
    }
    const prompter = { available: answer !== undefined, ask }
    await runCommand(orphans({ size: false, remove: false, force: false, ...options }), { ...call, prompter })
    const told = call.reporter.events.map(({ event }) => (event.phase === "notice" ? event.message : ""))
    return { written: call.written, asked, sized, wanted, told }
  }

  it("are listed, with their sizes where that is asked for, and what was not looked into is told", async () => {
    const { written, sized, wanted, told } = await run({})
    expect(written).to.equal("/d/data/r/a\n/d/data/r/b\n")
    expect(told).to.deep.equal(['"/d/data/q" was not looked into: it is a link'])
    expect([sized, wanted]).to.deep.equal([[false], []])
    expect((await run({ size: true })).written).to.equal("2000\t/d/data/r/a\n500\t/d/data/r/b\n")
  })

  it("are removed once the person has said so, who sees which and how much; what was removed is printed", async () => {
    const { written, asked, sized, wanted } = await run({ remove: true }, " Yes ")
    expect(asked).to.deep.equal(["/d/data/r/a\n/d/data/r/b\nRemove these 2 (2.5 kB) for ever? [y/N]"])
    expect(sized).to.deep.equal([true])
    expect(wanted).to.deep.equal([["/d/data/r/a", "/d/data/r/b"]])
    expect(written).to.equal("/d/data/r/b\n")
  })

  it("stay for any other answer", async () => {
    for (const answer of ["", "n", "yesterday"]) {
      const { written, wanted } = await run({ remove: true }, answer)
      expect([written, wanted]).to.deep.equal(["", []], answer)
    }
  })

  it("are removed without a question, and without adding up their sizes, with --force", async () => {
    const { asked, sized, wanted } = await run({ remove: true, force: true })
    expect([asked, sized, wanted.length]).to.deep.equal([[], [false], 1])
  })
})
