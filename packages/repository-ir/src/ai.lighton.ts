import { axis, defineDataset, typed } from "@datamaestro/dataset"

const REPOSITORY = "lightonai/embeddings-pre-training"
const FACTS = { url: `https://huggingface.co/datasets/${REPOSITORY}`, tasks: ["learning to rank"] }

const MIXED = [
  "agnews",
  "altlex",
  "amazon_qa",
  "amazon_reviews",
  "arxiv_title_abstract",
  "beir_dbpedia",
  "biorxiv_title_abstract",
  "cc_news_en",
  "cc_news_fr",
  "cnn_dailymail",
  "codesearchnet",
  "eli5",
  "gooaq_qa",
  "hermes",
  "medrxiv_title_abstract",
  "msmarco",
  "mtp",
  "nllb_eng_fra",
  "npr",
  "paq",
  "quora",
  "reddit",
  "reddit_body_comment",
  "s2orc_abstract_citation",
  "s2orc_citation_titles",
  "s2orc_title_abstract",
  "sentence_compression",
  "simplewiki",
  "stackexchange_body_body",
  "stackexchange_duplicate_questions",
  "stackexchange_qa",
  "stackexchange_title_body",
  "stackoverflow_title_body",
  "webfaq_eng",
  "webfaq_fra",
  "wikihow",
  "wikianswers",
] as const
const WIKIPEDIA = [
  "wikipedia_en",
  "wikipedia_en_mgte",
  "wikipedia_hlp_dl",
  "wikipedia_hlp_cm",
  "wikipedia_fr",
  "wikipedia_it",
  "wikipedia_es",
  "wikipedia_de",
  "wikipedia_ar",
  "wikipedia-pt",
  "wikipedia-sv",
  "wikipedia-no",
] as const
const YAHOO = ["yahoo_answer", "yahoo_qa", "yahoo_question_body"] as const
const FINEWEB = [
  "fw-edu",
  "fw2-arb_Arab",
  "fw2-ces_Latn",
  "fw2-cmn_Hani",
  "fw2-dan_Latn",
  "fw2-deu_Latn",
  "fw2-ell_Grek",
  "fw2-fas_Arab",
  "fw2-fra_Latn",
  "fw2-hun_Latn",
  "fw2-ind_Latn",
  "fw2-ita_Latn",
  "fw2-jpn_Jpan",
  "fw2-nld_Latn",
  "fw2-pol_Latn",
  "fw2-por_Latn",
  "fw2-rus_Cyrl",
  "fw2-spa_Latn",
  "fw2-swe_Latn",
  "fw2-tur_Latn",
  "fw2-vie_Latn",
] as const
const NAMES = [...MIXED, ...WIKIPEDIA, ...YAHOO, ...FINEWEB] as const

/** Which pairs of a source are taken. What is absent takes all. */
interface Choice {
  filter_drop: boolean
  filter_duplicate: boolean
  min_similarity?: number
  top_percentile?: number
}

const samples = (name: string, streaming: boolean, choice: Choice) =>
  typed("EmbeddingsPreTrainingSamples", { repo_id: REPOSITORY, split: "train", name, streaming, ...choice })

const pairs = defineDataset({
  ...FACTS,
  id: "ai.lighton.embeddings_pre_training",
  name: "LightOn embeddings-pre-training",
  description:
    "Pairs of texts that belong together, from 73 sources in many languages, each with the similarity that a model gives it, to train text embeddings. Nothing is downloaded beforehand: what reads it takes it from the Hugging Face Hub.",
  tags: ["distillation", "pointwise", "pre-training"],
  axes: {
    name: axis(NAMES),
    streaming: axis([false, true], { default: true, inId: false }),
    filter_drop: axis([true, false], { default: true }),
    filter_duplicate: axis([true, false], { default: true }),
    min_similarity: axis("number", { default: null }),
    top_percentile: axis("number", { default: null }),
  },
  resources: {},
  describe: (_resources, { name, streaming, filter_drop, filter_duplicate, min_similarity, top_percentile }) =>
    samples(name, streaming, {
      filter_drop,
      filter_duplicate,
      ...(min_similarity === null ? {} : { min_similarity }),
      ...(top_percentile === null ? {} : { top_percentile }),
    }),
})

const EDUCATIONAL = "fw-edu"
const PARAGRAPHS = ["wikipedia_hlp_cm", "wikipedia_hlp_dl"] as const
const OTHERS = NAMES.filter((name) => name !== EDUCATIONAL && !PARAGRAPHS.some((special) => special === name))

const recipe = defineDataset({
  ...FACTS,
  id: "ai.lighton.embeddings_pre_training.denseon_lateon",
  name: "LightOn DenseON-LateON recipe",
  description:
    "The mixture of sources of embeddings-pre-training that LightOn's DenseON and LateON models were trained on: most of them above a similarity, the best third of fw-edu, two of Wikipedia whole. With a seed they are interleaved and shuffled, else follow each other. Read from the Hugging Face Hub, not downloaded beforehand unless it is asked for.",
  tags: ["distillation", "pointwise"],
  axes: {
    seed: axis("integer", { default: null, elideDefault: true }),
    download: axis([false, true], { default: false, inId: false }),
  },
  resources: {},
  describe: (_resources, { seed, download }) =>
    typed("PointwiseDistillationSamples", {
      repo_id: REPOSITORY,
      split: "train",
      streaming: !download,
      combine: seed === null ? "concatenate" : "interleave",
      ...(seed === null ? {} : { seed }),
      sources: [
        ...OTHERS.map((name) =>
          samples(name, !download, { filter_drop: true, filter_duplicate: true, min_similarity: 3 }),
        ),
        samples(EDUCATIONAL, !download, { filter_drop: false, filter_duplicate: false, top_percentile: 0.35 }),
        ...PARAGRAPHS.map((name) => samples(name, !download, { filter_drop: false, filter_duplicate: false })),
      ],
    }),
})

export const datasets = [pairs, recipe]
