// Written by tools/typescript_types.py from the OpenAPI description: do not edit.

/** Result of a search, best match first. */
export interface Answer {
  /** Id of this search, for `POST /v1/events`. */
  query_id: string;
  /**
   * `match`: the first product; `unsure`: one of the products; `not_in_catalogue`. Null if the
   * recipe estimates no probabilities.
   */
  verdict: "match" | "unsure" | "not_in_catalogue" | null;
  /** Probability that the first product is right. */
  probability: number | null;
  /** Decides between the first two products, if the verdict is `unsure`. */
  question: Question | null;
  matches: Found[];
  /** Barcodes (GTINs) read on the photo. */
  barcodes: string[];
  /**
   * For each column of `facets`, how many candidates have each of its values, most frequent
   * first; empty values are not counted.
   */
  facets: Record<string, Count[]>;
  /** Milliseconds per stage of the search. */
  milliseconds: Record<string, number>;
}

/** Result of one photo of a batch: an answer, or the problem with it. */
export interface BatchLine {
  /** Number of the photo in the request, from 0. */
  index: number;
  answer: Answer | null;
  /** Such as a photo that cannot be read. */
  problem: Problem | null;
}

/** A product of the catalogue. */
export interface Item {
  product_id: string;
  name: string;
  brand: string;
  category: string;
  gtin: string;
  metadata: Record<string, string>;
  /** Number of its pictures. */
  pictures: number;
  image: string;
}

/** Collection and limits of this server. */
export interface About {
  /** Title of the page. */
  title: string;
  /** Number of products in the collection. */
  products: number;
  /** Number of pictures in the collection. */
  images: number;
  /** Columns that `where` can use. */
  columns: string[];
  /** Whether products can be changed (requires the write key). */
  writable: boolean;
  /** Names of further collections, which are at `/v1/collections/{name}`. */
  collections: string[];
  /** Whether searching needs a read key. */
  needs_key: boolean;
  /** Whether searches and feedback are stored, with photos. */
  feedback: boolean;
  /** Days after which a photo without feedback is deleted; null if none is stored. */
  keep_days: number | null;
  /** Maximum size of a request body in bytes. */
  max_bytes: number;
  /** Maximum number of pixels of a picture. */
  max_pixels: number;
}

export interface SearchFields {
  /** Number of products. */
  limit?: number;
  /**
   * Words of the product's name that help the search. Without a photo the products with most of
   * them are returned, without a verdict.
   */
  words?: string;
  /** Filter on catalogue columns. */
  where?: string;
  /** Region of the product: `x,y,w,h` in pixels of the upright picture. */
  crop?: string;
  /** Products to skip; with `limit` at most 50. */
  offset?: number;
  /**
   * Column that orders the candidates instead of their probability, such as `price`, or
   * `-price` for the largest first. Numbers are compared as numbers, and empty values come
   * last.
   */
  sort?: string;
  /**
   * Columns, separated by commas, whose values are counted among all candidates, whatever
   * `limit` is.
   */
  facets?: string;
}

export interface BatchFields {
  /** Products for each photo. */
  limit?: number;
  /** Filter on catalogue columns. */
  where?: string;
}

export interface EventFields {
  /** `query_id` of the answer. */
  query_id: string;
  /**
   * `click`: looked at the product; `cart`: put it into the cart; `correct`: the photo shows
   * it; `none`: it shows none of the products.
   */
  event: "click" | "cart" | "correct" | "none";
  product_id?: string;
  /** Position in the answer, from 1. */
  rank?: number | null;
}

/** An error as a problem document (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
}

/** The question that would decide between the two most probable products. */
export interface Question {
  /** `words` of their names, the name of a catalogue column, or `colour`. */
  about: string;
  /** The more probable product first. */
  product_ids: [string, string];
  /** Of each product, such as `30 ml` and `50 ml`; colours as #rrggbb. */
  answers: [string, string];
}

/** A product that the photo may show. */
export interface Found {
  product_id: string;
  name: string;
  brand: string;
  category: string;
  gtin: string;
  /** Additional columns of the catalogue. */
  metadata: Record<string, string>;
  /** Path of its picture on this server. */
  image: string;
  /** Ranking score; only comparable within one response. */
  score: number;
  /** Probability that the photo shows this product. */
  probability: number | null;
  reasons: Reasons;
  against: Difference[];
}

/** Number of candidates with a value of a column. */
export interface Count {
  value: string;
  count: number;
}

/** Evidence for a match. */
export interface Reasons {
  /** Cosine similarity of the global descriptors, -1 to 1. */
  visual: number | null;
  /** Cosine similarity of the VLAD vectors, -1 to 1. */
  local: number | null;
  /** Keypoint matches that fit one geometric transform. */
  inliers: number | null;
  /** Colour difference (CIEDE2000), corrected for illumination. */
  colour: number | null;
  /** Evidence of the words read on the pack, in nats. */
  text: number | null;
  /** Agreement with the typed words; 1 for the best product. */
  typed: number | null;
  /** Words of the product's name that were read or typed. */
  words: string[];
  /** Barcode read on the photo, if it is this product's. */
  barcode: string | null;
  /** Batch that the barcode says, if it says one. */
  batch: string | null;
  /** Date of expiry or best before that the barcode says, in ISO 8601. */
  expiry: string | null;
  /**
   * Share, by size, of the text on the catalogue picture that is on the photo at the same
   * position. Null if it was not compared.
   */
  text_agreement: number | null;
  /**
   * Strength, 0 to 1, of the clearest contradiction: another GTIN, or other text on the photo
   * than on the picture at the same position. Null if nothing was compared.
   */
  contradiction: number | null;
}

/** A difference between the photo and the catalogue picture: evidence against a match. */
export interface Difference {
  /** `code` is another GTIN. */
  kind: "words" | "code";
  /** Text or GTIN on the photo. */
  photo: string;
  /** Text on the catalogue picture at the same position, or GTIN of the product. */
  catalogue: string;
  /** x, y, width and height in pixels of the photo, after the crop; null for codes. */
  box: [number, number, number, number] | null;
  strength: number;
}
