// The theme that was chosen, if any; else the system's.
try {
  const theme = localStorage.getItem('haif.theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // Storage is switched off: the system's theme it is.
}
