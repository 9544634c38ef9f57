import { expect } from "chai"
import { formatBytes } from "../../packages/protocol/src/format-bytes.ts"

describe("bytes for people", () => {
  for (const [bytes, text] of [
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [30_000_000, "30.0 MB"],
    [99_940_000, "99.9 MB"],
    [99_960_000, "100 MB"],
    [999_600_000, "1.0 GB"],
    [1.5e18, "1500 PB"],
  ] as const) {
    it(text, () => expect(formatBytes(bytes)).to.equal(text))
  }
})
