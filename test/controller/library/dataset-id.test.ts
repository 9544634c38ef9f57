import { expect } from "chai"
import { datasetId } from "../../../packages/controller/src/library/dataset-id.ts"

describe("the id that is asked for", () => {
  it("carries the selection, in alphabetical order, strings in quotes", () => {
    expect(datasetId("org.x@text", { dim: 50, corpus: "a,b", low: null, left: undefined })).to.equal(
      'org.x[corpus="a,b",dim=50,low=null]@text',
    )
  })

  it("is left as it is without one", () => {
    expect(datasetId("org.x[dim=50]@text", {})).to.equal("org.x[dim=50]@text")
  })

  it("selects once", () => {
    expect(() => datasetId("org.x[dim=50]", { dim: 60 })).to.throw("Cannot select twice")
  })
})
