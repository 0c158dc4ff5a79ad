/**
 * The settings that the page begins with. `python -m coursekit live-settings` writes them; see settings.json.
 */
convlab.part(function chosen(convlab) {
  "use strict";
  convlab.CHOSEN = {
    "rule": "Adam",
    "learningRate": 0.004,
    "batchSize": 32,
    "shift": true,
    "fall": true,
    "average": true
  };
});
