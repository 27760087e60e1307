export function mountChart() {
  return () => {};
}
