import { defineDataset, md5, reference, tar, typed } from "@datamaestro/dataset"
import { AGREEMENT, HOST } from "./msmarco.ts"
import { adhoc } from "./retrieval.ts"

const PREFIX = "com.microsoft.msmarco.passagev2"
const HOMEPAGE = "https://microsoft.github.io/msmarco/TREC-Deep-Learning.html"

const facts = (id: string, url: string, description: string) => ({
  id: `${PREFIX}.${id}`,
  name: `MS MARCO passages v2: ${id.replaceAll(".", " ")}`,
  description,
  url,
  agreement: AGREEMENT,
})
const ofIr = (id: string) => reference({ id: `${PREFIX}.${id}`, repository: "ir" })

const passages = defineDataset({
  ...facts(
    "passages",
    HOMEPAGE,
    "MS MARCO's second collection, 138 million passages: gzipped files of JSON lines, with ids.",
  ),
  tags: ["collection", "passage"],
  size: "21GB",
  resources: {
    data: tar(`${HOST}/msmarco_v2_passage.tar`, {
      integrity: md5("05946bac48a8ffee62e160213eab3fda"),
      size: 21_768_192_000,
    }),
  },
  describe: ({ data }) => typed("MsMarcoPassageV2Store", { path: data, count: 138_364_198 }),
})

/** @param queries whose they are */
function part(id: string, url: string, queries: string) {
  const whole = defineDataset({
    ...facts(id, url, `MS MARCO's second collection of passages, ${queries}, and which passages answer them.`),
    tasks: ["adhoc retrieval"],
    resources: { COLLECTION: reference(passages), TOPICS: ofIr(`${id}.queries`), QRELS: ofIr(`${id}.qrels`) },
    describe: ({ COLLECTION, TOPICS, QRELS }) =>
      adhoc({ documents: COLLECTION.value, topics: TOPICS.value, assessments: QRELS.value }),
  })
  const withRun = defineDataset({
    ...facts(`${id}.withrun`, url, `The same as ${PREFIX}.${id}, with the passages to be ranked anew for each query.`),
    tasks: ["adhoc retrieval", "learning to rank"],
    resources: { of: reference(whole), RUN: ofIr(`${id}.run`) },
    describe: ({ of: { value }, RUN }) => typed("RerankAdhoc", { ...value, run: RUN.value }),
  })
  return [whole, withRun]
}

const track = (year: number): string => `https://microsoft.github.io/msmarco/TREC-Deep-Learning-${year}.html`

export const datasets = [
  passages,
  ...part("train", HOMEPAGE, "the training queries"),
  ...part("dev1", HOMEPAGE, "the first development queries"),
  ...part("dev2", HOMEPAGE, "the second development queries"),
  ...[2021, 2022, 2023].flatMap((year) =>
    part(`trec${year}`, track(year), `the queries of TREC's Deep Learning track of ${year}`),
  ),
]
