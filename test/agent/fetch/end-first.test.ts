import { expect } from "chai"
import { randomBytes } from "node:crypto"
import { readFileSync } from "node:fs"
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import type { FetchContext } from "../../../packages/agent/src/fetch/fetch-types.ts"
import { zipDirectoryStart } from "../../../packages/agent/src/fetch/zip-directory.ts"
import type { AvailableBytes } from "../../../packages/agent/src/pipeline-types.ts"
import { zipArchive } from "../../fixtures/zip-archive.ts"
import type { OriginRoute } from "../../helpers/origin.ts"
import { rejection } from "../../helpers/rejection.ts"
import { setUpFetch, sha256, SHORT_TUNING, type FetchSetup } from "./fetch-setup.ts"

const MIB = 1024 * 1024
const KIB = 1024
const noise = (name: string, bytes = 6 * MIB) => ({ name, content: randomBytes(bytes), stored: true })
const body = zipArchive([noise("a"), { name: "b", content: "beta" }])
/** Its directory is larger than what is asked for first. */
const entries = Array.from({ length: 3000 }, (_, index) => ({ name: `${"folder".repeat(10)}/${index}`, content: "x" }))
const many = zipArchive([noise("a"), ...entries])

describe("the directory at a zip's end", () => {
  let setup: FetchSetup
  let told: AvailableBytes[]
  beforeEach(async () => {
    setup = await setUpFetch()
    told = []
  })
  afterEach(() => setup.close())

  const tuning = {
    ...SHORT_TUNING,
    segmentFromBytes: 64 * MIB,
    endFirstFromBytes: 2 * MIB,
  }
  /** A route whose first answer waits, after half of it, until the end has come. */
  const held = (content = body): { route: OriginRoute; context: Partial<FetchContext> } => {
    let release = (): void => {}
    const until = new Promise<void>((resolve) => (release = resolve))
    return {
      route: { body: content, holdAfter: { bytes: content.length >> 1, until, times: 1 } },
      context: {
        tuning,
        onAvailable: (part) => {
          told.push(part)
          if (part.endFrom !== undefined && part.endFrom <= (zipDirectoryStart(content, content.length) ?? 0)) release()
        },
      },
    }
  }
  const fetch = async (wanted: Buffer, context: Partial<FetchContext>, more = {}): Promise<void> => {
    const request = { urls: [setup.origin.at("/a.zip")], archive: true, directoryAtEnd: true, ...more }
    const { path, sha256: found } = await setup.fetch(request, { tuning, ...context })
    expect((await readFile(path)).equals(wanted)).to.equal(true)
    expect(found).to.equal(sha256(wanted))
  }
  const ranges = (): (string | undefined)[] => setup.origin.requestsOf("/a.zip").map(({ headers }) => headers.range)

  it("is there before the rest, and nothing is asked for twice", async () => {
    const { route, context } = held()
    setup.origin.route("/a.zip", route)
    await fetch(body, context)
    const from = body.length - 128 * KIB
    expect(ranges()).to.deep.equal([undefined, `bytes=${from}-${body.length - 1}`])
    const early = told.filter(({ bytes }) => bytes < from && bytes > 0)
    expect(early.some(({ endFrom, total }) => endFrom === from && total === body.length)).to.equal(true)
    expect(new Set(told.map(({ generation }) => generation)).size).to.equal(1)
  })

  it("is recorded as what it is, should the process be killed", async () => {
    const { route, context } = held()
    setup.origin.route("/a.zip", route)
    let record: { written?: number[][] } = {}
    await fetch(body, {
      ...context,
      onAvailable: (part) => {
        context.onAvailable?.(part)
        if (part.endFrom === undefined || record.written !== undefined) return
        record = JSON.parse(readFileSync(part.path.replace(/\.tmp$/, ".json.tmp"), "utf8")) as typeof record
      },
    })
    expect(record.written).to.be.an("array")
  })

  it("is all there where it begins before what is asked for first", async () => {
    const { route, context } = held(many)
    setup.origin.route("/a.zip", route)
    await fetch(many, context)
    const [directory, from] = [zipDirectoryStart(many, many.length), many.length - 128 * KIB]
    expect(directory).to.be.lessThan(from)
    expect(ranges().slice(1)).to.deep.equal([`bytes=${from}-${many.length - 1}`, `bytes=${directory}-${from - 1}`])
    expect(told.some(({ endFrom }) => endFrom === directory)).to.equal(true)
  })

  it("comes over one connection after another where one is asked for", async () => {
    setup.origin.route("/a.zip", { body: many, throttle: 20 * MIB })
    await fetch(many, { connections: 1, onAvailable: (part) => told.push(part) })
    expect(setup.origin.mostAtOnce("/a.zip")).to.equal(1)
    const directory = zipDirectoryStart(many, many.length) ?? 0
    expect(told.some(({ endFrom, bytes }) => endFrom === directory && bytes < directory)).to.equal(true)
    expect(ranges()).to.have.length(4)
  })

  it("is not asked for by itself where that is no use, or proves nothing", async () => {
    for (const [index, [route, more]] of (
      [
        [{ body: body.subarray(0, MIB) }, {}],
        [{ ranges: false }, {}],
        [{ etag: "weak" }, {}],
        [{ length: "chunked" }, {}],
        [{ contentEncoding: "encode" }, {}],
        [{}, { directoryAtEnd: false }],
      ] as const
    ).entries()) {
      const path = `/${index}.zip`
      setup.origin.route(path, { body, ...route })
      await setup.fetch({ urls: [setup.origin.at(path)], archive: true, directoryAtEnd: true, ...more }, { tuning })
      expect(setup.origin.requestsOf(path), path).to.have.length(1)
    }
  })

  it("is done without where the server refuses a second connection, or does not keep what it promises", async () => {
    for (const [route, status] of [
      [{ mostAtOnce: 1 }, 503],
      // As of an address that is good for one request.
      [{ fail: { status: 403, from: 1 } }, 403],
      [{ ignoreRange: {} }, 200],
      [{ rangeShift: { bytes: 7, times: 2 } }, 206],
    ] as const) {
      let release = (): void => {}
      const until = new Promise<void>((resolve) => (release = resolve))
      setup.origin.route("/a.zip", { body, holdAfter: { bytes: MIB, until, times: 1 }, ...route })
      await fetch(body, {
        progress: (event) => {
          setup.events.push(event)
          if (event.phase === "notice" && event.message.startsWith("One of 2 connections")) release()
        },
      })
      const statuses = setup.origin.requestsOf("/a.zip").map((request) => request.status)
      expect(statuses).to.deep.equal([200, status])
      expect(setup.events.filter(({ phase }) => phase === "retry")).to.deep.equal([])
      await setup.close()
      setup = await setUpFetch()
    }
  })

  it("makes void what was told when it is of another content", async () => {
    for (const ignoreIfRange of [false, true]) {
      const old = zipArchive([noise("old"), { name: "b", content: "beta" }])
      setup.origin.route("/a.zip", { body: [old, body], throttle: 40 * MIB, ignoreIfRange })
      await fetch(body, { onAvailable: (part) => told.push(part) })
      expect(told.at(-1)?.generation).to.be.greaterThan(told[0]?.generation ?? 0)
      await setup.close()
      setup = await setUpFetch()
      told = []
    }
  })

  it("of an older content never gets into a newer one, though nothing else of it had come", async () => {
    const old = zipArchive([noise("old"), { name: "b", content: "beta" }])
    setup.origin.route("/a.zip", { body: old, stallAfter: { bytes: 0, times: 1 } })
    const stop = new AbortController()
    const impatient = { ...tuning, stallSeconds: 0.5 }
    let had: AvailableBytes | undefined
    const begun = setup.fetch(
      { urls: [setup.origin.at("/a.zip")], directoryAtEnd: true },
      {
        tuning: impatient,
        signal: stop.signal,
        onAvailable: (part) => {
          if (part.endFrom === undefined) return
          had = part
          stop.abort()
        },
      },
    )
    expect(await rejection(begun)).to.have.property("code", "INTERRUPTED")
    expect(had?.bytes).to.equal(0)
    const record = (await readdir(setup.cache.path)).find((name) => name.endsWith(".json.tmp")) ?? ""
    const { ranges: kept } = JSON.parse(await readFile(join(setup.cache.path, record), "utf8")) as {
      ranges: number[][]
    }
    expect(kept).to.deep.equal([[old.length - 128 * KIB, old.length]])
    setup.origin.route("/a.zip", { body })
    await fetch(body, { onAvailable: (part) => told.push(part) })
    expect(told[0]).to.include({ bytes: 0, endFrom: old.length - 128 * KIB })
    expect(told.at(-1)?.generation).to.be.greaterThan(told[0]?.generation ?? 0)
  })

  it("is kept for the next run when it was all that had come", async () => {
    setup.origin.route("/a.zip", { body, stallAfter: { bytes: 0, times: 1 } })
    const stop = new AbortController()
    const onAvailable = ({ endFrom }: AvailableBytes): void => {
      if (endFrom !== undefined) stop.abort()
    }
    const request = { urls: [setup.origin.at("/a.zip")], directoryAtEnd: true }
    await rejection(
      setup.fetch(request, { tuning: { ...tuning, stallSeconds: 0.5 }, signal: stop.signal, onAvailable }),
    )
    setup.origin.requests.length = 0
    await fetch(body, {})
    expect(ranges()).to.deep.equal(["bytes=0-"])
  })
})

