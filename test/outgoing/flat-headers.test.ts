import { expect } from "chai"
import { flatHeaders } from "../../packages/outgoing/src/flat-headers.ts"

describe("an answer's headers", () => {
  it("are one string each, by their names in lower case", () => {
    expect(flatHeaders({ ETag: '"a"', vary: ["accept", "cookie"], age: undefined })).to.deep.equal({
      etag: '"a"',
      vary: "accept, cookie",
    })
  })

  it("count once where a server, or a proxy before it, says them again", () => {
    expect(flatHeaders({ "content-encoding": ["gzip", "gzip"] })).to.deep.equal({ "content-encoding": "gzip" })
  })

  it("have a line for each cookie", () => {
    const cookies = ["a=1; expires=Thu, 01 Jan 2099 00:00:00 GMT", "b=2"]
    expect(flatHeaders({ "Set-Cookie": cookies })).to.deep.equal({ "set-cookie": cookies.join("\n") })
  })
})
