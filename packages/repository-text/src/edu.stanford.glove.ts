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
