import { defineDataset, file, tar } from "@datamaestro/dataset"
import { expect } from "chai"
import { prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { failure, temporaryFolder } from "../../fixtures/extraction.ts"
import { prepareOptions, resolved } from "../../fixtures/preparation.ts"
import { startOrigin } from "../../helpers/origin.ts"

describe("downloads that are fetched for whoever prepares them later", () => {
  it("say whose they are when one fails", async () => {
    const origin = await startOrigin()
    const home = temporaryFolder()
    try {
      origin.route("/words.txt", { body: "words" })
      origin.route("/gone.tar", { body: "", fail: { status: 404 } })
      const definition = defineDataset({
        id: "org.example.thing",
        resources: { words: file(origin.at("/words.txt")), goneThings: tar(origin.at("/gone.tar")) },
        describe: (all) => ({ ...all }) as never,
      })
      const error = await failure(prepareDataset(resolved(definition), prepareOptions(home.path, { fetchOnly: true })))
      expect(error.code).to.equal("DOWNLOAD_FAILED")
      expect(error.details).to.include({ dataset: "org.example.thing", resource: "gone_things" })
    } finally {
      await origin.close()
      home.remove()
    }
  })
})
