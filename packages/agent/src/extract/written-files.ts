import { FileList, ROW } from "../store/file-list.ts"
import { Rows } from "./rows.ts"

/** Size and SHA-256 of each file that was written. */
export class WrittenFiles {
  readonly #rows = new Rows(ROW.numbers)

  /** A file whose sum may be told later; returns the number it is known by. */
  add(bytes: number, sha256?: string): number {
    const row = this.#rows.add()
    this.#rows.range(row, 1)[0] = bytes
    if (sha256 !== undefined) this.setSum(row, sha256)
    return row
  }

  setSum(row: number, sha256: string): void {
    const { buffer, byteOffset } = this.#rows.range(row, 1)
    Buffer.from(buffer, byteOffset + ROW.sum, ROW.bytes - ROW.sum).write(sha256, "hex")
  }

  /** Those that are `known` by these numbers, under their names without the first `prefix` characters. */
  list(names: readonly string[], known: readonly number[], prefix: number): FileList {
    const text = new Uint8Array(names.reduce((sum, name) => sum + Buffer.byteLength(name) + 1 - prefix, 0))
    const rows = new Float64Array(names.length * ROW.numbers)
    const into = Buffer.from(text.buffer)
    let end = 0
    for (const name of names) end += into.write(name.slice(prefix), end) + 1
    // Most come one after the other, and are copied as one.
    for (let start = 0, next = 1; start < known.length; start = next++) {
      const first = known[start] ?? 0
      while (known[next] === first + next - start) next++
      rows.set(this.#rows.range(first, next - start), start * ROW.numbers)
    }
    return new FileList({ names: text, rows })
  }
}
