import { defineDataset, file, md5, typed } from "@datamaestro/dataset"
import { assessments } from "./retrieval.ts"

const topicsOf = (year: number, sum: string) =>
  file(`https://raw.githubusercontent.com/irlabamsterdam/iKAT/refs/heads/main/${year}/data/${year}_test_topics.json`, {
    name: "topics.json",
    integrity: md5(sum),
  })

const facts = (year: number) => ({
  id: `com.github.ikat.${year}`,
  name: `TREC iKAT ${year}`,
  description: `Topics of TREC's Interactive Knowledge Assistance Track of ${year}: conversations with a person of whom something is known, each turn with a rewriting that stands on its own.`,
  url: `https://github.com/irlabamsterdam/iKAT/tree/main/${year}`,
  tags: ["topics"],
  tasks: ["conversational search", "query rewriting"],
})

const judged = (year: number, qrels: string, qrelsSum: string, topicsSum: string) =>
  defineDataset({
    ...facts(year),
    resources: {
      QRELS: file(`https://trec.nist.gov/data/ikat/${qrels}`, { name: "qrels", integrity: md5(qrelsSum) }),
      TOPICS: topicsOf(year, topicsSum),
    },
    describe: ({ QRELS, TOPICS }) =>
      typed("ConversationUserTopics", {
        conversations: typed("IkatConversations", { path: TOPICS }),
        assessments: assessments(QRELS),
      }),
  })

export const datasets = [
  judged(2023, "2023-qrels.all-turns.txt", "79dc121bab25b2245e52a53263e5ad1f", "684fa0197cdec8c3cfb6a2e586ab83f6"),
  judged(2024, "2024-qrels.txt", "57f958903ed1c12bbac207f62800814f", "ad45bc6e7add2081d69ea60a0a4d1203"),
  // Nobody has published what was judged in 2025 yet.
  defineDataset({
    ...facts(2025),
    resources: { TOPICS: topicsOf(2025, "16f8444a8d0a8dfe0090f478f185a63c") },
    describe: ({ TOPICS }) =>
      typed("ConversationUserTopics", { conversations: typed("IkatConversations", { path: TOPICS }) }),
  }),
]
