import { defineDataset, folder, googleStorageFolder, typed, zip } from "@datamaestro/dataset"

const HOST = "http://images.cocodataset.org"
const FACTS = { url: "http://cocodataset.org", license: "http://cocodataset.org/#termsofuse" }

/** A folder of pictures in COCO's bucket; the archive has the same ones. */
const pictures = (name: string) =>
  googleStorageFolder(`gs://images.cocodataset.org/${name}`, { mirrors: zip(`${HOST}/zips/${name}.zip`) })

export const coco2014 = defineDataset({
  ...FACTS,
  id: "org.cocodataset.2014",
  name: "COCO 2014",
  description:
    "164 000 pictures of everyday scenes, with the objects in those of training and validation outlined, named and described in sentences.",
  resources: {
    "images.train": pictures("train2014"),
    "images.val": pictures("val2014"),
    "images.test": pictures("test2014"),
    "annotations.trainval": zip(`${HOST}/annotations/annotations_trainval2014.zip`),
    "annotations.test": zip(`${HOST}/annotations/image_info_test2014.zip`),
  },
  describe: (resources) =>
    typed("Base", {
      images: {
        train: folder(resources["images.train"]),
        val: folder(resources["images.val"]),
        test: folder(resources["images.test"]),
      },
      annotations: {
        trainval: folder(resources["annotations.trainval"]),
        test: folder(resources["annotations.test"]),
      },
    }),
})

export const coco2015 = defineDataset({
  ...FACTS,
  id: "org.cocodataset.2015",
  name: "COCO 2015 test images",
  description: "81 000 pictures of everyday scenes, without annotations: the test set of 2015 and the years after.",
  resources: { test: pictures("test2015") },
  describe: ({ test }) => typed("Base", { test: folder(test) }),
})

export const coco2017 = defineDataset({
  ...FACTS,
  id: "org.cocodataset.2017",
  name: "COCO 2017 images",
  description:
    "The pictures of COCO as they were divided in 2017: 118 000 for training, 5 000 for validation, 41 000 for testing.",
  resources: { train: pictures("train2017"), val: pictures("val2017"), test: pictures("test2017") },
  describe: ({ train, val, test }) => typed("Base", { train: folder(train), val: folder(val), test: folder(test) }),
})

export const coco2017unlabelled = defineDataset({
  ...FACTS,
  id: "org.cocodataset.2017-unlabelled",
  name: "COCO 2017 unlabelled images",
  description: "123 000 pictures of the kind of COCO's, without annotations.",
  // COCO itself spells it with one l.
  resources: { images: pictures("unlabeled2017") },
  describe: ({ images }) => typed("Base", { images: folder(images) }),
})
