import { datafolderPath, defineDataset, linkFolder, links, reference } from "@datamaestro/dataset"
import { tipsterDocuments } from "./retrieval.ts"

const PREFIX = "edu.upenn.ldc.aquaint"
const FACTS = { url: "https://catalog.ldc.upenn.edu/LDC2002T31", tags: ["collection", "document"] }

/** A news agency's part: its folder on the disks, and the files in it that count. */
const part = (folder: string, who: string, glob: string, md5: string) =>
  defineDataset({
    ...FACTS,
    id: `${PREFIX}.${folder.toLowerCase()}`,
    name: `AQUAINT: ${who}`,
    description: `English news of ${who}, in SGML. AQUAINT is licensed by the LDC and not for download: have it on the data machine, in folders APW, NYT and XIE.`,
    resources: { documents: linkFolder(datafolderPath(PREFIX, folder), { check: { glob, md5 } }) },
    describe: ({ documents }) => tipsterDocuments(documents, [glob]),
  })

const apw = part("APW", "AP Worldstream", "*/*_APW_ENG*", "42c4746a12b2436476f62b081887b15d")
const nyt = part("NYT", "New York Times", "*/*_NYT*", "1edc2eb9c63a431976b453e406cbea71")
const xie = part("XIE", "Xinhua", "*/*_XIN_ENG*", "2eaf5b3391ed943fe79daa0fead7005a")

export const aquaint = defineDataset({
  ...FACTS,
  id: PREFIX,
  name: "AQUAINT",
  description:
    "English news of 1996 to 2000 from three agencies, about a million documents: a folder with a link to each part.",
  resources: { apw: reference(apw), nyt: reference(nyt), xie: reference(xie), documents: links(["apw", "nyt", "xie"]) },
  describe: ({ documents }) =>
    tipsterDocuments(documents, ["*/documents/*/*_APW_ENG*", "*/documents/*/*_NYT*", "*/documents/*/*_XIN_ENG*"]),
})

export const datasets = [apw, nyt, xie, aquaint]
