/** Bytes for the fixtures: the same in every run, made faster than a disk takes them. */
import { createCipheriv } from "node:crypto"

/** A stream of incompressible bytes: the key stream of AES-256 in counter mode. */
export class RandomBytes {
  readonly #cipher = createCipheriv("aes-256-ctr", Buffer.alloc(32, "datamaestro"), Buffer.alloc(16))

  next(length: number): Buffer {
    return this.#cipher.update(Buffer.alloc(length))
  }
}

/**
 * English-like text of `length` bytes: words of a vocabulary of 20 000 with Zipf's frequencies, in sentences. `gzip -6`
 * packs it to some 40 %.
 */
export function makeText(length: number): Buffer {
  const random = uniform(new RandomBytes())
  const vocabulary = Array.from({ length: 20_000 }, () => makeWord(random))
  const parts: string[] = []
  let size = 0
  let left = 0
  while (size < length) {
    if (left === 0) left = 5 + Math.floor(random() * 20)
    // Zipf: the inverse of the logarithm's distribution function.
    const word = vocabulary[Math.floor(vocabulary.length ** random()) - 1] ?? "the"
    const text = --left === 0 ? `${word}.\n` : `${word} `
    parts.push(text)
    size += text.length
  }
  return Buffer.from(parts.join("").slice(0, length), "latin1")
}

function makeWord(random: () => number): string {
  const syllables = 1 + Math.floor(random() * 3.5)
  const pick = (letters: string): string => letters[Math.floor(random() * letters.length)] ?? ""
  return Array.from({ length: syllables }, () => pick("bcdfghklmnprstvw") + pick("aeiou") + pick("nrstl ")).join("").replaceAll(" ", "") // prettier-ignore
}

/** Numbers in [0, 1) from random bytes. */
function uniform(source: RandomBytes): () => number {
  let buffer: Buffer = Buffer.alloc(0)
  let offset = 0
  return () => {
    if (offset + 4 > buffer.length) {
      buffer = source.next(1 << 20)
      offset = 0
    }
    const value = buffer.readUInt32LE(offset)
    offset += 4
    return value / 2 ** 32
  }
}
