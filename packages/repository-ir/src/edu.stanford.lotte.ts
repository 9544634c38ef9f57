import { defineDataset, md5, reference, tar, typed, type SymbolicPath } from "@datamaestro/dataset"
import { adhoc } from "./retrieval.ts"

const PREFIX = "edu.stanford.lotte"

/** Passages of a topic's part: its id and its text, tab-separated. */
const passages = (data: SymbolicPath, topic: string, part: string): { path: SymbolicPath } =>
  typed("LotteDocumentStore", { path: data.join(topic, part, "collection.tsv") })

const data = defineDataset({
  id: `${PREFIX}.lotte.data`,
  name: "LoTTE (all files)",
  description:
    "All of LoTTE, for retrieval on long-tail topics: passages of five topics and of all together, with the questions that people search for and those that they ask in forums.",
  tags: ["collection", "passage"],
  resources: {
    data: tar("https://downloads.cs.stanford.edu/nlp/data/colbert/colbertv2/lotte.tar.gz", {
      integrity: md5("3b2e88b1d66933627462950b4c3f5d0f"),
      size: 3_576_167_599,
    }),
  },
  describe: (resources) => passages(resources.data, "pooled", "dev"),
})

const set = (topic: string, part: "dev" | "test", asked: "search" | "forum") =>
  defineDataset({
    id: `${PREFIX}.${topic}.${part}.${asked}`,
    name: `LoTTE ${topic} ${part} ${asked}`,
    description: `LoTTE's ${part === "dev" ? "development" : "test"} passages on ${topic === "pooled" ? "all topics" : topic}, with questions that people ${asked === "search" ? "search for" : "ask in forums"} and the passages that answer them.`,
    url: "https://github.com/stanford-futuredata/ColBERT/blob/main/LoTTE.md",
    tasks: ["adhoc retrieval"],
    resources: { LOTTE: reference(data) },
    describe: ({ LOTTE: { resources } }) =>
      adhoc({
        documents: passages(resources.data, topic, part),
        topics: typed("LotteTopics", { path: resources.data.join(topic, part, `questions.${asked}.tsv`) }),
        assessments: typed("LotteAssessments", { path: resources.data.join(topic, part, `qas.${asked}.jsonl`) }),
      }),
  })

const TOPICS = ["lifestyle", "recreation", "science", "technology", "writing", "pooled"]

export const datasets = [
  data,
  ...TOPICS.flatMap((topic) =>
    (["dev", "test"] as const).flatMap((part) => [set(topic, part, "search"), set(topic, part, "forum")]),
  ),
]
