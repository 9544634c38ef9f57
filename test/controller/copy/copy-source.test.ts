import { copyAddress, DatamaestroError, type CopiedDataset, type Params } from "@datamaestro/protocol"
import { expect } from "chai"
import { setTimeout as sleep } from "node:timers/promises"
import { CopySource } from "../../../packages/controller/src/copy/copy-source.ts"
import type { Session } from "../../../packages/controller/src/session/session.ts"
import { linkedSession } from "../../helpers/linked-session.ts"
import { rejection } from "../../helpers/rejection.ts"

const MIB = 1024 * 1024
const DATASET = "org.example.thing@mine"

describe("the machine that data is copied from", () => {
  let contents: Record<string, Buffer>
  beforeEach(() => {
    contents = {
      "a b/small.txt": Buffer.from("small"),
      "large.bin": Buffer.alloc(2.5 * MIB, "0123456789"),
      empty: Buffer.alloc(0),
      last: Buffer.from("last"),
    }
  })
  const description = (): CopiedDataset => ({
    resources: {
      data: {
        entries: Object.keys(contents),
        files: Object.entries(contents).map(([path, { length: bytes }]) => ({ path, bytes, sha256: "" })),
        links: [],
        folders: [],
      },
    },
  })
  let asked: Params<"copies/read">[]
  const source = (reading?: () => void | Promise<void>, describing?: () => void): CopySource => {
    asked = []
    const session = linkedSession({
      "copies/manifest": () => {
        describing?.()
        return description()
      },
      "copies/read": async (piece, { sendBytes }) => {
        asked.push(piece)
        await reading?.()
        const all = Buffer.concat(piece.paths.map((path) => contents[path]!))
        await sendBytes(all.subarray(piece.offset, piece.offset + piece.length))
        return {}
      },
    })
    return new CopySource(session, [DATASET], new AbortController().signal)
  }
  const read = async (from: CopySource, paths: string[], offset = 0): Promise<Buffer | undefined> => {
    const body = await from.open(copyAddress(DATASET, paths), offset)
    if (body === undefined) return undefined
    const chunks: Buffer[] = []
    for await (const chunk of body) chunks.push(chunk)
    return Buffer.concat(chunks)
  }

  it("describes a dataset, and nothing that is not wanted", async () => {
    const from = source()
    expect(JSON.parse(String(await read(from, [])))).to.deep.equal(description())
    expect(await from.open(copyAddress("org.example.other@mine"), 0)).to.equal(undefined)
    expect(await from.open("https://example.org/", 0)).to.equal(undefined)
    for (const paths of [["../../etc/passwd"], ["last", "none"]]) expect(await read(from, paths)).to.equal(undefined)
  })

  it("reads files that follow each other, in pieces of a MiB, each with the files that it touches", async () => {
    const paths = Object.keys(contents)
    const all = Buffer.concat(Object.values(contents))
    expect((await read(source(), paths))?.equals(all)).to.equal(true)
    expect(asked.map(({ paths: of, offset, length }) => [of, offset, length])).to.deep.equal([
      [["a b/small.txt", "large.bin"], 0, MIB],
      [["large.bin"], MIB - 5, MIB],
      [["large.bin", "empty", "last"], 2 * MIB - 5, 0.5 * MIB + 9],
    ])
    expect((await read(source(), paths, 2 * MIB))?.equals(all.subarray(2 * MIB))).to.equal(true)
    expect((await read(source(), ["empty"]))?.length).to.equal(0)
  })

  it("tells why a piece is not to be had", async () => {
    const from = source(() => {
      throw new DatamaestroError("PERMISSION_DENIED", "Cannot read it")
    })
    expect(await rejection(read(from, ["last"]))).to.include({ code: "PERMISSION_DENIED", message: "Cannot read it" })
  })

  it("asks for no file that a piece only borders on", async () => {
    contents = { first: Buffer.alloc(MIB, "1"), second: Buffer.alloc(MIB, "2") }
    expect((await read(source(), ["first", "second"]))?.length).to.equal(2 * MIB)
    expect(asked.map(({ paths }) => paths)).to.deep.equal([["first"], ["second"]])
  })

  it("asks for several pieces at a time", async () => {
    let goOn = (): void => {}
    const all = new Promise<void>((resolve) => (goOn = resolve))
    const from = source(() => {
      if (asked.length === 3) goOn()
      return all
    })
    expect((await read(from, ["large.bin"]))?.equals(contents["large.bin"]!)).to.equal(true)
  })

  it("tells once that none of several pieces is to be had", async () => {
    const unhandled: unknown[] = []
    const listener = (error: unknown): void => void unhandled.push(error)
    process.prependListener("unhandledRejection", listener)
    try {
      const from = source(() => Promise.reject(new DatamaestroError("PERMISSION_DENIED", "Cannot read it")))
      expect(await rejection(read(from, ["large.bin"]))).to.have.property("code", "PERMISSION_DENIED")
      await sleep(20)
    } finally {
      process.off("unhandledRejection", listener)
    }
    expect(unhandled).to.deep.equal([])
  })

  it("asks for no more of a file that has become empty", async () => {
    contents["large.bin"] = Buffer.alloc(20 * MIB)
    const from = source(() => void (contents["large.bin"] = Buffer.alloc(0)))
    expect((await read(from, ["large.bin"]))?.length).to.equal(0)
    expect(asked.length).to.be.below(20)
  })

  it("describes a dataset again where that failed", async () => {
    let failures = 1
    const from = source(undefined, () => {
      if (failures-- > 0) throw new DatamaestroError("NOT_PREPARED", "Cannot copy it")
    })
    expect(await rejection(read(from, []))).to.have.property("code", "NOT_PREPARED")
    expect(JSON.parse(String(await read(from, [])))).to.deep.equal(description())
  })

  describe("over a connection that can be lost", () => {
    const lost = new DatamaestroError("CONNECTION_LOST", "lost")
    const over = (failures: DatamaestroError[], restore?: Session["restore"]): CopySource => {
      const request = (method: string, _: unknown, { onBytes }: { onBytes(bytes: Uint8Array): void }) => {
        if (method === "copies/manifest") return Promise.resolve(description())
        const failure = failures.shift()
        onBytes(Buffer.from(failure === undefined ? "last" : "la"))
        return failure === undefined ? Promise.resolve({}) : Promise.reject(failure)
      }
      const session = { agent: { request }, ...(restore === undefined ? {} : { restore }) }
      return new CopySource(session as unknown as Session, [DATASET], new AbortController().signal)
    }

    it("goes on where it was made anew, with each byte once", async () => {
      let restored = 0
      const restore = (): Promise<void> => Promise.resolve(void restored++)
      expect(String(await read(over([lost, lost], restore), ["last"]))).to.equal("last")
      expect(restored).to.equal(2)
    })

    it("ends where it can't be, and where the failure is another one", async () => {
      expect(await rejection(read(over([lost]), ["last"]))).to.equal(lost)
      const other = new DatamaestroError("CORRUPT", "changed")
      const restore = (): Promise<void> => Promise.reject(new Error("not asked for"))
      expect(await rejection(read(over([other], restore), ["last"]))).to.equal(other)
    })
  })
})
