import { defineDataset, file, idx, idxImages, imageClassification, labelledImages, md5 } from "@datamaestro/dataset"

// The original host asks for a password now; these two serve the same files.
const HOSTS = ["https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"]

const places = (name: string): string[] => HOSTS.map((host) => `${host}/${name}`)

export const mnist = defineDataset({
  id: "com.lecun.mnist",
  name: "MNIST",
  description:
    "Handwritten digits, 28 by 28 pixels in shades of grey: 60 000 to learn from and 10 000 to be tested on, each with the digit it shows.",
  url: "http://yann.lecun.com/exdb/mnist/",
  tags: ["images"],
  tasks: ["image classification"],
  resources: {
    trainImages: file(places("train-images-idx3-ubyte.gz"), {
      name: "train_images.idx",
      integrity: md5("6bbc9ace898e44ae57da46a324031adb"),
    }),
    trainLabels: file(places("train-labels-idx1-ubyte.gz"), {
      name: "train_labels.idx",
      integrity: md5("a25bea736e30d166cdddb491f175f624"),
    }),
    testImages: file(places("t10k-images-idx3-ubyte.gz"), {
      name: "test_images.idx",
      integrity: md5("2646ac647ad5339dbf082846283269ea"),
    }),
    testLabels: file(places("t10k-labels-idx1-ubyte.gz"), {
      name: "test_labels.idx",
      integrity: md5("27ae3e4e09519cfbb04c329615203637"),
    }),
  },
  describe: ({ trainImages, trainLabels, testImages, testLabels }) =>
    imageClassification({
      train: labelledImages({ images: idxImages(trainImages), labels: idx(trainLabels) }),
      test: labelledImages({ images: idxImages(testImages), labels: idx(testLabels) }),
    }),
})
