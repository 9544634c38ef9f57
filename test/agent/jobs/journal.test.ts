import { expect } from "chai"
import { appendFile, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { JournalReader, JournalWriter } from "../../../packages/agent/src/jobs/journal.ts"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"

describe("a job's journal", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let path: string
  beforeEach(async () => {
    folder = await temporaryFolder()
    path = join(folder.path, "journal.jsonl")
  })
  afterEach(() => folder.remove())

  const count = (bytes: number) =>
    ({ phase: "download", dataset: "d", resource: "r", url: "http://x/", bytes, total: 100 }) as const

  it("keeps what happened in order, counts coalesced, the last one never lost", async () => {
    const writer = await JournalWriter.open(path)
    writer.message("begun")
    for (let bytes = 0; bytes <= 100; bytes++) writer.event(count(bytes))
    writer.event({ phase: "resource", dataset: "d", resource: "r", how: "downloaded" })
    await writer.close()
    const entries = await new JournalReader(path).read()
    expect(
      entries.map(({ message, event }) => message ?? (event?.phase === "download" ? event.bytes : event?.phase)),
    ).to.deep.equal(["begun", 0, 100, "resource"])
    for (const { time } of entries) expect(Date.parse(time)).to.be.greaterThan(0)
  })

  it("is read as it grows, whole lines only, whatever the clock said", async () => {
    const reader = new JournalReader(path)
    expect(await reader.read()).to.deep.equal([])
    await appendFile(path, '{"time":"2030-01-01T00:00:00Z","message":"a"}\n{"time":"2020-01-')
    expect((await reader.read()).map(({ message }) => message)).to.deep.equal(["a"])
    expect(await reader.read()).to.deep.equal([])
    await appendFile(path, '01T00:00:00Z","message":"é"}\n')
    expect((await reader.read()).map(({ message }) => message)).to.deep.equal(["é"])
  })

  it("is continued after half a line, and read past what makes no sense", async () => {
    await writeFile(path, '{"time":"t","message":"whole"}\n{"time":"t","mess')
    const writer = await JournalWriter.open(path)
    writer.message("resumed")
    await writer.close()
    await appendFile(path, '[]\nnull\n{"time":"t","event":{"phase":"from the future"}}\n')
    await appendFile(path, Buffer.alloc(3_000_000, "x"))
    await appendFile(path, '\n{"time":"t","message":"end"}\n')
    const messages = (await new JournalReader(path).read()).map(({ message }) => message)
    expect(messages).to.deep.equal(["whole", "resumed", "end"])
  })

  it("that can't be written stops nothing", async () => {
    const writer = await JournalWriter.open("/dev/full")
    writer.message("told to nobody")
    await writer.close()
    expect(await readFile(path, "utf8").catch(() => "")).to.equal("")
  })
})
