// When things are done.

/** Wait for a pause before acting; each new call begins the wait again. */
export function debounce(milliseconds, act) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...args), milliseconds);
  };
}
