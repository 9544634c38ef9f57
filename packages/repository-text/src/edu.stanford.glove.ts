import { defineDataset, folder, reference, sha256, wordEmbeddings, zip } from "@datamaestro/dataset"

const FACTS = { url: "https://nlp.stanford.edu/projects/glove/", tags: ["word embeddings"] }

export const glove6b = defineDataset({
  ...FACTS,
  id: "edu.stanford.glove.6b",
  name: "GloVe 6B",
  description:
    "GloVe vectors of 400 000 lower-case words, trained on 6 billion tokens of Wikipedia 2014 and Gigaword 5: the folder with a text file for each of 50, 100, 200 and 300 dimensions.",
  size: "822M",
  resources: {
    embeddings: zip("http://nlp.stanford.edu/data/glove.6B.zip", {
      integrity: sha256("617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb"),
    }),
  },
  describe: ({ embeddings }) => folder(embeddings),
})

export const glove6b50 = ofDimension(50)
export const glove6b100 = ofDimension(100)
export const glove6b200 = ofDimension(200)
export const glove6b300 = ofDimension(300)

export const glove42b = ofCommonCrawl({
  id: "edu.stanford.glove.42b",
  corpus: "42B",
  what: "1.9 million lower-case words, trained on 42 billion tokens of Common Crawl",
  sum: "03d5d7fa28e58762ace4b85fb71fe86a345ef0b5ff39f5390c14869da0fc1970",
})
export const glove840b = ofCommonCrawl({
  id: "edu.stanford.glove.840b",
  corpus: "840B",
  what: "2.2 million words, upper and lower case apart, trained on 840 billion tokens of Common Crawl",
  sum: "c06db255e65095393609f19a4cfca20bf3a71e20cc53e892aafa490347e3849f",
  size: "2.03G",
})

function ofDimension(dimension: 50 | 100 | 200 | 300) {
  return defineDataset({
    ...FACTS,
    id: `edu.stanford.glove.6b.${dimension}`,
    name: `GloVe 6B, ${dimension}d`,
    description: `GloVe vectors of ${dimension} dimensions for 400 000 lower-case words, trained on 6 billion tokens of Wikipedia 2014 and Gigaword 5.`,
    resources: { data_6b: reference(glove6b) },
    describe: ({ data_6b }) => wordEmbeddings(data_6b.path.join(`glove.6B.${dimension}d.txt`)),
  })
}

function ofCommonCrawl(set: { id: string; corpus: string; what: string; sum: string; size?: string }) {
  const member = `glove.${set.corpus}.300d.txt`
  return defineDataset({
    ...FACTS,
    id: set.id,
    name: `GloVe ${set.corpus}, 300d`,
    description: `GloVe vectors of 300 dimensions for ${set.what}.`,
    ...(set.size === undefined ? {} : { size: set.size }),
    resources: {
      EMBEDDINGS: zip(`http://nlp.stanford.edu/data/glove.${set.corpus}.300d.zip`, {
        integrity: sha256(set.sum),
        files: [member],
      }),
    },
    describe: ({ EMBEDDINGS }) => wordEmbeddings(EMBEDDINGS.join(member)),
  })
}
