// A classic script that runs before the first paint, so a stored theme does not flash.
try {
  const theme = localStorage.getItem('theme');
  if (theme) document.documentElement.dataset.theme = theme;
} catch { /* storage is blocked: the theme of the system applies */ }