describe("where a zip says that its directory begins", () => {
  const content = zipArchive([{ name: "a", content: "alpha" }])
  const start = content.indexOf(Buffer.from("PK\x01\x02"))

  it("is read from its end, behind which there may be a comment", () => {
    expect(zipDirectoryStart(content, content.length)).to.equal(start)
    const commented = Buffer.concat([content, Buffer.alloc(60_000, "x")])
    expect(zipDirectoryStart(commented, commented.length)).to.equal(start)
  })

  it("is read from zip64's record", () => {
    const large = zipArchive([{ name: "a", content: "alpha" }], { zip64: true })
    expect(zipDirectoryStart(large, large.length)).to.equal(start)
    expect(zipDirectoryStart(large.subarray(20), large.length)).to.equal(start)
    // The locator leads to what is not there.
    expect(zipDirectoryStart(large.subarray(-50), large.length)).to.equal(undefined)
    expect(zipDirectoryStart(large.subarray(-30), large.length)).to.equal(undefined)
  })

  it("is nowhere in what is no zip", () => {
    expect(zipDirectoryStart(Buffer.alloc(0), 0)).to.equal(undefined)
    expect(zipDirectoryStart(Buffer.alloc(1000, "PK\x05"), 1000)).to.equal(undefined)
  })
})
