/** In the dataset's folder: everything is written here first. */
export const DOWNLOADS_FOLDER = ".downloads"
