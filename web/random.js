/**
 * Random numbers from a seed, the same in every browser.
 */
convlab.part(function random(convlab) {
  "use strict";

  /** A stream of random numbers ("mulberry32", Ettinger 2017: a counter of 32 bits, mixed). */
  class Random {
    /** @param {number} seed - a whole number of at least 0 */
    constructor(seed = 0) {
      this.state = convlab.whole("seed", seed, 0) >>> 0;
      for (let i = 0; i < 4; i++) this.uniform(); // neighbouring seeds part ways
    }

    /** Return a number of at least 0 and below 1. */
    uniform() {
      this.state = (this.state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
    }

    /** Return a whole number of at least 0 and below `end`. */
    below(end) {
      return Math.floor(this.uniform() * end);
    }

    /** Return a number drawn from the normal distribution around 0 (Box and Muller 1958). */
    normal() {
      const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
      return radius * Math.cos(2 * Math.PI * this.uniform());
    }

    /** Shuffle an array in place (Fisher and Yates) and return it. */
    shuffle(array) {
      for (let i = array.length - 1; i > 0; i--) {
        const j = this.below(i + 1);
        [array[i], array[j]] = [array[j], array[i]];
      }
      return array;
    }
  }

  Object.assign(convlab, { Random });
});
