import { createHash } from "node:crypto"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { open, type FileHandle } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { Worker } from "node:worker_threads"
import { gzipSync } from "node:zlib"
import { expect } from "chai"
import { gunzipBytes, type PlainSum } from "../../../packages/agent/src/compression/decompress.ts"
import { GUNZIP_SOURCE } from "../../../packages/agent/src/compression/gunzip-thread-source.ts"
import {
  expectGunzip,
  gunzipInThread,
  type ReadableRange,
} from "../../../packages/agent/src/compression/gunzip-in-thread.ts"
import { temporaryFolder } from "../../fixtures/extraction.ts"

for (const byStream of [false, true])
  describe(`gunzipping in a thread of its own${byStream ? ", by a stream" : ""}`, () => {
    let folder: ReturnType<typeof temporaryFolder>
    beforeEach(() => (folder = temporaryFolder()))
    afterEach(() => folder.remove())

    const signal = new AbortController().signal
    /** More than the memory that is shared, and no round number. */
    const plain = Buffer.alloc(9_000_001, Array.from({ length: 5000 }, (_, index) => `word${index * 7919} `).join(""))

    async function* inPieces(file: FileHandle, bytes: number, piece: number): AsyncGenerator<ReadableRange> {
      for (let from = 0; from < bytes; from += piece) {
        yield { file, from, to: Math.min(bytes, from + piece) }
        await new Promise((resolve) => setImmediate(resolve))
      }
    }

    async function outcome(chunks: AsyncIterable<Buffer>): Promise<string> {
      const got: Buffer[] = []
      try {
        // What is handed out is used again.
        for await (const chunk of chunks) got.push(Buffer.from(chunk))
      } catch (error) {
        return `${(error as { code?: string }).code}: ${(error as Error).message}`
      }
      return Buffer.concat(got).equals(plain) ? "the plain bytes" : `${Buffer.concat(got).length} other bytes`
    }

    async function inThread(bytes: Buffer, piece = bytes.length, sum?: PlainSum): Promise<string> {
      const path = join(folder.path, "file.gz")
      writeFileSync(path, bytes)
      const file = await open(path)
      try {
        return await outcome(
          gunzipInThread(inPieces(file, bytes.length, piece), { archive: "file.gz", signal, sum }, byStream),
        )
      } finally {
        await file.close()
      }
    }

    async function here(bytes: Buffer): Promise<string> {
      // eslint-disable-next-line @typescript-eslint/require-await
      async function* source(): AsyncGenerator<Buffer> {
        yield bytes
      }
      return await outcome(gunzipBytes(source(), { archive: "file.gz", signal }))
    }

    it("gives the plain bytes, of all members, however the file comes", async () => {
      const whole = gzipSync(plain)
      expect(await inThread(whole)).to.equal("the plain bytes")
      expect(await inThread(whole, 1009)).to.equal("the plain bytes")
      const two = Buffer.concat([gzipSync(plain.subarray(0, 4_000_000)), gzipSync(plain.subarray(4_000_000))])
      expect(await inThread(two, 4096)).to.equal("the plain bytes")
      const stored = gzipSync(plain, { level: 0 })
      expect(await inThread(stored, 1024 * 1024)).to.equal("the plain bytes")
    })

    it("gives their SHA-256 with the last of them, where it is asked for", async () => {
      const two = Buffer.concat([gzipSync(plain.subarray(0, 4_000_000)), gzipSync(plain.subarray(4_000_000))])
      const sum: PlainSum = { promised: false }
      expect(await inThread(two, 4096, sum)).to.equal("the plain bytes")
      expect(sum).to.deep.equal({ promised: true, sha256: createHash("sha256").update(plain).digest("hex") })
    })

    it("gives the last bytes too, when its reader gives memory back as the stream ends", async () => {
      const short = plain.subarray(0, 6_300_000)
      const bytes = gzipSync(short, { level: 1 })
      const path = join(folder.path, "file.gz")
      writeFileSync(path, bytes)
      const file = await open(path)
      // Given back late, one after the other, the stream ends while its last chunk waits for memory. The other moments have to be hit.
      const late = (): Promise<void> => sleep(50)
      const soon = (): void => {
        const until = performance.now() + Math.random() * 1.5
        while (performance.now() < until);
      }
      for (const giveBack of [late, late, ...Array.from({ length: 40 }, () => soon)]) {
        let count = 0
        for await (const chunk of gunzipInThread(
          inPieces(file, bytes.length, bytes.length),
          { archive: "x", signal },
          byStream,
        )) {
          count += chunk.length
          await giveBack()
        }
        expect(count).to.equal(short.length)
      }
      await file.close()
    })

    it("does it again and again, whether its thread was expected or not", async () => {
      const whole = gzipSync(plain)
      let started = 0
      const count = (): void => void started++
      process.on("worker", count)
      expectGunzip()
      expectGunzip()
      expect(await inThread(whole)).to.equal("the plain bytes")
      process.off("worker", count)
      // The one that does it by a stream is never expected.
      expect(started).to.equal(byStream ? 2 : 1)
      expect(await inThread(whole)).to.equal("the plain bytes")
      expectGunzip()
      expect(await inThread(whole.subarray(0, 1000))).to.match(/^TRUNCATED/)
      expectGunzip()
      const both = await Promise.all([inThread(whole), here(whole), here(whole)])
      expect(both).to.deep.equal(["the plain bytes", "the plain bytes", "the plain bytes"])
    })

    it("counts what went in and came out", async () => {
      const bytes = gzipSync(plain)
      const path = join(folder.path, "file.gz")
      writeFileSync(path, bytes)
      const file = await open(path)
      const throughput = { packed: 0, plain: 0 }
      const chunks = gunzipInThread(
        inPieces(file, bytes.length, 65536),
        { archive: "file.gz", signal, throughput },
        byStream,
      )
      expect(await outcome(chunks)).to.equal("the plain bytes")
      await file.close()
      expect(throughput).to.deep.equal({ packed: bytes.length, plain: plain.length })
    })

    it("says the same as in this thread of cuts, damage, padding and what lies behind", async function () {
      this.timeout(60_000)
      const whole = gzipSync(plain)
      const flipped = (at: number): Buffer => {
        const copy = Buffer.from(whole)
        copy[at] = (copy[at] ?? 0) ^ 0x10
        return copy
      }
      const cases = [
        ...[3, 10, 11, 1000, whole.length >> 1, whole.length - 9, whole.length - 8, whole.length - 1].map((length) =>
          whole.subarray(0, length),
        ),
        ...[2, 3, 12, 5000, whole.length >> 1, whole.length - 6, whole.length - 2].map(flipped),
        Buffer.concat([whole, Buffer.alloc(3_000_000)]),
        Buffer.concat([whole, Buffer.alloc(3_000_000), Buffer.from("x")]),
        Buffer.concat([whole, Buffer.from("something else")]),
        Buffer.concat([whole, Buffer.from([0x1f, 0x8b])]),
        Buffer.concat([whole, whole.subarray(0, 100)]),
      ]
      const wrong = new Set<string>()
      for (const bytes of cases) {
        const wanted = await here(bytes)
        wrong.add(wanted.split(":")[0] ?? "")
        expect(await inThread(bytes, 100_003), `${bytes.length} bytes`).to.equal(wanted)
      }
      expect([...wrong].sort()).to.deep.equal(["CORRUPT", "TRUNCATED", "the plain bytes"])
    })

    it("ends when its source fails, and when it is interrupted in the middle", async () => {
      const bytes = gzipSync(plain)
      const path = join(folder.path, "file.gz")
      writeFileSync(path, bytes)
      const file = await open(path)
      async function* failing(): AsyncGenerator<ReadableRange> {
        yield { file, from: 0, to: 1000 }
        await new Promise((resolve) => setTimeout(resolve, 50))
        throw Object.assign(new Error("void"), { code: "STALE" })
      }
      expect(await outcome(gunzipInThread(failing(), { archive: "file.gz", signal }, byStream))).to.equal("STALE: void")
      const stop = new AbortController()
      async function* endless(): AsyncGenerator<ReadableRange> {
        yield { file, from: 0, to: 1000 }
        await new Promise(() => {})
      }
      const interrupted = outcome(gunzipInThread(endless(), { archive: "file.gz", signal: stop.signal }, byStream))
      setTimeout(() => stop.abort(Object.assign(new Error("stop"), { code: "STOP" })), 100)
      expect(await interrupted).to.equal("STOP: stop")
      await file.close()
    })
  })

describe("the thread that gunzips", () => {
  it("does without a stream, since this Node has what is faster", async () => {
    const watched = `
      const { parentPort } = require("node:worker_threads")
      const zlib = { ...require("node:zlib") }
      const { createGunzip } = zlib
      zlib.createGunzip = (options) => (parentPort.postMessage(options.chunkSize), createGunzip(options))
      ;((require) => {${GUNZIP_SOURCE}})((name) => (name === "node:zlib" ? zlib : require(name)))`
    for (const byStream of [false, true]) {
      const slotBytes = 65536
      const memory = new SharedArrayBuffer(4 * slotBytes)
      const thread = new Worker(watched, { eval: true, execArgv: [], workerData: { memory, slotBytes, byStream } })
      const made: unknown[] = []
      thread.on("message", (message) => made.push(message))
      await once(thread, "message")
      thread.postMessage({ end: true })
      while (made.every((message) => typeof message === "number")) await once(thread, "message")
      expect(made.includes(slotBytes)).to.equal(byStream)
      await thread.terminate()
    }
  })
})
