import { expect } from "chai"
import { readFileSync } from "node:fs"

interface LockedPackage {
  optionalDependencies?: Record<string, string>
}

describe("package-lock.json", () => {
  // A registry that lacks the binaries of other platforms lets `npm install` drop them; `npm ci` then refuses the file.
  it("holds every optional dependency, also those of other platforms", () => {
    const text = readFileSync(new URL("../package-lock.json", import.meta.url), "utf8")
    const packages = (JSON.parse(text) as { packages: Record<string, LockedPackage> }).packages
    const lacking = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !(`${path}/node_modules/${name}` in packages) && !(`node_modules/${name}` in packages),
      ),
    )
    expect(lacking).to.deep.equal([])
  })
})
