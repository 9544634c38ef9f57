import { tar } from "@datamaestro/dataset"
import { expect } from "chai"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { verifyDataset } from "../../../packages/agent/src/pipeline/verify-dataset.ts"
import { eachPreparation, type PreparationSetup } from "../../fixtures/preparation-setup.ts"
import { prepareOptions, thingOf } from "../../fixtures/preparation.ts"
import { tarGzArchive } from "../../fixtures/tar-archive.ts"

describe("prepared data that is compared with its manifest", () => {
  let setup: PreparationSetup
  const body = tarGzArchive([
    { name: "a.txt", content: "a" },
    { name: "b.txt", content: "b" },
  ])
  eachPreparation((made) => (setup = made), { "/x.tar.gz": { body } })

  it("has been added to as far as the manifest lists what was there", async () => {
    const dataset = thingOf({ data: tar(setup.origin.at("/x.tar.gz")) })
    const { paths, signal, progress, ...options } = prepareOptions(setup.home.path)
    await prepareDataset(dataset, { paths, signal, progress, ...options })
    writeFileSync(join(setup.root, "c.txt"), "c")
    const verify = () => verifyDataset(dataset, { paths, signal, progress })
    expect(await verify()).to.deep.include({ sound: 2, added: [join(setup.root, "c.txt")], unverified: [] })

    // As of a resource that is as large as the dataset's folder, and of which nobody has made a list.
    const manifest = join(setup.root, ".manifest.json")
    const told = JSON.parse(readFileSync(manifest, "utf8")) as { resources: { data: { files: unknown[] } } }
    told.resources.data.files = []
    writeFileSync(manifest, JSON.stringify(told))
    expect(await verify()).to.deep.include({ sound: 0, added: [], unverified: [setup.root] })
  })
})
