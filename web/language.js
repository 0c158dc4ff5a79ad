/**
 * Sentences of the page and of the engine's refusals, one file of strings per language in strings/.
 */
convlab.part(function language(convlab) {
  "use strict";

  /** What the engine throws when it cannot do what was asked: its `key` and `values` make a sentence in any language. */
  class Refusal extends Error {
    constructor(key, values = {}) {
      super(say(key, values, "en"));
      this.name = "Refusal";
      this.key = key;
      this.values = values;
    }
  }

  /**
   * Return a sentence, its {names} replaced by `values`; English where the language has none.
   * {places|place|places} is a number and its word: "1 place", "2 places".
   * @param {string} key
   * @param {object} [values] - a value that is itself {key, values} is said in the same language
   * @param {string} [language] - "en", "ko" or "ja"
   */
  function say(key, values = {}, language = convlab.language) {
    const sentence = convlab.strings[language]?.[key] ?? convlab.strings.en[key];
    if (sentence === undefined) throw new Error(`no sentence is called ${key}`);
    return sentence.replace(/\{(\w+)(?:\|(\w+)\|(\w+))?\}/g, (whole, name, one, many) => {
      const value = values[name];
      if (value?.key) return say(value.key, value.values, language);
      if (value === undefined) return whole;
      return one ? `${value} ${Number(value) === 1 ? one : many}` : String(value);
    });
  }

  /** Return what an error says, in the page's language if it is a `Refusal`. */
  function message(error) {
    return error.key ? say(error.key, error.values) : error.message;
  }

  Object.assign(convlab, { strings: convlab.strings ?? {}, language: "en", Refusal, say, message });
});
