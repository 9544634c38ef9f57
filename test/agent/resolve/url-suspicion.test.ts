import { expect } from "chai"
import { urlSuspicion } from "../../../packages/agent/src/resolve/url-suspicion.ts"

describe("suspicion", () => {
  for (const [url, kind, reason] of [
    ["https://data.example.org/a", "file", "placeholder"],
    ["http://192.168.1.4/a", "file", "public internet"],
    ["https://bucket.s3.amazonaws.com/a?X-Amz-Signature=1", "file", "personal"],
    ["https://github.com/o/r/blob/main/a.csv", "file", "raw.githubusercontent.com"],
    ["https://huggingface.co/o/r/blob/main/a.csv", "file", "/resolve/"],
    ["https://www.dropbox.com/s/x/a.zip?dl=0", "zip", "dl=1"],
    ["https://e.org/a.tar.gz", "zip", "as a tar archive"],
    ["https://e.org/a.zip", "tar", "as a zip archive"],
  ] as const) {
    it(`is raised by ${url}`, () => expect(urlSuspicion(url, kind)).to.contain(reason))
  }

  it("is not raised by what is usual", () => {
    for (const url of ["https://e.org/a.tgz", "http://yann.lecun.com/a?download=1", "https://tokens.org/x.tar.xz"]) {
      expect(urlSuspicion(url, "tar"), url).to.equal(undefined)
    }
  })
})
