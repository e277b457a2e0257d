// An EventSource that comes back in every case: also when the browser gives up, as it does when a proxy refuses it, and
// when the connection died without a word, as one does while a laptop sleeps.

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 15_000;
/** The server speaks every 15 s at least. */
const LONGEST_SILENCE_MS = 40_000;

export class Source {
  #url;
  #kinds;
  #take;
  #tell;
  #source = null;
  #retry = null;
  #silence = null;
  #retryMs = FIRST_RETRY_MS;

  /**
   * @param url    answers the address; asked at each opening, since what is wanted may have changed meanwhile
   * @param kinds  the names of the events to take, besides those without a name
   * @param take   is given each message
   * @param tell   is told `connecting`, `live`, `lost`, or `refused` when the server did not want to
   */
  constructor(url, kinds, take, tell) {
    this.#url = url;
    this.#kinds = kinds;
    this.#take = take;
    this.#tell = tell;
    this.#open();
  }

  close() {
    clearTimeout(this.#retry);
    clearTimeout(this.#silence);
    this.#source.close();
  }

  #open() {
    const source = new EventSource(this.#url());
    this.#source = source;
    this.#tell('connecting');
    source.onopen = () => {
      this.#retryMs = FIRST_RETRY_MS;
      this.#hear();
      this.#tell('live');
    };
    source.onerror = () => {
      clearTimeout(this.#silence);
      // Otherwise the browser tries again by itself, with the last id it saw.
      const isRefused = source.readyState === EventSource.CLOSED;
      if (isRefused) this.#comeBack();
      this.#tell(isRefused ? 'refused' : 'lost');
    };
    const take = (message) => {
      this.#hear();
      this.#take(message);
    };
    source.onmessage = take;
    for (const kind of this.#kinds) source.addEventListener(kind, take);
  }

  #hear() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#source.close();
      this.#tell('lost');
      this.#open();
    }, LONGEST_SILENCE_MS);
  }

  #comeBack() {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#open(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
  }
}
