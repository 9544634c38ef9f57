import { expect } from "chai"
import { repositoriesHere } from "../../../packages/controller/src/repositories/repositories-here.ts"

describe("the repositories of this machine", () => {
  it("are told to be out of reach where Yarn's Plug'n'Play runs the command", () => {
    const told = (): string =>
      repositoriesHere()
        .broken.map(({ message }) => message)
        .join()
    expect(told()).to.not.contain("Plug'n'Play")
    Object.assign(process.versions, { pnp: "3" })
    try {
      expect(told()).to.contain("Plug'n'Play")
    } finally {
      Reflect.deleteProperty(process.versions, "pnp")
    }
  })
})
