import { defineDataset, file, folder, merge, textFile, typed, zip } from "@datamaestro/dataset"

const HOMEPAGE = "https://visualgenome.org/"
const BASE = "https://visualgenome.org/static/data/dataset"

/** An archive with one JSON file, in a folder of its own name. */
const json = (name: string, into: string) => zip(`${BASE}/${name}.json.zip`, { into })

const IMAGES = "https://cs.stanford.edu/people/rak248/VG_100K_2"

export const visualgenome = defineDataset({
  id: "org.visualgenome",
  name: "Visual Genome images",
  description:
    "108 077 pictures, version 1.4, that other parts tell of in detail: objects, attributes, relationships, questions. Both archives are extracted into one folder.",
  url: HOMEPAGE,
  tags: ["images", "bounding boxes", "region annotation", "visual relationships"],
  resources: {
    readme: file(`${BASE}/readme_v1_4.txt`),
    images: merge([zip(`${IMAGES}/images.zip`), zip(`${IMAGES}/images2.zip`)]),
  },
  describe: ({ readme, images }) => typed("Base", { readme: textFile(readme), images: folder(images) }),
})

export const annotations = defineDataset({
  id: "org.visualgenome.annotations",
  name: "Visual Genome annotations",
  description:
    "What is to be seen in the 108 077 pictures of Visual Genome: objects, their attributes and how they relate, as JSON, each kind extracted into its folder, with the synsets of WordNet that they belong to.",
  url: HOMEPAGE,
  resources: {
    objects: json("objects", "objects"),
    relationships: json("relationships", "relationships"),
    aliases: file(`${BASE}/object_alias.txt`),
    "object-synsets": json("object_synsets", "object_synsets"),
    "attribute-synsets": json("attribute_synsets", "attribute_synsets"),
    "relationship-synsets": json("relationship_synsets", "relationship_synsets"),
    "scene-graph": json("scene_graphs", "scene_graphs"),
    "image-metadata": json("image_data", "image_data"),
  },
  describe: (resources) =>
    typed("Base", {
      objects: folder(resources.objects),
      relationships: folder(resources.relationships),
      aliases: textFile(resources.aliases),
      "object-synsets": folder(resources["object-synsets"]),
      "attribute-synsets": folder(resources["attribute-synsets"]),
      "relationship-synsets": folder(resources["relationship-synsets"]),
      "scene-graph": folder(resources["scene-graph"]),
      "image-metadata": folder(resources["image-metadata"]),
    }),
})

export const questionAnswering = defineDataset({
  id: "org.visualgenome.question-answering",
  name: "Visual Genome question answering",
  description: "1.7 million questions about the pictures of Visual Genome, with answers, in one JSON file.",
  url: HOMEPAGE,
  tasks: ["visual question-answering"],
  resources: { data: zip(`${BASE}/question_answers.json.zip`) },
  describe: ({ data }) => folder(data),
})
