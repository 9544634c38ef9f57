import { expect } from "chai"
import { randomBytes } from "node:crypto"
import { open, readFile, rename, rm, type FileHandle } from "node:fs/promises"
import { Availability } from "../../../packages/agent/src/fetch/availability.ts"
import type { AvailableBytes } from "../../../packages/agent/src/pipeline-types.ts"
import type { CachePart } from "../../../packages/agent/src/store/cache-part.ts"
import { setUpFetch, type FetchSetup } from "./fetch-setup.ts"

const MIB = 1024 * 1024
const body = randomBytes(4 * MIB)

describe("what can be read of a download while it comes", () => {
  let setup: FetchSetup
  beforeEach(async () => {
    setup = await setUpFetch()
  })
  afterEach(() => setup.close())

  it("is told in order, and a reader that opened it keeps it", async () => {
    setup.origin.route("/a", { body, throttle: 8 * MIB })
    const told: AvailableBytes[] = []
    const read: Promise<Buffer>[] = []
    let file: Promise<FileHandle> | undefined
    const download = await setup.fetch(
      { urls: [setup.origin.at("/a")] },
      {
        onAvailable: (part) => {
          file ??= open(part.path, "r")
          const from = told.at(-1)?.bytes ?? 0
          told.push(part)
          const buffer = Buffer.alloc(part.bytes - from)
          read.push(file.then((open) => open.read(buffer, 0, buffer.length, from)).then(() => buffer))
        },
      },
    )
    expect(new Set(told.map(({ generation }) => generation)).size).to.equal(1)
    expect(told.map(({ bytes }) => bytes)).to.deep.equal(told.map(({ bytes }) => bytes).sort((a, b) => a - b))
    expect(told.length).to.be.greaterThan(3)
    expect(told.at(-1)).to.include({ path: download.path, bytes: body.length })
    expect(Buffer.concat(await Promise.all(read)).equals(body)).to.equal(true)
    const renamed = (await file) as FileHandle
    expect((await renamed.readFile()).equals(body)).to.equal(true)
    await renamed.close()
    await download.release({ remove: false })
  })

  it("stays of the same generation through a cut that is continued", async () => {
    setup.origin.route("/a", { body, cutAfter: { bytes: MIB, times: 2 } })
    const told: AvailableBytes[] = []
    await setup.fetch({ urls: [setup.origin.at("/a")] }, { onAvailable: (part) => told.push(part) })
    expect(new Set(told.map(({ generation }) => generation)).size).to.equal(1)
    expect(told.at(-1)?.bytes).to.equal(body.length)
  })

  it("is of a new generation when the download starts over", async () => {
    const old = randomBytes(4 * MIB)
    setup.origin.route("/a", { body: [old, body], cutAfter: { bytes: 2 * MIB, times: 1 } })
    const told: (AvailableBytes & { content: Promise<Buffer> })[] = []
    await setup.fetch(
      { urls: [setup.origin.at("/a")] },
      { onAvailable: (part) => told.push({ ...part, content: readFile(part.path) }) },
    )
    const last = told.at(-1)
    const first = told.filter(({ generation }) => generation !== last?.generation)
    expect(new Set(first.map(({ generation }) => generation)).size).to.equal(1)
    expect(Math.max(...first.map(({ bytes }) => bytes))).to.equal(2 * MIB)
    expect(last?.bytes).to.equal(body.length)
    await Promise.allSettled(told.map(({ content }) => content))
  })

  it("is all of it, at once, for what the cache has", async () => {
    setup.origin.route("/a", { body })
    await (await setup.fetch({ urls: [setup.origin.at("/a")] })).release({ remove: false })
    const order: string[] = []
    const { path } = await setup.fetch(
      { urls: [setup.origin.at("/a")] },
      {
        onAvailable: (part) => order.push(`${part.bytes} ${part.path}`),
        progress: ({ phase }) => order.push(phase),
      },
    )
    expect(order[0]).to.equal(`${body.length} ${path}`)
    expect(order).to.include("verify")
  })

  it("is void when the cache's entry turns out to be damaged", async () => {
    setup.origin.route("/a", { body })
    const first = await setup.fetch({ urls: [setup.origin.at("/a")] })
    await first.release({ remove: false })
    const damaged = Buffer.from(body)
    damaged[12345] = (damaged[12345] ?? 0) ^ 1
    const file = await open(`${first.path}.new`, "w")
    await file.writeFile(damaged)
    await file.close()
    await rm(first.path)
    await rename(`${first.path}.new`, first.path)
    const told: AvailableBytes[] = []
    const { path } = await setup.fetch({ urls: [setup.origin.at("/a")] }, { onAvailable: (part) => told.push(part) })
    expect(told[0]).to.include({ path, bytes: body.length })
    expect(told.at(-1)).to.include({ path, bytes: body.length })
    expect(told.at(-1)?.generation).to.not.equal(told[0]?.generation)
    expect((await readFile(path)).equals(body)).to.equal(true)
  })

  it("is told to who joins later too", async () => {
    setup.origin.route("/a", { body, throttle: 8 * MIB })
    const late: AvailableBytes[] = []
    let second: Promise<unknown> | undefined
    const first = setup.fetch(
      { urls: [setup.origin.at("/a")] },
      {
        onAvailable: ({ bytes }) => {
          if (bytes < MIB || second !== undefined) return
          second = setup.fetch({ urls: [setup.origin.at("/a")] }, { onAvailable: (part) => late.push(part) })
          expect(late).to.have.length(1)
        },
      },
    )
    await first
    await second
    expect(late.at(-1)?.bytes).to.equal(body.length)
  })

  it("is what content codings hide, once they are undone", async () => {
    const text = Buffer.from("some text that is long enough\n".repeat(100_000))
    setup.origin.route("/a", { body: text, contentEncoding: "encode" })
    const told: AvailableBytes[] = []
    await setup.fetch({ urls: [setup.origin.at("/a")] }, { onAvailable: (part) => told.push(part) })
    expect(new Set(told.map(({ bytes }) => bytes))).to.deep.equal(new Set([text.length]))
    expect(new Set(told.map(({ generation }) => generation)).size).to.equal(1)
  })
})

describe("the end of a download, which may come first", () => {
  const endFrom = (length: number | undefined, written: number, gaps: [number, number][]): unknown => {
    const told: object[] = []
    const part = { path: "/p", epoch: 0, bytes: 10, written, state: { length }, gaps: () => gaps }
    new Availability((event) => told.push(event)).ofPart(part as unknown as CachePart)
    return told.map((event) => ("endFrom" in event ? event.endFrom : "none"))
  }

  it("is told where all of it is there", () => {
    expect(endFrom(100, 20, [[10, 90]])).to.deep.equal([90])
    const two: [number, number][] = [
      [10, 40],
      [50, 80],
    ]
    expect(endFrom(100, 40, two)).to.deep.equal([80])
  })

  it("is not where its last byte lacks, where nothing is beyond the beginning, or nobody knows where it is", () => {
    const open: [number, number][] = [
      [10, 40],
      [50, 100],
    ]
    expect(endFrom(100, 20, open)).to.deep.equal(["none"])
    expect(endFrom(100, 10, [[10, 100]])).to.deep.equal(["none"])
    expect(endFrom(undefined, 20, [])).to.deep.equal(["none"])
  })
})
