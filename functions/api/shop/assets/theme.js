// Runs before anything is painted, so that a chosen theme does not flash.
try {
  const chosen = localStorage.getItem('theme');
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch { /* storage is closed to us: the system's theme it is */ }
