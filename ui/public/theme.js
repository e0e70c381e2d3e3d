// Sets the chosen theme before anything is painted, so that a dark page does not flash white.
(function () {
  try {
    var theme = localStorage.getItem('tidemark.theme');
    if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
  } catch {
    /* Storage may be forbidden; then the system's theme holds. */
  }
})();
