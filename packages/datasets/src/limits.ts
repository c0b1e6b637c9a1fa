/** Every number that bounds what this package reads, waits for or tries again. */

/** Largest JSON header of a packed store, in bytes. Omniglot's 1,623 names take about 60 KiB. */
export const storeHeaderBytesMax = 4 * 1024 * 1024;

/** Largest archive that is read into memory, in bytes. Omniglot's are 9.5 and 6.5 MB. */
export const archiveBytesMax = 256 * 1024 * 1024;

/** Most entries in an archive. Omniglot's have 20,275 and 13,860. */
export const archiveEntriesMax = 200_000;

/** Largest image file in an archive or folder, in bytes, unpacked. Omniglot's are below 1 KiB. */
export const imageFileBytesMax = 1024 * 1024;

/** Images that are decoded at a time: enough to keep the four threads of libuv's pool busy. */
export const decodesAtOnce = 8;

/** Images between two progress events. */
export const imagesPerProgressEvent = 500;

/** Times a download is taken up again after it broke off. */
export const downloadAttemptsMax = 4;

/** A download without a single byte for this long has stalled, in ms. */
export const downloadStallMs = 30_000;

/** A whole download may take this long, in ms. */
export const downloadDeadlineMs = 30 * 60_000;

/** Largest file that is downloaded, in bytes. */
export const downloadBytesMax = 256 * 1024 * 1024;

/** Redraws of one glyph until it differs from all others of its alphabet. */
export const glyphDrawsMax = 1_000;

/** A temporary file this old, in ms, was left by a process that died, and is removed. */
export const temporaryFileAgeMs = 60 * 60_000;

/** Largest index of a packed set, in bytes. tieredImageNet's 608 classes take about 90 KB. */
export const packIndexBytesMax = 64 * 1024 * 1024;

/** Images of a set that are read and decoded together: the memory of packing. */
export const picturesPerRead = 128;

/** Images between two notes of how far a packing is: what a kill costs. */
export const picturesPerSync = 1024;

/** Bytes that are hashed at a time. */
export const hashPieceBytes = 1024 * 1024;

/** A packing without a sign of life for this long, in ms, was left by a process that died. */
export const packLockStaleMs = 60_000;

/** Wait between two looks at another process's packing, in ms. */
export const packWaitMs = 500;

/** Largest image file of a set, in bytes. ImageNet's largest is about 15 MB. */
export const pictureFileBytesMax = 64 * 1024 * 1024;

/** Most images of a person's own in one support or query set. */
export const ownImagesMax = 1_000;

/** Largest list of images (csv, json), in bytes. MiniImageNet's are about 1.3 MB. */
export const listBytesMax = 64 * 1024 * 1024;

/** Strings of a pickle up to this length, in bytes, are read with it; longer ones stay on disk. */
export const pickleInlineBytes = 2048;

/** Bytes of a pickle that are read at a time. */
export const pickleBufferBytes = 4096;

/** Decoded bytes between two known positions of a string that Python 3 wrote as text. */
export const latin1IndexBytes = 65_536;
