import { expect } from "chai"
import { PartRequests } from "../../../packages/agent/src/fetch/part-requests.ts"

describe("requests for parts of a file", () => {
  const told = ({ wanted, several }: PartRequests): unknown => ({ wanted, several })

  it("go over several connections, also after a file that changed once", () => {
    const parts = new PartRequests()
    expect(told(parts)).to.deep.equal({ wanted: true, several: true })
    parts.changed()
    expect(told(parts)).to.deep.equal({ wanted: true, several: true })
  })

  it("go over one, once it has changed twice, or a part was refused", () => {
    const changed = new PartRequests()
    changed.changed()
    changed.changed()
    expect(told(changed)).to.deep.equal({ wanted: true, several: false })
    const refused = new PartRequests()
    refused.refused()
    refused.changed()
    expect(told(refused)).to.deep.equal({ wanted: true, several: false })
  })

  it("are sent no more to a server that sent another, whatever comes after", () => {
    const parts = new PartRequests()
    parts.giveUp()
    parts.refused()
    parts.changed()
    expect(told(parts)).to.deep.equal({ wanted: false, several: false })
  })
})
