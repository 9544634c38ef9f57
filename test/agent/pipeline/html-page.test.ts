import { existsSync } from "node:fs"
import { join } from "node:path"
import { defineDataset, file, gunzip, rawFile } from "@datamaestro/dataset"
import { expect } from "chai"
import { prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { failure } from "../../fixtures/extraction.ts"
import { prepareOptions, resolved } from "../../fixtures/preparation.ts"
import { eachPreparation, type PreparationSetup } from "../../fixtures/preparation-setup.ts"

type FileOptions = NonNullable<Parameters<typeof file>[1]>

describe("a login page in the place of a file whose address does not tell what it is", () => {
  let { origin, home, root } = {} as PreparationSetup
  eachPreparation((setup) => ({ origin, home, root } = setup), { "/download": { body: "", login: {} } })

  const of = (options: FileOptions): ReturnType<typeof resolved> =>
    resolved(
      defineDataset({
        id: "org.example.thing",
        resources: { words: file(origin.at("/download?id=7"), options) },
        describe: ({ words }) => ({ words: rawFile(words) }),
      }),
    )
  const place = (): string => join(root, "words.csv")

  for (const [what, options] of Object.entries<FileOptions>({
    "as it is": { name: "words.csv" },
    unpacked: { name: "words.csv", transforms: [gunzip()] },
  })) {
    for (const fetchOnly of [false, true]) {
      it(`is known by the file's name, ${what}${fetchOnly ? ", where it is only fetched" : ""}`, async () => {
        const error = await failure(prepareDataset(of(options), prepareOptions(home.path, { fetchOnly })))
        expect(error.code).to.equal("DOWNLOAD_FAILED")
        expect(error.message).to.contain("HTML page instead of the file")
        expect(existsSync(place())).to.equal(false)
      })
    }
  }

  it("is what was asked for, where the file is called so", async () => {
    await prepareDataset(of({ name: "words.html" }), prepareOptions(home.path))
    expect(existsSync(place().replace("csv", "html"))).to.equal(true)
  })
})
