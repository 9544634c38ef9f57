import { expect } from "chai"
import { writeFile } from "node:fs/promises"
import { setTimeout as sleep } from "node:timers/promises"
import { defineDataset, file, rawFile, step } from "@datamaestro/dataset"
import { prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { prepareOptions, resolved } from "../../fixtures/preparation.ts"
import { eachPreparation, type PreparationSetup } from "../../fixtures/preparation-setup.ts"

const DATASETS = ["a", "b", "c"]
const EACH = 4

describe("several datasets side by side", () => {
  let { origin, home } = {} as PreparationSetup
  eachPreparation((setup) => ({ origin, home } = setup))

  it("download as much at once as one alone would", async () => {
    origin.route("/part", { body: "content", delay: 30 })
    const options = prepareOptions(home.path)
    await Promise.all(
      DATASETS.map((name) => {
        const files = Array.from({ length: EACH }, (_, index) => [
          `part${index}`,
          file(origin.at(`/part?${name}${index}`), { name: `part${index}` }),
        ])
        const definition = defineDataset({
          id: `org.example.${name}`,
          resources: Object.fromEntries(files) as Record<string, ReturnType<typeof file>>,
          describe: ({ part0 }) => ({ part: rawFile(part0 as never) }),
        })
        return prepareDataset(resolved(definition), options)
      }),
    )
    expect(origin.requests).to.have.length(DATASETS.length * EACH)
    expect(origin.mostAtOnce("/part")).to.equal(4)
  })

  it("take as many processors as one alone would", async () => {
    let now = 0
    let most = 0
    const work = step({
      from: [],
      name: "made",
      async run({ output }) {
        most = Math.max(most, ++now)
        await sleep(20)
        await writeFile(output, "made")
        now--
      },
    })
    const options = prepareOptions(home.path)
    await Promise.all(
      DATASETS.map((name) =>
        prepareDataset(
          resolved(
            defineDataset({
              id: `org.example.${name}`,
              resources: { work, more: { ...work, name: "more" } },
              describe: ({ work: made }) => ({ made: rawFile(made) }),
            }),
          ),
          options,
        ),
      ),
    )
    expect(most).to.equal(2)
  })

  it("of which two are the same are prepared once, and nobody is told to wait for a process", async () => {
    origin.route("/part", { body: "content", delay: 30 })
    const definition = defineDataset({
      id: "org.example.same",
      resources: { part: file(origin.at("/part")) },
      describe: ({ part }) => ({ part: rawFile(part) }),
    })
    const options = prepareOptions(home.path)
    await Promise.all([1, 2].map(() => prepareDataset(resolved(definition), options)))
    expect(origin.requests).to.have.length(1)
    expect(options.events.filter(({ phase }) => phase === "wait")).to.deep.equal([])
  })
})
