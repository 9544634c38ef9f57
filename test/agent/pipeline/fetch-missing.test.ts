import { file, tar } from "@datamaestro/dataset"
import { expect } from "chai"
import { prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { failure } from "../../fixtures/extraction.ts"
import { prepareOptions, thingOf } from "../../fixtures/preparation.ts"
import { eachPreparation, type PreparationSetup } from "../../fixtures/preparation-setup.ts"

describe("downloads that are fetched for whoever prepares them later", () => {
  let { origin, home } = {} as PreparationSetup
  eachPreparation((setup) => ({ origin, home } = setup), {
    "/words.txt": { body: "words" },
    "/gone.tar": { body: "", fail: { status: 404 } },
  })

  it("say whose they are when one fails", async () => {
    const dataset = thingOf({ words: file(origin.at("/words.txt")), goneThings: tar(origin.at("/gone.tar")) })
    const error = await failure(prepareDataset(dataset, prepareOptions(home.path, { fetchOnly: true })))
    expect(error.code).to.equal("DOWNLOAD_FAILED")
    expect(error.details).to.include({ dataset: "org.example.thing", resource: "gone_things" })
  })
})
