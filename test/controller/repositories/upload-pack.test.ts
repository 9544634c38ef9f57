import { DatamaestroError, type Params } from "@datamaestro/protocol"
import { expect } from "chai"
import { uploadPack } from "../../../packages/controller/src/repositories/upload-pack.ts"
import { linkedSession } from "../../helpers/linked-session.ts"
import { rejection } from "../../helpers/rejection.ts"

const PIECE = 256 * 1024

describe("the upload of a pack", () => {
  it("sends pieces in their order, a few at once, and says which is the last", async () => {
    const bytes = Buffer.alloc(20 * PIECE + 5, "x")
    const pieces: Params<"packs/upload">[] = []
    let under = 0
    let most = 0
    const { agent } = linkedSession({
      "packs/upload": async (piece) => {
        pieces.push(piece)
        most = Math.max(most, ++under)
        await new Promise((resolve) => setImmediate(resolve))
        under--
        return {}
      },
    })
    const told: number[] = []
    await uploadPack(agent, { hash: "a", bytes, onProgress: (sent) => told.push(sent) })
    expect(pieces.map(({ offset }) => offset)).to.deep.equal(Array.from({ length: 21 }, (_, index) => index * PIECE))
    expect(pieces.map(({ last }) => last)).to.deep.equal([...Array<boolean>(20).fill(false), true])
    expect(Buffer.concat(pieces.map(({ data }) => Buffer.from(data, "base64"))).equals(bytes)).to.equal(true)
    expect(most).to.be.within(2, 8)
    expect(told.at(-1)).to.equal(bytes.length)
  })

  it("ends with what the agent answers to a piece, and sends no more then", async () => {
    let pieces = 0
    const { agent } = linkedSession({
      "packs/upload": () => {
        if (++pieces === 2) throw new DatamaestroError("NO_SPACE", "Cannot keep it")
        return {}
      },
    })
    const sending = uploadPack(agent, { hash: "a", bytes: Buffer.alloc(100 * PIECE), onProgress: () => {} })
    expect(await rejection(sending)).to.have.property("code", "NO_SPACE")
    expect(pieces).to.be.below(20)
  })
})
