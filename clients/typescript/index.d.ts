import type { About, Answer, BatchFields, BatchLine, EventFields, Item, Problem, SearchFields } from "./types.js";

export type * from "./types.js";

/** The bytes of a JPEG, PNG, WebP, HEIC, AVIF or GIF file. */
export type Photo = Blob | ArrayBuffer | Uint8Array<ArrayBuffer>;

export interface Settings {
  /** Read key, for servers with `--read-keys`. Keep it out of public pages. */
  key?: string;
  /** Name of a further collection of the server. */
  collection?: string;
  /** Instead of the global `fetch`, such as one that tries again. */
  fetch?: typeof fetch;
}

export interface Cancellable {
  signal?: AbortSignal;
}

export interface SearchOptions extends Omit<SearchFields, "crop" | "facets">, Cancellable {
  /** Region of the product in pixels of the upright photo. */
  crop?: { x: number; y: number; width: number; height: number };
  /** Columns whose values are counted among all candidates. */
  facets?: string[];
}

export interface BatchOptions extends BatchFields, Cancellable {}

export interface EventOptions extends Cancellable {
  /** The product, with every event but `none`. */
  productId?: string;
  /** Position in the answer, from 1. */
  rank?: number;
}

/** An error response of the server. */
export class BeautylensError extends Error {
  readonly problem: Problem;
  readonly status: number;
  /** Such as `urn:beautylens:unreadable-picture`. */
  readonly type: string;
  /** Seconds after which the server wants to be asked again; null if it does not say. */
  readonly retryAfter: number | null;
  /** Whether the same request may succeed later. */
  readonly temporary: boolean;
  constructor(problem: Problem, retryAfter?: number | null);
}

/** Client of one server. Its methods throw `BeautylensError`, or what `fetch` throws. */
export class Beautylens {
  /** @param server Address of the server, such as `https://lens.example`. */
  constructor(server: string, settings?: Settings);

  /** Find the product that up to five photos show; without a photo, those that `words` name. */
  search(photos: Photo | Photo[] | null, options?: SearchOptions): Promise<Answer>;

  /**
   * Search with any number of photos, some in each request, and yield a line for each, in order. A
   * photo that cannot be read has a `problem` in place of an `answer`.
   */
  searchBatch(
    photos: Iterable<Photo> | AsyncIterable<Photo>,
    options?: BatchOptions,
  ): AsyncGenerator<BatchLine, void, void>;

  /**
   * Tell the server what a person did with an answer.
   * @param queryId `query_id` of the answer.
   */
  event(queryId: string, event: EventFields["event"], options?: EventOptions): Promise<void>;

  /** Get a product. */
  product(productId: string, options?: Cancellable): Promise<Item>;

  /** Get the size, columns and limits of the collection. */
  about(options?: Cancellable): Promise<About>;

  /** Return the address of a product's first picture, at most `side` pixels wide and high. */
  imageUrl(product: { product_id: string }, side?: number): string;
}
