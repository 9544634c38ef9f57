import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect } from "chai"
import { execaSync } from "execa"
import { withoutPrograms } from "../helpers/hidden-programs.ts"
import { datamaestro } from "../helpers/command-line.ts"
import { writeRepositoryPackage } from "../helpers/repository-package.ts"
import { sampleRepository, type SampleRepository } from "../helpers/sample-repository.ts"

const CONTENT = Array.from({ length: 50_000 }, (_, index) => `line ${index}\n`).join("")

describe("the built agent on a machine without decompressors", () => {
  let sample: SampleRepository
  beforeEach(async () => (sample = await sampleRepository()))
  afterEach(() => sample.close())

  for (const [program, ending] of [
    ["bzip2", "bz2"],
    ["xz", "xz"],
    ["zstd", "zst"],
  ] as const) {
    it(`unpacks an archive and a file of ${program}`, async () => {
      const source = join(sample.folder, "source")
      await mkdir(source)
      await writeFile(join(source, "words"), CONTENT)
      execaSync("tar", ["-C", sample.folder, "-cf", join(sample.folder, "a.tar"), "source"])
      execaSync(program, [join(sample.folder, "a.tar")])
      execaSync(program, ["-k", join(source, "words")])
      const thing = `
        import { decompress, defineDataset, file, folder, tar, textFile } from "@datamaestro/dataset"
        export const thing = defineDataset({
          id: "org.example.packed",
          description: "packed",
          resources: {
            archive: tar("file://${sample.folder}/a.tar.${ending}"),
            words: file("file://${source}/words.${ending}", { name: "words.txt", transforms: [decompress()] }),
          },
          describe: ({ archive, words }) => ({ archive: folder(archive), words: textFile(words) }),
        })`
      const plugin = await writeRepositoryPackage(sample.folder, { id: "packed", files: { "lib/thing.js": thing } })
      const env = { ...sample.env, DATAMAESTRO_REPOSITORY_PATH: plugin }
      const { status, stdout, stderr } = await withoutPrograms(() =>
        datamaestro(["prepare", "org.example.packed"], { env }),
      )
      expect(status, stderr).to.equal(0)
      const { archive, words } = JSON.parse(stdout) as { archive: { path: string }; words: { path: string } }
      expect(await readFile(join(archive.path, "words"), "utf8")).to.equal(CONTENT)
      expect(await readFile(words.path, "utf8")).to.equal(CONTENT)
    })
  }
})
