import { defineDataset, file, md5, reference, typed } from "@datamaestro/dataset"

const FACTS = {
  url: "https://github.com/webis-de/rank-distillm",
  tags: ["distillation", "listwise"],
  tasks: ["learning to rank"],
}

const PREFIX = "com.github.webis-de.rank-distillm"

/** A run of the training queries; on Zenodo its name has hyphens and begins with two underscores. */
function runFile(system: string, sum: string) {
  const published = `__${system}__msmarco-passage-train-judged.run`
  return file(`https://zenodo.org/records/12528410/files/${published}?download=1`, {
    name: published.slice(2).replaceAll("-", "_"),
    integrity: md5(sum),
  })
}

const retrieved = (id: string, who: string, system: string, sum: string) =>
  defineDataset({
    ...FACTS,
    id: `${PREFIX}.msmarco.${id}.annotated`,
    name: `Rank-DistiLLM: MS MARCO by ${who}`,
    description: `The 500 passages that ${who} ranks first for judged training queries of MS MARCO, with the judgements, to train rerankers on lists.`,
    resources: {
      QRELS: reference({ id: "com.microsoft.msmarco.passage.train.qrels", repository: "ir" }),
      RUN: runFile(system, sum),
    },
    describe: ({ QRELS, RUN }) =>
      typed("ListwiseDistillationSamplesTSVWithAnnotations", {
        path: RUN,
        qrels: QRELS.value,
        top_k: 500,
        with_docid: true,
        with_queryid: true,
      }),
  })

const reranked = (id: string, who: string, system: string, topK: number, sum: string) =>
  defineDataset({
    ...FACTS,
    id: `${PREFIX}.rankzephyr.${id}.annotated`,
    name: `Rank-DistiLLM: RankZephyr on ${who}, ${topK} deep`,
    description: `Lists of ${topK} passages that ${who} found for 10 000 training queries of MS MARCO, in the order in which RankZephyr, a large language model, puts them.`,
    resources: { RUN: runFile(`rankzephyr-${system}-10000-sampled-${topK}`, sum) },
    describe: ({ RUN }) =>
      typed("ListwiseDistillationSamplesTSV", { path: RUN, top_k: topK, with_docid: true, with_queryid: true }),
  })

export const datasets = [
  retrieved("bm25", "BM25", "bm25", "835372b2ab4d20acf10addeae526c559"),
  retrieved("colbertv2", "ColBERTv2", "colbert", "6ed152027f7270f32fcbfaaa6def951e"),
  reranked("bm25_10000.sampled100", "BM25", "bm25", 100, "05e3137ea3526671e1565cc90f9a2c8a"),
  reranked("colbert10000.sampled100", "ColBERTv2", "colbert", 100, "49f8dbf2c1ee7a2ca1fe517eda528af6"),
  reranked("colbert10000.sampled50", "ColBERTv2", "colbert", 50, "c37b78874d4893a00566ab40aa453c56"),
  reranked("colbert10000.sampled10", "ColBERTv2", "colbert", 10, "619bc815bd133bdca44d6331b241d39a"),
]
