import { defineDataset, file, md5, type Sum } from "@datamaestro/dataset"
import { assessments, trecTopics } from "./retrieval.ts"

const PREFIX = "gov.nist.trec.adhoc"
const NIST = "http://trec.nist.gov/data"

/** A download's MD5 and bytes, where they are known from elsewhere: NIST publishes none. */
type Known = readonly [md5: string, bytes: number]

const held = (known: Known | undefined): { integrity?: Sum; size?: number } =>
  known === undefined ? {} : { integrity: md5(known[0], "download"), size: known[1] }

/** The topics of a round of the ad hoc track: 50 a year. */
function roundTopics(round: number, published: string, parts: readonly string[], known?: Known) {
  return defineDataset({
    id: `${PREFIX}.${round}.topics`,
    name: `TREC-${round} ad hoc topics`,
    description: `Topics ${published.replace("-", " to ")} of TREC, those of the ad hoc track of TREC-${round}, in its SGML.`,
    tags: ["topics"],
    resources: {
      FILE: file(`${NIST}/topics_eng/topics.${published}.gz`, { name: "topics.sgml", ...held(known) }),
    },
    describe: ({ FILE }) => trecTopics(FILE, parts),
  })
}

const TITLED = ["title", "desc"]

const topics = {
  3: roundTopics(3, "151-200", TITLED),
  4: roundTopics(4, "201-250", TITLED),
  5: roundTopics(5, "251-300", TITLED),
  6: roundTopics(6, "301-350", TITLED),
  7: roundTopics(7, "351-400", TITLED, ["fdee3f7e37e173fd6fcdc00fbe1fc671", 7_400]),
  8: roundTopics(8, "401-450", TITLED, ["daaafb700eed76f61a6e9e4b0dcc40c8", 6_946]),
}

function robust(year: number, what: string, from: { topics: [string, Known]; qrels: [string, Known] }) {
  const robustTopics = defineDataset({
    id: `${PREFIX}.robust.${year}.topics`,
    name: `TREC Robust ${year} topics`,
    description: `The topics of TREC's Robust track of ${year}: ${what}.`,
    tags: ["topics"],
    resources: { FILE: file(`${NIST}/robust/${from.topics[0]}`, { name: "topics", ...held(from.topics[1]) }) },
    describe: ({ FILE }) => trecTopics(FILE, TITLED),
  })
  const qrels = defineDataset({
    id: `${PREFIX}.robust.${year}.qrels`,
    name: `TREC Robust ${year} qrels`,
    description: `Which documents answer the topics of TREC's Robust track of ${year}.`,
    tags: ["qrels"],
    resources: {
      FILE: file(`${NIST}/robust/${from.qrels[0]}`, { name: "assessments.qrels", ...held(from.qrels[1]) }),
    },
    describe: ({ FILE }) => assessments(FILE),
  })
  return { topics: robustTopics, qrels }
}

const robust2004 = robust(2004, "those of TREC-6 to TREC-8 and of Robust 2003, and 49 new ones", {
  topics: ["04.testset.gz", ["5eac3d774a2f87da61c08a94f945beff", 34_293]],
  qrels: ["qrels.robust2004.txt", ["123c2a0ba2ec31178cb1050995dcfdfa", 6_543_541]],
})
const robust2005 = robust(2005, "50 of those of 2004 that systems had found hard", {
  topics: ["05/05.50.topics.txt", ["c2e722e6bdfd00f088c6f6517db564ce", 25_116]],
  qrels: ["05/TREC2005.qrels.txt", ["9186021c74090464c50f577d4826e2e2", 944_950]],
})

export const datasets = [...Object.values(topics), ...Object.values(robust2004), ...Object.values(robust2005)]
