// A page that was opened from a file may not read the others: excerpts under search results only where it may.
if (window.DOCUMENTATION_OPTIONS) DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = location.protocol !== "file:";
