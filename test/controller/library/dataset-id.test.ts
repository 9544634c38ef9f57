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

  it("selects by text, number or truth only: of a list or an object the text would be another value", () => {
    const bare: unknown = Object.create(null)
    for (const dim of [[50], { low: 50 }, bare, new Date(0), Symbol("dim"), () => 50]) {
      expect(() => datasetId("org.x", { dim }))
        .to.throw(/^Cannot select .* as "dim" of "org\.x"$/s)
        .with.property("hint")
        .that.includes("selection.dim is to be")
    }
  })
})
