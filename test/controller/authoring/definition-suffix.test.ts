import { expect } from "chai"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { definitionSuffix } from "../../../packages/controller/src/authoring/definition-suffix.ts"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"

describe("definitionSuffix", () => {
  /** Of a module in `lib`, with what the package and `lib` say of themselves. */
  async function suffixOf(module: string, described: { package?: string; lib?: string }): Promise<string> {
    const root = await temporaryFolder("datamaestro-suffix-")
    try {
      const lib = join(root.path, "lib")
      mkdirSync(lib)
      if (described.package !== undefined) writeFileSync(join(root.path, "package.json"), described.package)
      if (described.lib !== undefined) writeFileSync(join(lib, "package.json"), described.lib)
      return definitionSuffix(join(lib, module))
    } finally {
      await root.remove()
    }
  }

  for (const [module, suffix] of [
    ["index.mjs", ".mjs"],
    ["index.cjs", ".mjs"],
    ["index.ts", ".ts"],
    ["index.mts", ".mts"],
  ] as const) {
    it(`is ${suffix} beside ${module}, whatever the package is`, async () => {
      for (const type of ["module", "commonjs"]) {
        expect(await suffixOf(module, { package: JSON.stringify({ type }) })).to.equal(suffix)
      }
    })
  }

  it("is .js beside one that the nearest package.json says to be an ES module, and else .mjs", async () => {
    const modules = `{ "type": "module" }`
    expect(await suffixOf("index.js", { package: modules })).to.equal(".js")
    expect(await suffixOf("index.js", { lib: modules, package: "{}" })).to.equal(".js")
    expect(await suffixOf("index.js", { lib: "{}", package: modules })).to.equal(".mjs")
    expect(await suffixOf("index.js", { package: `{ "type": "commonjs" }` })).to.equal(".mjs")
    for (const broken of ["", `{ "type": "module"`, "null"]) {
      expect(await suffixOf("index.js", { lib: broken, package: modules }), broken).to.equal(".mjs")
    }
  })
})
